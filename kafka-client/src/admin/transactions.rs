//! Transactions: list, describe, abort.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use kafka_proto::messages::describe_transactions;
use kafka_proto::messages::write_txn_markers::{WritableTxnMarker, WritableTxnMarkerTopic};
use kafka_proto::messages::{
    DescribeTransactionsRequest, ListTransactionsRequest, WriteTxnMarkersRequest,
};

use super::Admin;
use super::asking::Operation;
use super::fan_out::To;
use crate::error::{Error, Result, check};
use crate::types::TopicPartition;

/// What a transactional id is doing.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TransactionState {
    /// It has not begun a transaction.
    Empty,
    /// A transaction is open.
    Ongoing,
    /// It was committed; markers are being written.
    PrepareCommit,
    /// It was aborted; markers are being written.
    PrepareAbort,
    /// The last one was committed.
    CompleteCommit,
    /// The last one was aborted.
    CompleteAbort,
    /// Its producer is being fenced.
    PrepareEpochFence,
    /// It is being forgotten.
    Dead,
    /// One that this client does not know.
    Unknown(String),
}

impl TransactionState {
    /// Kafka's name of it.
    pub fn name(&self) -> &str {
        match self {
            Self::Empty => "Empty",
            Self::Ongoing => "Ongoing",
            Self::PrepareCommit => "PrepareCommit",
            Self::PrepareAbort => "PrepareAbort",
            Self::CompleteCommit => "CompleteCommit",
            Self::CompleteAbort => "CompleteAbort",
            Self::PrepareEpochFence => "PrepareEpochFence",
            Self::Dead => "Dead",
            Self::Unknown(name) => name,
        }
    }
}

impl From<&str> for TransactionState {
    fn from(name: &str) -> Self {
        let known = [
            Self::Empty,
            Self::Ongoing,
            Self::PrepareCommit,
            Self::PrepareAbort,
            Self::CompleteCommit,
            Self::CompleteAbort,
            Self::PrepareEpochFence,
            Self::Dead,
        ];
        known
            .into_iter()
            .find(|known| known.name() == name)
            .unwrap_or_else(|| Self::Unknown(name.to_owned()))
    }
}

/// Which transactional ids to list; by default all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ListTransactions {
    /// Those in one of these states.
    pub states: Vec<TransactionState>,
    /// Those with one of these producer ids.
    pub producer_ids: Vec<i64>,
    /// Those with a transaction that has been open for longer (KIP-994; brokers from Kafka 3.8 on).
    pub running_longer_than: Option<Duration>,
    /// Those that match an expression of RE2 as a whole (KIP-1152; brokers from Kafka 4.1 on).
    pub transactional_id_pattern: Option<String>,
}

/// A transactional id in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TransactionListing {
    /// The id.
    pub transactional_id: String,
    /// The producer id that it has now.
    pub producer_id: i64,
    /// What it is doing.
    pub state: TransactionState,
}

/// A transactional id and its transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TransactionDescription {
    /// What it is doing.
    pub state: TransactionState,
    /// The producer id that it has now.
    pub producer_id: i64,
    /// The producer's epoch.
    pub producer_epoch: i16,
    /// After which its transactions are aborted.
    pub timeout: Duration,
    /// When its transaction began, in milliseconds since 1970; `None` if none is open.
    pub start_time: Option<i64>,
    /// The partitions that its transaction has written to.
    pub partitions: Vec<TopicPartition>,
}

/// A transaction that hangs in a partition, because its coordinator knows nothing of it (any more).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AbortTransaction {
    /// Where it hangs.
    pub partition: TopicPartition,
    /// Its producer's id, of [`describe_producers`](Admin::describe_producers).
    pub producer_id: i64,
    /// Its producer's epoch.
    pub producer_epoch: i16,
    /// The epoch of the coordinator that ended the producer's last transaction, 0 if there is none.
    pub coordinator_epoch: i32,
}

impl Admin {
    /// The transactional ids of all coordinators, by id (KIP-664, `Admin.listTransactions`). Cancel-safe.
    ///
    /// # Errors
    /// When a broker could not be asked, or does not know a state: the list has all of them, or there is none.
    pub async fn list_transactions(
        &self,
        wanted: ListTransactions,
    ) -> Result<Vec<TransactionListing>> {
        let duration = wanted.running_longer_than.map_or(-1, |duration| {
            i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
        });
        let make = |_| ListTransactionsRequest {
            state_filters: wanted
                .states
                .iter()
                .map(|state| state.name().into())
                .collect(),
            producer_id_filters: wanted.producer_ids.clone(),
            duration_filter: duration,
            transactional_id_pattern: wanted.transactional_id_pattern.as_deref().map(Into::into),
            ..Default::default()
        };
        let lists = self
            .every_broker(Operation::new("listing transactions"), make, |answer| {
                check(answer.error_code, || "transactions".to_owned())?;
                match answer.unknown_state_filters.first() {
                    None => Ok(answer.transaction_states),
                    Some(state) => Err(Error::Protocol {
                        what: "listing transactions".to_owned(),
                        reason: format!("a broker knows no state \"{state}\""),
                    }),
                }
            })
            .await?;
        // While a coordinator moves, two brokers may name the same transactional id.
        let mut transactions = BTreeMap::new();
        for transaction in lists.into_iter().flatten() {
            let listing = TransactionListing {
                transactional_id: transaction.transactional_id.to_string(),
                producer_id: transaction.producer_id,
                state: (&*transaction.transaction_state).into(),
            };
            transactions.insert(listing.transactional_id.clone(), listing);
        }
        Ok(transactions.into_values().collect())
    }

    /// What transactional ids are doing, each by its coordinator (KIP-664, `Admin.describeTransactions`). Cancel-safe.
    ///
    /// # Errors
    /// When no coordinator could be asked. What is wrong with a single one is told with it: `TRANSACTIONAL_ID_NOT_FOUND`
    /// for one that nobody uses.
    pub async fn describe_transactions<I: Into<String>>(
        &self,
        transactional_ids: impl IntoIterator<Item = I>,
    ) -> Result<Vec<(String, Result<TransactionDescription>)>> {
        self.each(
            Operation::new("describing transactions"),
            transactional_ids.into_iter().map(Into::into),
            |id: &String| To::transactional_id(id),
            |_, ids| DescribeTransactionsRequest {
                transactional_ids: ids.iter().map(|id| id.as_str().into()).collect(),
                ..Default::default()
            },
            |answer, _| {
                Ok(answer
                    .transaction_states
                    .into_iter()
                    .map(description)
                    .collect())
            },
        )
        .await
    }

    /// Ends the transaction of a transactional id, and fences whoever uses it (KIP-939,
    /// `Admin.forceTerminateTransaction`): [`fence_producers`](Self::fence_producers) for one of them. Cancel-safe, except
    /// that it may be ended all the same.
    ///
    /// # Errors
    /// When the coordinator could not be asked, or refuses.
    pub async fn force_terminate_transaction(&self, transactional_id: &str) -> Result<()> {
        for (_, fenced) in self.fence_producers([transactional_id]).await? {
            fenced?;
        }
        Ok(())
    }

    /// Aborts transactions that hang, by markers in their partitions; for each partition whether it was done (KIP-664,
    /// `Admin.abortTransaction`). Not for transactions that a coordinator looks after: those end by
    /// [`fence_producers`](Self::fence_producers). Cancel-safe, except that they may be aborted all the same.
    ///
    /// # Errors
    /// When no leader could be asked. What is wrong with a single partition is told with it.
    pub async fn abort_transactions(
        &self,
        transactions: impl IntoIterator<Item = AbortTransaction>,
    ) -> Result<Vec<(TopicPartition, Result<()>)>> {
        let named = |transaction: AbortTransaction| (transaction.partition.clone(), transaction);
        let transactions: HashMap<_, _> = transactions.into_iter().map(named).collect();
        self.each(
            Operation::new("aborting transactions"),
            transactions.keys().cloned(),
            |partition| To::Leader(partition.clone()),
            |_, partitions| WriteTxnMarkersRequest {
                markers: partitions
                    .iter()
                    .map(|at| marker(&transactions[at]))
                    .collect(),
                ..Default::default()
            },
            |answer, _| {
                let topics = answer.markers.into_iter().flat_map(|marker| marker.topics);
                let mut each = Vec::new();
                for topic in topics {
                    for partition in topic.partitions {
                        let at = TopicPartition::new(&*topic.name, partition.partition_index);
                        let what = || format!("transaction in partition {at}");
                        let aborted = check(partition.error_code, what);
                        each.push((at, aborted));
                    }
                }
                Ok(each)
            },
        )
        .await
    }
}

fn marker(transaction: &AbortTransaction) -> WritableTxnMarker {
    WritableTxnMarker {
        producer_id: transaction.producer_id,
        producer_epoch: transaction.producer_epoch,
        coordinator_epoch: transaction.coordinator_epoch,
        transaction_result: false,
        topics: vec![WritableTxnMarkerTopic {
            name: (&*transaction.partition.topic).into(),
            partition_indexes: vec![transaction.partition.partition],
            ..Default::default()
        }],
        ..Default::default()
    }
}

fn description(
    transaction: describe_transactions::TransactionState,
) -> (String, Result<TransactionDescription>) {
    let id = transaction.transactional_id.to_string();
    let what = || format!("transactional id \"{id}\"");
    let description = check(transaction.error_code, what).map(|()| {
        let topics = transaction.topics.iter();
        let mut partitions: Vec<TopicPartition> = topics
            .flat_map(|topic| {
                let name = |number: &i32| TopicPartition::new(&*topic.topic, *number);
                topic.partitions.iter().map(name)
            })
            .collect();
        partitions.sort();
        TransactionDescription {
            state: (&*transaction.transaction_state).into(),
            producer_id: transaction.producer_id,
            producer_epoch: transaction.producer_epoch,
            timeout: Duration::from_millis(transaction.transaction_timeout_ms.max(0) as u64),
            start_time: Some(transaction.transaction_start_time_ms).filter(|at| *at >= 0),
            partitions,
        }
    });
    (id, description)
}
