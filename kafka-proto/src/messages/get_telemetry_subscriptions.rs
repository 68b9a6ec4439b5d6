//! GetTelemetrySubscriptions: which metrics a broker wants of a client (API key 71).

use bytestring::ByteString;

use crate::codec::{Uuid, message};

message! {
    /// Asks which metrics to push (KIP-714); with a zero id at first.
    GetTelemetrySubscriptionsRequest: request 71 -> GetTelemetrySubscriptionsResponse, versions "0", flexible "0+" {
        client_instance_id: Uuid,
    }
}

message! {
    /// What to push and how often: a metric is wanted if one of the prefixes is its own, all if
    /// one is empty, none if there is no prefix. The broker hands out an id if the client had
    /// none.
    GetTelemetrySubscriptionsResponse: response, versions "0", flexible "0+" {
        throttle_time_ms: i32,
        error_code: i16,
        client_instance_id: Uuid,
        subscription_id: i32,
        accepted_compression_types: Vec<i8>,
        push_interval_ms: i32,
        telemetry_max_bytes: i32,
        delta_temporality: bool,
        requested_metrics: Vec<ByteString>,
    }
}
