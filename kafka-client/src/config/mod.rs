//! Settings: typed fields, and the same ones by their Kafka names.

mod client;
mod properties;

pub(crate) use client::CLIENT_SETTINGS;
pub use client::{ClientConfig, MetadataRecovery};
pub use properties::read_properties;
pub(crate) use properties::{Setting, apply, boolean, one_of, parse, parse_millis};
