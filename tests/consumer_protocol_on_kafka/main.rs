//! Groups of the consumer protocol (KIP-848) on a real Kafka, whose address is in `KAFKA_BOOTSTRAP`.

mod commits;
mod errors;
mod fixture;
mod java;
mod sharing;
mod topics;
