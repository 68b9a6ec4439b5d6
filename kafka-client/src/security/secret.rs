//! What nobody may read by accident.

use std::fmt;

/// A password, a token or a key: it is shown nowhere, neither by `Debug` nor in errors and logs.
///
/// ```
/// use kafka_client::security::Secret;
///
/// let password = Secret::new("alice-secret");
/// assert_eq!(format!("{password:?}"), "[hidden]");
/// assert_eq!(password.expose(), "alice-secret");
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Hides a text.
    pub fn new(secret: impl Into<String>) -> Self {
        Self(secret.into())
    }

    /// The text itself, for those who have to send it or to compute with it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl<T: Into<String>> From<T> for Secret {
    fn from(secret: T) -> Self {
        Self::new(secret)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[hidden]")
    }
}
