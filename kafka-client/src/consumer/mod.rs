//! The consumer: reads records, alone or as a member of a group.
//!
//! - `assignment` decides what is fetched, decoded and handed out, `fetch` reads what brokers send;
//! - `group` decides when to join, to give up partitions and to leave; [`assignor`] shares partitions out;
//! - `driver` and `commit` carry that out in the background;
//! - `subscription`, `positions` and `poll` are what a [`Consumer`] is asked for;
//! - [`ConsumerRecords`] is what a poll returns: batches that share the bytes as they were received.

mod assignment;
pub mod assignor;
mod builder;
mod commit;
mod config;
mod driver;
mod fetch;
mod group;
mod group_metadata;
mod interceptor;
mod listener;
mod offsets;
mod poll;
mod positions;
mod rebalancing;
mod records;
mod shared;
mod stream;
mod subscription;
mod telemetry;
mod topics;
mod trouble;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

pub use builder::ConsumerBuilder;
pub use commit::{OffsetAndMetadata, PendingCommit};
pub use config::{ConsumerConfig, GroupProtocol, Isolation, OffsetReset};
pub use group::TopicPattern;
pub use group_metadata::ConsumerGroupMetadata;
pub use interceptor::ConsumerInterceptor;
pub use kafka_proto::records::{Header, Headers, TimestampType};
pub use listener::{ListenerFuture, RebalanceListener};
pub use records::{
    ConsumerRecord, ConsumerRecords, OwnedRecord, OwnedRecords, PartitionBatch, Records,
    TypedRecord,
};
pub use stream::BatchStream;

pub(crate) use assignment::Leadership;
pub(crate) use group::{Presence, new_member_id, read_assignment};
pub(crate) use offsets::by_topic;
pub(crate) use records::BatchHeader;
pub(crate) use shared::{leadership, sleep_until};
use tokio::sync::mpsc;
use tokio::task::AbortHandle;
pub(crate) use trouble::{TOPIC_GRACE, Trouble};

use crate::error::{Error, Result};
use crate::push::Pushing;
use crate::types::TopicPartition;
use commit::Commit;
use shared::Shared;

/// Reads records from Kafka. A cheap handle: clones are the same consumer.
///
/// Records are fetched ahead in the background, as far as `buffer.memory` allows. A member of a group is kept alive in
/// the background too, for as long as somebody polls.
///
/// ```no_run
/// use std::time::Duration;
/// use kafka_client::consumer::{Consumer, OffsetReset};
///
/// # async fn example() -> kafka_client::Result<()> {
/// let consumer = Consumer::builder()
///     .bootstrap_servers("localhost:9092")
///     .group_id("billing")
///     .auto_offset_reset(OffsetReset::Earliest)
///     .build()
///     .await?;
/// consumer.subscribe(["orders"])?;
/// for _ in 0..10 {
///     for batch in &consumer.poll(Duration::from_secs(1)).await? {
///         for record in batch {
///             println!("{}@{}: {:?}", record.partition(), record.offset(), record.value_str()?);
///         }
///     }
/// }
/// consumer.close(Duration::from_secs(10)).await?;
/// # Ok(())
/// # }
/// ```
///
/// Dropping the last handle ends everything at once, without a commit and without leaving the group; it never waits.
#[derive(Debug, Clone)]
pub struct Consumer(Arc<Inner>);

struct Inner {
    shared: Arc<Shared>,
    commits: mpsc::UnboundedSender<Commit>,
    listener: Arc<dyn RebalanceListener>,
    /// Who polls. One at a time, and nobody while partitions come and go.
    turn: tokio::sync::Mutex<()>,
    /// Partitions that the listener was not told of yet.
    owed: Mutex<Option<Vec<TopicPartition>>>,
    member: Option<AbortHandle>,
    tasks: Vec<AbortHandle>,
    pushing: Pushing,
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.tasks.iter().for_each(AbortHandle::abort);
    }
}

impl std::fmt::Debug for Inner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Consumer")
            .field("config", &self.shared.config)
            .finish_non_exhaustive()
    }
}

impl Inner {
    fn owed(&self) -> MutexGuard<'_, Option<Vec<TopicPartition>>> {
        self.owed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn closed() -> Error {
    Error::Closed {
        what: "the consumer",
    }
}

impl Consumer {
    /// Settings for a new consumer.
    pub fn builder() -> ConsumerBuilder {
        ConsumerBuilder::default()
    }

    fn check_open(&self) -> Result<()> {
        if self.0.shared.is_closed() {
            Err(closed())
        } else {
            Ok(())
        }
    }

    /// The batches as a `Stream`, which ends when the consumer is closed. What a batch contained counts as dealt with
    /// when later ones are taken: an auto-commit never covers the batch that was taken last.
    pub fn stream(&self) -> BatchStream {
        BatchStream::new(self.clone())
    }
}
