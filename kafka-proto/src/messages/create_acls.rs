//! CreateAcls: adds access rules (API key 30).

use bytestring::ByteString;

use crate::codec::message;

message! {
    /// Adds access rules (KIP-140). The codes are those of
    /// [`DescribeAclsRequest`](super::DescribeAclsRequest).
    CreateAclsRequest: request 30 -> CreateAclsResponse, versions "1-3", flexible "2+" {
        creations: Vec<AclCreation>,
    }

    /// A rule to add: a host or name of `*` is for all.
    AclCreation {
        resource_type: i8,
        resource_name: ByteString,
        resource_pattern_type: i8 ["1+"] = 3,
        principal: ByteString,
        host: ByteString,
        operation: i8,
        permission_type: i8,
    }
}

message! {
    /// What became of each rule, in the order of the request.
    CreateAclsResponse: response, versions "1-3", flexible "2+" {
        throttle_time_ms: i32,
        results: Vec<AclCreationResult>,
    }

    /// What became of a rule.
    AclCreationResult {
        error_code: i16,
        error_message: Option<ByteString> ["0+", nullable "0+"] = Some(ByteString::new()),
    }
}
