//! Settings: typed fields, and the same ones by their Kafka names.

mod client;
mod properties;
mod unsupported;

pub(crate) use client::{ADMIN_SETTINGS, CLIENT_SETTINGS, RETRIES};
pub use client::{ClientConfig, MetadataRecovery};
pub use properties::read_properties;
pub(crate) use properties::{Setting, apply, boolean, one_of, parse, parse_millis, positive};
