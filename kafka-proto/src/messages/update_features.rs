//! UpdateFeatures: switches features of the cluster on and off (API key 57).

use bytestring::ByteString;

use crate::codec::message;

message! {
    /// Changes the finalized versions of features, or only checks whether it could (KIP-584).
    UpdateFeaturesRequest: request 57 -> UpdateFeaturesResponse, versions "0-2", flexible "0+" {
        timeout_ms: i32 = 60000,
        feature_updates: Vec<FeatureUpdateKey>,
        validate_only: bool ["1+"],
    }

    /// A feature and its new version; below 1 switches it off. Upgrade types: 1 upgrade, 2 safe
    /// downgrade, 3 downgrade that may lose metadata; version 0 only has the flag (KIP-778).
    FeatureUpdateKey {
        feature: ByteString,
        max_version_level: i16,
        allow_downgrade: bool ["0"],
        upgrade_type: i8 ["1+"] = 1,
    }
}

message! {
    /// Whether it was done; for all features together from version 2 on.
    UpdateFeaturesResponse: response, versions "0-2", flexible "0+" {
        throttle_time_ms: i32,
        error_code: i16,
        error_message: Option<ByteString> ["0+", nullable "0+"] = Some(ByteString::new()),
        results: Vec<UpdatableFeatureResult> ["0-1", ignorable],
    }

    /// What became of a feature.
    UpdatableFeatureResult {
        feature: ByteString,
        error_code: i16,
        error_message: Option<ByteString> ["0+", nullable "0+"] = Some(ByteString::new()),
    }
}
