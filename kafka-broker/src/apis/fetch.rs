//! Fetch: reads batches, waiting for them if there are too few.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use kafka_proto::error_code::ErrorCode;
use kafka_proto::messages::fetch::{
    AbortedTransaction, FetchPartition, FetchTopic, FetchableTopicResponse, PartitionData,
};
use kafka_proto::messages::{FetchRequest, FetchResponse};
use tokio::sync::Notify;
use tokio::time::{Instant, timeout_at};

use crate::lock::lock;
use crate::log::{Committed, Isolation};
use crate::node::Call;
use crate::topics::{Partition, Topic};

/// From this version on topics are named by id.
const FIRST_VERSION_WITH_IDS: i16 = 13;
/// The epochs of requests that name all of their partitions: one asks for a session, the other ends one.
const INITIAL_EPOCH: i32 = 0;
const FINAL_EPOCH: i32 = -1;

pub(super) async fn answer(call: &Call<'_>, request: FetchRequest) -> FetchResponse {
    // No session is ever opened, which a broker is free to: every request then names all of its partitions (KIP-227).
    if !matches!(request.session_epoch, INITIAL_EPOCH | FINAL_EPOCH) {
        return FetchResponse {
            error_code: ErrorCode::FetchSessionIdNotFound.code(),
            ..Default::default()
        };
    }
    let max_wait = Duration::from_millis(u64::try_from(request.max_wait_ms).unwrap_or(0));
    let deadline = Instant::now() + max_wait;
    let min_bytes = usize::try_from(request.min_bytes).unwrap_or(0);
    let max_bytes = usize::try_from(request.max_bytes)
        .unwrap_or(0)
        .min(call.cluster().settings.fetch_max_bytes);
    let isolation = Isolation::from(request.isolation_level);
    let appended = Arc::new(Notify::new());
    loop {
        let min_bytes = min_bytes.min(max_bytes);
        let is_enough = is_enough(call, &request.topics, isolation, min_bytes, &appended);
        if is_enough || timeout_at(deadline, appended.notified()).await.is_err() {
            break;
        }
    }
    let responses = read_all(call, &request.topics, isolation, max_bytes);
    FetchResponse {
        responses,
        ..Default::default()
    }
}

/// Whether there are `min_bytes` to read, or anything that the client has to be told. If not, `appended` is notified
/// when there may be more.
fn is_enough(
    call: &Call<'_>,
    topics: &[FetchTopic],
    isolation: Isolation,
    min_bytes: usize,
    appended: &Arc<Notify>,
) -> bool {
    let mut available = 0;
    for wanted in topics {
        let Ok(topic) = topic_of(call, wanted) else {
            return true;
        };
        for partition in &wanted.partitions {
            let Ok(bytes) = bytes_before(&topic, partition, isolation, appended) else {
                return true;
            };
            available += bytes.min(usize::try_from(partition.partition_max_bytes).unwrap_or(0));
        }
    }
    available >= min_bytes
}

fn topic_of(call: &Call<'_>, wanted: &FetchTopic) -> Result<Arc<Topic>, ErrorCode> {
    call.cluster().topics.named(
        call.version >= FIRST_VERSION_WITH_IDS,
        &wanted.topic,
        wanted.topic_id,
    )
}

/// The partition, if it has gone through the epochs that the reader knows of.
fn check<'a>(topic: &'a Topic, wanted: &FetchPartition) -> Result<&'a Partition, ErrorCode> {
    let partition = topic
        .partition(wanted.partition)
        .ok_or(ErrorCode::UnknownTopicOrPartition)?;
    partition.check_leader_epoch(wanted.current_leader_epoch)?;
    if wanted.last_fetched_epoch > partition.leader_epoch {
        return Err(ErrorCode::OffsetOutOfRange);
    }
    Ok(partition)
}

/// How many bytes a reader has before it.
fn bytes_before(
    topic: &Topic,
    wanted: &FetchPartition,
    isolation: Isolation,
    appended: &Arc<Notify>,
) -> Result<usize, ErrorCode> {
    let partition = check(topic, wanted)?;
    let mut log = lock(&partition.log);
    if wanted.fetch_offset < log.start_offset() || wanted.fetch_offset > log.high_watermark() {
        return Err(ErrorCode::OffsetOutOfRange);
    }
    // Registered under the same lock as the look at the log, so that no append can fall in between.
    log.notify_on_append(appended);
    Ok(log.readable_bytes_from(wanted.fetch_offset, isolation))
}

/// Reads the partitions in the order of the request. The first batch goes out whatever its size, so that a reader
/// always gets on (KIP-74).
fn read_all(
    call: &Call<'_>,
    topics: &[FetchTopic],
    isolation: Isolation,
    mut max_bytes: usize,
) -> Vec<FetchableTopicResponse> {
    let mut is_first = true;
    let mut responses = Vec::with_capacity(topics.len());
    for wanted in topics {
        let topic = topic_of(call, wanted);
        let partitions = wanted.partitions.iter().map(|wanted| {
            let read = match &topic {
                Ok(topic) => read(topic, wanted, isolation, max_bytes, is_first),
                Err(error) => refused(wanted.partition, *error),
            };
            let len = read.records.as_ref().map_or(0, Bytes::len);
            is_first &= len == 0;
            max_bytes = max_bytes.saturating_sub(len);
            read
        });
        responses.push(FetchableTopicResponse {
            partitions: partitions.collect(),
            topic: wanted.topic.clone(),
            topic_id: wanted.topic_id,
            ..Default::default()
        });
    }
    responses
}

fn read(
    topic: &Topic,
    wanted: &FetchPartition,
    isolation: Isolation,
    max_bytes: usize,
    is_first: bool,
) -> PartitionData {
    let index = wanted.partition;
    let partition = match check(topic, wanted) {
        Ok(partition) => partition,
        Err(error) => return refused(index, error),
    };
    let max_bytes = max_bytes.min(usize::try_from(wanted.partition_max_bytes).unwrap_or(0));
    let log = lock(&partition.log);
    let offset = wanted.fetch_offset;
    let read = match isolation {
        Isolation::ReadUncommitted => log
            .read(offset, max_bytes, is_first)
            .map(|records| (records, None)),
        Isolation::ReadCommitted => log
            .read_committed(offset, max_bytes, is_first)
            .map(|Committed { records, aborted }| (records, Some(aborted))),
    };
    let Ok((records, aborted)) = read else {
        return refused(index, ErrorCode::OffsetOutOfRange);
    };
    let aborted = aborted.map(|aborted| {
        let transactions = aborted.into_iter().map(|transaction| AbortedTransaction {
            producer_id: transaction.producer_id,
            first_offset: transaction.first_offset,
            ..Default::default()
        });
        transactions.collect()
    });
    PartitionData {
        partition_index: index,
        high_watermark: log.high_watermark(),
        last_stable_offset: log.last_stable_offset(),
        log_start_offset: log.start_offset(),
        aborted_transactions: aborted,
        records: Some(records),
        ..Default::default()
    }
}

fn refused(partition_index: i32, error: ErrorCode) -> PartitionData {
    PartitionData {
        partition_index,
        error_code: error.code(),
        high_watermark: -1,
        aborted_transactions: None,
        ..Default::default()
    }
}
