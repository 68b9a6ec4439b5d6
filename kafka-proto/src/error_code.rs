//! Kafka's error codes.

use std::fmt;

/// What a client may do about an error.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Remedy {
    Fail,
    Retry,
    /// Retry, after looking up anew who leads the partition.
    Refresh,
}

/// One row an error: code, variant, Kafka's name, remedy (`Fail`, `Retry`, or `Refresh` the metadata and retry),
/// message.
macro_rules! error_codes {
    ($($code:literal $variant:ident $name:ident $remedy:ident $message:literal;)*) => {
        /// An error that a broker answers with, or [`None`](Self::None).
        ///
        /// ```
        /// use kafka_proto::error_code::ErrorCode;
        ///
        /// let error = ErrorCode::from(6);
        /// assert_eq!(error, ErrorCode::NotLeaderOrFollower);
        /// assert!(error.is_retriable() && error.refreshes_metadata());
        /// ```
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum ErrorCode {
            $(#[doc = concat!("`", stringify!($name), "` (", stringify!($code), "): ", $message, ".")] $variant,)*
            /// A code of a newer Kafka: like every error that is not known, not retriable.
            Unknown(i16),
        }

        impl ErrorCode {
            /// All that have a name, in the order of their codes.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            const fn row(self) -> (i16, &'static str, Remedy, &'static str) {
                match self {
                    $(Self::$variant => ($code, stringify!($name), Remedy::$remedy, $message),)*
                    Self::Unknown(code) => (code, "UNKNOWN", Remedy::Fail, "an error that this client does not know"),
                }
            }
        }

        impl From<i16> for ErrorCode {
            fn from(code: i16) -> Self {
                match code {
                    $($code => Self::$variant,)*
                    _ => Self::Unknown(code),
                }
            }
        }
    };
}

error_codes! {
-1 UnknownServerError UNKNOWN_SERVER_ERROR Fail "the broker failed in a way that it has no code for: see its log";
0 None NONE Fail "no error";
1 OffsetOutOfRange OFFSET_OUT_OF_RANGE Fail "the offset is outside the partition's log";
2 CorruptMessage CORRUPT_MESSAGE Retry "a record batch arrived damaged: its checksum, size or format is wrong";
3 UnknownTopicOrPartition UNKNOWN_TOPIC_OR_PARTITION Refresh "the broker does not host this topic or partition, or not yet";
4 InvalidFetchSize INVALID_FETCH_SIZE Fail "the fetch size is invalid";
5 LeaderNotAvailable LEADER_NOT_AVAILABLE Refresh "the partition has no leader at the moment";
6 NotLeaderOrFollower NOT_LEADER_OR_FOLLOWER Refresh "the broker is not the partition's leader, or no replica of it";
7 RequestTimedOut REQUEST_TIMED_OUT Retry "the broker could not finish the request within its timeout";
8 BrokerNotAvailable BROKER_NOT_AVAILABLE Fail "the broker is not available";
9 ReplicaNotAvailable REPLICA_NOT_AVAILABLE Refresh "the replica is not available";
10 MessageTooLarge MESSAGE_TOO_LARGE Fail "the record batch is larger than the broker or topic allows";
11 StaleControllerEpoch STALE_CONTROLLER_EPOCH Fail "a newer controller has taken over";
12 OffsetMetadataTooLarge OFFSET_METADATA_TOO_LARGE Fail "the metadata that goes with a committed offset is too long";
13 NetworkException NETWORK_EXCEPTION Refresh "the connection ended before the response arrived";
14 CoordinatorLoadInProgress COORDINATOR_LOAD_IN_PROGRESS Retry "the coordinator is still loading its state";
15 CoordinatorNotAvailable COORDINATOR_NOT_AVAILABLE Retry "the coordinator is not available";
16 NotCoordinator NOT_COORDINATOR Retry "the broker is not the coordinator of this group or transaction";
17 InvalidTopicException INVALID_TOPIC_EXCEPTION Fail "the topic's name is invalid or not allowed here";
18 RecordListTooLarge RECORD_LIST_TOO_LARGE Fail "the records are larger than a segment of the log may be";
19 NotEnoughReplicas NOT_ENOUGH_REPLICAS Retry "fewer replicas are in sync than the topic requires, so nothing was written";
20 NotEnoughReplicasAfterAppend NOT_ENOUGH_REPLICAS_AFTER_APPEND Retry "the records were written, but to fewer replicas than the topic requires";
21 InvalidRequiredAcks INVALID_REQUIRED_ACKS Fail "the number of acknowledgements is invalid: expected 0, 1 or -1";
22 IllegalGeneration ILLEGAL_GENERATION Fail "the group has moved on to another generation";
23 InconsistentGroupProtocol INCONSISTENT_GROUP_PROTOCOL Fail "the member's protocols share nothing with those of the group";
24 InvalidGroupId INVALID_GROUP_ID Fail "the group's id is invalid";
25 UnknownMemberId UNKNOWN_MEMBER_ID Fail "the coordinator does not know this member of the group";
26 InvalidSessionTimeout INVALID_SESSION_TIMEOUT Fail "the session timeout is outside what the broker allows";
27 RebalanceInProgress REBALANCE_IN_PROGRESS Fail "the group is rebalancing: join again";
28 InvalidCommitOffsetSize INVALID_COMMIT_OFFSET_SIZE Fail "the offsets of the commit take too much space";
29 TopicAuthorizationFailed TOPIC_AUTHORIZATION_FAILED Fail "the principal may not do this to the topic";
30 GroupAuthorizationFailed GROUP_AUTHORIZATION_FAILED Fail "the principal may not do this to the group";
31 ClusterAuthorizationFailed CLUSTER_AUTHORIZATION_FAILED Fail "the principal may not do this to the cluster";
32 InvalidTimestamp INVALID_TIMESTAMP Fail "a record's timestamp is outside what the topic allows";
33 UnsupportedSaslMechanism UNSUPPORTED_SASL_MECHANISM Fail "the broker does not offer this SASL mechanism";
34 IllegalSaslState ILLEGAL_SASL_STATE Fail "this request is not expected at this point of the authentication";
35 UnsupportedVersion UNSUPPORTED_VERSION Fail "the broker does not offer this version of the API";
36 TopicAlreadyExists TOPIC_ALREADY_EXISTS Fail "a topic of this name exists already";
37 InvalidPartitions INVALID_PARTITIONS Fail "the number of partitions is invalid";
38 InvalidReplicationFactor INVALID_REPLICATION_FACTOR Fail "the replication factor is invalid, or larger than the number of brokers";
39 InvalidReplicaAssignment INVALID_REPLICA_ASSIGNMENT Fail "the assignment of replicas is invalid";
40 InvalidConfig INVALID_CONFIG Fail "the configuration is invalid";
41 NotController NOT_CONTROLLER Retry "the broker is not the controller";
42 InvalidRequest INVALID_REQUEST Fail "the request contradicts itself or the protocol: see the broker's log";
43 UnsupportedForMessageFormat UNSUPPORTED_FOR_MESSAGE_FORMAT Fail "the log's record format does not offer this";
44 PolicyViolation POLICY_VIOLATION Fail "the request goes against a policy of the cluster";
45 OutOfOrderSequenceNumber OUT_OF_ORDER_SEQUENCE_NUMBER Fail "the producer's sequence number is not the one that was expected";
46 DuplicateSequenceNumber DUPLICATE_SEQUENCE_NUMBER Fail "the broker has had this sequence number already";
47 InvalidProducerEpoch INVALID_PRODUCER_EPOCH Fail "the producer's epoch is older than the broker's: another producer has taken its place";
48 InvalidTxnState INVALID_TXN_STATE Fail "the transaction is in a state that does not allow this";
49 InvalidProducerIdMapping INVALID_PRODUCER_ID_MAPPING Fail "the producer id does not belong to this transactional id";
50 InvalidTransactionTimeout INVALID_TRANSACTION_TIMEOUT Fail "the transaction timeout is larger than the broker allows";
51 ConcurrentTransactions CONCURRENT_TRANSACTIONS Retry "another operation on this transaction is still running";
52 TransactionCoordinatorFenced TRANSACTION_COORDINATOR_FENCED Fail "another coordinator has taken over this transaction";
53 TransactionalIdAuthorizationFailed TRANSACTIONAL_ID_AUTHORIZATION_FAILED Fail "the principal may not use this transactional id";
54 SecurityDisabled SECURITY_DISABLED Fail "security is turned off in this cluster";
55 OperationNotAttempted OPERATION_NOT_ATTEMPTED Fail "an earlier failure in the same request kept this from being tried";
56 KafkaStorageError KAFKA_STORAGE_ERROR Refresh "the broker could not read or write its disk";
57 LogDirNotFound LOG_DIR_NOT_FOUND Fail "the broker has no such log directory";
58 SaslAuthenticationFailed SASL_AUTHENTICATION_FAILED Fail "the authentication failed: check the credentials";
59 UnknownProducerId UNKNOWN_PRODUCER_ID Fail "the broker has no state of this producer, perhaps because its records have expired";
60 ReassignmentInProgress REASSIGNMENT_IN_PROGRESS Fail "the partitions are being reassigned already";
61 DelegationTokenAuthDisabled DELEGATION_TOKEN_AUTH_DISABLED Fail "delegation tokens are turned off in this cluster";
62 DelegationTokenNotFound DELEGATION_TOKEN_NOT_FOUND Fail "the delegation token is not known";
63 DelegationTokenOwnerMismatch DELEGATION_TOKEN_OWNER_MISMATCH Fail "the delegation token belongs to somebody else";
64 DelegationTokenRequestNotAllowed DELEGATION_TOKEN_REQUEST_NOT_ALLOWED Fail "delegation tokens need an authenticated or encrypted connection";
65 DelegationTokenAuthorizationFailed DELEGATION_TOKEN_AUTHORIZATION_FAILED Fail "the principal may not do this to the delegation token";
66 DelegationTokenExpired DELEGATION_TOKEN_EXPIRED Fail "the delegation token has expired";
67 InvalidPrincipalType INVALID_PRINCIPAL_TYPE Fail "this type of principal is not allowed here";
68 NonEmptyGroup NON_EMPTY_GROUP Fail "the group still has members";
69 GroupIdNotFound GROUP_ID_NOT_FOUND Fail "there is no group of this id";
70 FetchSessionIdNotFound FETCH_SESSION_ID_NOT_FOUND Retry "the broker does not know this fetch session";
71 InvalidFetchSessionEpoch INVALID_FETCH_SESSION_EPOCH Retry "the epoch of the fetch session is not the one that was expected";
72 ListenerNotFound LISTENER_NOT_FOUND Refresh "the leader has no endpoint on the listener that the client uses";
73 TopicDeletionDisabled TOPIC_DELETION_DISABLED Fail "deleting topics is turned off in this cluster";
74 FencedLeaderEpoch FENCED_LEADER_EPOCH Refresh "the leader's epoch in the request is older than the broker's";
75 UnknownLeaderEpoch UNKNOWN_LEADER_EPOCH Retry "the leader's epoch in the request is newer than the broker's";
76 UnsupportedCompressionType UNSUPPORTED_COMPRESSION_TYPE Fail "the client's version of the API cannot take this compression";
77 StaleBrokerEpoch STALE_BROKER_EPOCH Fail "the broker has registered anew since";
78 OffsetNotAvailable OFFSET_NOT_AVAILABLE Retry "the leader does not know the end of its log yet, as after an election";
79 MemberIdRequired MEMBER_ID_REQUIRED Fail "the member has to join again, with the id that the response gives it";
80 PreferredLeaderNotAvailable PREFERRED_LEADER_NOT_AVAILABLE Refresh "the preferred leader is not available";
81 GroupMaxSizeReached GROUP_MAX_SIZE_REACHED Fail "the group has as many members as it may";
82 FencedInstanceId FENCED_INSTANCE_ID Fail "another member uses this static instance id";
83 EligibleLeadersNotAvailable ELIGIBLE_LEADERS_NOT_AVAILABLE Refresh "no replica that may become the leader is available";
84 ElectionNotNeeded ELECTION_NOT_NEEDED Refresh "the partition needs no election";
85 NoReassignmentInProgress NO_REASSIGNMENT_IN_PROGRESS Fail "no reassignment is running for this partition";
86 GroupSubscribedToTopic GROUP_SUBSCRIBED_TO_TOPIC Fail "the group is subscribed to the topic, so its offsets cannot be deleted";
87 InvalidRecord INVALID_RECORD Fail "the broker refused a record: the response says which one and why";
88 UnstableOffsetCommit UNSTABLE_OFFSET_COMMIT Retry "offsets of an open transaction are not settled yet";
89 ThrottlingQuotaExceeded THROTTLING_QUOTA_EXCEEDED Retry "the quota for this kind of request is used up for now";
90 ProducerFenced PRODUCER_FENCED Fail "a newer producer of the same transactional id has taken over";
91 ResourceNotFound RESOURCE_NOT_FOUND Fail "there is no such resource";
92 DuplicateResource DUPLICATE_RESOURCE Fail "the resource exists already";
93 UnacceptableCredential UNACCEPTABLE_CREDENTIAL Fail "the credential is not acceptable";
94 InconsistentVoterSet INCONSISTENT_VOTER_SET Fail "the set of voters differs between the two sides";
95 InvalidUpdateVersion INVALID_UPDATE_VERSION Fail "the feature's version is invalid";
96 FeatureUpdateFailed FEATURE_UPDATE_FAILED Fail "the feature could not be updated";
97 PrincipalDeserializationFailure PRINCIPAL_DESERIALIZATION_FAILURE Fail "the principal of a forwarded request could not be read";
98 SnapshotNotFound SNAPSHOT_NOT_FOUND Fail "there is no such snapshot";
99 PositionOutOfRange POSITION_OUT_OF_RANGE Fail "the position is outside the snapshot";
100 UnknownTopicId UNKNOWN_TOPIC_ID Refresh "the broker does not know this topic id, or not yet";
101 DuplicateBrokerRegistration DUPLICATE_BROKER_REGISTRATION Fail "a broker of this id is registered already";
102 BrokerIdNotRegistered BROKER_ID_NOT_REGISTERED Fail "no broker of this id is registered";
103 InconsistentTopicId INCONSISTENT_TOPIC_ID Refresh "the topic id does not match the topic of this name";
104 InconsistentClusterId INCONSISTENT_CLUSTER_ID Fail "the cluster's id is another one";
105 TransactionalIdNotFound TRANSACTIONAL_ID_NOT_FOUND Fail "there is no such transactional id";
106 FetchSessionTopicIdError FETCH_SESSION_TOPIC_ID_ERROR Retry "the fetch session mixes topic names and topic ids";
107 IneligibleReplica INELIGIBLE_REPLICA Fail "the replica may not join those in sync";
108 NewLeaderElected NEW_LEADER_ELECTED Fail "the controller has elected another leader meanwhile";
109 OffsetMovedToTieredStorage OFFSET_MOVED_TO_TIERED_STORAGE Fail "the offset is in remote storage now";
110 FencedMemberEpoch FENCED_MEMBER_EPOCH Fail "the member's epoch is newer at the coordinator: the member was fenced and has to join again";
111 UnreleasedInstanceId UNRELEASED_INSTANCE_ID Fail "another member still holds this static instance id";
112 UnsupportedAssignor UNSUPPORTED_ASSIGNOR Fail "none of the member's assignors is known to the broker";
113 StaleMemberEpoch STALE_MEMBER_EPOCH Fail "the member's epoch is outdated: heartbeat first, then try again";
114 MismatchedEndpointType MISMATCHED_ENDPOINT_TYPE Fail "the request went to the wrong kind of endpoint";
115 UnsupportedEndpointType UNSUPPORTED_ENDPOINT_TYPE Fail "this kind of endpoint is not known";
116 UnknownControllerId UNKNOWN_CONTROLLER_ID Fail "this controller id is not known";
117 UnknownSubscriptionId UNKNOWN_SUBSCRIPTION_ID Fail "the telemetry subscription has changed: ask for the new one";
118 TelemetryTooLarge TELEMETRY_TOO_LARGE Fail "the telemetry is larger than the broker takes";
119 InvalidRegistration INVALID_REGISTRATION Fail "the broker's registration is invalid";
120 TransactionAbortable TRANSACTION_ABORTABLE Fail "the operation failed in a way that only aborting the transaction resolves";
121 InvalidRecordState INVALID_RECORD_STATE Fail "the record is in a state that does not allow this, as after its lock has expired";
122 ShareSessionNotFound SHARE_SESSION_NOT_FOUND Retry "the broker does not know this share session";
123 InvalidShareSessionEpoch INVALID_SHARE_SESSION_EPOCH Retry "the epoch of the share session is not the one that was expected";
124 FencedStateEpoch FENCED_STATE_EPOCH Fail "the share coordinator knows a newer state epoch";
125 InvalidVoterKey INVALID_VOTER_KEY Fail "the voter's key does not match its replica";
126 DuplicateVoter DUPLICATE_VOTER Fail "the voter is in the set already";
127 VoterNotFound VOTER_NOT_FOUND Fail "the voter is not in the set";
128 InvalidRegularExpression INVALID_REGULAR_EXPRESSION Fail "the regular expression is invalid";
129 RebootstrapRequired REBOOTSTRAP_REQUIRED Fail "the client's metadata is outdated: bootstrap again";
130 StreamsInvalidTopology STREAMS_INVALID_TOPOLOGY Fail "the streams topology is invalid";
131 StreamsInvalidTopologyEpoch STREAMS_INVALID_TOPOLOGY_EPOCH Fail "the epoch of the streams topology is invalid";
132 StreamsTopologyFenced STREAMS_TOPOLOGY_FENCED Fail "the epoch of the streams topology is older than the group's";
133 ShareSessionLimitReached SHARE_SESSION_LIMIT_REACHED Retry "the broker holds as many share sessions as it may";}

impl ErrorCode {
    /// The number on the wire.
    pub const fn code(self) -> i16 {
        self.row().0
    }

    /// Kafka's name, such as `NOT_LEADER_OR_FOLLOWER`; `UNKNOWN` for a code without one.
    pub const fn name(self) -> &'static str {
        self.row().1
    }

    /// What it means, for a person to read.
    pub const fn message(self) -> &'static str {
        self.row().3
    }

    /// Whether there is an error at all.
    pub const fn is_error(self) -> bool {
        !matches!(self, Self::None)
    }

    /// Whether the same request may succeed later, as the Java client judges it.
    pub const fn is_retriable(self) -> bool {
        matches!(self.row().2, Remedy::Retry | Remedy::Refresh)
    }

    /// Whether the client's metadata is outdated and has to be fetched anew before a retry.
    pub const fn refreshes_metadata(self) -> bool {
        matches!(self.row().2, Remedy::Refresh)
    }

    /// `Ok` where there is no error.
    pub const fn into_result(self) -> Result<(), Self> {
        match self {
            Self::None => Ok(()),
            error => Err(error),
        }
    }
}

impl From<ErrorCode> for i16 {
    fn from(error: ErrorCode) -> Self {
        error.code()
    }
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({}): {}", self.name(), self.code(), self.message())
    }
}

impl std::error::Error for ErrorCode {}
