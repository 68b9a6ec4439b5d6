//! Produce: appends batches.

use std::sync::MutexGuard;

use bytestring::ByteString;
use kafka_proto::error_code::ErrorCode;
use kafka_proto::messages::produce::{
    NodeEndpoint, PartitionProduceData, PartitionProduceResponse, TopicProduceResponse,
};
use kafka_proto::messages::{ProduceRequest, ProduceResponse};
use kafka_proto::records::{RecordBatch, RecordsError};

use crate::authorizer::{Operation, Resource};
use crate::connection::Closed;
use crate::lock::lock;
use crate::log::{Appended, Limits, PartitionLog, check_batch, single_batch};
use crate::node::Call;
use crate::producers::ProducerIdAndEpoch;
use crate::refusal::Refusal;
use crate::topics::{Partition, Topic};
use crate::transactions::{Entry, TopicPartition};

/// From this version on a producer that went to the wrong broker is told of the right one (KIP-951).
const FIRST_VERSION_WITH_LEADERS: i16 = 10;
/// From this version on topics are named by id.
const FIRST_VERSION_WITH_IDS: i16 = 13;
/// From this version on a producer can be told that it has to abort (KIP-890).
const FIRST_VERSION_WITH_ABORTABLE: i16 = 11;
/// From this version on a batch adds its partition to the transaction (KIP-890).
const FIRST_VERSION_WITH_IMPLICIT_ENTRY: i16 = 12;
/// What looking at records may take of memory: a small batch may have been made to grow beyond all bounds.
const MAX_DECOMPRESSED: usize = 256 << 20;

pub(super) fn answer(call: &Call<'_>, request: ProduceRequest) -> ProduceResponse {
    let acks_are_valid = matches!(request.acks, -1..=1);
    let waits_for_all = request.acks == -1;
    let transactional_id = request.transactional_id;
    let responses = request.topic_data.into_iter().map(|data| {
        let by_id = call.version >= FIRST_VERSION_WITH_IDS;
        let topic = if acks_are_valid {
            call.topic_named(Operation::Write, by_id, &data.name, data.topic_id)
        } else {
            Err(ErrorCode::InvalidRequiredAcks)
        };
        let append = |partition: PartitionProduceData| {
            let index = partition.index;
            match &topic {
                Ok(topic) => {
                    let appended = append(call, &transactional_id, topic, partition, waits_for_all);
                    let mut response = respond(index, appended);
                    name_leader(call, topic, &mut response);
                    response
                }
                Err(error) => refused(index, *error, None),
            }
        };
        TopicProduceResponse {
            name: data.name,
            topic_id: data.topic_id,
            partition_responses: data.partition_data.into_iter().map(append).collect(),
            ..Default::default()
        }
    });
    let responses: Vec<TopicProduceResponse> = responses.collect();
    ProduceResponse {
        node_endpoints: leaders_named(call, &responses),
        responses,
        ..Default::default()
    }
}

/// Tells a producer that went to the wrong broker of the right one.
fn name_leader(call: &Call<'_>, topic: &Topic, response: &mut PartitionProduceResponse) {
    if let Some(partition) = topic.partition(response.index)
        && response.error_code == ErrorCode::NotLeaderOrFollower.code()
        && call.version >= FIRST_VERSION_WITH_LEADERS
    {
        let leadership = partition.leadership();
        response.current_leader.leader_id = leadership.leader;
        response.current_leader.leader_epoch = leadership.epoch;
    }
}

/// Where the leaders are that the answer names.
fn leaders_named(call: &Call<'_>, responses: &[TopicProduceResponse]) -> Vec<NodeEndpoint> {
    let named = responses
        .iter()
        .flat_map(|topic| &topic.partition_responses)
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

/// A batch's place, and the time that it was given if the topic is set to that.
fn append(
    call: &Call<'_>,
    transactional_id: &Option<ByteString>,
    topic: &Topic,
    data: PartitionProduceData,
    waits_for_all: bool,
) -> Result<(Appended, i64), Refusal> {
    let partition = topic.partition(data.index).ok_or_else(|| {
        let count = topic.partition_count();
        let message = format!(
            "topic \"{}\" has no partition {} (it has {count})",
            topic.name, data.index
        );
        Refusal::new(ErrorCode::UnknownTopicOrPartition, message)
    })?;
    if waits_for_all {
        check_in_sync(call, topic, partition)?;
    }
    let batch = single_batch(data.records, call.version)?;
    let (batch, log_append_time) = validate(call, topic, data.index, batch)?;
    let appended = if batch.is_transactional() {
        let place = TopicPartition {
            topic: topic.name.clone(),
            partition: data.index,
        };
        append_in_transaction(call, transactional_id, partition, place, &batch)?
    } else {
        led_here(call, partition)?.append(&batch, partition.leader_epoch())?
    };
    Ok((appended, log_append_time))
}

/// A batch as it goes into the log, and the time that it was given if the topic is set to that.
fn validate(
    call: &Call<'_>,
    topic: &Topic,
    partition: i32,
    mut batch: RecordBatch,
) -> Result<(RecordBatch, i64), Refusal> {
    let (now, settings) = (call.cluster().clock.now().unix_millis, &topic.settings);
    let max_timestamp = if settings.log_append_time {
        i64::MAX
    } else {
        now.saturating_add(settings.timestamp_after_max_millis)
    };
    check_batch(
        &batch,
        Limits {
            max_bytes: settings.max_message_bytes,
            max_timestamp,
        },
    )?;
    let min_timestamp = settings
        .timestamp_before_max_millis
        .filter(|_| !settings.log_append_time)
        .map(|before| now.saturating_sub(before));
    if settings.log.compact || min_timestamp.is_some() {
        check_records(
            &batch,
            &topic.name,
            partition,
            settings.log.compact,
            min_timestamp,
        )?;
    }
    let mut log_append_time = -1;
    let invalid = |error: RecordsError| Refusal::new(ErrorCode::InvalidRecord, error.to_string());
    if let Some(codec) = settings.codec
        && batch.compression() != Ok(codec.compression())
    {
        batch = batch
            .recompressed(codec, MAX_DECOMPRESSED)
            .map_err(invalid)?;
        let len = batch.bytes().len();
        if len > settings.max_message_bytes {
            return Err(Refusal::new(
                ErrorCode::MessageTooLarge,
                format!(
                    "the record batch has {len} bytes as the topic's compression.type has it, and the topic takes {} \
                     (max.message.bytes)",
                    settings.max_message_bytes
                ),
            ));
        }
    }
    if settings.log_append_time {
        log_append_time = now;
        batch = batch
            .with_log_append_time(log_append_time)
            .map_err(invalid)?;
    }
    Ok((batch, log_append_time))
}

/// What can only be told from the records themselves.
fn check_records(
    batch: &RecordBatch,
    topic: &str,
    partition: i32,
    needs_keys: bool,
    min_timestamp: Option<i64>,
) -> Result<(), Refusal> {
    let corrupt = |error: RecordsError| Refusal::new(ErrorCode::CorruptMessage, error.to_string());
    let block = batch.decompressed(MAX_DECOMPRESSED).map_err(corrupt)?;
    for record in &block {
        let record = record.map_err(corrupt)?;
        if needs_keys && record.key().is_none() {
            return Err(Refusal::new(
                ErrorCode::InvalidRecord,
                format!(
                    "Compacted topic cannot accept message without key in topic partition {topic}-{partition}."
                ),
            ));
        }
        if min_timestamp.is_some_and(|min| record.timestamp() < min) {
            return Err(Refusal::new(
                ErrorCode::InvalidTimestamp,
                format!(
                    "a record has timestamp {}, the topic takes none before {} (message.timestamp.before.max.ms)",
                    record.timestamp(),
                    min_timestamp.unwrap_or_default()
                ),
            ));
        }
    }
    Ok(())
}

/// Whether enough replicas are in sync for a producer that waits for all of them.
fn check_in_sync(call: &Call<'_>, topic: &Topic, partition: &Partition) -> Result<(), Refusal> {
    let wanted = topic.settings.min_insync_replicas;
    if wanted <= 1 {
        return Ok(());
    }
    let (replicas, nodes) = (partition.replicas(), &call.cluster().nodes);
    let in_sync = replicas.iter().filter(|id| nodes.is_up(**id)).count();
    // More than there are replicas are never asked for.
    let wanted = wanted.min(replicas.len());
    if in_sync >= wanted {
        return Ok(());
    }
    Err(Refusal::new(
        ErrorCode::NotEnoughReplicas,
        format!(
            "{in_sync} replicas are in sync, and acks=all wants {wanted} (min.insync.replicas)"
        ),
    ))
}

/// The log of a partition that this broker leads. Nobody is elected while it is held.
fn led_here<'a>(
    call: &Call<'_>,
    partition: &'a Partition,
) -> Result<MutexGuard<'a, PartitionLog>, Refusal> {
    let log = lock(&partition.log);
    match partition.check_leader(call.node.id, -1) {
        Ok(()) => Ok(log),
        Err(error) => {
            let leader = partition.leadership().leader;
            let message = format!("broker {leader} leads the partition");
            Err(Refusal::new(error, message))
        }
    }
}

/// Appends a batch of a transaction, if that is open.
fn append_in_transaction(
    call: &Call<'_>,
    transactional_id: &Option<ByteString>,
    partition: &Partition,
    place: TopicPartition,
    batch: &RecordBatch,
) -> Result<Appended, Refusal> {
    let Some(transactional_id) = transactional_id else {
        return Err(Refusal::new(
            ErrorCode::TransactionalIdAuthorizationFailed,
            "the batch belongs to a transaction, and the request has no transactional id",
        ));
    };
    call.check(
        Operation::Write,
        Resource::transactional_id(transactional_id),
    )?;
    {
        let mut log = led_here(call, partition)?;
        // Where its first batch is, the coordinator has been asked, and the transaction ends with a marker.
        if log.is_in_transaction(batch)? {
            return log.append(batch, partition.leader_epoch());
        }
    }
    let producer = ProducerIdAndEpoch::of(batch);
    let entry = if call.version >= FIRST_VERSION_WITH_IMPLICIT_ENTRY {
        Entry::Implicit
    } else {
        Entry::Verified
    };
    let append = || {
        let mut log = led_here(call, partition)?;
        log.check_beginning(batch, entry == Entry::Implicit)?;
        log.append(batch, partition.leader_epoch())
    };
    let cluster = call.cluster();
    let appended =
        cluster
            .transactions
            .write_in(cluster, transactional_id, producer, (place, entry), append);
    appended.map_err(|error| refused_by_coordinator(error, call.version))?
}

/// What a producer of this version understands of what the transaction's coordinator says.
fn refused_by_coordinator(error: ErrorCode, version: i16) -> Refusal {
    let told = match error {
        ErrorCode::ProducerFenced => ErrorCode::InvalidProducerEpoch,
        ErrorCode::TransactionAbortable if version < FIRST_VERSION_WITH_ABORTABLE => {
            ErrorCode::InvalidTxnState
        }
        // It tries again after this one, without asking for metadata.
        ErrorCode::ConcurrentTransactions if version < FIRST_VERSION_WITH_IMPLICIT_ENTRY => {
            ErrorCode::NotEnoughReplicas
        }
        other => other,
    };
    let message = format!("the partition is in no transaction of this producer: {error}");
    Refusal::new(told, message)
}

fn respond(index: i32, result: Result<(Appended, i64), Refusal>) -> PartitionProduceResponse {
    match result {
        Ok((appended, log_append_time_ms)) => PartitionProduceResponse {
            index,
            base_offset: appended.base_offset,
            log_append_time_ms,
            log_start_offset: appended.log_start_offset,
            ..Default::default()
        },
        Err(refusal) => refused(index, refusal.error, Some(refusal.message)),
    }
}

fn refused(index: i32, error: ErrorCode, message: Option<String>) -> PartitionProduceResponse {
    PartitionProduceResponse {
        index,
        error_code: error.code(),
        base_offset: -1,
        error_message: message.map(Into::into),
        ..Default::default()
    }
}

/// With acks=0 nothing is answered; where anything failed the connection ends, so that the producer finds out.
pub(super) fn unacknowledged(response: &ProduceResponse) -> Result<(), Closed> {
    let partitions = response
        .responses
        .iter()
        .flat_map(|topic| &topic.partition_responses);
    match partitions
        .map(|partition| ErrorCode::from(partition.error_code))
        .find(|error| error.is_error())
    {
        Some(error) => Err(Closed::Unacknowledged(error.to_string())),
        None => Ok(()),
    }
}
