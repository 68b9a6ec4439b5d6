//! AlterClientQuotas: says what clients may use (KIP-546).

use kafka_proto::messages::alter_client_quotas::{EntryData, ResponseEntryData};
use kafka_proto::messages::{AlterClientQuotasRequest, AlterClientQuotasResponse};

use crate::authorizer::{Operation, Resource};
use crate::node::Call;
use crate::quotas::Entity;

pub(super) fn answer(
    call: &Call<'_>,
    request: AlterClientQuotasRequest,
) -> AlterClientQuotasResponse {
    let allowed = call.check(Operation::AlterConfigs, Resource::CLUSTER);
    let alter = |entry: EntryData| {
        let parts = entry.entity.iter();
        let entity =
            Entity::read(parts.map(|part| (&*part.entity_type, part.entity_name.as_ref())));
        let changes: Vec<_> = entry
            .ops
            .iter()
            .map(|op| (op.key.clone(), (!op.remove).then_some(op.value)))
            .collect();
        let altered = entity.and_then(|entity| {
            allowed?;
            let quotas = &call.cluster().quotas;
            quotas.alter(&entity, &changes, request.validate_only)
        });
        let refusal = altered.err();
        ResponseEntryData {
            error_code: refusal.as_ref().map_or(0, |refusal| refusal.error.code()),
            error_message: refusal.map(|refusal| refusal.message.into()),
            entity: entry.entity,
            ..Default::default()
        }
    };
    AlterClientQuotasResponse {
        entries: request.entries.into_iter().map(alter).collect(),
        ..Default::default()
    }
}
