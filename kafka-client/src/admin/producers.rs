//! Producers: who writes to partitions, and fencing those with transactional ids.

use kafka_proto::messages::describe_producers::{self, TopicRequest};
use kafka_proto::messages::{DescribeProducersRequest, InitProducerIdRequest};

use super::Admin;
use super::asking::Operation;
use super::fan_out::To;
use crate::consumer::by_topic;
use crate::error::{Result, check, check_told};
use crate::types::TopicPartition;

/// An idempotent or transactional producer, as a partition's leader knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProducerState {
    /// Its id.
    pub producer_id: i64,
    /// Its epoch.
    pub producer_epoch: i32,
    /// The sequence number of its last record; `None` if it has only ended transactions.
    pub last_sequence: Option<i32>,
    /// When it wrote last, in milliseconds since 1970.
    pub last_timestamp: Option<i64>,
    /// The epoch of the coordinator that ended its last transaction; `None` before the first.
    pub coordinator_epoch: Option<i32>,
    /// Where its open transaction begins, if it has one.
    pub transaction_start_offset: Option<i64>,
}

/// The identity that a transactional id has now. Producers with an earlier epoch of it are fenced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FencedProducer {
    /// The producer id.
    pub producer_id: i64,
    /// Its epoch.
    pub producer_epoch: i16,
}

impl Admin {
    /// The idempotent and transactional producers that partitions know, each partition's from its leader (KIP-664,
    /// `Admin.describeProducers`). Cancel-safe.
    ///
    /// # Errors
    /// When no leader could be asked. What is wrong with a single partition is told with it.
    pub async fn describe_producers(
        &self,
        partitions: impl IntoIterator<Item = TopicPartition>,
    ) -> Result<Vec<(TopicPartition, Result<Vec<ProducerState>>)>> {
        let leader = |partition: &TopicPartition| To::Leader(partition.clone());
        self.producers(partitions, leader).await
    }

    async fn producers(
        &self,
        partitions: impl IntoIterator<Item = TopicPartition>,
        to: impl Fn(&TopicPartition) -> To,
    ) -> Result<Vec<(TopicPartition, Result<Vec<ProducerState>>)>> {
        self.each(
            Operation::new("describing producers"),
            partitions,
            to,
            |_, partitions| {
                let topics = by_topic(partitions.iter().map(|at| (at.clone(), ())));
                let topic = |(name, partitions): (String, Vec<(i32, ())>)| TopicRequest {
                    name: name.into(),
                    partition_indexes: partitions.into_iter().map(|(number, ())| number).collect(),
                    ..Default::default()
                };
                DescribeProducersRequest {
                    topics: topics.into_iter().map(topic).collect(),
                    ..Default::default()
                }
            },
            |answer, _| {
                let mut each = Vec::new();
                for topic in answer.topics {
                    for partition in topic.partitions {
                        let at = TopicPartition::new(&*topic.name, partition.partition_index);
                        let what = || format!("producers of partition {at}");
                        let message = partition.error_message.as_deref();
                        let producers = check_told(partition.error_code, message, what)
                            .map(|()| partition.active_producers.iter().map(state).collect());
                        each.push((at, producers));
                    }
                }
                Ok(each)
            },
        )
        .await
    }

    /// The same as one broker knows it, which may follow only (`DescribeProducersOptions.brokerId`). Cancel-safe.
    ///
    /// # Errors
    /// When the broker could not be asked. What is wrong with a single partition is told with it.
    pub async fn describe_producers_at(
        &self,
        broker: i32,
        partitions: impl IntoIterator<Item = TopicPartition>,
    ) -> Result<Vec<(TopicPartition, Result<Vec<ProducerState>>)>> {
        self.producers(partitions, |_| To::Broker(broker)).await
    }

    /// Fences the producers that use transactional ids, and aborts what they have not committed; for each id what took
    /// their place (KIP-664, `Admin.fenceProducers`). An id that nobody has used is one from now on. Cancel-safe, except
    /// that they may be fenced all the same.
    ///
    /// # Errors
    /// When no coordinator could be asked. What is wrong with a single transactional id is told with it.
    pub async fn fence_producers<I: Into<String>>(
        &self,
        transactional_ids: impl IntoIterator<Item = I>,
    ) -> Result<Vec<(String, Result<FencedProducer>)>> {
        let timeout_ms = self.timeout_ms();
        self.each(
            Operation::new("fencing producers").one_by_one(),
            transactional_ids.into_iter().map(Into::into),
            |id: &String| To::transactional_id(id),
            |_, ids| InitProducerIdRequest {
                transactional_id: ids.first().map(|id| id.as_str().into()),
                transaction_timeout_ms: timeout_ms,
                ..Default::default()
            },
            |answer, ids| {
                let fenced = |id: &String| {
                    let what = || format!("transactional id \"{id}\"");
                    let fenced = check(answer.error_code, what).map(|()| FencedProducer {
                        producer_id: answer.producer_id,
                        producer_epoch: answer.producer_epoch,
                    });
                    (id.clone(), fenced)
                };
                Ok(ids.iter().map(fenced).collect())
            },
        )
        .await
    }
}

fn state(producer: &describe_producers::ProducerState) -> ProducerState {
    ProducerState {
        producer_id: producer.producer_id,
        producer_epoch: producer.producer_epoch,
        last_sequence: Some(producer.last_sequence).filter(|sequence| *sequence >= 0),
        last_timestamp: Some(producer.last_timestamp).filter(|timestamp| *timestamp >= 0),
        coordinator_epoch: Some(producer.coordinator_epoch).filter(|epoch| *epoch >= 0),
        transaction_start_offset: Some(producer.current_txn_start_offset)
            .filter(|offset| *offset >= 0),
    }
}
