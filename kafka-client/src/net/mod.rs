//! Connections to brokers: bytes out, bytes in, in order.

mod connection;
mod dial;
mod throttle;

pub(crate) use connection::{Connection, Features};
pub(crate) use throttle::Throttled;
