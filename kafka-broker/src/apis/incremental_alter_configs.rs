//! IncrementalAlterConfigs: changes single settings of resources (KIP-339).

use kafka_proto::messages::incremental_alter_configs::AlterConfigsResourceResponse;
use kafka_proto::messages::{IncrementalAlterConfigsRequest, IncrementalAlterConfigsResponse};

use super::config_resources;
use crate::configs::Change;
use crate::node::Call;

pub(super) fn answer(
    call: &Call<'_>,
    request: IncrementalAlterConfigsRequest,
) -> IncrementalAlterConfigsResponse {
    let all = &request.resources;
    let responses = all.iter().map(|resource| {
        let (kind, name) = (resource.resource_type, &resource.resource_name);
        let same = all
            .iter()
            .filter(|other| (other.resource_type, &other.resource_name) == (kind, name));
        let altered = if same.count() > 1 {
            Err(config_resources::invalid(
                "Each resource must appear at most once.",
            ))
        } else {
            let change = Change::incremental(resource.configs.iter().map(|config| {
                (
                    &*config.name,
                    config.config_operation,
                    config.value.as_deref(),
                )
            }));
            change.and_then(|change| {
                config_resources::alter(call, kind, name, &change, request.validate_only)
            })
        };
        let refusal = altered.err();
        AlterConfigsResourceResponse {
            error_code: refusal.as_ref().map_or(0, |refusal| refusal.error.code()),
            error_message: refusal.map(|refusal| refusal.message.into()),
            resource_type: kind,
            resource_name: name.clone(),
            ..Default::default()
        }
    });
    IncrementalAlterConfigsResponse {
        responses: responses.collect(),
        ..Default::default()
    }
}
