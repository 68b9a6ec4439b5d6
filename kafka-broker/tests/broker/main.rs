//! The broker as its clients see it: typed requests and responses over a real socket.

mod acls;
mod admin;
mod connection;
mod consumer_groups;
mod elections;
mod fetch;
mod fetch_sessions;
mod groups;
mod hostile;
mod list_offsets;
mod offsets;
mod operations;
mod produce;
mod sasl;
mod share_groups;
#[cfg(feature = "tls")]
mod tls;
mod topics;
mod transactions;
mod versions;
