//! DeleteAcls: removes access rules (API key 31).

use bytestring::ByteString;

use crate::codec::message;

message! {
    /// Removes the access rules that filters match (KIP-140). The codes are those of
    /// [`DescribeAclsRequest`](super::DescribeAclsRequest).
    DeleteAclsRequest: request 31 -> DeleteAclsResponse, versions "1-3", flexible "2+" {
        filters: Vec<DeleteAclsFilter>,
    }

    /// What rules to remove; `None` matches everything.
    DeleteAclsFilter {
        resource_type_filter: i8,
        resource_name_filter: Option<ByteString> ["0+", nullable "0+"] = Some(ByteString::new()),
        pattern_type_filter: i8 ["1+"] = 3,
        principal_filter: Option<ByteString> ["0+", nullable "0+"] = Some(ByteString::new()),
        host_filter: Option<ByteString> ["0+", nullable "0+"] = Some(ByteString::new()),
        operation: i8,
        permission_type: i8,
    }
}

message! {
    /// What was removed, in the order of the filters.
    DeleteAclsResponse: response, versions "1-3", flexible "2+" {
        throttle_time_ms: i32,
        filter_results: Vec<DeleteAclsFilterResult>,
    }

    /// What a filter matched.
    DeleteAclsFilterResult {
        error_code: i16,
        error_message: Option<ByteString> ["0+", nullable "0+"] = Some(ByteString::new()),
        matching_acls: Vec<DeleteAclsMatchingAcl>,
    }

    /// A rule that was matched, and whether it was removed.
    DeleteAclsMatchingAcl {
        error_code: i16,
        error_message: Option<ByteString> ["0+", nullable "0+"] = Some(ByteString::new()),
        resource_type: i8,
        resource_name: ByteString,
        pattern_type: i8 ["1+"] = 3,
        principal: ByteString,
        host: ByteString,
        operation: i8,
        permission_type: i8,
    }
}
