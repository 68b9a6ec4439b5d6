use std::fmt;

/// What a registry answers where it says no.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RegistryCode {
    /// 401: it does not know who asks.
    Unauthorized,
    /// 403: it knows, and does not allow it.
    Forbidden,
    /// 409: a schema that is not compatible with those before it.
    Incompatible,
    /// 40401: there is no such subject.
    SubjectNotFound,
    /// 40402: the subject has no such version.
    VersionNotFound,
    /// 40403: there is no such schema.
    SchemaNotFound,
    /// 40404: the subject was deleted, and may be deleted for good.
    SubjectSoftDeleted,
    /// 40405: the subject is to be deleted before it can be deleted for good.
    SubjectNotSoftDeleted,
    /// 40406: the version was deleted, and may be deleted for good.
    VersionSoftDeleted,
    /// 40407: the version is to be deleted before it can be deleted for good.
    VersionNotSoftDeleted,
    /// 40408: the subject has no compatibility level of its own.
    SubjectLevelNotFound,
    /// 42201: a schema that is none.
    InvalidSchema,
    /// 42202: a version that is none.
    InvalidVersion,
    /// 42203: a compatibility level that is none.
    InvalidCompatibility,
    /// 42205: the registry may be read at the moment, and not written to.
    NotPermitted,
    /// 42206: another schema refers to it.
    ReferenceExists,
    /// 500 and more, 50001 to 50003 among them: the registry has trouble of its own.
    Backend(i32),
    /// Any other one.
    Other(i32),
}

impl RegistryCode {
    /// From the code in the answer's body, or the status where there is none.
    pub(super) fn of(code: i32, status: u16) -> Self {
        match code {
            40401 => Self::SubjectNotFound,
            40402 => Self::VersionNotFound,
            40403 => Self::SchemaNotFound,
            40404 => Self::SubjectSoftDeleted,
            40405 => Self::SubjectNotSoftDeleted,
            40406 => Self::VersionSoftDeleted,
            40407 => Self::VersionNotSoftDeleted,
            40408 => Self::SubjectLevelNotFound,
            42201 => Self::InvalidSchema,
            42202 => Self::InvalidVersion,
            42203 => Self::InvalidCompatibility,
            42205 => Self::NotPermitted,
            42206 => Self::ReferenceExists,
            _ => match status {
                401 => Self::Unauthorized,
                403 => Self::Forbidden,
                409 => Self::Incompatible,
                500.. => Self::Backend(code),
                _ => Self::Other(code),
            },
        }
    }

    /// The number that the registry has for it.
    pub fn number(self) -> i32 {
        match self {
            Self::Unauthorized => 401,
            Self::Forbidden => 403,
            Self::Incompatible => 409,
            Self::SubjectNotFound => 40401,
            Self::VersionNotFound => 40402,
            Self::SchemaNotFound => 40403,
            Self::SubjectSoftDeleted => 40404,
            Self::SubjectNotSoftDeleted => 40405,
            Self::VersionSoftDeleted => 40406,
            Self::VersionNotSoftDeleted => 40407,
            Self::SubjectLevelNotFound => 40408,
            Self::InvalidSchema => 42201,
            Self::InvalidVersion => 42202,
            Self::InvalidCompatibility => 42203,
            Self::NotPermitted => 42205,
            Self::ReferenceExists => 42206,
            Self::Backend(code) | Self::Other(code) => code,
        }
    }

    /// Whether something is not there, be it a subject, a version or a schema.
    pub fn is_not_found(self) -> bool {
        matches!(self.number(), 404 | 40401..=40499)
    }
}

impl fmt::Display for RegistryCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.number().fmt(f)
    }
}
