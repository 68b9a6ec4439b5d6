//! GetTelemetrySubscriptions: which metrics a client is to push.

use kafka_proto::compression::Compression;
use kafka_proto::messages::{GetTelemetrySubscriptionsRequest, GetTelemetrySubscriptionsResponse};

use crate::node::Call;

/// What is accepted, what takes the fewest bytes first, as by Kafka.
const ACCEPTED: [Compression; 4] = [
    Compression::Zstd,
    Compression::Lz4,
    Compression::Gzip,
    Compression::Snappy,
];

pub(super) fn answer(
    call: &Call<'_>,
    request: GetTelemetrySubscriptionsRequest,
) -> GetTelemetrySubscriptionsResponse {
    let metrics = &call.cluster().client_metrics;
    let (id, host) = (call.client_id.clone(), call.client_host.clone());
    let mut client = metrics.client(request.client_instance_id, id.unwrap_or_default(), host);
    let demand = metrics.ask(&mut client);
    GetTelemetrySubscriptionsResponse {
        client_instance_id: client.instance_id,
        subscription_id: demand.subscription_id,
        accepted_compression_types: ACCEPTED.map(|codec| codec.id() as i8).to_vec(),
        push_interval_ms: i32::try_from(demand.interval.as_millis()).unwrap_or(i32::MAX),
        telemetry_max_bytes: i32::try_from(metrics.max_bytes).unwrap_or(i32::MAX),
        delta_temporality: true,
        requested_metrics: demand.metrics,
        ..Default::default()
    }
}
