//! Commits, and who waits for them.

use std::collections::{BTreeMap, HashMap};
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::sync::oneshot;

use super::closed;
use crate::error::{Error, Result};
use crate::types::TopicPartition;

/// What brokers said to the acknowledgements of a commit, by partition.
#[derive(Debug, Clone, Default, PartialEq)]
#[must_use = "acknowledgements may have failed: see all()"]
pub struct AcknowledgementResults(BTreeMap<TopicPartition, Result<()>>);

impl AcknowledgementResults {
    /// Each partition with acknowledgements, and what became of them. After an error of the broker none of them counts;
    /// after [`Error::Disconnected`] or [`Error::Timeout`] nobody knows. Records of which the acknowledgement does not
    /// count are delivered again.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&TopicPartition, &Result<()>)> {
        self.0.iter()
    }

    /// What became of a partition's acknowledgements; `None` if there were none.
    pub fn get(&self, partition: &TopicPartition) -> Option<&Result<()>> {
        self.0.get(partition)
    }

    /// How many partitions had acknowledgements.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there was nothing to acknowledge.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether all went well.
    ///
    /// # Errors
    /// The first that did not.
    pub fn all(&self) -> Result<()> {
        self.0.values().try_for_each(Clone::clone)
    }

    fn add(&mut self, partition: &TopicPartition, error: Option<&Error>) {
        let result = error.map_or(Ok(()), |error| Err(error.clone()));
        let before = self.0.entry(partition.clone()).or_insert(Ok(()));
        if before.is_ok() {
            *before = result;
        }
    }
}

/// Acknowledgements on their way. Dropping it changes nothing about them.
#[derive(Debug)]
#[must_use = "await it to learn what became of the acknowledgements, or drop it explicitly"]
pub struct PendingAcknowledgements(oneshot::Receiver<AcknowledgementResults>);

impl Future for PendingAcknowledgements {
    type Output = Result<AcknowledgementResults>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0)
            .poll(cx)
            .map(|reply| reply.map_err(|_| closed()))
    }
}

/// A commit of which something is on its way.
#[derive(Debug)]
struct Waiting {
    parcels: usize,
    results: AcknowledgementResults,
    reply: oneshot::Sender<AcknowledgementResults>,
}

/// The commits of which something is on its way.
#[derive(Debug, Default)]
pub(super) struct Commits {
    next: u64,
    waiting: HashMap<u64, Waiting>,
}

impl Commits {
    /// A commit of so many parcels begins. Returns what it goes by, and what waits for it.
    pub(super) fn begin(&mut self, parcels: usize) -> (u64, PendingAcknowledgements) {
        let (reply, receiver) = oneshot::channel();
        self.next += 1;
        let results = AcknowledgementResults::default();
        if parcels == 0 {
            let _ = reply.send(results);
        } else {
            let waiting = Waiting {
                parcels,
                results,
                reply,
            };
            self.waiting.insert(self.next, waiting);
        }
        (self.next, PendingAcknowledgements(receiver))
    }

    /// One of its parcels was answered.
    pub(super) fn settled(
        &mut self,
        commit: u64,
        partition: &TopicPartition,
        error: Option<&Error>,
    ) {
        let Some(waiting) = self.waiting.get_mut(&commit) else {
            return;
        };
        waiting.results.add(partition, error);
        waiting.parcels -= 1;
        if waiting.parcels == 0
            && let Some(done) = self.waiting.remove(&commit)
        {
            // Whoever has waited may have lost interest.
            let _ = done.reply.send(done.results);
        }
    }
}
