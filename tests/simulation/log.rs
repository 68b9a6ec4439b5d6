//! The brokers' logs as they are, read without any of the client's code.

use std::collections::BTreeMap;

use bytes::BytesMut;
use kafka_broker::Broker;
use kafka_proto::codec::Request;
use kafka_proto::frame::{decode_response, encode_request};
use kafka_proto::messages::FetchRequest;
use kafka_proto::messages::fetch::{FetchPartition, FetchTopic};
use kafka_proto::records::{Batches, ControlRecord, ControlType};
use tokio::io::{AsyncWriteExt, DuplexStream, duplex};

use crate::network::next_frame;

/// What became of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It is there for everybody.
    Settled,
    /// Its transaction was aborted.
    Aborted,
    /// Its transaction is open.
    Open,
}

#[derive(Debug, Clone)]
pub(crate) struct Logged {
    pub(crate) offset: i64,
    pub(crate) value: String,
    pub(crate) fate: Fate,
}

/// A partition's records, without markers.
#[derive(Debug, Clone, Default)]
pub(crate) struct Log {
    pub(crate) records: Vec<Logged>,
}

impl Log {
    /// The records that a reader of committed records sees.
    pub(crate) fn settled(&self) -> impl Iterator<Item = &Logged> {
        self.records
            .iter()
            .filter(|record| record.fate == Fate::Settled)
    }

    pub(crate) fn is_settled(&self) -> bool {
        self.records.iter().all(|record| record.fate != Fate::Open)
    }
}

/// Reads logs over a connection that nothing happens to.
pub(crate) struct LogReader {
    stream: DuplexStream,
    received: BytesMut,
    correlation: i32,
}

/// Any broker may be read from as a follower from this version on, and topics still have names in it.
const VERSION: i16 = 12;

impl LogReader {
    pub(crate) fn open(broker: &Broker) -> Self {
        let (stream, theirs) = duplex(1 << 20);
        broker.serve(1, theirs).expect("a broker that is up");
        Self {
            stream,
            received: BytesMut::new(),
            correlation: 0,
        }
    }

    async fn call<R: Request>(&mut self, request: &R, version: i16) -> R::Response {
        self.correlation += 1;
        let bytes = encode_request(request, version, self.correlation, None).unwrap();
        self.stream.write_all(&bytes.into_bytes()).await.unwrap();
        let answer = next_frame(&mut self.stream, &mut self.received).await;
        decode_response::<R>(answer.expect("an answer"), version).unwrap()
    }

    /// A partition's log from its beginning to its end.
    pub(crate) async fn read(&mut self, topic: &str, partition: i32) -> Log {
        let mut log = Log::default();
        // By producer, the records of its transaction.
        let mut open: BTreeMap<i64, Vec<usize>> = BTreeMap::new();
        let mut next = 0;
        loop {
            let request = FetchRequest {
                replica_id: -1,
                max_bytes: i32::MAX,
                session_epoch: -1,
                topics: vec![FetchTopic {
                    topic: topic.into(),
                    partitions: vec![FetchPartition {
                        partition,
                        current_leader_epoch: -1,
                        fetch_offset: next,
                        last_fetched_epoch: -1,
                        partition_max_bytes: i32::MAX,
                        ..Default::default()
                    }],
                    ..Default::default()
                }],
                ..Default::default()
            };
            let answer = self.call(&request, VERSION).await;
            let data = answer.responses[0].partitions[0].clone();
            assert_eq!(data.error_code, 0, "{topic}-{partition} can be read");
            for batch in Batches::new(data.records.unwrap_or_default()) {
                let batch = batch.unwrap();
                next = batch.next_offset();
                let block = batch.decompressed(1 << 30).unwrap();
                for record in block.iter() {
                    let record = record.unwrap();
                    if batch.is_control() {
                        let control = ControlRecord::parse(record.key().unwrap()).unwrap();
                        let fate = match control.kind {
                            ControlType::Commit => Fate::Settled,
                            _ => Fate::Aborted,
                        };
                        for at in open.remove(&batch.producer_id()).unwrap_or_default() {
                            log.records[at].fate = fate;
                        }
                        continue;
                    }
                    let fate = if batch.is_transactional() {
                        let of_producer = open.entry(batch.producer_id()).or_default();
                        of_producer.push(log.records.len());
                        Fate::Open
                    } else {
                        Fate::Settled
                    };
                    let value = record.value().unwrap_or_default();
                    log.records.push(Logged {
                        offset: record.offset(),
                        value: String::from_utf8_lossy(value).into_owned(),
                        fate,
                    });
                }
            }
            if next >= data.high_watermark {
                return log;
            }
        }
    }
}
