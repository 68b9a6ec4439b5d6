//! A connection that sends typed requests and receives typed responses, and what most tests need with it.

use std::future::Future;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use kafka_broker::Broker;
use kafka_proto::codec::Request;
use kafka_proto::error_code::ErrorCode;
use kafka_proto::frame::{correlation_id, decode_response, encode_request, take_frame};
use kafka_proto::messages::fetch::{FetchPartition, FetchTopic, PartitionData};
use kafka_proto::messages::produce::{
    PartitionProduceData, PartitionProduceResponse, TopicProduceData,
};
use kafka_proto::messages::{FetchRequest, ProduceRequest};
use kafka_proto::records::{Batches, ProducerSequence, RecordBatchBuilder, Seal};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;

/// Longer than anything here takes, and short enough to be waited for when something is broken.
const PATIENCE: Duration = Duration::from_secs(20);

/// Waits for `what`, but not for ever.
pub(crate) async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    let result = tokio::time::timeout(PATIENCE, future).await;
    result.unwrap_or_else(|_| panic!("waited {PATIENCE:?} for {what}"))
}

pub(crate) async fn broker() -> Broker {
    Broker::builder().start().await.expect("a free port")
}

/// Bytes both ways.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

pub(crate) struct Connection {
    socket: Box<dyn Stream>,
    received: BytesMut,
    last_id: i32,
}

impl Connection {
    pub(crate) async fn open(broker: &Broker) -> Self {
        Self::open_to(broker, 1).await
    }

    /// A connection to one of several brokers.
    pub(crate) async fn open_to(broker: &Broker, node: i32) -> Self {
        Self::open_at(broker.node_addr(node).unwrap()).await
    }

    pub(crate) async fn open_at(address: SocketAddr) -> Self {
        let socket = within("a connection", TcpStream::connect(address)).await;
        Self::over(socket.unwrap())
    }

    /// A connection over something that is there.
    pub(crate) fn over(stream: impl Stream + 'static) -> Self {
        Self {
            socket: Box::new(stream),
            received: BytesMut::new(),
            last_id: 0,
        }
    }

    pub(crate) async fn write(&mut self, bytes: &[u8]) {
        within("a write", self.socket.write_all(bytes))
            .await
            .unwrap();
        within("a write", self.socket.flush()).await.unwrap();
    }

    /// Sends a request without waiting for its answer.
    pub(crate) async fn send<R: Request>(&mut self, request: &R, version: i16) -> i32 {
        self.last_id += 1;
        let bytes = encode_request(request, version, self.last_id, Some(&"test".into()))
            .unwrap()
            .into_bytes();
        self.write(&bytes).await;
        self.last_id
    }

    /// The next frame; `None` when the broker has closed the connection.
    pub(crate) async fn next_frame(&mut self) -> Option<Bytes> {
        loop {
            if let Some(frame) = take_frame(&mut self.received, usize::MAX).unwrap() {
                return Some(frame);
            }
            let read = within("a response", self.socket.read_buf(&mut self.received)).await;
            if !read.is_ok_and(|len| len > 0) {
                return None;
            }
        }
    }

    /// The answer to the request with this correlation id, which has to be the next one.
    pub(crate) async fn receive<R: Request>(&mut self, id: i32, version: i16) -> R::Response {
        let frame = self
            .next_frame()
            .await
            .unwrap_or_else(|| panic!("{} {version}: closed", R::NAME));
        assert_eq!(correlation_id(&frame), Ok(id), "answers come in order");
        decode_response::<R>(frame, version).unwrap()
    }

    pub(crate) async fn call<R: Request>(&mut self, request: &R, version: i16) -> R::Response {
        let id = self.send(request, version).await;
        self.receive::<R>(id, version).await
    }

    /// Produces to a partition, in a version with names.
    pub(crate) async fn produce(
        &mut self,
        topic: &str,
        partition: i32,
        records: Bytes,
    ) -> PartitionProduceResponse {
        let response = self
            .call(&produce_request(topic, partition, records), 12)
            .await;
        response.responses[0].partition_responses[0].clone()
    }

    /// Fetches from a partition what is there, in a version with names.
    pub(crate) async fn fetch(
        &mut self,
        topic: &str,
        partition: i32,
        offset: i64,
    ) -> PartitionData {
        let response = self
            .call(&fetch_request(topic, partition, offset), 12)
            .await;
        assert_eq!(ErrorCode::from(response.error_code), ErrorCode::None);
        response.responses[0].partitions[0].clone()
    }
}

pub(crate) fn produce_request(topic: &str, index: i32, records: Bytes) -> ProduceRequest {
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

pub(crate) fn fetch_request(topic: &str, partition: i32, fetch_offset: i64) -> FetchRequest {
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

/// A batch of records with these values and timestamps.
pub(crate) fn batch_at(records: &[(&str, i64)], seal: &Seal) -> Bytes {
    let mut builder = RecordBatchBuilder::new();
    for (value, timestamp) in records {
        builder
            .append(*timestamp, None, Some(value.as_bytes()), &[])
            .unwrap();
    }
    builder.finish(seal).unwrap()
}

pub(crate) fn batch(values: &[&str]) -> Bytes {
    let records: Vec<_> = values.iter().map(|value| (*value, 1_000)).collect();
    batch_at(&records, &Seal::default())
}

/// A batch of an idempotent producer.
pub(crate) fn sequenced(
    values: &[&str],
    producer_id: i64,
    producer_epoch: i16,
    base_sequence: i32,
) -> Bytes {
    let producer = ProducerSequence {
        producer_id,
        producer_epoch,
        base_sequence,
    };
    let records: Vec<_> = values.iter().map(|value| (*value, 1_000)).collect();
    batch_at(
        &records,
        &Seal {
            producer,
            ..Seal::default()
        },
    )
}

/// Offset and value of each record that was fetched.
pub(crate) fn records(data: &PartitionData) -> Vec<(i64, String)> {
    let mut records = Vec::new();
    for batch in Batches::new(data.records.clone().unwrap()) {
        let batch = batch.unwrap();
        batch.verify_crc().unwrap();
        for record in &batch.decompressed(1 << 24).unwrap() {
            let record = record.unwrap();
            records.push((
                record.offset(),
                String::from_utf8(record.value().unwrap().to_vec()).unwrap(),
            ));
        }
    }
    records
}

pub(crate) fn numbered(values: &[&str], first: i64) -> Vec<(i64, String)> {
    (first..)
        .zip(values)
        .map(|(offset, value)| (offset, (*value).to_owned()))
        .collect()
}
