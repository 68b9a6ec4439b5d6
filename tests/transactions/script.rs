//! A connection that asks one thing after another and writes down what it is answered, in words that do not depend on
//! what the cluster was used for before: producer ids are numbered as they are first seen, and names are left out.

mod admin;
mod groups;
mod records;

use std::fmt::Write as _;
use std::time::{SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use kafka_proto::error_code::ErrorCode;
use kafka_proto::messages::add_partitions_to_txn::*;
use kafka_proto::messages::create_topics::CreatableTopic;
use kafka_proto::messages::describe_producers::TopicRequest;
use kafka_proto::messages::fetch::{FetchPartition, FetchTopic};
use kafka_proto::messages::join_group::JoinGroupRequestProtocol;
use kafka_proto::messages::list_offsets::{ListOffsetsPartition, ListOffsetsTopic};
use kafka_proto::messages::offset_commit::*;
use kafka_proto::messages::offset_fetch::{OffsetFetchRequestGroup, OffsetFetchRequestTopics};
use kafka_proto::messages::produce::{PartitionProduceData, TopicProduceData};
use kafka_proto::messages::txn_offset_commit::*;
use kafka_proto::messages::update_features::FeatureUpdateKey;
use kafka_proto::messages::write_txn_markers::{WritableTxnMarker, WritableTxnMarkerTopic};
use kafka_proto::messages::*;
use kafka_proto::records::{
    Batches, ControlRecord, ProducerSequence, RecordBatch, RecordBatchBuilder, Seal,
};
use tests::kafka::{WAIT, unique};
use tests::wire::Wire;
use tokio::time::timeout;

/// Who a producer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Producer {
    pub(crate) id: i64,
    pub(crate) epoch: i16,
}

impl Producer {
    pub(crate) const NONE: Self = Self { id: -1, epoch: -1 };

    /// The same at another epoch.
    pub(crate) fn at(self, epoch: i16) -> Self {
        Self { epoch, ..self }
    }
}

/// What is produced.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Batch {
    pub(crate) producer: Producer,
    pub(crate) sequence: i32,
    pub(crate) records: usize,
    pub(crate) transactional: bool,
}

impl Batch {
    pub(crate) fn new(producer: Producer, sequence: i32, records: usize) -> Self {
        Self {
            producer,
            sequence,
            records,
            transactional: true,
        }
    }
}

pub(crate) struct Script {
    wire: Wire,
    topic: String,
    name: String,
    /// In milliseconds since 1970, long enough ago that what the broker writes is told from what is produced.
    base_timestamp: i64,
    producers: Vec<i64>,
    written: String,
}

/// When records are produced, and when the broker certainly writes its own, in milliseconds after the base.
const RECORDS: i64 = 1_000;
const MARKERS: i64 = 500_000;

fn error(code: i16) -> &'static str {
    ErrorCode::from(code).name()
}

impl Script {
    /// Connects, and makes a topic of 4 partitions.
    pub(crate) async fn start(address: &str, name: &str) -> Self {
        let mut script = Self {
            wire: Wire::connect(address).await,
            topic: unique(name),
            name: unique(name),
            base_timestamp: SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .map_or(0, |now| now.as_millis() as i64 - 2 * MARKERS),
            producers: Vec::new(),
            written: String::new(),
        };
        let topic = CreatableTopic {
            name: script.topic.as_str().into(),
            num_partitions: 4,
            replication_factor: 1,
            ..Default::default()
        };
        let request = CreateTopicsRequest {
            topics: vec![topic],
            timeout_ms: 10_000,
            ..Default::default()
        };
        let created = script.wire.call(&request, 5).await;
        assert_eq!(error(created.topics[0].error_code), "NONE");
        // A broker hears of the topic after the controller has made it.
        for partition in 0..4 {
            while script.offset_of(partition, 0, -1).await.0 != "NONE" {}
        }
        // And the coordinators' own topics come into being with the first request.
        for key_type in [0, 1] {
            let request = FindCoordinatorRequest {
                key: script.name.as_str().into(),
                key_type,
                ..Default::default()
            };
            while script.wire.call(&request, 2).await.error_code != 0 {}
        }
        script
    }

    /// What was answered.
    pub(crate) fn written(self) -> String {
        self.written
    }

    fn line(&mut self, line: impl AsRef<str>) {
        let _ = writeln!(self.written, "{}", line.as_ref());
    }

    pub(crate) fn heading(&mut self, heading: &str) {
        self.line(format!("# {heading}"));
    }

    fn producer(&mut self, producer: Producer) -> String {
        if producer.id < 0 {
            return format!("none/{}", producer.epoch);
        }
        let known = self.producers.iter().position(|id| *id == producer.id);
        let index = known.unwrap_or_else(|| {
            self.producers.push(producer.id);
            self.producers.len() - 1
        });
        format!("p{index}/{}", producer.epoch)
    }

    /// A transactional id, and a group's id.
    pub(crate) fn id(&self, id: &str) -> String {
        if id.is_empty() {
            String::new()
        } else {
            format!("{}-{id}", self.name)
        }
    }

    pub(crate) async fn init_with(
        &mut self,
        version: i16,
        id: &str,
        timeout_ms: i32,
        expected: Producer,
    ) -> Producer {
        let request = InitProducerIdRequest {
            transactional_id: Some(self.id(id).into()),
            transaction_timeout_ms: timeout_ms,
            producer_id: expected.id,
            producer_epoch: expected.epoch,
            ..Default::default()
        };
        let answer = self
            .wire
            .call_coordinator(&request, version, |answer| answer.error_code)
            .await;
        let producer = Producer {
            id: answer.producer_id,
            epoch: answer.producer_epoch,
        };
        let (told, asked) = (self.producer(producer), self.producer(expected));
        self.line(format!(
            "init v{version} {id:?} {timeout_ms} ms as {asked}: {} {told}",
            error(answer.error_code)
        ));
        producer
    }

    pub(crate) async fn init(&mut self, version: i16, id: &str) -> Producer {
        self.init_with(version, id, 60_000, Producer::NONE).await
    }

    pub(crate) async fn add(
        &mut self,
        version: i16,
        id: &str,
        producer: Producer,
        partitions: &[i32],
    ) {
        self.add_to(version, id, producer, self.topic.clone(), partitions, false)
            .await;
    }

    pub(crate) async fn verify(&mut self, id: &str, producer: Producer, partitions: &[i32]) {
        self.add_to(5, id, producer, self.topic.clone(), partitions, true)
            .await;
    }

    pub(crate) async fn add_unknown_topic(&mut self, version: i16, id: &str, producer: Producer) {
        let topic = unique("no-such-topic");
        self.add_to(version, id, producer, topic, &[0], false).await;
    }

    async fn add_to(
        &mut self,
        version: i16,
        id: &str,
        producer: Producer,
        topic: String,
        partitions: &[i32],
        verify_only: bool,
    ) {
        let topics = vec![AddPartitionsToTxnTopic {
            name: topic.into(),
            partitions: partitions.to_vec(),
            ..Default::default()
        }];
        let request = if version < 4 {
            AddPartitionsToTxnRequest {
                v3_and_below_transactional_id: self.id(id).into(),
                v3_and_below_producer_id: producer.id,
                v3_and_below_producer_epoch: producer.epoch,
                v3_and_below_topics: topics,
                ..Default::default()
            }
        } else {
            let transaction = AddPartitionsToTxnTransaction {
                transactional_id: self.id(id).into(),
                producer_id: producer.id,
                producer_epoch: producer.epoch,
                verify_only,
                topics,
                ..Default::default()
            };
            AddPartitionsToTxnRequest {
                transactions: vec![transaction],
                ..Default::default()
            }
        };
        let answer = self.wire.call(&request, version).await;
        let mut topics = answer.results_by_topic_v3_and_below;
        topics.extend(
            answer
                .results_by_transaction
                .into_iter()
                .flat_map(|transaction| transaction.topic_results),
        );
        let mut errors: Vec<_> = topics
            .iter()
            .flat_map(|topic| &topic.results_by_partition)
            .map(|result| (result.partition_index, error(result.partition_error_code)))
            .collect();
        errors.sort_unstable();
        let (told, what) = (
            self.producer(producer),
            if verify_only { "verify" } else { "add" },
        );
        self.line(format!("{what} v{version} {id:?} {told}: {errors:?}"));
    }

    pub(crate) async fn end(
        &mut self,
        version: i16,
        id: &str,
        producer: Producer,
        committed: bool,
    ) -> Producer {
        let request = EndTxnRequest {
            transactional_id: self.id(id).into(),
            producer_id: producer.id,
            producer_epoch: producer.epoch,
            committed,
            ..Default::default()
        };
        let answer = self
            .wire
            .call_coordinator(&request, version, |answer| answer.error_code)
            .await;
        let next = Producer {
            id: answer.producer_id,
            epoch: answer.producer_epoch,
        };
        let (told, next_told) = (self.producer(producer), self.producer(next));
        let what = if committed { "commit" } else { "abort" };
        self.line(format!(
            "{what} v{version} {id:?} {told}: {} {next_told}",
            error(answer.error_code)
        ));
        self.settled(id).await;
        next
    }
}
