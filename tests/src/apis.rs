//! Every API by its types, for what has to be done with each.

use kafka_proto::api::APIS;
use kafka_proto::codec::Request;
use kafka_proto::messages::*;

/// What there is to be for each API: a closure cannot be generic, a trait's function can.
pub trait PerApi {
    /// What it is.
    type Made;

    /// Makes it for one.
    fn made<R: Request>() -> Self::Made;
}

/// Makes something for each API, in the order of [`APIS`].
///
/// # Panics
/// When an API was forgotten here.
pub fn every<P: PerApi>() -> Vec<P::Made> {
    let every = vec![
        P::made::<ProduceRequest>(),
        P::made::<FetchRequest>(),
        P::made::<ListOffsetsRequest>(),
        P::made::<MetadataRequest>(),
        P::made::<OffsetCommitRequest>(),
        P::made::<OffsetFetchRequest>(),
        P::made::<FindCoordinatorRequest>(),
        P::made::<JoinGroupRequest>(),
        P::made::<HeartbeatRequest>(),
        P::made::<LeaveGroupRequest>(),
        P::made::<SyncGroupRequest>(),
        P::made::<DescribeGroupsRequest>(),
        P::made::<ListGroupsRequest>(),
        P::made::<SaslHandshakeRequest>(),
        P::made::<ApiVersionsRequest>(),
        P::made::<CreateTopicsRequest>(),
        P::made::<DeleteTopicsRequest>(),
        P::made::<DeleteRecordsRequest>(),
        P::made::<InitProducerIdRequest>(),
        P::made::<OffsetForLeaderEpochRequest>(),
        P::made::<AddPartitionsToTxnRequest>(),
        P::made::<AddOffsetsToTxnRequest>(),
        P::made::<EndTxnRequest>(),
        P::made::<WriteTxnMarkersRequest>(),
        P::made::<TxnOffsetCommitRequest>(),
        P::made::<DescribeAclsRequest>(),
        P::made::<CreateAclsRequest>(),
        P::made::<DeleteAclsRequest>(),
        P::made::<DescribeConfigsRequest>(),
        P::made::<AlterConfigsRequest>(),
        P::made::<AlterReplicaLogDirsRequest>(),
        P::made::<DescribeLogDirsRequest>(),
        P::made::<SaslAuthenticateRequest>(),
        P::made::<CreatePartitionsRequest>(),
        P::made::<CreateDelegationTokenRequest>(),
        P::made::<RenewDelegationTokenRequest>(),
        P::made::<ExpireDelegationTokenRequest>(),
        P::made::<DescribeDelegationTokenRequest>(),
        P::made::<DeleteGroupsRequest>(),
        P::made::<ElectLeadersRequest>(),
        P::made::<IncrementalAlterConfigsRequest>(),
        P::made::<AlterPartitionReassignmentsRequest>(),
        P::made::<ListPartitionReassignmentsRequest>(),
        P::made::<OffsetDeleteRequest>(),
        P::made::<DescribeClientQuotasRequest>(),
        P::made::<AlterClientQuotasRequest>(),
        P::made::<DescribeUserScramCredentialsRequest>(),
        P::made::<AlterUserScramCredentialsRequest>(),
        P::made::<DescribeQuorumRequest>(),
        P::made::<UpdateFeaturesRequest>(),
        P::made::<DescribeClusterRequest>(),
        P::made::<DescribeProducersRequest>(),
        P::made::<UnregisterBrokerRequest>(),
        P::made::<DescribeTransactionsRequest>(),
        P::made::<ListTransactionsRequest>(),
        P::made::<ConsumerGroupHeartbeatRequest>(),
        P::made::<ConsumerGroupDescribeRequest>(),
        P::made::<GetTelemetrySubscriptionsRequest>(),
        P::made::<PushTelemetryRequest>(),
        P::made::<ListConfigResourcesRequest>(),
        P::made::<DescribeTopicPartitionsRequest>(),
        P::made::<ShareGroupHeartbeatRequest>(),
        P::made::<ShareGroupDescribeRequest>(),
        P::made::<ShareFetchRequest>(),
        P::made::<ShareAcknowledgeRequest>(),
        P::made::<AddRaftVoterRequest>(),
        P::made::<RemoveRaftVoterRequest>(),
        P::made::<InitializeShareGroupStateRequest>(),
        P::made::<ReadShareGroupStateRequest>(),
        P::made::<WriteShareGroupStateRequest>(),
        P::made::<DeleteShareGroupStateRequest>(),
        P::made::<ReadShareGroupStateSummaryRequest>(),
        P::made::<StreamsGroupHeartbeatRequest>(),
        P::made::<StreamsGroupDescribeRequest>(),
        P::made::<DescribeShareGroupOffsetsRequest>(),
        P::made::<AlterShareGroupOffsetsRequest>(),
        P::made::<DeleteShareGroupOffsetsRequest>(),
    ];
    assert_eq!(every.len(), APIS.len(), "every API is here");
    every
}
