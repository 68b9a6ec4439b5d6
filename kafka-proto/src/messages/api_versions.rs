//! ApiVersions: what a broker speaks (API key 18).

use bytestring::ByteString;

use crate::codec::message;

message! {
    /// Asks what APIs and versions a broker has; the first request on a connection (KIP-511).
    ApiVersionsRequest: request 18 -> ApiVersionsResponse, versions "0-4", flexible "3+" {
        client_software_name: ByteString ["3+", ignorable],
        client_software_version: ByteString ["3+", ignorable],
    }
}

message! {
    /// The APIs with their versions, and the cluster's features (KIP-584). A broker that does
    /// not know the request's version answers in version 0 with UNSUPPORTED_VERSION.
    ApiVersionsResponse: response, versions "0-4", flexible "3+" {
        error_code: i16,
        api_keys: Vec<ApiVersion>,
        throttle_time_ms: i32 ["1+", ignorable],
        supported_features: Vec<SupportedFeatureKey> ["3+", tag 0 "3+", ignorable],
        finalized_features_epoch: i64 ["3+", tag 1 "3+", ignorable] = -1,
        finalized_features: Vec<FinalizedFeatureKey> ["3+", tag 2 "3+", ignorable],
        zk_migration_ready: bool ["3+", tag 3 "3+", ignorable],
    }

    /// An API and its versions.
    ApiVersion {
        api_key: i16,
        min_version: i16,
        max_version: i16,
    }

    /// A feature that the broker can have.
    SupportedFeatureKey {
        name: ByteString ["3+"],
        min_version: i16 ["3+"],
        max_version: i16 ["3+"],
    }

    /// A feature that the cluster has switched on.
    FinalizedFeatureKey {
        name: ByteString ["3+"],
        max_version_level: i16 ["3+"],
        min_version_level: i16 ["3+"],
    }
}
