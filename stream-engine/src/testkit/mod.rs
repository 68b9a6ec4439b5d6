//! Tests of streaming programs without threads to wait for, sleeps or a Kafka.
//!
//! [`check`] runs an operation over given input batches on a manual clock, with the production scheduler, and compares what
//! comes out batch by batch. Inputs are spread over two partitions, so that an operation that only works on one is found out.
//!
//! ```
//! use stream_engine::testkit::{check, secs};
//!
//! check(&[vec![1, 2], vec![3]], |s| s.map(|x| x + 1), &[vec![2, 3], vec![4]]);
//! check(&[vec![1], vec![2], vec![3]], |s| s.window(secs(2), secs(1)), &[vec![1], vec![1, 2], vec![2, 3]]);
//! ```
//!
//! For whole programs, [`TestKit::context`] gives a context on a manual clock, with as many inputs and outputs as wanted, of
//! any types, and a [`Stepper`] that runs one batch at a time.
//!
//! That nothing is lost, and what may come twice, is tested by [`TestKit::run_with_failure`]: it fails a batch after any of
//! its steps, starts the program again on the same inputs and runs it to their end.
#![cfg_attr(
    feature = "embedded-broker",
    doc = "\nPrograms that read and write topics run on [`EmbeddedKafka`], a broker in the test's own process."
)]

mod check;
mod context;
#[cfg(feature = "embedded-broker")]
mod embedded;
mod failure;
mod input;
mod kit;
mod output;
mod stepper;

use std::time::Duration;

pub use check::{check, check_unordered, check2, check2_unordered};
pub use context::TestContext;
#[cfg(feature = "embedded-broker")]
pub use embedded::EmbeddedKafka;
pub use failure::Failure;
pub use input::TestInput;
pub use kit::TestKit;
pub use output::TestOutput;
pub use stepper::Stepper;

pub use crate::context::FailAfter;
use crate::{DStream, Data, EngineError, Key, MapWithStateDStream};

/// `n` seconds.
pub const fn secs(n: u64) -> Duration {
    Duration::from_secs(n)
}

/// What an operation under test may return: a stream, or a `Result` of one.
pub trait IntoStream {
    /// The stream's records.
    type Item: Data;
    /// The stream, or why there is none.
    fn into_stream(self) -> Result<DStream<Self::Item>, EngineError>;
}

impl<T: Data> IntoStream for DStream<T> {
    type Item = T;
    fn into_stream(self) -> Result<DStream<T>, EngineError> {
        Ok(self)
    }
}

impl<T: Data> IntoStream for Result<DStream<T>, EngineError> {
    type Item = T;
    fn into_stream(self) -> Result<DStream<T>, EngineError> {
        self
    }
}

impl<K: Key, S: Data, M: Data> IntoStream for MapWithStateDStream<K, S, M> {
    type Item = M;
    fn into_stream(self) -> Result<DStream<M>, EngineError> {
        Ok(self.stream().clone())
    }
}
