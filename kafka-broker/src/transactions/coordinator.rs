//! The coordinator of transactions: all transactional ids, with what each wants done. A state machine that is given the
//! time; it decides on markers, which others write.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use bytestring::ByteString;
use kafka_proto::error_code::ErrorCode;

use super::transaction::{End, Marker, Preparation, TopicPartition, Transaction};
use super::version::TransactionVersion;
use crate::clock::Moment;
use crate::producers::{ProducerIdAndEpoch, ProducerIds};
use crate::settings::Settings;

/// All transactional ids.
#[derive(Debug)]
pub(crate) struct Coordinator {
    max_timeout: Duration,
    marker_delay: Duration,
    version: TransactionVersion,
    transactions: BTreeMap<ByteString, Transaction>,
    /// Markers that are due and not yet handed out.
    markers: Vec<Marker>,
}

/// How a producer takes over a transactional id.
#[derive(Debug, Clone, Copy)]
pub(crate) struct InitProducerId {
    /// Who the producer was, if it goes on after an error.
    pub(crate) expected: Option<ProducerIdAndEpoch>,
    pub(crate) timeout_ms: i32,
}

impl Coordinator {
    /// A coordinator that knows no id.
    pub(super) fn new(settings: &Settings) -> Self {
        Self {
            max_timeout: settings.transaction_max_timeout,
            marker_delay: settings.transaction_marker_delay,
            version: settings.transaction_version,
            transactions: BTreeMap::new(),
            markers: Vec::new(),
        }
    }

    fn preparation(&self, now: Moment) -> Preparation {
        Preparation {
            version: self.version,
            marker_delay: self.marker_delay,
            now,
        }
    }

    fn transaction(&mut self, id: &str) -> Result<&mut Transaction, ErrorCode> {
        if id.is_empty() {
            return Err(ErrorCode::InvalidRequest);
        }
        self.transactions
            .get_mut(id)
            .ok_or(ErrorCode::InvalidProducerIdMapping)
    }

    /// A producer takes a transactional id over, which comes into being if it is not there.
    pub(crate) fn init_producer_id(
        &mut self,
        id: &str,
        init: InitProducerId,
        ids: &ProducerIds,
        now: Moment,
    ) -> Result<ProducerIdAndEpoch, ErrorCode> {
        if id.is_empty() {
            return Err(ErrorCode::InvalidRequest);
        }
        let timeout = u64::try_from(init.timeout_ms).map_or(Duration::ZERO, Duration::from_millis);
        if timeout.is_zero() || timeout > self.max_timeout {
            return Err(ErrorCode::InvalidTransactionTimeout);
        }
        let preparation = self.preparation(now);
        // The key is a copy, so that it does not keep a whole request in memory.
        let transaction = self
            .transactions
            .entry(ByteString::from(id))
            .or_insert_with(|| Transaction::new(ids.next(), timeout));
        let producer = transaction.init_producer_id(init.expected, timeout, ids, preparation);
        self.markers.extend(transaction.complete(now.instant));
        producer
    }

    /// Adds partitions to a producer's transaction, which begins with the first.
    pub(crate) fn add_partitions(
        &mut self,
        id: &str,
        producer: ProducerIdAndEpoch,
        partitions: impl IntoIterator<Item = TopicPartition>,
        now: Moment,
    ) -> Result<(), ErrorCode> {
        self.transaction(id)?
            .add_partitions(producer, partitions, now)
    }

    /// Whether a partition is in a producer's transaction.
    ///
    /// # Errors
    /// `TRANSACTION_ABORTABLE` where it is not.
    pub(crate) fn verify_partition(
        &mut self,
        id: &str,
        producer: ProducerIdAndEpoch,
        partition: &TopicPartition,
    ) -> Result<(), ErrorCode> {
        self.transaction(id)?.verify_partition(producer, partition)
    }

    /// Ends a producer's transaction; answers with what the producer goes on with.
    pub(crate) fn end(
        &mut self,
        id: &str,
        end: End,
        ids: &ProducerIds,
        now: Moment,
    ) -> Result<ProducerIdAndEpoch, ErrorCode> {
        let preparation = self.preparation(now);
        let transaction = self.transaction(id)?;
        let producer = transaction.end(end, ids, preparation)?;
        let marker = transaction.complete(now.instant);
        self.markers.extend(marker);
        Ok(producer)
    }

    /// A transactional id, if anybody has used it.
    pub(crate) fn get(&self, id: &str) -> Option<&Transaction> {
        self.transactions.get(id)
    }

    /// All transactional ids, in their order.
    pub(crate) fn all(&self) -> impl Iterator<Item = (&ByteString, &Transaction)> {
        self.transactions.iter()
    }

    /// The markers that are to be written now.
    pub(super) fn take_markers(&mut self) -> Vec<Marker> {
        std::mem::take(&mut self.markers)
    }

    /// When [`on_timeout`](Self::on_timeout) wants to be called next.
    pub(super) fn next_deadline(&self) -> Option<Instant> {
        self.transactions
            .values()
            .filter_map(Transaction::next_deadline)
            .min()
    }

    /// Aborts what takes too long, and completes what is due.
    pub(super) fn on_timeout(&mut self, ids: &ProducerIds, now: Moment) {
        let preparation = self.preparation(now);
        for transaction in self.transactions.values_mut() {
            self.markers
                .extend(transaction.on_timeout(ids, preparation));
        }
    }
}
