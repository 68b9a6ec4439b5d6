//! Where our definitions are not those of Kafka, and why.

/// What differs on purpose.
pub(crate) struct OnPurpose {
    /// In which release; in any that has the place if empty.
    pub(crate) release: &'static str,
    /// What about the places.
    pub(crate) what: &'static str,
    /// Each place, and what stands there: officially and with us.
    pub(crate) places: &'static [(&'static str, &'static str, &'static str)],
    pub(crate) because: &'static str,
}

pub(crate) const ON_PURPOSE: &[OnPurpose] = &[
    OnPurpose {
        release: "",
        what: "type",
        places: &[
            (
                "AlterClientQuotasResponse.entries",
                "[]EntryData",
                "[]ResponseEntryData",
            ),
            (
                "DescribeQuorumResponse.topics",
                "[]TopicData",
                "[]ResponseTopicData",
            ),
            (
                "DescribeQuorumResponse.topics.partitions",
                "[]PartitionData",
                "[]ResponsePartitionData",
            ),
        ],
        because: "request and response are in one module, and have structs of the same name with other fields",
    },
    OnPurpose {
        release: "",
        what: "type",
        places: &[
            (
                "ConsumerProtocolAssignment.assignedPartitions",
                "[]TopicPartition",
                "[]AssignedTopicPartitions",
            ),
            (
                "ConsumerProtocolSubscription.ownedPartitions",
                "[]TopicPartition",
                "[]SubscribedTopicPartitions",
            ),
        ],
        because: "both messages are in one module, and TopicPartition is several partitions of a topic",
    },
    OnPurpose {
        release: "",
        what: "type",
        places: &[("VotersRecord.voters", "[]Voter", "[]VotersRecordVoter")],
        because: "LeaderChangeMessage is in the same module, and has another Voter",
    },
    OnPurpose {
        release: "",
        what: "default",
        places: &[("RequestHeader.clientId", "", "null")],
        because: "a client without a name says so, instead of having an empty one",
    },
    OnPurpose {
        release: "3.9",
        what: "name",
        places: &[
            (
                "ListConfigResourcesRequest",
                "ListClientMetricsResourcesRequest",
                "ListConfigResourcesRequest",
            ),
            (
                "ListConfigResourcesResponse",
                "ListClientMetricsResourcesResponse",
                "ListConfigResourcesResponse",
            ),
        ],
        because: "KIP-1142 renamed ListClientMetricsResources",
    },
    OnPurpose {
        release: "3.9",
        what: "fields",
        places: &[(
            "ListConfigResourcesResponse",
            "throttleTimeMs, errorCode, clientMetricsResources",
            "throttleTimeMs, errorCode, configResources",
        )],
        because: "KIP-1142 renamed clientMetricsResources",
    },
    OnPurpose {
        release: "3.9",
        what: "versions",
        places: &[
            ("ShareAcknowledgeRequest", "0", "1-2"),
            ("ShareAcknowledgeResponse", "0", "1-2"),
            ("ShareFetchRequest", "0", "1-2"),
            ("ShareFetchResponse", "0", "1-2"),
            ("ShareGroupDescribeRequest", "0", "1"),
            ("ShareGroupDescribeResponse", "0", "1"),
            ("ShareGroupHeartbeatRequest", "0", "1"),
            ("ShareGroupHeartbeatResponse", "0", "1"),
        ],
        because: "version 0 of KIP-932 was never stable, and Kafka 4.1 took it away",
    },
    OnPurpose {
        release: "3.9",
        what: "fields",
        places: &[(
            "ReadShareGroupStateSummaryResponse.results.partitions",
            "partition, errorCode, errorMessage, stateEpoch, startOffset",
            "partition, errorCode, errorMessage, stateEpoch, leaderEpoch, startOffset",
        )],
        because: "KIP-932 was not stable: its version 0 got another field",
    },
];
