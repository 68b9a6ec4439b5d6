//! What each API takes of who calls it.

use super::*;

/// What alice has to be allowed, one after the other: type, name and operation.
pub(super) type Needed = &'static [(i8, &'static str, i8)];

const WRITES_IN_TRANSACTION: (i8, &str, i8) = (TRANSACTIONAL_ID, "x", WRITE);
const IS_MEMBER: (i8, &str, i8) = (GROUP, "g", READ);

/// The version of each API that is called, and what it takes.
pub(super) const APIS: &[(i16, i16, Needed)] = &[
    (ProduceRequest::KEY, 12, &[(TOPIC, "t", WRITE)]),
    (FetchRequest::KEY, 12, &[(TOPIC, "t", READ)]),
    (ListOffsetsRequest::KEY, 8, &[(TOPIC, "t", DESCRIBE)]),
    (MetadataRequest::KEY, 12, &[(TOPIC, "t", DESCRIBE)]),
    (
        OffsetCommitRequest::KEY,
        8,
        &[IS_MEMBER, (TOPIC, "t", READ)],
    ),
    (
        OffsetFetchRequest::KEY,
        7,
        &[(GROUP, "g", DESCRIBE), (TOPIC, "t", DESCRIBE)],
    ),
    (
        OffsetFetchRequest::KEY,
        9,
        &[(GROUP, "g", DESCRIBE), (TOPIC, "t", DESCRIBE)],
    ),
    (FindCoordinatorRequest::KEY, 3, &[(GROUP, "g", DESCRIBE)]),
    (
        FindCoordinatorRequest::KEY,
        4,
        &[(TRANSACTIONAL_ID, "x", DESCRIBE)],
    ),
    (JoinGroupRequest::KEY, 9, &[IS_MEMBER]),
    (HeartbeatRequest::KEY, 4, &[IS_MEMBER]),
    (LeaveGroupRequest::KEY, 5, &[IS_MEMBER]),
    (SyncGroupRequest::KEY, 5, &[IS_MEMBER]),
    (DescribeGroupsRequest::KEY, 6, &[(GROUP, "g", DESCRIBE)]),
    (CreateTopicsRequest::KEY, 7, &[(TOPIC, "new", CREATE)]),
    (
        CreateTopicsRequest::KEY,
        6,
        &[(CLUSTER, "kafka-cluster", CREATE)],
    ),
    (
        DeleteTopicsRequest::KEY,
        6,
        &[(TOPIC, "t", DESCRIBE), (TOPIC, "t", DELETE)],
    ),
    (
        InitProducerIdRequest::KEY,
        4,
        &[(CLUSTER, "kafka-cluster", IDEMPOTENT_WRITE)],
    ),
    (InitProducerIdRequest::KEY, 3, &[(TOPIC, "any", WRITE)]),
    (InitProducerIdRequest::KEY, 5, &[WRITES_IN_TRANSACTION]),
    (
        OffsetForLeaderEpochRequest::KEY,
        4,
        &[(TOPIC, "t", DESCRIBE)],
    ),
    (
        AddPartitionsToTxnRequest::KEY,
        3,
        &[WRITES_IN_TRANSACTION, (TOPIC, "t", WRITE)],
    ),
    (
        AddPartitionsToTxnRequest::KEY,
        5,
        &[(CLUSTER, "kafka-cluster", CLUSTER_ACTION)],
    ),
    (
        AddOffsetsToTxnRequest::KEY,
        4,
        &[WRITES_IN_TRANSACTION, IS_MEMBER],
    ),
    (EndTxnRequest::KEY, 5, &[WRITES_IN_TRANSACTION]),
    (
        WriteTxnMarkersRequest::KEY,
        1,
        &[(CLUSTER, "kafka-cluster", CLUSTER_ACTION)],
    ),
    (
        WriteTxnMarkersRequest::KEY,
        1,
        &[(CLUSTER, "kafka-cluster", ALTER)],
    ),
    (
        TxnOffsetCommitRequest::KEY,
        3,
        &[WRITES_IN_TRANSACTION, IS_MEMBER, (TOPIC, "t", READ)],
    ),
    (
        DescribeAclsRequest::KEY,
        3,
        &[(CLUSTER, "kafka-cluster", DESCRIBE)],
    ),
    (
        CreateAclsRequest::KEY,
        3,
        &[(CLUSTER, "kafka-cluster", ALTER)],
    ),
    (
        DeleteAclsRequest::KEY,
        3,
        &[(CLUSTER, "kafka-cluster", ALTER)],
    ),
    (CreatePartitionsRequest::KEY, 3, &[(TOPIC, "t", ALTER)]),
    (
        CreateDelegationTokenRequest::KEY,
        3,
        &[(USER, "User:bob", CREATE_TOKENS)],
    ),
    (DeleteGroupsRequest::KEY, 2, &[(GROUP, "g", DELETE)]),
    (
        DescribeUserScramCredentialsRequest::KEY,
        0,
        &[(CLUSTER, "kafka-cluster", DESCRIBE)],
    ),
    (
        AlterUserScramCredentialsRequest::KEY,
        0,
        &[(CLUSTER, "kafka-cluster", ALTER)],
    ),
    (DescribeProducersRequest::KEY, 0, &[(TOPIC, "t", READ)]),
    (
        DescribeTransactionsRequest::KEY,
        0,
        &[(TRANSACTIONAL_ID, "x", DESCRIBE)],
    ),
    (
        ConsumerGroupHeartbeatRequest::KEY,
        1,
        &[IS_MEMBER, (TOPIC, "t", DESCRIBE)],
    ),
    (
        ConsumerGroupDescribeRequest::KEY,
        1,
        &[(GROUP, "g", DESCRIBE)],
    ),
    (DeleteRecordsRequest::KEY, 2, &[(TOPIC, "t", DELETE)]),
    (
        OffsetDeleteRequest::KEY,
        0,
        &[(GROUP, "g", DELETE), (TOPIC, "t", READ)],
    ),
    (
        DescribeTopicPartitionsRequest::KEY,
        0,
        &[(TOPIC, "t", DESCRIBE)],
    ),
    (
        AlterReplicaLogDirsRequest::KEY,
        2,
        &[(CLUSTER, "kafka-cluster", ALTER)],
    ),
    (
        DescribeLogDirsRequest::KEY,
        4,
        &[(CLUSTER, "kafka-cluster", DESCRIBE)],
    ),
    (
        ElectLeadersRequest::KEY,
        2,
        &[(CLUSTER, "kafka-cluster", ALTER)],
    ),
    (
        AlterPartitionReassignmentsRequest::KEY,
        0,
        &[(CLUSTER, "kafka-cluster", ALTER)],
    ),
    (
        ListPartitionReassignmentsRequest::KEY,
        0,
        &[(CLUSTER, "kafka-cluster", DESCRIBE)],
    ),
    (
        DescribeClientQuotasRequest::KEY,
        1,
        &[(CLUSTER, "kafka-cluster", DESCRIBE_CONFIGS)],
    ),
    (
        AlterClientQuotasRequest::KEY,
        1,
        &[(CLUSTER, "kafka-cluster", ALTER_CONFIGS)],
    ),
    (
        DescribeQuorumRequest::KEY,
        2,
        &[(CLUSTER, "kafka-cluster", DESCRIBE)],
    ),
    (
        UpdateFeaturesRequest::KEY,
        1,
        &[(CLUSTER, "kafka-cluster", ALTER)],
    ),
    (
        UnregisterBrokerRequest::KEY,
        0,
        &[(CLUSTER, "kafka-cluster", ALTER)],
    ),
    (
        ListConfigResourcesRequest::KEY,
        1,
        &[(CLUSTER, "kafka-cluster", DESCRIBE_CONFIGS)],
    ),
    (
        AddRaftVoterRequest::KEY,
        0,
        &[(CLUSTER, "kafka-cluster", ALTER)],
    ),
    (
        RemoveRaftVoterRequest::KEY,
        0,
        &[(CLUSTER, "kafka-cluster", ALTER)],
    ),
    (
        DescribeConfigsRequest::KEY,
        4,
        &[(TOPIC, "t", DESCRIBE_CONFIGS)],
    ),
    (
        DescribeConfigsRequest::KEY,
        3,
        &[(GROUP, "g", DESCRIBE_CONFIGS)],
    ),
    (
        DescribeConfigsRequest::KEY,
        2,
        &[(CLUSTER, "kafka-cluster", DESCRIBE_CONFIGS)],
    ),
    (
        DescribeConfigsRequest::KEY,
        1,
        &[(CLUSTER, "kafka-cluster", DESCRIBE_CONFIGS)],
    ),
    (AlterConfigsRequest::KEY, 0, &[(TOPIC, "t", ALTER_CONFIGS)]),
    (AlterConfigsRequest::KEY, 1, &[(GROUP, "g", ALTER_CONFIGS)]),
    (
        AlterConfigsRequest::KEY,
        2,
        &[(CLUSTER, "kafka-cluster", ALTER_CONFIGS)],
    ),
    (
        IncrementalAlterConfigsRequest::KEY,
        0,
        &[(CLUSTER, "kafka-cluster", ALTER_CONFIGS)],
    ),
    (
        IncrementalAlterConfigsRequest::KEY,
        1,
        &[(TOPIC, "t", ALTER_CONFIGS)],
    ),
    (
        AlterShareGroupOffsetsRequest::KEY,
        0,
        &[(GROUP, "s", READ), (TOPIC, "t", READ)],
    ),
    (
        DescribeShareGroupOffsetsRequest::KEY,
        0,
        &[(GROUP, "s", DESCRIBE), (TOPIC, "t", DESCRIBE)],
    ),
    (
        DeleteShareGroupOffsetsRequest::KEY,
        0,
        &[(GROUP, "s", DELETE), (TOPIC, "t", READ)],
    ),
    (
        ShareGroupHeartbeatRequest::KEY,
        1,
        &[(GROUP, "s", READ), (TOPIC, "t", DESCRIBE)],
    ),
    (
        ShareFetchRequest::KEY,
        1,
        &[(GROUP, "s", READ), (TOPIC, "t", READ)],
    ),
    (
        ShareAcknowledgeRequest::KEY,
        1,
        &[(GROUP, "s", READ), (TOPIC, "t", READ)],
    ),
    (
        StreamsGroupDescribeRequest::KEY,
        0,
        &[(GROUP, "s", DESCRIBE)],
    ),
    (
        ShareGroupDescribeRequest::KEY,
        1,
        &[(GROUP, "s", DESCRIBE), (TOPIC, "t", DESCRIBE)],
    ),
];

/// What everybody may do, or what shows to each what they may see.
pub(super) const OPEN: &[i16] = &[
    ApiVersionsRequest::KEY,
    DescribeClusterRequest::KEY,
    GetTelemetrySubscriptionsRequest::KEY,
    PushTelemetryRequest::KEY,
    SaslHandshakeRequest::KEY,
    SaslAuthenticateRequest::KEY,
    ListGroupsRequest::KEY,
    ListTransactionsRequest::KEY,
    RenewDelegationTokenRequest::KEY,
    ExpireDelegationTokenRequest::KEY,
    DescribeDelegationTokenRequest::KEY,
];
