//! AddPartitionsToTxn: adds partitions to transactions, or says whether they are there.

use std::collections::BTreeMap;

use bytestring::ByteString;
use kafka_proto::error_code::ErrorCode;
use kafka_proto::messages::add_partitions_to_txn::{
    AddPartitionsToTxnPartitionResult, AddPartitionsToTxnResult, AddPartitionsToTxnTopic,
    AddPartitionsToTxnTopicResult, AddPartitionsToTxnTransaction,
};
use kafka_proto::messages::{AddPartitionsToTxnRequest, AddPartitionsToTxnResponse};

use crate::authorizer::{Operation, Resource};
use crate::node::Call;
use crate::producers::ProducerIdAndEpoch;
use crate::transactions::TopicPartition;

/// From this version on a producer that was fenced can be told so.
const FIRST_VERSION_WITH_FENCED: i16 = 2;
/// From this version on a request has several transactions: brokers ask for their producers (KIP-890).
const FIRST_VERSION_WITH_BATCHES: i16 = 4;

pub(super) fn answer(
    call: &Call<'_>,
    request: AddPartitionsToTxnRequest,
) -> AddPartitionsToTxnResponse {
    if call.version >= FIRST_VERSION_WITH_BATCHES {
        if let Err(error) = call.check(Operation::ClusterAction, Resource::CLUSTER) {
            return AddPartitionsToTxnResponse {
                error_code: error.code(),
                ..Default::default()
            };
        }
        let results = request.transactions.iter().map(|transaction| {
            let topic_results = add(call, transaction);
            AddPartitionsToTxnResult {
                transactional_id: transaction.transactional_id.clone(),
                topic_results,
                ..Default::default()
            }
        });
        return AddPartitionsToTxnResponse {
            results_by_transaction: results.collect(),
            ..Default::default()
        };
    }
    let transaction = AddPartitionsToTxnTransaction {
        transactional_id: request.v3_and_below_transactional_id,
        producer_id: request.v3_and_below_producer_id,
        producer_epoch: request.v3_and_below_producer_epoch,
        topics: request.v3_and_below_topics,
        ..Default::default()
    };
    AddPartitionsToTxnResponse {
        results_by_topic_v3_and_below: match denied(call, &transaction) {
            Some(results) => results,
            None => add(call, &transaction),
        },
        ..Default::default()
    }
}

/// What a producer is told that may not do this: of one partition that is not for it, all are kept out.
fn denied(
    call: &Call<'_>,
    transaction: &AddPartitionsToTxnTransaction,
) -> Option<Vec<AddPartitionsToTxnTopicResult>> {
    let id = Resource::transactional_id(&transaction.transactional_id);
    if let Err(error) = call.check(Operation::Write, id) {
        return Some(results(transaction, |_| error));
    }
    let check = |topic: &str| call.check(Operation::Write, Resource::topic(topic));
    let is_denied = transaction
        .topics
        .iter()
        .any(|topic| check(&topic.name).is_err());
    is_denied.then(|| {
        results(transaction, |partition| {
            let denied = check(&partition.topic).err();
            denied.unwrap_or(ErrorCode::OperationNotAttempted)
        })
    })
}

fn add(
    call: &Call<'_>,
    transaction: &AddPartitionsToTxnTransaction,
) -> Vec<AddPartitionsToTxnTopicResult> {
    let id = &transaction.transactional_id;
    if let Err(error) = call.check_coordinator(id) {
        return results(transaction, |_| error);
    }
    let partitions = || transaction.topics.iter().flat_map(partitions_of);
    let is_known = |partition: &TopicPartition| {
        let topic = call.cluster().topics.by_name(&partition.topic);
        topic.is_some_and(|topic| topic.partition(partition.partition).is_some())
    };
    // One that is not there keeps all of them out.
    if !partitions().all(|partition| is_known(&partition)) {
        return results(transaction, |partition| {
            if is_known(partition) {
                ErrorCode::OperationNotAttempted
            } else {
                ErrorCode::UnknownTopicOrPartition
            }
        });
    }
    let producer = ProducerIdAndEpoch {
        id: transaction.producer_id,
        epoch: transaction.producer_epoch,
    };
    let cluster = call.cluster();
    cluster.transactions.with(cluster, |coordinator, now| {
        if transaction.verify_only {
            return results(transaction, |partition| {
                error_of(coordinator.verify_partition(id, producer, partition))
            });
        }
        let error = error_of(coordinator.add_partitions(id, producer, partitions(), now));
        let told = super::fenced_as(error, call.version, FIRST_VERSION_WITH_FENCED);
        results(transaction, |_| told)
    })
}

fn error_of(result: Result<(), ErrorCode>) -> ErrorCode {
    result.err().unwrap_or(ErrorCode::None)
}

fn partitions_of(topic: &AddPartitionsToTxnTopic) -> impl Iterator<Item = TopicPartition> {
    // A copy that does not keep the whole request in memory.
    let name = ByteString::from(&*topic.name);
    topic
        .partitions
        .iter()
        .map(move |&partition| TopicPartition {
            topic: name.clone(),
            partition,
        })
}

fn results(
    transaction: &AddPartitionsToTxnTransaction,
    mut error: impl FnMut(&TopicPartition) -> ErrorCode,
) -> Vec<AddPartitionsToTxnTopicResult> {
    let mut by_topic: BTreeMap<ByteString, Vec<AddPartitionsToTxnPartitionResult>> =
        BTreeMap::new();
    for partition in transaction.topics.iter().flat_map(partitions_of) {
        let result = AddPartitionsToTxnPartitionResult {
            partition_index: partition.partition,
            partition_error_code: error(&partition).code(),
            ..Default::default()
        };
        by_topic.entry(partition.topic).or_default().push(result);
    }
    let topics =
        by_topic.into_iter().map(
            |(name, results_by_partition)| AddPartitionsToTxnTopicResult {
                name,
                results_by_partition,
                ..Default::default()
            },
        );
    topics.collect()
}
