//! Every public future dropped at every await point, on the embedded broker: the client keeps its promise, and goes on.

mod admin;
mod consumer;
mod docs;
mod dropping;
mod producer;
mod transactions;
