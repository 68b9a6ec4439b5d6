//! What the examples share. The programs themselves are the files beside `Cargo.toml`.
//!
//! - [`cluster`]: the embedded broker, or the Kafka that `--bootstrap-servers` names;
//! - [`words`]: a deterministic text; [`feed`]: bringing a text into a topic;
//! - [`progress`]: how far the batches have come, and how long records took;
//! - [`verify`]: whether counts in a topic add up to the words in another.

#[cfg(feature = "json")]
pub mod clicks;
pub mod cluster;
pub mod feed;
#[cfg(feature = "json")]
pub mod orders;
pub mod progress;
pub mod verify;
pub mod words;

#[cfg(feature = "fast-allocator")]
#[global_allocator]
static ALLOCATOR: rusty_alloc_api::RustyAlloc = rusty_alloc_api::RustyAlloc;

/// The programs in the project's `README.md`, so that they are compiled.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;

/// The programs in `tests/spark/README.md`.
#[cfg(doctest)]
#[doc = include_str!("../../tests/spark/README.md")]
struct ComingFromSpark;
