//! ApiVersions: what this broker speaks.

use bytestring::ByteString;
use kafka_proto::api::APIS;
use kafka_proto::codec::Request;
use kafka_proto::error_code::ErrorCode;
use kafka_proto::messages::api_versions::{ApiVersion, FinalizedFeatureKey, SupportedFeatureKey};
use kafka_proto::messages::{
    ApiVersionsRequest, ApiVersionsResponse, GetTelemetrySubscriptionsRequest, ProduceRequest,
    PushTelemetryRequest,
};

use super::SERVED;
use crate::node::Call;
use crate::transactions::TransactionVersion;

/// What brokers do not speak that have no use for their clients' metrics.
const TELEMETRY: [i16; 2] = [
    GetTelemetrySubscriptionsRequest::KEY,
    PushTelemetryRequest::KEY,
];
/// The feature by which clients know that there are share groups, and its level.
const SHARE_FEATURE: &str = "share.version";
const SHARE_VERSION: i16 = 1;

pub(super) fn answer(call: &Call<'_>, request: ApiVersionsRequest) -> ApiVersionsResponse {
    let names = [
        &request.client_software_name,
        &request.client_software_version,
    ];
    if call.version >= 3 && !names.iter().all(|name| is_software_name(name)) {
        return ApiVersionsResponse {
            error_code: ErrorCode::InvalidRequest.code(),
            ..Default::default()
        };
    }
    if call.version >= 3 {
        let software = (
            request.client_software_name,
            request.client_software_version,
        );
        let (id, host) = (call.client_id.clone(), call.client_host.clone());
        let metrics = &call.cluster().client_metrics;
        metrics.introduce(id.unwrap_or_default(), host, software);
    }
    // A client that sees these asks and pushes from time to time.
    let takes_metrics = call.cluster().settings.client_metrics;
    let name = ByteString::from_static(TransactionVersion::FEATURE);
    let level = call.cluster().settings.transaction_version.level();
    let finalized = FinalizedFeatureKey {
        name: name.clone(),
        max_version_level: level,
        min_version_level: level,
        ..Default::default()
    };
    let share = FinalizedFeatureKey {
        name: ByteString::from_static(SHARE_FEATURE),
        max_version_level: SHARE_VERSION,
        min_version_level: SHARE_VERSION,
        ..Default::default()
    };
    ApiVersionsResponse {
        api_keys: APIS
            .iter()
            .filter(|api| SERVED.contains(&api.key))
            .filter(|api| takes_metrics || !TELEMETRY.contains(&api.key))
            .map(|api| {
                // Versions before 3 are not served, but old versions of librdkafka take a broker that does not name
                // them for one without compression (KAFKA-18659).
                let min_version = if api.key == ProduceRequest::KEY {
                    0
                } else {
                    api.stable.min
                };
                ApiVersion {
                    api_key: api.key,
                    min_version,
                    max_version: api.stable.max,
                    ..Default::default()
                }
            })
            .collect(),
        supported_features: vec![
            SupportedFeatureKey {
                name: share.name.clone(),
                max_version: SHARE_VERSION,
                ..Default::default()
            },
            SupportedFeatureKey {
                name,
                max_version: TransactionVersion::V2.level(),
                ..Default::default()
            },
        ],
        // Features are set once, when the broker starts.
        finalized_features_epoch: 0,
        // At level 0 a feature is not finalized.
        finalized_features: if level > 0 {
            vec![share, finalized]
        } else {
            vec![share]
        },
        ..Default::default()
    }
}

/// The answer to a version that this broker does not know: the client asks again, in one that is named here.
pub(super) fn unsupported_version() -> ApiVersionsResponse {
    let versions = ApiVersionsRequest::STABLE;
    ApiVersionsResponse {
        error_code: ErrorCode::UnsupportedVersion.code(),
        api_keys: vec![ApiVersion {
            api_key: ApiVersionsRequest::KEY,
            min_version: versions.min,
            max_version: versions.max,
            ..Default::default()
        }],
        ..Default::default()
    }
}

/// Letters and digits, with dashes and dots between them (KIP-511).
fn is_software_name(name: &str) -> bool {
    let inner = |c: u8| c.is_ascii_alphanumeric() || c == b'-' || c == b'.';
    let outer = |c: Option<&u8>| c.is_some_and(u8::is_ascii_alphanumeric);
    let name = name.as_bytes();
    name.iter().all(|&c| inner(c)) && outer(name.first()) && outer(name.last())
}
