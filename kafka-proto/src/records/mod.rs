//! Record batches: magic 2 both ways, magic 0 and 1 for reading.
//!
//! - [`Batches`] walks the batches of a fetched partition, [`RecordBatch`] reads the header of one;
//! - [`RecordBatch::decompressed`] gives a [`RecordBlock`], whose [`RecordRef`]s borrow from it;
//! - [`RecordBatchBuilder`] encodes records into a new batch, and says by [`CompressionRatio`] when that is full.
//!
//! Nothing is decoded before it is asked for, and nothing is copied but by decompression. Lengths and counts are
//! checked against the bytes that are there before they are used.

mod batch;
mod batches;
mod block;
mod builder;
mod control;
mod error;
mod fault;
mod layout;
mod legacy;
mod ratio;
mod record;
mod rewrite;
#[cfg(test)]
mod tests;

pub use batch::{ProducerSequence, RecordBatch, TimestampType, increment_sequence};
pub use batches::Batches;
pub use block::{RecordBlock, RecordCursor, Records};
pub use builder::{RecordBatchBuilder, Seal};
pub use control::{ControlRecord, ControlType};
pub use error::{BatchPlace, RecordsError};
pub use fault::{FieldFault, RecordField};
pub use ratio::CompressionRatio;
pub use record::{Header, Headers, RecordRef};
