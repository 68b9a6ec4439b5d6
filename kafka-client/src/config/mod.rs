//! Settings: typed fields, and the same ones by their Kafka names.

mod client;
mod properties;
mod unsupported;

#[cfg(feature = "oidc")]
pub(crate) use client::CLIENT_SETTINGS;
pub(crate) use client::{ADMIN_SETTINGS, RETRIES};
pub use client::{ClientConfig, MetadataRecovery};
pub use properties::read_properties;
pub(crate) use properties::{Setting, apply, boolean, one_of, parse, parse_millis, positive};
