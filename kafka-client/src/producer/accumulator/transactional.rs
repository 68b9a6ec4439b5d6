//! What a transaction changes about what the accumulator does.

use super::*;
use crate::events::TransactionState;
use crate::producer::sequence::Sequence;
use crate::producer::transaction::Api;

impl Accumulator {
    /// The transactions of this producer.
    ///
    /// # Errors
    /// [`Error::Config`] where it has no transactional id; why it is closed, if it is.
    pub(in crate::producer) fn transaction(&mut self) -> Result<&mut Transaction> {
        if let Some(reason) = &self.closed {
            return Err(reason.clone());
        }
        self.transaction.as_mut().ok_or_else(|| Error::Config {
            key: "transactional.id".to_owned(),
            value: String::new(),
            reason: "transactions need a name that this producer alone has".to_owned(),
        })
    }

    /// Where a transactional producer stands, and what has gone wrong, if something has.
    pub(in crate::producer) fn transaction_state(
        &self,
    ) -> Option<(TransactionState, Option<&Error>)> {
        self.transaction.as_ref().map(Transaction::state)
    }

    /// Gives a batch up that was not written, or may not have been, and with it the transaction.
    pub(super) fn give_up(&mut self, batch: Batch, error: Error) {
        let Some(transaction) = &mut self.transaction else {
            return self.conclude(batch, Err(error));
        };
        if batch.sequence.is_some() {
            transaction.lost_place();
        }
        let error = match transaction.doom() {
            Some(doom) => doom,
            None => transaction.failed(Api::Produce, error),
        };
        self.conclude(batch, Err(error.clone()));
        self.discard(error);
    }

    /// Gives up what belongs to a transaction and is not on its way.
    pub(in crate::producer) fn discard(&mut self, error: Error) {
        let Some(transaction) = &mut self.transaction else {
            return;
        };
        let queues = self.topics.values_mut().flat_map(|topic| &mut topic.queues);
        let waiting: Vec<Batch> = queues.flat_map(PartitionQueue::take_waiting).collect();
        if waiting.iter().any(|batch| batch.sequence.is_some()) {
            transaction.lost_place();
        }
        for batch in waiting {
            self.conclude(batch, Err(error.clone()));
        }
    }

    /// After partitions were added to the transaction, or could not be.
    pub(in crate::producer) fn added(
        &mut self,
        partitions: Vec<TopicPartition>,
        result: Result<()>,
    ) {
        let Some(transaction) = &mut self.transaction else {
            return;
        };
        if transaction.added(partitions, result)
            && let Some(doom) = transaction.doom()
        {
            self.discard(doom);
        }
    }

    /// Takes over the identity for the next transaction, under which every partition starts a sequence of its own.
    pub(in crate::producer) fn renew(&mut self) {
        let identity = self.transaction.as_ref().and_then(Transaction::identity);
        if self.identity == identity {
            return;
        }
        self.identity = identity;
        for queue in self.topics.values_mut().flat_map(|topic| &mut topic.queues) {
            queue.sequence = Sequence::default();
        }
    }

    /// Takes no more records into the transaction. To commit, what there is goes out at once; to abort, it is given up.
    pub(in crate::producer) fn begin_end(&mut self, commit: bool) -> Result<()> {
        self.transaction()?.begin_end(commit)?;
        if commit {
            self.flush();
        } else if let Some(aborted) = self.transaction()?.doom() {
            self.discard(aborted);
        }
        Ok(())
    }

    /// Whether nothing of the transaction is on its way, or nothing more will become of it.
    pub(in crate::producer) fn is_quiet(&self) -> bool {
        let Some(transaction) = &self.transaction else {
            return true;
        };
        self.closed.is_some()
            || !transaction.is_ending()
            || (self.unsettled.is_empty() && !transaction.is_adding())
    }

    /// Gives a transaction up that nobody will end any more: the cluster aborts it when its time is over.
    pub(in crate::producer) fn leave_transaction(&mut self, error: Error) {
        if let Some(transaction) = &mut self.transaction {
            transaction.fail(error.clone());
            self.discard(error);
        }
    }
}
