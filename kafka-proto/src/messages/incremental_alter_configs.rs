//! IncrementalAlterConfigs: changes single settings (API key 44).

use bytestring::ByteString;

use crate::codec::message;

message! {
    /// Changes settings and leaves the others as they are (KIP-339). Settings of a broker have
    /// to be sent to that broker.
    IncrementalAlterConfigsRequest: request 44 -> IncrementalAlterConfigsResponse, versions "0-1", flexible "1+" {
        resources: Vec<AlterConfigsResource>,
        validate_only: bool,
    }

    /// A resource: the types are those of DescribeConfigs.
    AlterConfigsResource {
        resource_type: i8,
        resource_name: ByteString,
        configs: Vec<AlterableConfig>,
    }

    /// What to do with a setting: 0 set, 1 delete, 2 append to a list, 3 subtract from a list.
    AlterableConfig {
        name: ByteString,
        config_operation: i8,
        value: Option<ByteString> ["0+", nullable "0+"] = Some(ByteString::new()),
    }
}

message! {
    /// What became of each resource.
    IncrementalAlterConfigsResponse: response, versions "0-1", flexible "1+" {
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
