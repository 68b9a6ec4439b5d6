//! Producer, consumer and admin for programs without async.
//!
//! ```no_run
//! use std::time::Duration;
//!
//! use kafka_client::blocking::{Consumer, Producer};
//! use kafka_client::producer::Record;
//!
//! # fn main() -> kafka_client::Result<()> {
//! let producer = Producer::builder().bootstrap_servers("localhost:9092").build_blocking()?;
//! producer.send(Record::to("orders").key("customer-7").value("3 apples"))?;
//! producer.close(Duration::from_secs(10))?;
//!
//! let consumer = Consumer::builder()
//!     .bootstrap_servers("localhost:9092")
//!     .group_id("readers")
//!     .build_blocking()?;
//! consumer.subscribe(["orders"])?;
//! for record in &consumer {
//!     println!("{:?}", record?.value());
//! }
//! # Ok(())
//! # }
//! ```
//!
//! Settings are those of the async clients: `build_blocking` takes the place of `build`. What has no method here is had from
//! the async client below, by `as_async`, and [`wait`].
//!
//! # Where things happen
//!
//! All clients share one background thread, `kafka-client`, which is started with the first of them: connections, heartbeats
//! and commits live there. It goes on until the process ends, so that dropping a client never waits, and what a dropped
//! producer has buffered is still sent; but a program that ends does not wait for it: [`close`](Producer::close) the
//! producer, or [`flush`](Producer::flush) it, before.
//!
//! A call waits by parking its thread. Within an async runtime it works all the same, and costs that runtime a thread for as
//! long as it takes: there, use the async clients, or `spawn_blocking`. Only in code that runs on the background thread
//! itself (callbacks, interceptors, listeners) it would wait for itself: there, it is
//! [`Error::IllegalState`](crate::Error::IllegalState).

mod admin;
mod consumer;
mod producer;
mod runtime;

pub use admin::Admin;
pub use consumer::{Consumer, ConsumerIter};
pub use producer::{Delivery, Producer};
pub use runtime::wait;
