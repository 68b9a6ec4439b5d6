//! Topics, and what is in them.

use bytes::Bytes;
use kafka_proto::messages::create_topics::CreatableTopic;
use kafka_proto::messages::produce::{PartitionProduceData, TopicProduceData};
use kafka_proto::records::{ProducerSequence, RecordBatchBuilder, Seal};

use super::*;

/// A producer with transactions.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Producer {
    id: i64,
    epoch: i16,
    sequence: i32,
}

impl Script<'_> {
    pub(crate) async fn create(&mut self, topic: &str, partitions: i32) {
        let creatable = CreatableTopic {
            name: self.topic(topic).into(),
            num_partitions: partitions,
            replication_factor: 1,
            ..Default::default()
        };
        let request = CreateTopicsRequest {
            topics: vec![creatable],
            timeout_ms: 10_000,
            ..Default::default()
        };
        let created = self.wire.call(&request, 7).await.topics.remove(0);
        assert_eq!(error(created.error_code), "NONE");
        self.topics.insert(created.topic_id, topic.to_owned());
    }

    /// Writes batches of so many records into partition 0.
    pub(crate) async fn produce(&mut self, topic: &str, batches: &[usize]) {
        for count in batches {
            let records = batch(*count, 0, &Seal::default());
            self.write(topic, None, records).await;
        }
    }

    /// Writes records of long ago.
    pub(crate) async fn produce_old(&mut self, topic: &str, count: usize, age: Duration) {
        let now = std::time::SystemTime::UNIX_EPOCH
            .elapsed()
            .expect("a time after 1970");
        let then = (now - age).as_millis() as i64;
        let records = batch(count, then, &Seal::default());
        self.write(topic, None, records).await;
    }

    async fn write(&mut self, topic: &str, transactional_id: Option<&str>, records: Bytes) {
        let data = PartitionProduceData {
            index: 0,
            records: Some(records),
            ..Default::default()
        };
        let data = TopicProduceData {
            name: self.topic(topic).into(),
            partition_data: vec![data],
            ..Default::default()
        };
        let request = ProduceRequest {
            transactional_id: transactional_id.map(Into::into),
            acks: -1,
            timeout_ms: 10_000,
            topic_data: vec![data],
            ..Default::default()
        };
        let written = async {
            loop {
                let answer = self.wire.call(&request, 12).await;
                match error(answer.responses[0].partition_responses[0].error_code) {
                    "NONE" => return,
                    // The last two: the transaction before is still ending.
                    "UNKNOWN_TOPIC_OR_PARTITION"
                    | "NOT_LEADER_OR_FOLLOWER"
                    | "CONCURRENT_TRANSACTIONS"
                    | "NOT_ENOUGH_REPLICAS" => {}
                    other => panic!("{other}"),
                }
            }
        };
        let written = timeout(WAIT, written).await;
        written.unwrap_or_else(|_| panic!("waited {WAIT:?} to write to {topic}"));
    }

    /// A producer with the transactional id "p".
    pub(crate) async fn producer(&mut self) -> Producer {
        // The coordinator's own topic comes into being with the first request.
        let find = FindCoordinatorRequest {
            key: self.topic("p").into(),
            key_type: 1,
            ..Default::default()
        };
        while self.wire.call(&find, 2).await.error_code != 0 {}
        let request = InitProducerIdRequest {
            transactional_id: Some(self.topic("p").into()),
            transaction_timeout_ms: 60_000,
            ..Default::default()
        };
        let answer = self
            .wire
            .call_coordinator(&request, 5, |answer| answer.error_code)
            .await;
        assert_eq!(error(answer.error_code), "NONE");
        Producer {
            id: answer.producer_id,
            epoch: answer.producer_epoch,
            sequence: 0,
        }
    }

    /// Writes a batch of so many records in a transaction.
    pub(crate) async fn produce_in(&mut self, producer: &mut Producer, topic: &str, count: usize) {
        let seal = Seal {
            producer: ProducerSequence {
                producer_id: producer.id,
                producer_epoch: producer.epoch,
                base_sequence: producer.sequence,
            },
            transactional: true,
            ..Seal::default()
        };
        producer.sequence += count as i32;
        let id = self.topic("p");
        self.write(topic, Some(&id), batch(count, 0, &seal)).await;
    }

    pub(crate) async fn end_transaction(&mut self, producer: &mut Producer, committed: bool) {
        let request = EndTxnRequest {
            transactional_id: self.topic("p").into(),
            producer_id: producer.id,
            producer_epoch: producer.epoch,
            committed,
            ..Default::default()
        };
        let ended = async {
            loop {
                let answer = self.wire.call(&request, 5).await;
                match error(answer.error_code) {
                    "NONE" => return answer,
                    "CONCURRENT_TRANSACTIONS" => {}
                    other => panic!("{other}"),
                }
            }
        };
        let ended = timeout(WAIT, ended).await;
        let ended = ended.unwrap_or_else(|_| panic!("waited {WAIT:?} to end a transaction"));
        *producer = Producer {
            id: ended.producer_id,
            epoch: ended.producer_epoch,
            sequence: 0,
        };
        self.line(if committed { "committed" } else { "aborted" });
    }
}

fn batch(count: usize, timestamp: i64, seal: &Seal) -> Bytes {
    let mut builder = RecordBatchBuilder::new();
    for _ in 0..count {
        builder
            .append(timestamp, None, Some(b"record"), &[])
            .expect("room for a record");
    }
    builder.finish(seal).expect("a batch")
}
