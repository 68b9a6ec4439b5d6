//! The APIs that there are, as a table.

use crate::codec::{Context, Message, Request, Schema, Struct, UnsupportedVersion, Versions};
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
    /// The request's declaration.
    pub request: &'static Schema,
    /// The response's declaration.
    pub response: &'static Schema,
}

impl Api {
    /// What the form of both messages depends on in a version.
    ///
    /// # Errors
    /// When the API has no such version.
    pub fn context(&self, version: i16) -> Result<Context, UnsupportedVersion> {
        Context::new(self.name, self.versions, self.flexible, version)
    }
}

const fn api<R: Request>() -> Api {
    const {
        let (request, response) = (R::VERSIONS, <R::Response as Message>::VERSIONS);
        assert!(request.min == response.min && request.max == response.max);
        let (request, response) = (R::FLEXIBLE, <R::Response as Message>::FLEXIBLE);
        assert!(request.min == response.min && request.max == response.max);
    }
    let (name, _) = R::NAME.split_at(R::NAME.len() - "Request".len());
    Api {
        key: R::KEY,
        name,
        versions: R::VERSIONS,
        stable: R::STABLE,
        flexible: R::FLEXIBLE,
        request_header: R::header_version,
        response_header: R::response_header_version,
        request: R::SCHEMA,
        response: <R::Response as Struct>::SCHEMA,
    }
}

/// Every API that has a definition, by ascending key.
pub const APIS: &[Api] = &[
    api::<ProduceRequest>(),
    api::<FetchRequest>(),
    api::<ListOffsetsRequest>(),
    api::<MetadataRequest>(),
    api::<OffsetCommitRequest>(),
    api::<OffsetFetchRequest>(),
    api::<FindCoordinatorRequest>(),
    api::<JoinGroupRequest>(),
    api::<HeartbeatRequest>(),
    api::<LeaveGroupRequest>(),
    api::<SyncGroupRequest>(),
    api::<DescribeGroupsRequest>(),
    api::<ListGroupsRequest>(),
    api::<SaslHandshakeRequest>(),
    api::<ApiVersionsRequest>(),
    api::<CreateTopicsRequest>(),
    api::<DeleteTopicsRequest>(),
    api::<DeleteRecordsRequest>(),
    api::<InitProducerIdRequest>(),
    api::<OffsetForLeaderEpochRequest>(),
    api::<AddPartitionsToTxnRequest>(),
    api::<AddOffsetsToTxnRequest>(),
    api::<EndTxnRequest>(),
    api::<WriteTxnMarkersRequest>(),
    api::<TxnOffsetCommitRequest>(),
    api::<DescribeAclsRequest>(),
    api::<CreateAclsRequest>(),
    api::<DeleteAclsRequest>(),
    api::<DescribeConfigsRequest>(),
    api::<AlterConfigsRequest>(),
    api::<AlterReplicaLogDirsRequest>(),
    api::<DescribeLogDirsRequest>(),
    api::<SaslAuthenticateRequest>(),
    api::<CreatePartitionsRequest>(),
    api::<CreateDelegationTokenRequest>(),
    api::<RenewDelegationTokenRequest>(),
    api::<ExpireDelegationTokenRequest>(),
    api::<DescribeDelegationTokenRequest>(),
    api::<DeleteGroupsRequest>(),
    api::<ElectLeadersRequest>(),
    api::<IncrementalAlterConfigsRequest>(),
    api::<AlterPartitionReassignmentsRequest>(),
    api::<ListPartitionReassignmentsRequest>(),
    api::<OffsetDeleteRequest>(),
    api::<DescribeClientQuotasRequest>(),
    api::<AlterClientQuotasRequest>(),
    api::<DescribeUserScramCredentialsRequest>(),
    api::<AlterUserScramCredentialsRequest>(),
    api::<DescribeQuorumRequest>(),
    api::<UpdateFeaturesRequest>(),
    api::<DescribeClusterRequest>(),
    api::<DescribeProducersRequest>(),
    api::<UnregisterBrokerRequest>(),
    api::<DescribeTransactionsRequest>(),
    api::<ListTransactionsRequest>(),
    api::<ConsumerGroupHeartbeatRequest>(),
    api::<ConsumerGroupDescribeRequest>(),
    api::<GetTelemetrySubscriptionsRequest>(),
    api::<PushTelemetryRequest>(),
    api::<ListConfigResourcesRequest>(),
    api::<DescribeTopicPartitionsRequest>(),
    api::<ShareGroupHeartbeatRequest>(),
    api::<ShareGroupDescribeRequest>(),
    api::<ShareFetchRequest>(),
    api::<ShareAcknowledgeRequest>(),
    api::<AddRaftVoterRequest>(),
    api::<RemoveRaftVoterRequest>(),
    api::<InitializeShareGroupStateRequest>(),
    api::<ReadShareGroupStateRequest>(),
    api::<WriteShareGroupStateRequest>(),
    api::<DeleteShareGroupStateRequest>(),
    api::<ReadShareGroupStateSummaryRequest>(),
    api::<StreamsGroupHeartbeatRequest>(),
    api::<StreamsGroupDescribeRequest>(),
    api::<DescribeShareGroupOffsetsRequest>(),
    api::<AlterShareGroupOffsetsRequest>(),
    api::<DeleteShareGroupOffsetsRequest>(),
];

/// An API key without a definition: one of a newer Kafka, one that only brokers use among themselves, or no Kafka at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("API key {0} has no definition (those of clients and admin tools have, up to {max})", max = APIS[APIS.len() - 1].key)]
pub struct UnknownApi(pub i16);

/// The API of a key.
///
/// # Errors
/// When the key has no definition.
pub fn api_of(key: i16) -> Result<&'static Api, UnknownApi> {
    let found = APIS.binary_search_by_key(&key, |api| api.key);
    found.map(|at| &APIS[at]).map_err(|_| UnknownApi(key))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_api_is_found_by_its_key() {
        assert!(APIS.is_sorted_by(|a, b| a.key < b.key));
        for api in APIS {
            assert_eq!(api_of(api.key).map(|found| found.name), Ok(api.name));
        }
        for key in [-1, i16::MAX] {
            let error = api_of(key).unwrap_err();
            assert_eq!(
                error.to_string(),
                format!(
                    "API key {key} has no definition (those of clients and admin tools have, up to 92)"
                )
            );
        }
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
