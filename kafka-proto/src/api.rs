//! The APIs that there are, as a table.

use crate::codec::{Field, Request, Struct, Versions};
use crate::messages::*;

/// One API: a request and its response.
#[derive(Debug, Clone, Copy)]
pub struct Api {
    /// Its key, as it stands in the request header and in ApiVersions.
    pub key: i16,
    /// Kafka's name for it: `Produce`.
    pub name: &'static str,
    /// The versions that the definitions know.
    pub versions: Versions,
    /// Those that Kafka offers without being told to offer unstable ones.
    pub stable: Versions,
    /// The versions with compact lengths and tagged fields.
    pub flexible: Versions,
    /// The header version of a request.
    pub request_header: fn(i16) -> i16,
    /// The header version of a response.
    pub response_header: fn(i16) -> i16,
    /// The request's fields.
    pub request_fields: &'static [Field],
    /// The response's fields.
    pub response_fields: &'static [Field],
}

const fn api<R: Request>(name: &'static str) -> Api {
    Api {
        key: R::KEY,
        name,
        versions: R::VERSIONS,
        stable: R::STABLE,
        flexible: R::FLEXIBLE,
        request_header: R::header_version,
        response_header: R::response_header_version,
        request_fields: R::FIELDS,
        response_fields: <R::Response as Struct>::FIELDS,
    }
}

/// Every API that has a definition, by ascending key.
pub const APIS: &[Api] = &[
    api::<ProduceRequest>("Produce"),
    api::<FetchRequest>("Fetch"),
    api::<ListOffsetsRequest>("ListOffsets"),
    api::<MetadataRequest>("Metadata"),
    api::<OffsetCommitRequest>("OffsetCommit"),
    api::<OffsetFetchRequest>("OffsetFetch"),
    api::<FindCoordinatorRequest>("FindCoordinator"),
    api::<JoinGroupRequest>("JoinGroup"),
    api::<HeartbeatRequest>("Heartbeat"),
    api::<LeaveGroupRequest>("LeaveGroup"),
    api::<SyncGroupRequest>("SyncGroup"),
    api::<SaslHandshakeRequest>("SaslHandshake"),
    api::<ApiVersionsRequest>("ApiVersions"),
    api::<CreateTopicsRequest>("CreateTopics"),
    api::<DeleteTopicsRequest>("DeleteTopics"),
    api::<InitProducerIdRequest>("InitProducerId"),
    api::<SaslAuthenticateRequest>("SaslAuthenticate"),
];

/// The API of a key, if it has a definition.
pub fn api_of(key: i16) -> Option<&'static Api> {
    APIS.iter().find(|api| api.key == key)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::Message;

    #[test]
    fn keys_ascend_and_both_messages_of_an_api_have_the_same_versions() {
        assert!(APIS.is_sorted_by_key(|api| api.key));
        fn same<R: Request>() {
            assert_eq!(
                R::VERSIONS,
                <R::Response as Message>::VERSIONS,
                "{}",
                R::NAME
            );
            assert_eq!(
                R::FLEXIBLE,
                <R::Response as Message>::FLEXIBLE,
                "{}",
                R::NAME
            );
        }
        same::<ProduceRequest>();
        same::<FetchRequest>();
        same::<ListOffsetsRequest>();
        same::<MetadataRequest>();
        same::<OffsetCommitRequest>();
        same::<OffsetFetchRequest>();
        same::<FindCoordinatorRequest>();
        same::<JoinGroupRequest>();
        same::<HeartbeatRequest>();
        same::<LeaveGroupRequest>();
        same::<SyncGroupRequest>();
        same::<SaslHandshakeRequest>();
        same::<ApiVersionsRequest>();
        same::<CreateTopicsRequest>();
        same::<DeleteTopicsRequest>();
        same::<InitProducerIdRequest>();
        same::<SaslAuthenticateRequest>();
    }

    #[test]
    fn the_answer_to_api_versions_keeps_the_first_header() {
        for api in APIS {
            for version in api.versions.min..=api.versions.max {
                let flexible = api.flexible.contains(version);
                assert_eq!(
                    (api.request_header)(version),
                    if flexible { 2 } else { 1 },
                    "{}",
                    api.name
                );
                let expected = i16::from(flexible && api.name != "ApiVersions");
                assert_eq!(
                    (api.response_header)(version),
                    expected,
                    "{} {version}",
                    api.name
                );
            }
        }
    }
}
