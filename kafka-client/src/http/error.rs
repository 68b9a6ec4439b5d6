use std::time::Duration;

use thiserror::Error;

/// A request without an answer. Answers that are refusals are none of these: they have a status.
#[derive(Debug, Clone, PartialEq, Error)]
pub(crate) enum HttpError {
    #[error("address \"{url}\": {reason}")]
    Url { url: String, reason: String },
    #[cfg(not(feature = "tls"))]
    #[error("{method} {url}: https needs TLS: switch on the cargo feature \"tls\" of kafka-client")]
    NoTls { method: String, url: String },
    #[cfg(feature = "tls")]
    #[error("{method} {url}: TLS failed: {reason}")]
    Tls {
        method: String,
        url: String,
        reason: String,
    },
    #[error("{method} {url}: no connection: {reason}")]
    Connect {
        method: String,
        url: String,
        reason: String,
    },
    #[error("{method} {url}: no answer within {after:?}")]
    Timeout {
        method: String,
        url: String,
        after: Duration,
    },
    #[error("{method} {url}: the answer is larger than {limit} bytes")]
    TooLarge {
        method: String,
        url: String,
        limit: usize,
    },
    #[error("{method} {url}: {reason}")]
    Broken {
        method: String,
        url: String,
        reason: String,
    },
}

impl HttpError {
    /// Whether another attempt, or another server, may do better.
    pub(crate) fn is_retriable(&self) -> bool {
        matches!(
            self,
            Self::Connect { .. } | Self::Timeout { .. } | Self::Broken { .. }
        )
    }
}
