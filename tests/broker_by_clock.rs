//! What happens by the broker's clock, which these tests hold: retention, compaction, and the waiting of throttled clients.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use kafka_broker::Broker;
use kafka_proto::codec::Request;
use kafka_proto::frame::{decode_response, encode_request, take_frame};
use kafka_proto::messages::alter_client_quotas::{EntityData, EntryData, OpData};
use kafka_proto::messages::create_topics::{CreatableTopic, CreatableTopicConfig};
use kafka_proto::messages::fetch::{FetchPartition, FetchTopic};
use kafka_proto::messages::produce::{PartitionProduceData, TopicProduceData};
use kafka_proto::messages::*;
use kafka_proto::records::{Batches, RecordBatchBuilder, Seal};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::time::Instant;

/// A connection through memory: with a socket the clock would run on while bytes are on their way.
struct Pipe {
    stream: DuplexStream,
    received: BytesMut,
}

impl Pipe {
    fn open(broker: &Broker) -> Self {
        let (stream, theirs) = tokio::io::duplex(1 << 20);
        broker.serve(1, theirs).unwrap();
        Self {
            stream,
            received: BytesMut::new(),
        }
    }

    async fn call<R: Request>(&mut self, request: &R, version: i16) -> R::Response {
        let bytes = encode_request(request, version, 1, Some(&"test".into())).unwrap();
        self.stream.write_all(&bytes.into_bytes()).await.unwrap();
        loop {
            if let Some(frame) = take_frame(&mut self.received, usize::MAX).unwrap() {
                return decode_response::<R>(frame, version).unwrap();
            }
            let read = self.stream.read_buf(&mut self.received);
            let read = tokio::time::timeout(Duration::from_secs(3600), read).await;
            assert_ne!(read.expect("an answer within an hour").unwrap(), 0);
        }
    }

    async fn create(&mut self, configs: &[(&str, &str)]) {
        let configs = configs.iter().map(|(name, value)| CreatableTopicConfig {
            name: (*name).into(),
            value: Some((*value).into()),
            ..Default::default()
        });
        let request = CreateTopicsRequest {
            topics: vec![CreatableTopic {
                name: "t".into(),
                num_partitions: 1,
                replication_factor: -1,
                configs: configs.collect(),
                ..Default::default()
            }],
            ..Default::default()
        };
        assert_eq!(self.call(&request, 7).await.topics[0].error_code, 0);
    }

    async fn produce(&mut self, records: Bytes) -> i32 {
        let answer = self.call(&produce_request("t", 0, records), 12).await;
        let partition = &answer.responses[0].partition_responses[0];
        assert_eq!(partition.error_code, 0, "{:?}", partition.error_message);
        answer.throttle_time_ms
    }

    /// The offsets of the log's start and of the records that are there.
    async fn offsets(&mut self, from: i64) -> (i64, Vec<i64>) {
        let answer = self.call(&fetch_request("t", 0, from), 12).await;
        let partition = &answer.responses[0].partitions[0];
        let records = partition.records.clone().unwrap_or_default();
        let mut offsets = Vec::new();
        for batch in Batches::new(records) {
            let block = batch.unwrap().decompressed(1 << 20).unwrap();
            offsets.extend(block.iter().map(|record| record.unwrap().offset()));
        }
        (partition.log_start_offset, offsets)
    }
}

/// Sets a quota of all users.
fn quota(key: &str, value: f64) -> AlterClientQuotasRequest {
    AlterClientQuotasRequest {
        entries: vec![EntryData {
            entity: vec![EntityData {
                entity_type: "user".into(),
                entity_name: None,
                ..Default::default()
            }],
            ops: vec![OpData {
                key: key.into(),
                value,
                ..Default::default()
            }],
            ..Default::default()
        }],
        ..Default::default()
    }
}

fn produce_request(topic: &str, index: i32, records: Bytes) -> ProduceRequest {
    let partition = PartitionProduceData {
        index,
        records: Some(records),
        ..Default::default()
    };
    let topic = TopicProduceData {
        name: topic.into(),
        partition_data: vec![partition],
        ..Default::default()
    };
    ProduceRequest {
        acks: -1,
        timeout_ms: 1000,
        topic_data: vec![topic],
        ..Default::default()
    }
}

fn fetch_request(topic: &str, partition: i32, fetch_offset: i64) -> FetchRequest {
    let partition = FetchPartition {
        partition,
        fetch_offset,
        partition_max_bytes: 1 << 20,
        ..Default::default()
    };
    let topic = FetchTopic {
        topic: topic.into(),
        partitions: vec![partition],
        ..Default::default()
    };
    FetchRequest {
        min_bytes: 1,
        max_bytes: 1 << 20,
        topics: vec![topic],
        ..Default::default()
    }
}

fn now() -> i64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    now.unwrap().as_millis() as i64
}

fn record(key: &str, value: usize, timestamp: i64) -> Bytes {
    let mut builder = RecordBatchBuilder::new();
    let value = vec![b'v'; value];
    builder
        .append(timestamp, Some(key.as_bytes()), Some(&value), &[])
        .unwrap();
    builder.finish(&Seal::default()).unwrap()
}

/// A broker whose clock a test holds.
fn broker() -> Broker {
    Broker::builder()
        .start_time(std::time::SystemTime::now())
        .log_retention_check_interval(Duration::from_secs(60))
        .log_cleaner_backoff(Duration::from_secs(60))
        .start_without_listener()
}

#[tokio::test(start_paused = true)]
async fn records_go_when_they_are_older_than_their_topic_keeps() {
    let broker = broker();
    let pipe = &mut Pipe::open(&broker);
    pipe.create(&[("retention.ms", "600000"), ("segment.ms", "1000")])
        .await;
    let start = now();
    pipe.produce(record("a", 10, start)).await;
    pipe.produce(record("b", 10, start + 300_000)).await;
    tokio::time::sleep(Duration::from_secs(661)).await;
    assert_eq!(pipe.offsets(1).await, (1, vec![1]));
    tokio::time::sleep(Duration::from_secs(300)).await;
    assert_eq!(pipe.offsets(2).await, (2, vec![]));
}

#[tokio::test(start_paused = true)]
async fn a_compacted_topic_keeps_the_newest_of_each_key() {
    let broker = broker();
    let pipe = &mut Pipe::open(&broker);
    pipe.create(&[("cleanup.policy", "compact"), ("segment.ms", "1")])
        .await;
    let start = now();
    for (i, key) in ["a", "b", "a", "b", "c"].into_iter().enumerate() {
        pipe.produce(record(key, 10, start + 10 * i as i64)).await;
    }
    tokio::time::sleep(Duration::from_secs(130)).await;
    assert_eq!(pipe.offsets(0).await.0, 0, "the log starts where it did");
    let (mut all, mut next) = (Vec::new(), 0);
    while let (_, offsets) = pipe.offsets(next).await
        && let Some(last) = offsets.last()
    {
        next = last + 1;
        all.extend(offsets);
    }
    assert_eq!(all, [2, 3, 4]);
}

#[tokio::test(start_paused = true)]
async fn who_writes_too_much_is_told_to_wait_and_is_not_listened_to() {
    let broker = broker();
    let pipe = &mut Pipe::open(&broker);
    pipe.create(&[]).await;
    assert_eq!(
        pipe.produce(record("a", 20_000, now())).await,
        0,
        "without a quota"
    );
    pipe.call(&quota("producer_byte_rate", 1000.0), 1).await;
    let told = pipe.produce(record("a", 20_000, now())).await;
    // Some 20 kB spread over ten windows are 2 kB a second: ten seconds more bring that to the quota.
    assert!((9_900..10_500).contains(&told), "{told}");
    let before = Instant::now();
    pipe.call(&MetadataRequest::default(), 12).await;
    let waited = i32::try_from(before.elapsed().as_millis()).unwrap();
    assert!((told..told + 10).contains(&waited), "{waited} of {told}");
}

#[tokio::test(start_paused = true)]
async fn who_reads_too_much_is_told_to_wait() {
    let broker = broker();
    let pipe = &mut Pipe::open(&broker);
    pipe.create(&[]).await;
    for _ in 0..10 {
        pipe.produce(record("a", 5_000, now())).await;
    }
    pipe.call(&quota("consumer_byte_rate", 1000.0), 1).await;
    let start = Instant::now();
    let mut next = 0;
    while next < 10 {
        let answer = pipe.call(&fetch_request("t", 0, next), 12).await;
        let records = answer.responses[0].partitions[0].records.clone().unwrap();
        assert!(
            records.len() <= 10_200,
            "an answer is no larger than the quota's windows"
        );
        next += Batches::new(records).count() as i64;
    }
    let rate = 50_000 / start.elapsed().as_secs().max(1);
    assert!((900..2500).contains(&rate), "{rate} bytes a second");
}
