//! What a registry has, beside what a contract says of its schemas. Only asks.

use eventproof_contract::{Contract, Message};

use crate::{RegistryClient, RegistryError};

/// Every difference: a stable code and the words.
///
/// # Errors
/// If the registry does not answer.
pub async fn drift(contract: &Contract, client: &RegistryClient) -> Result<Vec<(&'static str, String)>, RegistryError> {
    let mut found = Vec::new();
    for message in contract.registered_messages() {
        let subject = message.subject().ok_or_else(|| RegistryError::NoName { message: message.name.clone() })?;
        found.extend(schema_drift(message, &subject, client).await?);
        found.extend(level_drift(message, &subject, client).await?);
    }
    Ok(found)
}

async fn schema_drift(
    message: &Message,
    subject: &str,
    client: &RegistryClient,
) -> Result<Option<(&'static str, String)>, RegistryError> {
    let Some(latest) = client.latest(subject).await? else {
        return Ok(Some((
            "schema-missing",
            format!("subject \"{subject}\" of \"{}\" is not registered", message.name),
        )));
    };
    let text = message.payload.text();
    let changes = text.changes_since(&latest.text, &message.name);
    let changes = match changes {
        Ok(changes) => changes,
        Err(error) => {
            let text = format!("subject \"{subject}\" version {} cannot be read: {error}", latest.version);
            return Ok(Some(("schema-unreadable", text)));
        }
    };
    let Some(first) = changes.first() else { return Ok(None) };
    let known = match client.lookup(subject, &text).await? {
        Some(id) => format!("the contract's is an older one, of id {id}"),
        None => "the contract's was never registered".to_owned(),
    };
    let verdict = match client.is_compatible(subject, &text).await {
        Ok(true) => "would take it".to_owned(),
        Ok(false) => "would refuse it".to_owned(),
        // Some fail to compare schemas that refer to others.
        Err(error @ RegistryError::Refused { .. }) => format!("does not say whether it would take it ({error})"),
        Err(error) => return Err(error),
    };
    Ok(Some((
        "schema-differs",
        format!(
            "subject \"{subject}\" has another schema (version {}, id {}) than \"{}\": {first}; {known}; the registry {verdict}",
            latest.version, latest.id, message.name
        ),
    )))
}

async fn level_drift(
    message: &Message,
    subject: &str,
    client: &RegistryClient,
) -> Result<Option<(&'static str, String)>, RegistryError> {
    let Some(expected) = message.registration.level() else { return Ok(None) };
    let actual = client.level(subject).await?;
    let text = || format!("subject \"{subject}\": compatibility is {actual}, the contract declares {expected}");
    Ok((actual != expected).then(|| ("compatibility-differs", text())))
}
