//! DescribeCluster: the brokers (KIP-700).

use kafka_proto::error_code::ErrorCode;
use kafka_proto::messages::describe_cluster::DescribeClusterBroker;
use kafka_proto::messages::{DescribeClusterRequest, DescribeClusterResponse};

use crate::authorizer::Resource;
use crate::node::Call;

/// What a client wants to know the endpoints of.
const BROKERS: i8 = 1;
const CONTROLLERS: i8 = 2;

pub(super) fn answer(call: &Call<'_>, request: DescribeClusterRequest) -> DescribeClusterResponse {
    let refused = |error: ErrorCode, message: String| DescribeClusterResponse {
        error_code: error.code(),
        error_message: Some(message.into()),
        endpoint_type: request.endpoint_type,
        ..Default::default()
    };
    match request.endpoint_type {
        BROKERS => {}
        CONTROLLERS => {
            return refused(
                ErrorCode::MismatchedEndpointType,
                "The request was sent to an endpoint of type BROKER, but we wanted an endpoint of type CONTROLLER"
                    .to_owned(),
            );
        }
        unknown => {
            return refused(
                ErrorCode::UnsupportedEndpointType,
                format!("Unsupported endpoint type {unknown}"),
            );
        }
    }
    let cluster = call.cluster();
    let up = cluster.nodes.up();
    let controller_id = up.first().map_or(-1, |controller| controller.id);
    let mut brokers: Vec<_> = up
        .into_iter()
        .map(|endpoint| call.advertised(endpoint))
        .map(|endpoint| DescribeClusterBroker {
            broker_id: endpoint.id,
            host: endpoint.host,
            port: i32::from(endpoint.port),
            rack: endpoint.rack,
            ..Default::default()
        })
        .collect();
    if request.include_fenced_brokers {
        let down = cluster.nodes.down().into_iter();
        brokers.extend(down.map(|broker_id| DescribeClusterBroker {
            broker_id,
            is_fenced: true,
            port: -1,
            ..Default::default()
        }));
    }
    let mut response = DescribeClusterResponse {
        endpoint_type: BROKERS,
        cluster_id: cluster.id.clone(),
        controller_id,
        brokers,
        ..Default::default()
    };
    if request.include_cluster_authorized_operations {
        response.cluster_authorized_operations = call.authorized_operations(Resource::CLUSTER);
    }
    response
}
