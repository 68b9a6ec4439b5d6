//! Fetch: reads batches, waiting for them if there are too few.

use std::sync::{Arc, MutexGuard};
use std::time::Duration;

use bytes::Bytes;
use kafka_proto::error_code::ErrorCode;
use kafka_proto::messages::fetch::{
    AbortedTransaction, FetchPartition, FetchTopic, FetchableTopicResponse, NodeEndpoint,
    PartitionData,
};
use kafka_proto::messages::{FetchRequest, FetchResponse};
use tokio::sync::Notify;
use tokio::time::{Instant, timeout_at};

use crate::authorizer::Operation;
use crate::lock::lock;
use crate::log::{Committed, Isolation, PartitionLog};
use crate::node::Call;
use crate::quotas::Quota;
use crate::topics::Topic;

/// From this version on a reader may go to a follower, and be sent to one (KIP-392).
const FIRST_VERSION_WITH_FOLLOWERS: i16 = 11;
/// From this version on topics are named by id.
const FIRST_VERSION_WITH_IDS: i16 = 13;
/// From this version on a reader that went to the wrong broker is told of the right one (KIP-951).
const FIRST_VERSION_WITH_LEADERS: i16 = 16;

pub(super) async fn answer(call: &Call<'_>, mut request: FetchRequest) -> FetchResponse {
    let sessions = &call.node.fetch_sessions;
    let exchange = match sessions.begin(&mut request, call.version, Instant::now().into_std()) {
        Ok(exchange) => exchange,
        Err(error) => {
            return FetchResponse {
                error_code: error.code(),
                ..Default::default()
            };
        }
    };
    let max_wait = Duration::from_millis(u64::try_from(request.max_wait_ms).unwrap_or(0));
    let deadline = Instant::now() + max_wait;
    let min_bytes = usize::try_from(request.min_bytes).unwrap_or(0);
    let max_bytes = usize::try_from(request.max_bytes)
        .unwrap_or(0)
        .min(call.cluster().settings.fetch_max_bytes);
    let limit = call.cluster().quotas.fetch_limit(call.quota_subject());
    let max_bytes = limit.map_or(max_bytes, |limit| max_bytes.min(limit.max(1)));
    let isolation = Isolation::from(request.isolation_level);
    let appended = Arc::new(Notify::new());
    loop {
        let min_bytes = min_bytes.min(max_bytes);
        let is_enough = is_enough(call, &request, isolation, min_bytes, &appended);
        if is_enough || timeout_at(deadline, appended.notified()).await.is_err() {
            break;
        }
    }
    let started = std::time::Instant::now();
    let mut responses = read_all(call, &request, isolation, max_bytes);
    let now = Instant::now().into_std();
    let session_id = sessions.finish(exchange, &request, call.version, &mut responses, now);
    let read = responses
        .iter()
        .flat_map(|topic| &topic.partitions)
        .filter_map(|partition| partition.records.as_ref())
        .map(Bytes::len);
    call.use_bytes(Quota::ConsumerByteRate, read.sum());
    call.use_time(started);
    FetchResponse {
        throttle_time_ms: call.throttle_millis(),
        session_id,
        node_endpoints: leaders_named(call, &responses),
        responses,
        ..Default::default()
    }
}

/// Where the leaders are that the answer names.
fn leaders_named(call: &Call<'_>, responses: &[FetchableTopicResponse]) -> Vec<NodeEndpoint> {
    let named = responses
        .iter()
        .flat_map(|topic| &topic.partitions)
        .map(|partition| partition.current_leader.leader_id);
    let endpoints = call.cluster().nodes.named(named);
    endpoints
        .map(|endpoint| call.advertised(endpoint))
        .map(|endpoint| NodeEndpoint {
            node_id: endpoint.id,
            host: endpoint.host,
            port: i32::from(endpoint.port),
            rack: endpoint.rack,
            ..Default::default()
        })
        .collect()
}

/// Whether there are `min_bytes` to read, or anything that the client has to be told. If not, `appended` is notified
/// when there may be more.
fn is_enough(
    call: &Call<'_>,
    request: &FetchRequest,
    isolation: Isolation,
    min_bytes: usize,
    appended: &Arc<Notify>,
) -> bool {
    let mut available = 0;
    for wanted in &request.topics {
        let Ok(topic) = topic_of(call, wanted) else {
            return true;
        };
        for partition in &wanted.partitions {
            let bytes = bytes_before(call, request, &topic, partition, isolation, appended);
            let Ok(bytes) = bytes else {
                return true;
            };
            available += bytes.min(usize::try_from(partition.partition_max_bytes).unwrap_or(0));
        }
    }
    available >= min_bytes
}

fn topic_of(call: &Call<'_>, wanted: &FetchTopic) -> Result<Arc<Topic>, ErrorCode> {
    call.topic_named(
        Operation::Read,
        call.version >= FIRST_VERSION_WITH_IDS,
        &wanted.topic,
        wanted.topic_id,
    )
}

/// Why a partition is not read.
enum Unread {
    Refused(ErrorCode),
    /// This replica is closer to the reader.
    Closer(i32),
    /// The reader has records that are not in the log: up to the end of this epoch they are the same.
    Diverging(i32, i64),
}

impl From<ErrorCode> for Unread {
    fn from(error: ErrorCode) -> Self {
        Self::Refused(error)
    }
}

/// The partition with its log, if the reader is to read it here.
fn open<'a>(
    call: &Call<'_>,
    request: &FetchRequest,
    topic: &'a Topic,
    wanted: &FetchPartition,
) -> Result<MutexGuard<'a, PartitionLog>, Unread> {
    let partition = topic
        .partition(wanted.partition)
        .ok_or(ErrorCode::UnknownTopicOrPartition)?;
    partition.check_leader_epoch(wanted.current_leader_epoch)?;
    let (node, leader) = (call.node.id, partition.leadership().leader);
    let is_refused = node != leader
        && (call.version < FIRST_VERSION_WITH_FOLLOWERS || !partition.replicas().contains(&node));
    if is_refused {
        return Err(ErrorCode::NotLeaderOrFollower.into());
    }
    let log = lock(&partition.log);
    if wanted.last_fetched_epoch >= 0 {
        let (epoch, end) = log
            .end_of_epoch(wanted.last_fetched_epoch)
            .ok_or(ErrorCode::OffsetOutOfRange)?;
        if epoch < wanted.last_fetched_epoch || end < wanted.fetch_offset {
            return Err(Unread::Diverging(epoch, end));
        }
    }
    if wanted.fetch_offset < log.start_offset() || wanted.fetch_offset > log.high_watermark() {
        return Err(ErrorCode::OffsetOutOfRange.into());
    }
    if node != leader || request.rack_id.is_empty() {
        return Ok(log);
    }
    let nodes = &call.cluster().nodes;
    match nodes.closer_than(leader, &request.rack_id, &partition.replicas()) {
        Some(closer) => Err(Unread::Closer(closer)),
        None => Ok(log),
    }
}

/// How many bytes a reader has before it.
fn bytes_before(
    call: &Call<'_>,
    request: &FetchRequest,
    topic: &Topic,
    wanted: &FetchPartition,
    isolation: Isolation,
    appended: &Arc<Notify>,
) -> Result<usize, Unread> {
    let mut log = open(call, request, topic, wanted)?;
    // Registered under the same lock as the look at the log, so that no append can fall in between.
    log.notify_on_append(appended);
    Ok(log.readable_bytes_from(wanted.fetch_offset, isolation))
}

/// Reads the partitions in the order of the request. The first batch goes out whatever its size, so that a reader
/// always gets on (KIP-74).
fn read_all(
    call: &Call<'_>,
    request: &FetchRequest,
    isolation: Isolation,
    mut max_bytes: usize,
) -> Vec<FetchableTopicResponse> {
    let mut is_first = true;
    let mut responses = Vec::with_capacity(request.topics.len());
    for wanted in &request.topics {
        let topic = topic_of(call, wanted);
        let partitions = wanted.partitions.iter().map(|wanted| {
            let read = match &topic {
                Ok(topic) => read(call, request, topic, wanted, isolation, max_bytes, is_first),
                Err(error) => Err((*error).into()),
            };
            let read = read.unwrap_or_else(|why| unread(call, topic.as_ref().ok(), wanted, &why));
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
    call: &Call<'_>,
    request: &FetchRequest,
    topic: &Topic,
    wanted: &FetchPartition,
    isolation: Isolation,
    max_bytes: usize,
    is_first: bool,
) -> Result<PartitionData, Unread> {
    let max_bytes = max_bytes.min(usize::try_from(wanted.partition_max_bytes).unwrap_or(0));
    let log = open(call, request, topic, wanted)?;
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
        return Err(ErrorCode::OffsetOutOfRange.into());
    };
    let aborted = aborted.map(|aborted| {
        let transactions = aborted.into_iter().map(|transaction| AbortedTransaction {
            producer_id: transaction.producer_id,
            first_offset: transaction.first_offset,
            ..Default::default()
        });
        transactions.collect()
    });
    Ok(PartitionData {
        partition_index: wanted.partition,
        high_watermark: log.high_watermark(),
        last_stable_offset: log.last_stable_offset(),
        log_start_offset: log.start_offset(),
        aborted_transactions: aborted,
        records: Some(records),
        ..Default::default()
    })
}

/// What a reader is told instead of records.
fn unread(
    call: &Call<'_>,
    topic: Option<&Arc<Topic>>,
    wanted: &FetchPartition,
    why: &Unread,
) -> PartitionData {
    let mut data = PartitionData {
        partition_index: wanted.partition,
        high_watermark: -1,
        aborted_transactions: None,
        ..Default::default()
    };
    let partition = topic.and_then(|topic| topic.partition(wanted.partition));
    match why {
        Unread::Refused(error) => {
            data.error_code = error.code();
            let is_moved = matches!(
                error,
                ErrorCode::NotLeaderOrFollower | ErrorCode::FencedLeaderEpoch
            );
            if let Some(partition) = partition
                && is_moved
                && call.version >= FIRST_VERSION_WITH_LEADERS
            {
                let leadership = partition.leadership();
                data.current_leader.leader_id = leadership.leader;
                data.current_leader.leader_epoch = leadership.epoch;
            }
        }
        Unread::Closer(replica) => data.preferred_read_replica = *replica,
        Unread::Diverging(epoch, end) => {
            data.diverging_epoch.epoch = *epoch;
            data.diverging_epoch.end_offset = *end;
        }
    }
    if let (Some(partition), Unread::Closer(_) | Unread::Diverging(..)) = (partition, why) {
        let log = lock(&partition.log);
        data.high_watermark = log.high_watermark();
        data.last_stable_offset = log.last_stable_offset();
        data.log_start_offset = log.start_offset();
    }
    data
}
