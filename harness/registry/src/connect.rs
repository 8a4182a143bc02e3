//! Every schema of a contract, registered or looked up before the first record.

use eventproof_contract::{Contract, Message};

use crate::lookup::Lookup;
use crate::{RegistryClient, RegistryError};

/// Gives every message whose schema id only a registry can say its id. On a registry of ours (`is_ours`), or where the
/// contract says `auto_register`, schemas are registered with the compatibility that the contract says, what they were before
/// first, so that an incompatible change is refused here; elsewhere nothing is
/// changed, and a schema that is not there is an error. Returns how many messages there are.
///
/// # Errors
/// If the registry does not answer, refuses a schema, or does not have it.
pub async fn connect(contract: &Contract, client: &RegistryClient, is_ours: bool) -> Result<usize, RegistryError> {
    let messages: Vec<&Message> = contract.registered_messages().collect();
    if messages.is_empty() {
        return Ok(0);
    }
    let unreachable = |detail| RegistryError::Unreachable { url: client.url(), detail };
    let lookup = Lookup::start(client).map_err(unreachable)?;
    for message in &messages {
        let id = id_of(message, client, is_ours).await?;
        message.payload.registered_as(id, lookup.clone());
    }
    Ok(messages.len())
}

async fn id_of(message: &Message, client: &RegistryClient, is_ours: bool) -> Result<u32, RegistryError> {
    let subject = message.subject().ok_or_else(|| RegistryError::NoName { message: message.name.clone() })?;
    let text = message.payload.text();
    if is_ours {
        if let Some(level) = message.registration.level() {
            client.set_level(&subject, &level).await?;
        }
    } else if !message.registration.auto_register {
        let missing = RegistryError::NotRegistered { subject: subject.clone(), message: message.name.clone() };
        return client.lookup(&subject, &text).await?.ok_or(missing);
    }
    for earlier in &message.earlier {
        client.register(&subject, &earlier.text()).await?;
    }
    client.register(&subject, &text).await
}
