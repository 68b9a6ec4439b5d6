//! Connections to brokers: bytes out, bytes in, in order.

mod connection;
mod connector;
mod dial;
mod features;
#[cfg(feature = "tls")]
mod plain_listener;
mod throttle;

pub(crate) use connection::Connection;
pub use connector::{Connecting, Connector, Network, Transport};
pub(crate) use features::Features;
pub(crate) use throttle::Throttled;
