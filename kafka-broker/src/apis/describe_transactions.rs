//! DescribeTransactions: what transactional ids are doing.

use std::collections::BTreeMap;

use bytestring::ByteString;
use kafka_proto::error_code::ErrorCode;
use kafka_proto::messages::describe_transactions::{TopicData, TransactionState};
use kafka_proto::messages::{DescribeTransactionsRequest, DescribeTransactionsResponse};

use crate::authorizer::{Operation, Resource};
use crate::node::Call;
use crate::transactions::Coordinator;

pub(super) fn answer(
    call: &Call<'_>,
    request: DescribeTransactionsRequest,
) -> DescribeTransactionsResponse {
    let cluster = call.cluster();
    let transaction_states = cluster.transactions.with(cluster, |coordinator, _| {
        let ids = request.transactional_ids.into_iter();
        ids.map(|id| describe(call, coordinator, id)).collect()
    });
    DescribeTransactionsResponse {
        transaction_states,
        ..Default::default()
    }
}

fn describe(
    call: &Call<'_>,
    coordinator: &Coordinator,
    transactional_id: ByteString,
) -> TransactionState {
    let id = Resource::transactional_id(&transactional_id);
    if let Err(error) = call.check(Operation::Describe, id) {
        return TransactionState {
            error_code: error.code(),
            transactional_id,
            ..Default::default()
        };
    }
    let error = if transactional_id.is_empty() {
        ErrorCode::InvalidRequest
    } else {
        ErrorCode::TransactionalIdNotFound
    };
    let Some(transaction) = coordinator.get(&transactional_id) else {
        return TransactionState {
            error_code: error.code(),
            transactional_id,
            ..Default::default()
        };
    };
    let mut topics: BTreeMap<&ByteString, Vec<i32>> = BTreeMap::new();
    let is_shown = |topic: &str| call.allows(Operation::Describe, Resource::topic(topic));
    let partitions = transaction.partitions.iter();
    for partition in partitions.filter(|partition| is_shown(&partition.topic)) {
        let partitions = topics.entry(&partition.topic).or_default();
        partitions.push(partition.partition);
    }
    TransactionState {
        transactional_id,
        transaction_state: ByteString::from_static(transaction.state.name()),
        transaction_timeout_ms: i32::try_from(transaction.timeout.as_millis()).unwrap_or(i32::MAX),
        transaction_start_time_ms: transaction.started.map_or(-1, |at| at.unix_millis),
        producer_id: transaction.producer.id,
        producer_epoch: transaction.producer.epoch,
        topics: topics
            .into_iter()
            .map(|(topic, partitions)| TopicData {
                topic: topic.clone(),
                partitions,
                ..Default::default()
            })
            .collect(),
        ..Default::default()
    }
}
