//! DescribeAcls: lists access rules (API key 29).

use bytestring::ByteString;

use crate::codec::message;

message! {
    /// Lists the access rules that a filter matches (KIP-140); `None` and the codes for any
    /// match everything. Resources: 1 any, 2 topic, 3 group, 4 cluster, 5 transactional id, 6
    /// delegation token, 7 user. Patterns: 1 any, 2 all that apply to the name, 3 literal, 4
    /// prefix (KIP-290). Permissions: 1 any, 2 deny, 3 allow. Operations: 1 any, 2 all, 3 read,
    /// 4 write, 5 create, 6 delete, 7 alter, 8 describe, 9 cluster action, 10 describe configs,
    /// 11 alter configs, 12 idempotent write, 13 create tokens, 14 describe tokens, 15
    /// two-phase commit.
    DescribeAclsRequest: request 29 -> DescribeAclsResponse, versions "1-3", flexible "2+" {
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
    /// The rules, by resource.
    DescribeAclsResponse: response, versions "1-3", flexible "2+" {
        throttle_time_ms: i32,
        error_code: i16,
        error_message: Option<ByteString> ["0+", nullable "0+"] = Some(ByteString::new()),
        resources: Vec<DescribeAclsResource>,
    }

    /// A resource, or all those whose name has a prefix.
    DescribeAclsResource {
        resource_type: i8,
        resource_name: ByteString,
        pattern_type: i8 ["1+"] = 3,
        acls: Vec<AclDescription>,
    }

    /// A rule: who may or may not do what, and from where.
    AclDescription {
        principal: ByteString,
        host: ByteString,
        operation: i8,
        permission_type: i8,
    }
}
