//! PushTelemetry: a client's metrics.

use kafka_proto::error_code::ErrorCode;
use kafka_proto::messages::{PushTelemetryRequest, PushTelemetryResponse};

use crate::client_metrics::Push;
use crate::node::Call;

pub(super) fn answer(call: &Call<'_>, request: PushTelemetryRequest) -> PushTelemetryResponse {
    let metrics = &call.cluster().client_metrics;
    let (id, host) = (call.client_id.clone(), call.client_host.clone());
    let client = metrics.client(request.client_instance_id, id.unwrap_or_default(), host);
    let push = Push {
        subscription_id: request.subscription_id,
        terminating: request.terminating,
        compression_type: request.compression_type,
        payload: request.metrics,
    };
    let taken = metrics.take(&client, push, call.cluster().clock.now().instant);
    PushTelemetryResponse {
        error_code: taken.err().unwrap_or(ErrorCode::None).code(),
        ..Default::default()
    }
}
