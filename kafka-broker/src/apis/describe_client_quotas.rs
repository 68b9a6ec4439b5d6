//! DescribeClientQuotas: what clients may use (KIP-546).

use kafka_proto::messages::describe_client_quotas::{EntityData, EntryData, ValueData};
use kafka_proto::messages::{DescribeClientQuotasRequest, DescribeClientQuotasResponse};

use crate::authorizer::{Operation, Resource};
use crate::node::Call;
use crate::quotas::Filter;
use crate::refusal::Refusal;

pub(super) fn answer(
    call: &Call<'_>,
    request: DescribeClientQuotasRequest,
) -> DescribeClientQuotasResponse {
    let parts = request
        .components
        .into_iter()
        .map(|part| (part.entity_type, part.match_type, part.r#match));
    let allowed = call.check(Operation::DescribeConfigs, Resource::CLUSTER);
    let filter = allowed.map_err(Refusal::from);
    let filter = match filter.and_then(|()| Filter::read(parts, request.strict)) {
        Ok(filter) => filter,
        Err(refusal) => {
            return DescribeClientQuotasResponse {
                error_code: refusal.error.code(),
                error_message: Some(refusal.message.into()),
                entries: None,
                ..Default::default()
            };
        }
    };
    let found = call.cluster().quotas.describe(&filter);
    let entries = found.into_iter().map(|(entity, limits)| EntryData {
        entity: entity
            .parts()
            .map(|(kind, name)| EntityData {
                entity_type: kind.into(),
                entity_name: name.clone(),
                ..Default::default()
            })
            .collect(),
        values: limits
            .into_iter()
            .map(|(quota, value)| ValueData {
                key: quota.name().into(),
                value,
                ..Default::default()
            })
            .collect(),
        ..Default::default()
    });
    DescribeClientQuotasResponse {
        error_message: None,
        entries: Some(entries.collect()),
        ..Default::default()
    }
}
