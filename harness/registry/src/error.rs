//! What goes wrong with a registry.

/// What a registry refused, or why it cannot be asked. Addresses in it are without user and password.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RegistryError {
    #[error("the schema registry at {url} does not answer: {detail}")]
    Unreachable { url: String, detail: String },
    /// The registry's own code (Confluent's: HTTP status and two digits) and words.
    #[error("the schema registry refuses {what}: {message} [{code}]")]
    Refused { what: String, code: u32, message: String },
    #[error("the schema registry answers {what} with something else than Confluent's API says: {detail}")]
    Strange { what: String, detail: String },
    #[error(
        "subject \"{subject}\" does not have the contract's schema of \"{message}\": register it, or say `auto_register: true`"
    )]
    NotRegistered { subject: String, message: String },
    #[error(
        "the schema of \"{message}\" has no name, which its subject naming needs: a `title`, or `subject_naming: topic`"
    )]
    NoName { message: String },
    #[error("no port for the embedded schema registry: {detail}")]
    NoPort { detail: String },
    #[error("`{url}` is no address of a schema registry: write http://HOST:PORT, with the path that it has")]
    Address { url: String },
}

impl RegistryError {
    /// Whether the registry said that there is no such subject, version or schema.
    pub fn is_missing(&self) -> bool {
        matches!(self, RegistryError::Refused { code: 404 | 40401..=40403 | 40408, .. })
    }

    /// Whether the registry said that a schema is not compatible with an earlier one.
    pub fn is_incompatible(&self) -> bool {
        matches!(self, RegistryError::Refused { code: 409 | 40901, .. })
    }
}
