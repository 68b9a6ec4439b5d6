use std::fmt;

use bytestring::ByteString;

/// Who somebody is, as `User:alice`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Principal {
    pub(crate) principal_type: ByteString,
    pub(crate) name: ByteString,
}

impl Principal {
    /// The only type of principals that Kafka itself has.
    pub(crate) const USER: &'static str = "User";

    /// A user.
    pub(crate) fn user(name: &str) -> Self {
        Self {
            principal_type: ByteString::from_static(Self::USER),
            name: name.into(),
        }
    }

    /// Who did not say who they are.
    pub(crate) fn anonymous() -> Self {
        Self::user("ANONYMOUS")
    }
}

impl fmt::Display for Principal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.principal_type, self.name)
    }
}
