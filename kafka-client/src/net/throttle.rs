//! How long a broker asks its client to be quiet.

use std::time::Duration;

use kafka_proto::messages::*;

/// An answer that may ask for quiet.
pub(crate) trait Throttled {
    /// For how long nothing more is to be sent on the connection. Before KIP-219 the broker itself waited before it
    /// answered, and the client must not wait once more.
    fn quiet(&self, version: i16) -> Duration;
}

macro_rules! throttled {
    ($($response:ty: from $first:literal,)*) => {$(
        impl Throttled for $response {
            fn quiet(&self, version: i16) -> Duration {
                if version < $first { return Duration::ZERO; }
                Duration::from_millis(self.throttle_time_ms.max(0) as u64)
            }
        }
    )*};
}

throttled! {
    ProduceResponse: from 6,
    FetchResponse: from 8,
    ListOffsetsResponse: from 3,
    MetadataResponse: from 6,
    OffsetCommitResponse: from 4,
    OffsetFetchResponse: from 4,
    FindCoordinatorResponse: from 2,
    JoinGroupResponse: from 3,
    HeartbeatResponse: from 2,
    LeaveGroupResponse: from 2,
    ConsumerGroupHeartbeatResponse: from 0,
    ShareGroupHeartbeatResponse: from 1,
    ShareFetchResponse: from 1,
    ShareAcknowledgeResponse: from 1,
    SyncGroupResponse: from 2,
    ApiVersionsResponse: from 2,
    CreateTopicsResponse: from 3,
    DeleteTopicsResponse: from 2,
    InitProducerIdResponse: from 1,
    OffsetForLeaderEpochResponse: from 3,
    AddPartitionsToTxnResponse: from 1,
    AddOffsetsToTxnResponse: from 1,
    EndTxnResponse: from 1,
    TxnOffsetCommitResponse: from 1,
    CreatePartitionsResponse: from 1,
    GetTelemetrySubscriptionsResponse: from 0,
    PushTelemetryResponse: from 0,
    DescribeGroupsResponse: from 2,
    ConsumerGroupDescribeResponse: from 0,
    ListGroupsResponse: from 2,
    DeleteGroupsResponse: from 1,
    OffsetDeleteResponse: from 0,
    DescribeProducersResponse: from 0,
    ListTransactionsResponse: from 0,
    DescribeTransactionsResponse: from 0,
    DescribeClusterResponse: from 0,
    UpdateFeaturesResponse: from 0,
    DescribeConfigsResponse: from 2,
    IncrementalAlterConfigsResponse: from 0,
    ListConfigResourcesResponse: from 0,
    DeleteRecordsResponse: from 1,
    AlterPartitionReassignmentsResponse: from 0,
    ListPartitionReassignmentsResponse: from 0,
    ElectLeadersResponse: from 0,
    DescribeLogDirsResponse: from 1,
    DescribeAclsResponse: from 1,
    CreateAclsResponse: from 1,
    DeleteAclsResponse: from 1,
    DescribeClientQuotasResponse: from 0,
    AlterClientQuotasResponse: from 0,
    DescribeUserScramCredentialsResponse: from 0,
    AlterUserScramCredentialsResponse: from 0,
    AddRaftVoterResponse: from 0,
    AlterReplicaLogDirsResponse: from 1,
    AlterShareGroupOffsetsResponse: from 0,
    CreateDelegationTokenResponse: from 1,
    DeleteShareGroupOffsetsResponse: from 0,
    DescribeDelegationTokenResponse: from 1,
    DescribeShareGroupOffsetsResponse: from 0,
    DescribeTopicPartitionsResponse: from 0,
    ExpireDelegationTokenResponse: from 1,
    RemoveRaftVoterResponse: from 0,
    RenewDelegationTokenResponse: from 1,
    ShareGroupDescribeResponse: from 0,
    StreamsGroupDescribeResponse: from 0,
    UnregisterBrokerResponse: from 0,
}

impl Throttled for WriteTxnMarkersResponse {
    fn quiet(&self, _: i16) -> Duration {
        Duration::ZERO
    }
}

impl Throttled for DescribeQuorumResponse {
    fn quiet(&self, _: i16) -> Duration {
        Duration::ZERO
    }
}
