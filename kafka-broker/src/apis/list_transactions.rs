//! ListTransactions: all transactional ids, of certain states, producers, ages and names.

use bytestring::ByteString;
use kafka_proto::error_code::ErrorCode;
use kafka_proto::messages::list_transactions::TransactionState;
use kafka_proto::messages::{ListTransactionsRequest, ListTransactionsResponse};
use regex_lite::Regex;

use crate::authorizer::{Operation, Resource};
use crate::node::Call;
use crate::transactions::State;

pub(super) fn answer(
    call: &Call<'_>,
    request: ListTransactionsRequest,
) -> ListTransactionsResponse {
    let pattern = request.transactional_id_pattern.as_deref();
    // It has to match the whole id.
    let pattern = pattern
        .filter(|pattern| !pattern.is_empty())
        .map(|pattern| Regex::new(&format!("^(?:{pattern})$")));
    let Ok(pattern) = pattern.transpose() else {
        return ListTransactionsResponse {
            error_code: ErrorCode::InvalidRegularExpression.code(),
            ..Default::default()
        };
    };
    let states = &request.state_filters;
    let producers = &request.producer_id_filters;
    let cluster = call.cluster();
    let transaction_states = cluster.transactions.with(cluster, |coordinator, now| {
        let listed = coordinator.all().filter(|(id, transaction)| {
            let started = transaction.started.map_or(-1, |at| at.unix_millis);
            let age = now.unix_millis.saturating_sub(started);
            (states.is_empty() || states.iter().any(|state| state == transaction.state.name()))
                && (producers.is_empty() || producers.contains(&transaction.producer.id))
                && (request.duration_filter < 0 || age > request.duration_filter)
                && pattern.as_ref().is_none_or(|pattern| pattern.is_match(id))
                && call.allows(Operation::Describe, Resource::transactional_id(id))
        });
        listed
            .map(|(id, transaction)| TransactionState {
                transactional_id: id.clone(),
                producer_id: transaction.producer.id,
                transaction_state: ByteString::from_static(transaction.state.name()),
                ..Default::default()
            })
            .collect()
    });
    ListTransactionsResponse {
        unknown_state_filters: request
            .state_filters
            .iter()
            .filter(|state| !State::NAMES.contains(&&***state))
            .cloned()
            .collect(),
        transaction_states,
        ..Default::default()
    }
}
