//! What happens to a client, as it happens: for logs, alarms and dashboards.
//!
//! [`Producer::events`](crate::producer::Producer::events) and [`Consumer::events`](crate::consumer::Consumer::events)
//! return an [`EventStream`]: what happens from then on. Any number of streams may be open, each is told everything.
//!
//! A stream holds the last [`EventStream::CAPACITY`] events. The client never waits for a reader: whoever reads too slowly
//! loses the oldest, and is told how many by [`Event::Missed`]. Without a stream nothing is gathered.
//!
//! ```no_run
//! # async fn example(consumer: kafka_client::consumer::Consumer) {
//! use kafka_client::events::Event;
//!
//! let mut events = consumer.events();
//! while let Some(event) = events.next().await {
//!     match event {
//!         Event::PartitionStalled(stall) => eprintln!("no progress: {stall}"),
//!         event => println!("{event}"),
//!     }
//! }
//! # }
//! ```

mod channel;
mod event;
mod stall;
mod stream;

pub(crate) use channel::Events;
pub use event::{Event, ResetReason, TransactionState};
pub use stall::{Stall, StallReason};
pub use stream::EventStream;
