//! ListOffsets: offsets by timestamp.

use std::cmp::Ordering;

use bytes::Bytes;
use kafka_proto::error_code::ErrorCode;
use kafka_proto::messages::list_offsets::{
    ListOffsetsPartition, ListOffsetsPartitionResponse, ListOffsetsTopicResponse,
};
use kafka_proto::messages::{ListOffsetsRequest, ListOffsetsResponse};
use kafka_proto::records::RecordBatch;

use crate::authorizer::Operation;
use crate::lock::lock;
use crate::log::Isolation;
use crate::node::Call;
use crate::topics::Partition;

/// The timestamps that stand for something else.
const LATEST: i64 = -1;
const EARLIEST: i64 = -2;
const MAX_TIMESTAMP: i64 = -3;
const EARLIEST_LOCAL: i64 = -4;
const LATEST_TIERED: i64 = -5;
const EARLIEST_PENDING_UPLOAD: i64 = -6;
/// The same, each with the version that brought it.
const SPECIAL: [(i64, i16); 6] = [
    (LATEST, 1),
    (EARLIEST, 1),
    (MAX_TIMESTAMP, 7),
    (EARLIEST_LOCAL, 8),
    (LATEST_TIERED, 9),
    (EARLIEST_PENDING_UPLOAD, 11),
];

/// What a lookup may take of memory: a small batch may have been made to grow beyond all bounds.
const MAX_DECOMPRESSED: usize = 256 << 20;

pub(super) fn answer(call: &Call<'_>, request: ListOffsetsRequest) -> ListOffsetsResponse {
    let isolation = Isolation::from(request.isolation_level);
    let topics = request.topics.into_iter().map(|wanted| {
        let topic = call.topic(Operation::Describe, &wanted.name);
        let is_known = |wanted: &ListOffsetsPartition| {
            wanted.timestamp >= 0
                || SPECIAL
                    .iter()
                    .any(|special| wanted.timestamp == special.0 && call.version >= special.1)
        };
        let partitions = wanted.partitions.iter().map(|wanted| {
            let found = match &topic {
                Err(error @ ErrorCode::TopicAuthorizationFailed) => Err(*error),
                _ if !is_known(wanted) => Err(ErrorCode::UnsupportedVersion),
                Err(error) => Err(*error),
                Ok(topic) => match topic.partition(wanted.partition_index) {
                    Some(partition) => look_up(call, partition, wanted, isolation),
                    None => Err(ErrorCode::UnknownTopicOrPartition),
                },
            };
            let (error, found) = match found {
                Ok(found) => (ErrorCode::None, found),
                Err(error) => (error, Found::NOTHING),
            };
            ListOffsetsPartitionResponse {
                partition_index: wanted.partition_index,
                error_code: error.code(),
                timestamp: found.timestamp,
                offset: found.offset,
                leader_epoch: if call.version >= 4 {
                    found.leader_epoch
                } else {
                    -1
                },
                ..Default::default()
            }
        });
        ListOffsetsTopicResponse {
            partitions: partitions.collect(),
            name: wanted.name,
            ..Default::default()
        }
    });
    ListOffsetsResponse {
        topics: topics.collect(),
        ..Default::default()
    }
}

struct Found {
    timestamp: i64,
    offset: i64,
    leader_epoch: i32,
}

impl Found {
    const NOTHING: Self = Self {
        timestamp: -1,
        offset: -1,
        leader_epoch: -1,
    };
}

fn look_up(
    call: &Call<'_>,
    partition: &Partition,
    wanted: &ListOffsetsPartition,
    isolation: Isolation,
) -> Result<Found, ErrorCode> {
    partition.check_leader(call.node.id, wanted.current_leader_epoch)?;
    let log = lock(&partition.log);
    let end = log.readable_end(isolation);
    let at = |offset| Found {
        timestamp: -1,
        offset,
        leader_epoch: log.epoch_at(offset).unwrap_or(-1),
    };
    match wanted.timestamp {
        LATEST => Ok(at(end)),
        EARLIEST | EARLIEST_LOCAL => Ok(at(log.start_offset())),
        // Nothing is tiered, and nothing waits for it.
        LATEST_TIERED | EARLIEST_PENDING_UPLOAD => Ok(Found::NOTHING),
        MAX_TIMESTAMP => {
            let Some(timestamp) = log.max_timestamp() else {
                return Ok(Found::NOTHING);
            };
            let batch = log.batch_at_timestamp(timestamp);
            drop(log);
            record_in(batch, end, |at| at.cmp(&timestamp))
        }
        timestamp => {
            let batch = log.batch_at_timestamp(timestamp);
            drop(log);
            record_in(batch, end, |at| {
                if at >= timestamp {
                    Ordering::Equal
                } else {
                    Ordering::Less
                }
            })
        }
    }
}

/// The first record of a batch whose timestamp fits, unless it lies behind what may be read.
fn record_in(
    batch: Option<Bytes>,
    end: i64,
    fits: impl Fn(i64) -> Ordering,
) -> Result<Found, ErrorCode> {
    let Some(batch) = batch else {
        return Ok(Found::NOTHING);
    };
    let batch = RecordBatch::parse(batch).map_err(|_| ErrorCode::CorruptMessage)?;
    let leader_epoch = batch.partition_leader_epoch();
    let block = batch
        .decompressed(MAX_DECOMPRESSED)
        .map_err(|_| ErrorCode::CorruptMessage)?;
    for record in block.iter() {
        let record = record.map_err(|_| ErrorCode::CorruptMessage)?;
        if record.offset() >= end {
            break;
        }
        if fits(record.timestamp()).is_eq() {
            return Ok(Found {
                timestamp: record.timestamp(),
                offset: record.offset(),
                leader_epoch,
            });
        }
    }
    // None is readable, or the batch's header promises a timestamp that none of its records has.
    Ok(Found::NOTHING)
}
