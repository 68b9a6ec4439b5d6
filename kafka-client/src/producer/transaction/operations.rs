//! The transactional methods of the producer.

use std::collections::BTreeMap;

use super::remedy::Api;
use super::state::{Begin, Protocol, Transaction};
use super::{coordinator, offsets};
use crate::consumer::{ConsumerGroupMetadata, OffsetAndMetadata};
use crate::error::{Error, Result};
use crate::producer::Producer;
use crate::producer::identity::Identity;
use crate::producer::sender::Shared;
use crate::types::TopicPartition;

impl Shared {
    /// Asks the transaction's state, or changes it.
    pub(super) fn transact<T>(&self, change: impl FnOnce(&mut Transaction) -> T) -> Result<T> {
        self.change(|accumulator| accumulator.transaction().map(change))
    }

    /// Takes over an identity for what is written from now on.
    fn renewed(&self, identity: Identity) -> Result<()> {
        self.change(|accumulator| {
            accumulator.transaction()?.renewed(identity);
            accumulator.renew();
            Ok(())
        })
    }

    /// Tells the transaction that something has failed for good, and gives up what cannot be sent any more with it.
    /// Returns what to tell the user.
    fn failed(&self, api: Api, error: Error) -> Error {
        self.change(|accumulator| {
            let error = match accumulator.transaction() {
                Ok(state) => state.failed(api, error),
                Err(closed) => return closed,
            };
            accumulator.discard(error.clone());
            error
        })
    }

    /// Waits until nothing of a transaction that is being ended is on its way any more.
    async fn quiet(&self) {
        loop {
            let settled = self.settled.notified();
            tokio::pin!(settled);
            settled.as_mut().enable();
            if self.accumulator().is_quiet() {
                return;
            }
            settled.await;
        }
    }
}

impl Producer {
    /// Makes this producer the one of its transactional id: waits until a transaction that an earlier one has left behind
    /// is ended, and fences that one. To be called once, before the first transaction; once it has worked, it does nothing.
    ///
    /// # Errors
    /// [`Error::Config`] without a transactional id; [`Error::Timeout`] after `max.block.ms`, and then it may be called
    /// again; [`Error::Broker`] with what the cluster has against it.
    ///
    /// Cancel-safe: call it again.
    #[tracing::instrument(level = "debug", target = "kafka_client::transaction", skip_all)]
    pub async fn init_transactions(&self) -> Result<()> {
        let shared = &self.0.shared;
        let _spending = shared.meters.transactions.init.begin();
        let _turn = shared.turn.lock().await;
        if !shared.transact(|state| state.initialize())?? {
            return Ok(());
        }
        match coordinator::initialize(shared, None).await {
            Ok(identity) => shared.renewed(identity),
            Err(error) => Err(shared.failed(Api::InitProducerId, error)),
        }
    }

    /// Begins a transaction: what is sent from now on, by whichever clone of this producer, belongs to it. Asks the cluster
    /// for another epoch first where the last transaction has left something open, or where the cluster has gone over to
    /// another transaction protocol; otherwise it returns at once.
    ///
    /// ```no_run
    /// # use kafka_client::consumer::Consumer;
    /// # use kafka_client::producer::{Producer, Record};
    /// # async fn example(consumer: Consumer) -> kafka_client::Result<()> {
    /// let producer = Producer::builder()
    ///     .bootstrap_servers("localhost:9092")
    ///     .transactional_id("billing-0")
    ///     .build()
    ///     .await?;
    /// producer.init_transactions().await?;
    /// loop {
    ///     let orders = consumer.poll(std::time::Duration::from_secs(1)).await?;
    ///     producer.begin_transaction().await?;
    ///     let work = async {
    ///         for order in orders.records() {
    ///             producer.send(Record::to("bills").value(order.value().unwrap_or_default())).await?;
    ///         }
    ///         producer.send_offsets_to_transaction(orders.next_offsets(), &consumer.group_metadata()?).await?;
    ///         producer.commit_transaction().await
    ///     };
    ///     match work.await {
    ///         Err(error) if error.requires_abort() => producer.abort_transaction().await?,
    ///         result => result?,
    ///     }
    /// }
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Error::IllegalState`] while another one is open, or before [`init_transactions`](Self::init_transactions);
    /// [`Error::Fenced`]; [`Error::Timeout`] after `max.block.ms`. Nothing is begun then.
    ///
    /// Cancel-safe: dropped, nothing is begun.
    #[tracing::instrument(level = "debug", target = "kafka_client::transaction", skip_all)]
    pub async fn begin_transaction(&self) -> Result<()> {
        let shared = &self.0.shared;
        let _spending = shared.meters.transactions.begin.begin();
        let _turn = shared.turn.lock().await;
        loop {
            let version = shared.cluster.transaction_version();
            match shared.transact(|state| state.begin(version))?? {
                Begin::Begun => return Ok(()),
                Begin::Renew(present) => {
                    match coordinator::initialize(shared, Some(present)).await {
                        Ok(identity) => shared.renewed(identity)?,
                        Err(error) => return Err(shared.failed(Api::InitProducerId, error)),
                    }
                }
            }
        }
    }

    /// Makes positions of a consumer's group a part of the transaction: they are committed with it, or not at all. They
    /// take the place of the consumer's own commits, which have to be turned off (`enable.auto.commit`).
    ///
    /// `group` is what [`Consumer::group_metadata`](crate::consumer::Consumer::group_metadata) gave when the records were
    /// polled: a member that the group has parted with is refused.
    ///
    /// # Errors
    /// [`Error::IllegalState`] outside of a transaction; [`Error::TransactionFailed`] when the group's or the transaction's
    /// coordinator refuses, or gives no answer within `max.block.ms` each; [`Error::Fenced`].
    ///
    /// Cancel-safe: call it again, or abort. Until then the transaction cannot be committed.
    #[tracing::instrument(level = "debug", target = "kafka_client::transaction", skip_all)]
    pub async fn send_offsets_to_transaction(
        &self,
        offsets: impl IntoIterator<Item = (TopicPartition, OffsetAndMetadata)>,
        group: &ConsumerGroupMetadata,
    ) -> Result<()> {
        let offsets: BTreeMap<_, _> = offsets.into_iter().collect();
        let shared = &self.0.shared;
        let _spending = shared.meters.transactions.send_offsets.begin();
        let _turn = shared.turn.lock().await;
        if offsets.is_empty() {
            return shared.transact(|state| state.check_open())?;
        }
        let (identity, protocol) = shared.transact(|state| state.begin_offsets())??;
        if protocol == Protocol::One {
            if let Err(error) = coordinator::add_offsets(shared, identity, group.group_id()).await {
                return Err(shared.failed(Api::AddOffsetsToTxn, error));
            }
            shared.transact(|state| state.confirmed())?;
        }
        match offsets::commit(shared, identity, protocol, &offsets, group).await {
            Ok(()) => shared.transact(|state| state.offsets_sent()),
            Err(error) => Err(shared.failed(Api::TxnOffsetCommit, error)),
        }
    }

    /// Commits the transaction: sends what is buffered, waits until it is acknowledged, and until the cluster has decided
    /// to commit. From then on it will be visible to consumers that read committed records, all of it, in a few
    /// milliseconds. Waits for the delivery timeout and then for `max.block.ms` at the longest.
    ///
    /// # Errors
    /// - [`Error::TransactionFailed`] when a record could not be written: nothing is committed,
    ///   [`abort_transaction`](Self::abort_transaction) comes next;
    /// - [`Error::Timeout`] when the coordinator could not be asked: commit again, or abort;
    /// - [`Error::Indeterminate`] when the coordinator was asked and has not answered: commit again;
    /// - [`Error::Fenced`], and other fatal ones: nothing was committed, and the producer has to be made anew;
    /// - [`Error::IllegalState`] without a transaction.
    ///
    /// Cancel-safe: dropped, the transaction stays where it was on the way to its commit. Calling this again goes on with
    /// the same commit; it cannot be aborted any more if the coordinator may have been asked.
    pub async fn commit_transaction(&self) -> Result<()> {
        self.end_transaction(true).await
    }

    /// Aborts the transaction: gives up what is buffered, waits for what is on its way, and has the cluster abort the rest.
    /// Nobody who reads committed records will see any of it. Records that were not written yet fail with
    /// [`Error::TransactionAborted`]. Waits for the request timeout and then for `max.block.ms` at the longest.
    ///
    /// # Errors
    /// [`Error::Timeout`] when the coordinator has not answered: abort again; [`Error::Fenced`] and other fatal ones;
    /// [`Error::IllegalState`] without a transaction, and where a commit was sent whose outcome is not known.
    ///
    /// Cancel-safe: dropped, the transaction is to be aborted; calling this again goes on with it.
    pub async fn abort_transaction(&self) -> Result<()> {
        self.end_transaction(false).await
    }

    /// Aborts the transaction, if there is one that may be aborted.
    pub(in crate::producer) async fn abort_open_transaction(&self) -> Result<()> {
        let is_open = self.0.shared.transact(|state| state.is_open());
        if is_open.unwrap_or_default() {
            self.abort_transaction().await
        } else {
            Ok(())
        }
    }

    #[tracing::instrument(
        level = "debug",
        target = "kafka_client::transaction",
        skip_all,
        fields(commit = commit)
    )]
    async fn end_transaction(&self, commit: bool) -> Result<()> {
        let shared = &self.0.shared;
        let times = &shared.meters.transactions;
        let _spending = if commit { &times.commit } else { &times.abort }.begin();
        let _turn = shared.turn.lock().await;
        shared.change(|accumulator| accumulator.begin_end(commit))?;
        shared.wake.notify_one();
        shared.quiet().await;
        if !commit {
            // What an abort has given up is nothing that a later flush should tell of.
            shared.accumulator().take_first_error();
        }
        let Some(end) = shared.transact(|state| state.end())?? else {
            return Ok(());
        };
        let ended = coordinator::end(shared, end).await;
        shared.change(|accumulator| {
            let state = accumulator.transaction()?;
            match ended {
                Ok(next) => state.ended(next),
                Err(error) => state.end_failed(error)?,
            }
            accumulator.renew();
            Ok(())
        })
    }
}
