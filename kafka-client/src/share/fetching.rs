//! What is asked of which broker, what was acquired, and what is to be acknowledged. Decisions only; the time is an
//! argument.

mod answers;
mod plan;

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

pub(super) use answers::{Fetched, News};
pub(super) use plan::{AcknowledgeTask, FetchTask, Task};

use super::acknowledge::{AcknowledgeType, AcknowledgementMode, AcquireMode, Delivered};
use super::commits::{Commits, PendingAcknowledgements};
use super::config::ShareConsumerConfig;
use super::ledger::Ledger;
use super::parcel::{Ack, Key, Parcel, Source};
use super::records::ShareBatch;
use super::session::ShareSession;
use crate::consumer::Trouble;
use crate::error::{Error, Result};
use crate::retry::Backoff;
use crate::types::TopicPartition;

/// Records that were acquired and not handed out yet.
#[derive(Debug)]
struct Ready {
    source: Source,
    batch: ShareBatch,
    /// When their locks end.
    until: Option<Instant>,
}

/// What there is to do with a broker.
#[derive(Debug)]
struct Broker {
    session: ShareSession,
    queue: Vec<Parcel>,
    /// It is sent one request at a time: each has the session's next epoch.
    in_flight: bool,
    not_before: Option<Instant>,
    backoff: Backoff,
    trouble: Trouble,
}

/// Acknowledgements that were answered, or given up.
#[derive(Debug)]
pub(super) struct Settled {
    pub(super) parcel: Parcel,
    pub(super) error: Option<Error>,
}

/// What a share consumer reads.
#[derive(Debug)]
pub(super) struct Fetching {
    config: ShareConsumerConfig,
    group_id: String,
    member_id: String,
    assigned: BTreeMap<Key, TopicPartition>,
    brokers: BTreeMap<i32, Broker>,
    ready: VecDeque<Ready>,
    ledger: Ledger,
    commits: Commits,
    /// How many wait for records.
    polling: usize,
    /// Somebody has asked for records since the last fetch.
    asked: bool,
    closing: bool,
    lock_timeout: Option<Duration>,
    /// Errors to be told once.
    errors: VecDeque<Error>,
    /// The metadata does not say, or not any more, who leads an assigned partition.
    outdated: bool,
    refreshing: bool,
    refresh_not_before: Option<Instant>,
    refresh_backoff: Backoff,
    settled: Vec<Settled>,
}

impl Fetching {
    pub(super) fn new(config: ShareConsumerConfig, member_id: String) -> Self {
        let client = &config.client;
        Self {
            refresh_backoff: Backoff::new(client.retry_backoff, client.retry_backoff_max),
            group_id: config.group_id.clone().unwrap_or_default(),
            member_id,
            config,
            assigned: BTreeMap::new(),
            brokers: BTreeMap::new(),
            ready: VecDeque::new(),
            ledger: Ledger::default(),
            commits: Commits::default(),
            polling: 0,
            asked: false,
            closing: false,
            lock_timeout: None,
            errors: VecDeque::new(),
            outdated: false,
            refreshing: false,
            refresh_not_before: None,
            settled: Vec::new(),
        }
    }

    fn broker(&mut self, id: i32) -> &mut Broker {
        let client = &self.config.client;
        self.brokers.entry(id).or_insert_with(|| Broker {
            session: ShareSession::default(),
            queue: Vec::new(),
            in_flight: false,
            not_before: None,
            backoff: Backoff::new(client.retry_backoff, client.retry_backoff_max),
            trouble: Trouble::default(),
        })
    }

    /// These partitions are to be read, and no others.
    pub(super) fn assign(&mut self, assigned: BTreeMap<Key, TopicPartition>, now: Instant) {
        self.assigned = assigned;
        let gone = |ready: &Ready| !self.assigned.contains_key(&ready.source.key());
        let (gone, kept) = self.ready.drain(..).partition(gone);
        self.ready = kept;
        self.release(gone, now);
    }

    /// The partitions that are read.
    pub(super) fn partitions(&self) -> Vec<TopicPartition> {
        self.assigned.values().cloned().collect()
    }

    /// Gives records back that nobody has seen.
    fn release(&mut self, ready: VecDeque<Ready>, now: Instant) {
        for Ready { source, batch, .. } in ready {
            let kind = AcknowledgeType::Release;
            let ack = Ack::new(batch.first_offset(), batch.last_offset(), kind);
            self.post(source, vec![ack], None, now);
        }
    }

    fn post(&mut self, source: Source, acks: Vec<Ack>, commit: Option<u64>, now: Instant) {
        let until = now + self.config.client.api_timeout;
        let broker = self.broker(source.broker);
        broker.queue.push(Parcel {
            source,
            acks,
            commit,
            until,
        });
    }

    /// Says what becomes of records.
    ///
    /// # Errors
    /// [`Error::IllegalState`] in the implicit mode, [`Error::NotAcquired`].
    pub(super) fn acknowledge(
        &mut self,
        delivered: Delivered<'_>,
        kind: AcknowledgeType,
    ) -> Result<()> {
        if self.config.acknowledgement_mode == AcknowledgementMode::Implicit {
            return Err(Error::IllegalState {
                reason: "the next poll or commit accepts every record: set share.acknowledgement.mode=explicit to acknowledge them one by one",
            });
        }
        self.ledger.acknowledge(delivered, kind)
    }

    /// A poll begins: what was handed out before is dealt with.
    ///
    /// # Errors
    /// [`Error::NotAcknowledged`] in the explicit mode.
    pub(super) fn poll_begins(&mut self, now: Instant) -> Result<()> {
        match self.config.acknowledgement_mode {
            AcknowledgementMode::Implicit => self.ledger.accept_all(),
            AcknowledgementMode::Explicit => {
                if let Some((partition, offset)) = self.ledger.unacknowledged() {
                    return Err(Error::NotAcknowledged { partition, offset });
                }
            }
        }
        for (source, acks) in self.ledger.take() {
            self.post(source, acks, None, now);
        }
        self.asked = true;
        self.polling += 1;
        Ok(())
    }

    pub(super) fn poll_ends(&mut self) {
        self.polling -= 1;
    }

    /// What was said of records so far goes out. In the implicit mode all are accepted.
    pub(super) fn commit(&mut self, now: Instant) -> PendingAcknowledgements {
        if self.config.acknowledgement_mode == AcknowledgementMode::Implicit {
            self.ledger.accept_all();
        }
        let taken = self.ledger.take();
        let (commit, pending) = self.commits.begin(taken.len());
        for (source, acks) in taken {
            self.post(source, acks, Some(commit), now);
        }
        pending
    }

    /// Everything that is not done with goes back, and all sessions end.
    pub(super) fn close(&mut self, now: Instant) {
        self.closing = true;
        self.assign(BTreeMap::new(), now);
        self.ledger.release_all();
        for (source, acks) in self.ledger.take() {
            self.post(source, acks, None, now);
        }
    }

    /// Whether brokers know of this consumer no more.
    pub(super) fn is_ended(&self) -> bool {
        let is_over = |broker: &Broker| !broker.in_flight && broker.session.is_new();
        self.brokers.values().all(is_over)
    }

    /// What can be handed out: at most the records of a poll, or of one batch more.
    pub(super) fn take(&mut self, now: Instant) -> Vec<ShareBatch> {
        let limit = self.config.max_poll_records;
        let (mut taken, mut records) = (Vec::new(), 0);
        while records < limit
            && let Some(next) = self.ready.pop_front()
        {
            if next.until.is_some_and(|until| until <= now) {
                // Somebody else may have them by now.
                continue;
            }
            let Ready {
                source,
                batch,
                until,
            } = next;
            let is_limit = self.config.acquire_mode == AcquireMode::RecordLimit;
            let batch = if is_limit && batch.len() > limit - records {
                let (batch, rest) = batch.split(limit - records);
                if let Some(batch) = rest {
                    let source = source.clone();
                    self.ready.push_front(Ready {
                        source,
                        batch,
                        until,
                    });
                }
                batch
            } else {
                batch
            };
            records += batch.len();
            self.ledger.deliver(source, &batch);
            taken.push(batch);
        }
        taken
    }

    /// How long records are locked, as a broker has said last.
    pub(super) fn lock_timeout(&self) -> Option<Duration> {
        self.lock_timeout
    }

    /// What became of acknowledgements since this was asked last.
    pub(super) fn take_settled(&mut self) -> Vec<Settled> {
        std::mem::take(&mut self.settled)
    }

    /// What the user has to be told of now.
    pub(super) fn tell(&mut self, now: Instant, nothing_else: bool) -> Option<Error> {
        let mut troubles = self.brokers.values_mut().map(|broker| &mut broker.trouble);
        let error = self.errors.pop_front();
        error.or_else(|| troubles.find_map(|trouble| trouble.tell(now, nothing_else)))
    }

    /// When there will be something to tell.
    pub(super) fn due(&self) -> Option<Instant> {
        let troubles = self.brokers.values();
        troubles.filter_map(|broker| broker.trouble.due()).min()
    }
}

#[cfg(test)]
mod tests;
