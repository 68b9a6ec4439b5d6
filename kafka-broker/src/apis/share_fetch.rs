//! ShareFetch: acquires records for a member of a share group, waiting for them if there are too few, and acknowledges
//! earlier ones.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use kafka_proto::codec::Uuid;
use kafka_proto::error_code::ErrorCode;
use kafka_proto::messages::share_fetch::{
    AcquiredRecords, FetchPartition, LeaderIdAndEpoch, NodeEndpoint, PartitionData,
    ShareFetchableTopicResponse,
};
use kafka_proto::messages::{ShareFetchRequest, ShareFetchResponse};
use tokio::sync::Notify;
use tokio::time::{Instant, timeout_at};

use super::share_partitions::{led_here, member, partition};
use crate::node::Call;
use crate::refusal::Refusal;
use crate::share::{AcknowledgementBatch, AcquireMode, CLOSE, Delivery, MemberKey, OPEN, Wish};
use crate::topics::TopicIdPartition;

/// What the answer says of partitions.
type Told = BTreeMap<TopicIdPartition, PartitionData>;
/// A partition that was read, or why it was not.
type ReadPartition = (TopicIdPartition, Result<Delivery, ErrorCode>);

pub(super) async fn answer(call: &Call<'_>, request: ShareFetchRequest) -> ShareFetchResponse {
    let answered = exchange(call, &request).await;
    answered.unwrap_or_else(|refusal| ShareFetchResponse {
        error_code: refusal.error.code(),
        error_message: Some(refusal.message.into()),
        ..Default::default()
    })
}

async fn exchange(
    call: &Call<'_>,
    request: &ShareFetchRequest,
) -> Result<ShareFetchResponse, Refusal> {
    let key = member(call, request.group_id.as_ref(), request.member_id.as_ref())?;
    let wanted = begin(call, request, &key)?;
    let mut told = acknowledge_all(call, request, &key);
    let share = &call.cluster().share;
    if request.share_session_epoch == CLOSE {
        share.release(&key, &call.node.share_sessions.close(&key));
    } else if !request.is_renew_ack && !wanted.is_empty() {
        for (id, delivery) in acquire_all(call, request, &key, &wanted).await {
            tell(call, &mut told, id, delivery);
        }
        if request.share_session_epoch == OPEN {
            // At first the member is told of all that may be read.
            let readable = wanted
                .into_iter()
                .filter(|id| share.has_room(&key.group_id, *id));
            for id in readable {
                told.entry(id).or_insert_with(|| data_of(id));
            }
        }
    }
    let lock = share.rules(&key.group_id).record_lock_duration.as_millis();
    Ok(ShareFetchResponse {
        acquisition_lock_timeout_ms: i32::try_from(lock).unwrap_or(i32::MAX),
        node_endpoints: leaders_named(call, &told),
        responses: by_topic(told),
        ..Default::default()
    })
}

/// Sees to the member's session. Returns what it wants to read.
fn begin(
    call: &Call<'_>,
    request: &ShareFetchRequest,
    key: &MemberKey,
) -> Result<Vec<TopicIdPartition>, ErrorCode> {
    let epoch = request.share_session_epoch;
    let acknowledges = partitions(request).any(|(_, partition)| is_acknowledging(partition));
    let reads = [
        request.max_bytes,
        request.min_bytes,
        request.max_records,
        request.max_wait_ms,
    ];
    let is_mixed = request.is_renew_ack && reads.iter().any(|limit| *limit != 0);
    if is_mixed || (epoch == OPEN && acknowledges) {
        return Err(ErrorCode::InvalidRequest);
    }
    let sessions = &call.node.share_sessions;
    if epoch == CLOSE {
        return sessions.acknowledge(key, epoch).map(|()| Vec::new());
    }
    let topics = request.forgotten_topics_data.iter();
    let forgotten = topics.flat_map(|topic| {
        let partitions = topic.partitions.iter();
        partitions.map(|partition| TopicIdPartition {
            topic_id: topic.topic_id,
            partition: *partition,
        })
    });
    let forgotten: Vec<_> = forgotten.collect();
    sessions.read(
        key,
        epoch,
        partitions(request).map(|(id, _)| id),
        &forgotten,
    )
}

/// The partitions that a request names.
fn partitions(
    request: &ShareFetchRequest,
) -> impl Iterator<Item = (TopicIdPartition, &FetchPartition)> {
    request.topics.iter().flat_map(|topic| {
        topic.partitions.iter().map(|partition| {
            let id = TopicIdPartition {
                topic_id: topic.topic_id,
                partition: partition.partition_index,
            };
            (id, partition)
        })
    })
}

fn is_acknowledging(partition: &FetchPartition) -> bool {
    !partition.acknowledgement_batches.is_empty()
}

fn acknowledge_all(call: &Call<'_>, request: &ShareFetchRequest, key: &MemberKey) -> Told {
    let acknowledging = partitions(request).filter(|(_, partition)| is_acknowledging(partition));
    let told = acknowledging.map(|(id, wanted)| {
        let mut data = data_of(id);
        if let Err(error) = acknowledge(call, key, id, wanted, request.is_renew_ack) {
            data.acknowledge_error_code = error.code();
            data.acknowledge_error_message = Some(error.message().into());
            note_leader(call, &mut data, id, error);
        }
        (id, data)
    });
    told.collect()
}

fn acknowledge(
    call: &Call<'_>,
    key: &MemberKey,
    id: TopicIdPartition,
    wanted: &FetchPartition,
    with_renew: bool,
) -> Result<(), ErrorCode> {
    let topic = led_here(call, id.topic_id, id.partition)?;
    let batches = wanted.acknowledgement_batches.iter().map(|batch| {
        let types = &batch.acknowledge_types[..];
        (batch.first_offset, batch.last_offset, types)
    });
    let batches = AcknowledgementBatch::read(batches, with_renew)?;
    let now = call.cluster().clock.now().instant;
    let partition = (id, partition(&topic, id.partition)?);
    let acknowledged = call
        .cluster()
        .share
        .acknowledge(key, partition, &batches, now);
    acknowledged.map_err(|refusal| {
        tracing::debug!(member = %key.member_id, reason = refusal.message, "records not acknowledged");
        refusal.error
    })
}

/// Acquires records as soon as there are enough, or what there is when the time is up.
async fn acquire_all(
    call: &Call<'_>,
    request: &ShareFetchRequest,
    key: &MemberKey,
    wanted: &[TopicIdPartition],
) -> Vec<ReadPartition> {
    let max_wait = Duration::from_millis(u64::try_from(request.max_wait_ms).unwrap_or(0));
    let deadline = Instant::now() + max_wait;
    let min_bytes = usize::try_from(request.min_bytes).unwrap_or(0).max(1);
    let changed = Arc::new(Notify::new());
    // Where so much was there, and none of it could be had, there is nothing to be tried again.
    let mut in_vain = None;
    loop {
        let ahead = bytes_ahead(call, key, wanted, &changed);
        if ahead.is_none_or(|ahead| ahead >= min_bytes && in_vain != Some(ahead)) {
            let read = acquire_once(call, request, key, wanted);
            if !read.is_empty() {
                return read;
            }
            in_vain = ahead;
        } else if timeout_at(deadline, changed.notified()).await.is_ok() {
            in_vain = None;
        } else {
            return acquire_once(call, request, key, wanted);
        }
    }
}

/// How much there is to be had; `None` if there is anything that the member has to be told instead. Otherwise `changed` is
/// notified when there may be more.
fn bytes_ahead(
    call: &Call<'_>,
    key: &MemberKey,
    wanted: &[TopicIdPartition],
    changed: &Arc<Notify>,
) -> Option<usize> {
    let now = call.cluster().clock.now();
    let mut ahead: usize = 0;
    for id in wanted {
        let topic = led_here(call, id.topic_id, id.partition).ok()?;
        let partition = (*id, topic.partition(id.partition)?);
        let share = &call.cluster().share;
        let bytes = share.bytes_ahead(&key.group_id, partition, changed, now);
        ahead = ahead.saturating_add(bytes);
    }
    Some(ahead)
}

/// The partitions of which there is something to say.
fn acquire_once(
    call: &Call<'_>,
    request: &ShareFetchRequest,
    key: &MemberKey,
    wanted: &[TopicIdPartition],
) -> Vec<ReadPartition> {
    let limit = call.cluster().settings.fetch_max_bytes;
    let max_bytes = usize::try_from(request.max_bytes).unwrap_or(0);
    let mut max_bytes = max_bytes.min(limit);
    let mut wish = Wish {
        member: key.member_id.clone(),
        mode: match request.share_acquire_mode {
            1 => AcquireMode::RecordLimit,
            _ => AcquireMode::BatchOptimized,
        },
        max_records: i64::from(request.max_records),
        batch_size: i64::from(request.batch_size),
    };
    let mut read: Vec<ReadPartition> = Vec::new();
    let mut is_first = true;
    for id in wanted {
        if wish.max_records <= 0 {
            break;
        }
        let acquired = acquire(call, key, *id, &wish, (max_bytes, is_first));
        if let Ok(delivery) = &acquired {
            if delivery.acquired.is_empty() {
                continue;
            }
            is_first = false;
            max_bytes = max_bytes.saturating_sub(delivery.records.len());
            let acquired = delivery.acquired.iter();
            wish.max_records -= acquired.map(|acquired| acquired.span.len()).sum::<i64>();
        }
        read.push((*id, acquired));
    }
    read
}

fn acquire(
    call: &Call<'_>,
    key: &MemberKey,
    id: TopicIdPartition,
    wish: &Wish,
    bytes: (usize, bool),
) -> Result<Delivery, ErrorCode> {
    let topic = led_here(call, id.topic_id, id.partition)?;
    let partition = (id, partition(&topic, id.partition)?);
    let now = call.cluster().clock.now();
    let share = &call.cluster().share;
    share.acquire(&key.group_id, partition, wish, bytes, now)
}

fn data_of(id: TopicIdPartition) -> PartitionData {
    PartitionData {
        partition_index: id.partition,
        ..Default::default()
    }
}

fn tell(
    call: &Call<'_>,
    told: &mut Told,
    id: TopicIdPartition,
    delivery: Result<Delivery, ErrorCode>,
) {
    let data = told.entry(id).or_insert_with(|| data_of(id));
    match delivery {
        Ok(Delivery { records, acquired }) => {
            let acquired = acquired.into_iter().map(|acquired| AcquiredRecords {
                first_offset: acquired.span.first,
                last_offset: acquired.span.last,
                delivery_count: acquired.deliveries,
                ..Default::default()
            });
            data.acquired_records = acquired.collect();
            data.records = Some(records);
        }
        Err(error) => {
            data.error_code = error.code();
            data.error_message = Some(error.message().into());
            note_leader(call, data, id, error);
        }
    }
}

/// Tells a member that went to the wrong broker which one is right.
fn note_leader(call: &Call<'_>, data: &mut PartitionData, id: TopicIdPartition, error: ErrorCode) {
    if error != ErrorCode::NotLeaderOrFollower {
        return;
    }
    let topic = call.cluster().topics.by_id(id.topic_id);
    if let Some(partition) = topic
        .as_ref()
        .and_then(|topic| topic.partition(id.partition))
    {
        let leadership = partition.leadership();
        data.current_leader = LeaderIdAndEpoch {
            leader_id: leadership.leader,
            leader_epoch: leadership.epoch,
            ..Default::default()
        };
    }
}

fn by_topic(told: Told) -> Vec<ShareFetchableTopicResponse> {
    let mut topics: BTreeMap<Uuid, Vec<PartitionData>> = BTreeMap::new();
    for (id, data) in told {
        topics.entry(id.topic_id).or_default().push(data);
    }
    let topics = topics
        .into_iter()
        .map(|(topic_id, partitions)| ShareFetchableTopicResponse {
            topic_id,
            partitions,
            ..Default::default()
        });
    topics.collect()
}

/// Where the leaders are that the answer names.
fn leaders_named(call: &Call<'_>, told: &Told) -> Vec<NodeEndpoint> {
    let moved = ErrorCode::NotLeaderOrFollower.code();
    let moved = told
        .values()
        .filter(|data| [data.error_code, data.acknowledge_error_code].contains(&moved));
    let leaders = moved.map(|data| data.current_leader.leader_id);
    let endpoints = call.cluster().nodes.named(leaders);
    endpoints
        .map(|endpoint| NodeEndpoint {
            node_id: endpoint.id,
            host: endpoint.host,
            port: i32::from(endpoint.port),
            rack: endpoint.rack,
            ..Default::default()
        })
        .collect()
}
