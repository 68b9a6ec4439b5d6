//! ListConfigResources: which resources have settings (KIP-1142).

use bytestring::ByteString;
use kafka_proto::error_code::ErrorCode;
use kafka_proto::messages::list_config_resources::ConfigResource;
use kafka_proto::messages::{ListConfigResourcesRequest, ListConfigResourcesResponse};

use super::config_resources::{BROKER, BROKER_LOGGER, CLIENT_METRICS, GROUP, TOPIC};
use crate::authorizer::{Operation, Resource};
use crate::node::Call;

/// From this version on there are others than the subscriptions to clients' metrics.
const FIRST_VERSION_WITH_TYPES: i16 = 1;
const ALL: [i8; 5] = [GROUP, CLIENT_METRICS, BROKER_LOGGER, BROKER, TOPIC];

pub(super) fn answer(
    call: &Call<'_>,
    request: ListConfigResourcesRequest,
) -> ListConfigResourcesResponse {
    if let Err(error) = call.check(Operation::DescribeConfigs, Resource::CLUSTER) {
        return ListConfigResourcesResponse {
            error_code: error.code(),
            ..Default::default()
        };
    }
    let types = match &request.resource_types[..] {
        _ if call.version < FIRST_VERSION_WITH_TYPES => vec![CLIENT_METRICS],
        [] => ALL.to_vec(),
        some => some.to_vec(),
    };
    if types.iter().any(|kind| !ALL.contains(kind)) {
        return ListConfigResourcesResponse {
            error_code: ErrorCode::UnsupportedVersion.code(),
            ..Default::default()
        };
    }
    let cluster = call.cluster();
    let names = |kind: i8| -> Vec<ByteString> {
        match kind {
            TOPIC => {
                let topics = cluster.topics.all();
                topics.iter().map(|topic| topic.name.clone()).collect()
            }
            BROKER | BROKER_LOGGER => {
                let up = cluster.nodes.up();
                up.iter().map(|node| node.id.to_string().into()).collect()
            }
            GROUP => cluster.configs.groups(),
            _ => cluster.configs.client_metrics(),
        }
    };
    let resources = ALL.into_iter().filter(|kind| types.contains(kind));
    ListConfigResourcesResponse {
        config_resources: resources
            .flat_map(|resource_type| {
                names(resource_type)
                    .into_iter()
                    .map(move |resource_name| ConfigResource {
                        resource_name,
                        resource_type,
                        ..Default::default()
                    })
            })
            .collect(),
        ..Default::default()
    }
}
