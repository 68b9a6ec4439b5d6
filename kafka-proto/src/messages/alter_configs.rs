//! AlterConfigs: replaces settings (API key 33).

use bytestring::ByteString;

use crate::codec::message;

message! {
    /// Replaces all settings of resources: what is not named goes back to its default.
    /// IncrementalAlterConfigs changes single ones (KIP-339). Settings of a broker have to be
    /// sent to that broker.
    AlterConfigsRequest: request 33 -> AlterConfigsResponse, versions "0-2", flexible "2+" {
        resources: Vec<AlterConfigsResource>,
        validate_only: bool,
    }

    /// A resource: the types are those of DescribeConfigs.
    AlterConfigsResource {
        resource_type: i8,
        resource_name: ByteString,
        configs: Vec<AlterableConfig>,
    }

    /// A setting and its new value.
    AlterableConfig {
        name: ByteString,
        value: Option<ByteString> ["0+", nullable "0+"] = Some(ByteString::new()),
    }
}

message! {
    /// What became of each resource.
    AlterConfigsResponse: response, versions "0-2", flexible "2+" {
        throttle_time_ms: i32,
        responses: Vec<AlterConfigsResourceResponse>,
    }

    /// What became of a resource's settings.
    AlterConfigsResourceResponse {
        error_code: i16,
        error_message: Option<ByteString> ["0+", nullable "0+"] = Some(ByteString::new()),
        resource_type: i8,
        resource_name: ByteString,
    }
}
