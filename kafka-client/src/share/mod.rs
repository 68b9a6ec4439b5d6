//! The share consumer: works through records together with others, as from a queue (KIP-932).
//!
//! All members of a share group may get records of the same partition, each record goes to one of them at a time, and the
//! broker remembers of each record whether it was dealt with. There are no positions: a record that was not acknowledged
//! within the lock time of its group (`share.record.lock.duration.ms`), or that was released, is delivered again, to
//! whoever asks next; what was delivered too often (`share.delivery.count.limit`) is given up. A group needs Kafka 4.1 or
//! newer.
//!
//! A [`ShareConsumer`] is as good as its acknowledgements: see [`AcknowledgementMode`].
//!
//! # Inside
//!
//! - `fetching` decides what is asked of which broker: one session with each, and one request at a time, for each has the
//!   session's next epoch; acknowledgements go along with fetches where they can;
//! - `ledger` knows which records the program has, and what it has said of them; `parcel` and `commits` are
//!   acknowledgements on their way, and who waits for them;
//! - `membership` decides when to be heard of by the group's coordinator;
//! - `driver` and `coordinator` carry that out in the background.

mod acknowledge;
mod builder;
mod closing;
mod commits;
mod config;
mod coordinator;
mod decode;
mod driver;
mod fetching;
mod ledger;
mod listener;
mod membership;
mod parcel;
mod poll;
mod records;
mod session;
mod shared;
mod stream;
mod telemetry;

use std::sync::Arc;
use std::time::Duration;

pub use acknowledge::{AcknowledgeType, AcknowledgementMode, AcquireMode, Delivered};
pub use builder::ShareConsumerBuilder;
pub use commits::{AcknowledgementResults, PendingAcknowledgements};
pub use config::ShareConsumerConfig;
pub use listener::{Acknowledged, AcknowledgementListener};
pub use records::{
    OwnedShareRecord, OwnedShareRecords, ShareBatch, ShareBatchRecords, ShareRecord, ShareRecords,
};
pub use stream::ShareBatchStream;
use tokio::task::AbortHandle;

use crate::clock::now;
use crate::error::{Error, Result};
use crate::push::Pushing;
use crate::types::TopicPartition;
use shared::Shared;

/// Works through records as a member of a share group. A cheap handle: clones are the same consumer.
///
/// ```no_run
/// use std::time::Duration;
/// use kafka_client::share::{AcknowledgeType, AcknowledgementMode, ShareConsumer};
///
/// # fn work(_: &[u8]) -> Result<(), ()> { Ok(()) }
/// # async fn example() -> kafka_client::Result<()> {
/// let consumer = ShareConsumer::builder()
///     .bootstrap_servers("localhost:9092")
///     .group_id("workers")
///     .acknowledgement_mode(AcknowledgementMode::Explicit)
///     .build()
///     .await?;
/// consumer.subscribe(["jobs"])?;
/// for _ in 0..10 {
///     for record in consumer.poll(Duration::from_secs(1)).await?.records() {
///         let kind = match work(record.value().unwrap_or_default()) {
///             Ok(()) => AcknowledgeType::Accept,
///             Err(()) if record.delivery_count() < 3 => AcknowledgeType::Release,
///             Err(()) => AcknowledgeType::Reject,
///         };
///         consumer.acknowledge(&record, kind)?;
///     }
///     consumer.commit_sync().await?.all()?;
/// }
/// consumer.close(Duration::from_secs(10)).await?;
/// # Ok(())
/// # }
/// ```
///
/// Nothing is fetched ahead: the locks of records run from when a broker gives them out, so that it is asked when somebody
/// polls. Records that came after the poll had ended are handed out by the next one, unless their locks have ended.
///
/// Dropping the last handle ends everything at once, without acknowledging anything: brokers notice that the connection is
/// gone, and give the records to others. It never waits.
#[derive(Debug, Clone)]
pub struct ShareConsumer(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    shared: Arc<Shared>,
    /// Who polls: one at a time.
    turn: tokio::sync::Mutex<()>,
    driver: AbortHandle,
    pushing: Pushing,
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

fn closed() -> Error {
    Error::Closed {
        what: "the share consumer",
    }
}

impl ShareConsumer {
    /// Settings for a new share consumer.
    pub fn builder() -> ShareConsumerBuilder {
        ShareConsumerBuilder::default()
    }

    fn check_open(&self) -> Result<()> {
        if self.0.shared.is_closed() {
            Err(closed())
        } else {
            Ok(())
        }
    }

    /// Takes part in the group's work on these topics, in place of those that were subscribed to before. Takes effect in
    /// the background; `poll` tells of a topic that is not there, and goes on with the others.
    ///
    /// # Errors
    /// [`Error::IllegalState`] without any topic, [`Error::Closed`].
    pub fn subscribe<T: Into<Arc<str>>>(&self, topics: impl IntoIterator<Item = T>) -> Result<()> {
        self.check_open()?;
        let topics: Vec<Arc<str>> = topics.into_iter().map(Into::into).collect();
        if topics.is_empty() || topics.iter().any(|topic| topic.is_empty()) {
            return Err(Error::IllegalState {
                reason: "a subscription needs topics, each with a name: unsubscribe to read nothing",
            });
        }
        self.0.shared.state().membership.subscribe(topics, now());
        self.0.shared.wake_driver.notify_one();
        Ok(())
    }

    /// Leaves the group. Records that no poll has returned go back; those that were returned can still be acknowledged.
    ///
    /// # Errors
    /// [`Error::Closed`].
    pub fn unsubscribe(&self) -> Result<()> {
        self.check_open()?;
        self.0.shared.state().membership.unsubscribe();
        self.0.shared.wake_driver.notify_one();
        Ok(())
    }

    /// The topics that are subscribed to, in the order of their names.
    pub fn subscription(&self) -> Vec<Arc<str>> {
        self.0.shared.state().membership.topics().to_vec()
    }

    /// What the consumer is called in its group.
    pub fn member_id(&self) -> String {
        self.0.shared.state().membership.member_id().to_owned()
    }

    /// Says what becomes of a record, a batch, or an offset: see [`Delivered`]. The next poll or commit sends it; until then
    /// it can be said differently.
    ///
    /// A record whose lock is renewed need not be acknowledged before the next poll, and is not returned again: the program
    /// has it, and says what becomes of it when it is done. (The Java client returns it from the next poll.)
    ///
    /// # Errors
    /// [`Error::IllegalState`] in the implicit mode; [`Error::NotAcquired`] names the record that no poll has returned, or
    /// that was sent already; [`Error::Closed`]. Nothing has changed then.
    pub fn acknowledge<'a>(
        &self,
        what: impl Into<Delivered<'a>>,
        kind: AcknowledgeType,
    ) -> Result<()> {
        self.check_open()?;
        let mut state = self.0.shared.state();
        state.fetching.acknowledge(what.into(), kind)
    }

    /// Sends what was said of records, without waiting: awaiting what is returned is Java's `commitSync`, dropping it
    /// its `commitAsync`. In the implicit mode, everything that was returned is accepted.
    ///
    /// Records of the explicit mode that were not acknowledged stay as they are.
    ///
    /// # Errors
    /// [`Error::Closed`]. What brokers say to it is in the results, see [`AcknowledgementResults`]. Those are there within
    /// `default.api.timeout.ms` and `request.timeout.ms`.
    pub fn commit(&self) -> Result<PendingAcknowledgements> {
        self.check_open()?;
        let pending = self.0.shared.state().fetching.commit(now());
        self.0.shared.wake_driver.notify_one();
        Ok(pending)
    }

    /// Sends what was said of records, and waits until brokers have said what became of it: see [`commit`](Self::commit).
    /// A broker that was just asked for records answers that first, which takes up to `fetch.max.wait.ms`.
    ///
    /// # Errors
    /// [`Error::Closed`]. Cancel-safe: the acknowledgements are on their way.
    pub async fn commit_sync(&self) -> Result<AcknowledgementResults> {
        let _spending = self.0.shared.polls.commit_sync.begin();
        self.commit()?.await
    }

    /// How long records are locked for who has them, as brokers have said last; `None` before the first are there. Set by
    /// the group's `share.record.lock.duration.ms`.
    pub fn acquisition_lock_timeout(&self) -> Option<Duration> {
        self.0.shared.state().fetching.lock_timeout()
    }

    /// The partitions that the group's coordinator has this consumer read, among others.
    pub fn assignment(&self) -> Vec<TopicPartition> {
        self.0.shared.state().fetching.partitions()
    }

    /// The batches as a `Stream`, which ends when the consumer is closed. A batch counts as dealt with when later ones are
    /// taken: in the implicit mode it is then accepted.
    ///
    /// All batches that one poll has brought are handed out before the next poll: the locks of the last run while the
    /// first are dealt with.
    pub fn stream(&self) -> ShareBatchStream {
        ShareBatchStream::new(self.clone())
    }
}
