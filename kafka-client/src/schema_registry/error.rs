use thiserror::Error;

use super::code::RegistryCode;

/// What a schema registry said, or why it could not be asked. No password and no token is in it.
#[derive(Debug, Clone, PartialEq, Error)]
#[non_exhaustive]
pub enum RegistryError {
    /// A setting of the client that cannot be used. Nothing was asked.
    #[error("schema registry setting {setting}: {reason}")]
    Setting {
        /// Which one.
        setting: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// The registry said no.
    #[error("{what}: the schema registry at {url} refused it ({code}): {message}")]
    Refused {
        /// Why.
        code: RegistryCode,
        /// What was asked: `registering a schema for subject "orders-value"`.
        what: String,
        /// Which registry.
        url: String,
        /// Its own words.
        message: String,
    },
    /// None of the addresses gave an answer that can be used.
    #[error("{what}: no schema registry answered: {}", each(tried))]
    Unreachable {
        /// What was asked.
        what: String,
        /// Each attempt, and why it failed.
        tried: Vec<String>,
    },
    /// An answer that is not what the API says.
    #[error("{what}: the schema registry at {url} answered what is not its API: {reason}")]
    Protocol {
        /// What was asked.
        what: String,
        /// Which registry.
        url: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A schema that cannot be used.
    #[error("{what}: {reason}")]
    Schema {
        /// Which one.
        what: String,
        /// What is wrong with it.
        reason: String,
    },
}

impl RegistryError {
    /// Whether the same thing may succeed when it is tried again: no registry answered, or one with trouble of its own.
    pub fn is_retriable(&self) -> bool {
        match self {
            Self::Unreachable { .. } => true,
            Self::Refused { code, .. } => matches!(code, RegistryCode::Backend(_)),
            _ => false,
        }
    }

    /// What the registry answered, if it said no.
    pub fn code(&self) -> Option<RegistryCode> {
        match self {
            Self::Refused { code, .. } => Some(*code),
            _ => None,
        }
    }
}

fn each(tried: &[String]) -> String {
    tried.join("; ")
}
