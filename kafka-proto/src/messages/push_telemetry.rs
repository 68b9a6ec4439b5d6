//! PushTelemetry: a client's metrics for a broker (API key 72).

use bytes::Bytes;

use crate::codec::{Uuid, message};

message! {
    /// Brings a client's metrics (KIP-714) in the form of OpenTelemetry's `MetricsData`,
    /// compressed as the broker accepts it. The last push before the connection ends says so.
    PushTelemetryRequest: request 72 -> PushTelemetryResponse, versions "0", flexible "0+" {
        client_instance_id: Uuid,
        subscription_id: i32,
        terminating: bool,
        compression_type: i8,
        metrics: Bytes,
    }
}

message! {
    /// Whether they were taken. On UNKNOWN_SUBSCRIPTION_ID the client asks for its subscription
    /// again.
    PushTelemetryResponse: response, versions "0", flexible "0+" {
        throttle_time_ms: i32,
        error_code: i16,
    }
}
