//! The broker as its clients see it: typed requests and responses over a real socket.

mod connection;
mod fetch;
mod groups;
mod hostile;
mod list_offsets;
mod offsets;
mod produce;
mod topics;
mod transactions;
mod versions;
