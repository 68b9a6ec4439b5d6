//! TLS between clients and the embedded broker, behind a listener of the test kit and a network that harms connections.

mod agreement;
mod cutting;
mod fixture;
mod refusals;
mod rotation;
