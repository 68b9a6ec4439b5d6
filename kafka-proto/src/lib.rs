//! The Kafka wire protocol in pure Rust: bytes in, bytes out. No sockets, no clocks, no threads.
//!
//! - [`messages`]: one file per API key, holding its request and its response as declarations;
//! - [`codec`]: what follows from a declaration, for every version: encoding, decoding, sizes, JSON;
//! - [`frame`]: messages with their headers, as they cross a connection;
//! - [`api`]: the APIs as a table;
//! - [`error_code`]: Kafka's error codes, their names and what a client may do about them;
//! - [`records`]: record batches; [`compression`]: their codecs; [`murmur2`]: which partition a key belongs to;
//! - [`coordinator`]: which partition keeps the state of a group; [`crc`]: checksums; [`varint`]: variable-length integers.
//!
//! Decoding shares the received bytes instead of copying them, and checks every length against what is really there.

#![forbid(unsafe_code)]

pub mod api;
pub mod codec;
pub mod compression;
pub mod coordinator;
pub mod crc;
pub mod error_code;
pub mod frame;
pub mod messages;
pub mod murmur2;
pub mod records;
pub mod varint;
