//! ListConfigResources: what has settings (API key 74).

use bytestring::ByteString;

use crate::codec::message;

message! {
    /// Asks for the resources that have settings, of certain types or of all (KIP-1142): 2
    /// topic, 4 broker, 8 broker's loggers, 16 client metrics, 32 group. Version 0 knows client
    /// metrics only (KIP-714).
    ListConfigResourcesRequest: request 74 -> ListConfigResourcesResponse, versions "0-1", flexible "0+" {
        resource_types: Vec<i8> ["1+"],
    }
}

message! {
    /// The resources.
    ListConfigResourcesResponse: response, versions "0-1", flexible "0+" {
        throttle_time_ms: i32,
        error_code: i16,
        config_resources: Vec<ConfigResource>,
    }

    /// A resource.
    ConfigResource {
        resource_name: ByteString,
        resource_type: i8 ["1+", ignorable] = 16,
    }
}
