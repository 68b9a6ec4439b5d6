//! StreamsGroupHeartbeat: membership in a group of Kafka Streams (API key 88).

use bytestring::ByteString;

use crate::codec::message;

message! {
    /// Joins, stays in or leaves a group of Kafka Streams, whose tasks the coordinator hands
    /// out (KIP-1071). The epoch is 0 to join, -1 to leave, -2 for a static member that will be
    /// back. `None` means that nothing has changed; the topology is sent when joining.
    StreamsGroupHeartbeatRequest: request 88 -> StreamsGroupHeartbeatResponse, versions "0", flexible "0+" {
        group_id: ByteString,
        member_id: ByteString,
        member_epoch: i32,
        endpoint_information_epoch: i32,
        instance_id: Option<ByteString> ["0+", nullable "0+"],
        rack_id: Option<ByteString> ["0+", nullable "0+"],
        rebalance_timeout_ms: i32 = -1,
        topology: Option<Topology> ["0+", nullable "0+"],
        active_tasks: Option<Vec<TaskIds>> ["0+", nullable "0+"],
        standby_tasks: Option<Vec<TaskIds>> ["0+", nullable "0+"],
        warmup_tasks: Option<Vec<TaskIds>> ["0+", nullable "0+"],
        process_id: Option<ByteString> ["0+", nullable "0+"],
        user_endpoint: Option<Endpoint> ["0+", nullable "0+"],
        client_tags: Option<Vec<KeyValue>> ["0+", nullable "0+"],
        task_offsets: Option<Vec<TaskOffset>> ["0+", nullable "0+"],
        task_end_offsets: Option<Vec<TaskOffset>> ["0+", nullable "0+"],
        shutdown_application: bool,
    }

    /// The parts that a streams program consists of.
    Topology {
        epoch: i32,
        subtopologies: Vec<Subtopology>,
    }

    /// A part that shares no state with others; its tasks are one for each partition of its
    /// sources.
    Subtopology {
        subtopology_id: ByteString,
        source_topics: Vec<ByteString>,
        source_topic_regex: Vec<ByteString>,
        state_changelog_topics: Vec<TopicInfo>,
        repartition_sink_topics: Vec<ByteString>,
        repartition_source_topics: Vec<TopicInfo>,
        copartition_groups: Vec<CopartitionGroup>,
    }

    /// An internal topic that the coordinator makes; 0 leaves the number of partitions or
    /// replicas to it.
    TopicInfo {
        name: ByteString,
        partitions: i32,
        replication_factor: i16,
        topic_configs: Vec<KeyValue>,
    }

    /// A name and its value.
    KeyValue {
        key: ByteString,
        value: ByteString,
    }

    /// Sources that must have equally many partitions, as indexes into the lists of the
    /// subtopology.
    CopartitionGroup {
        source_topics: Vec<i16>,
        source_topic_regex: Vec<i16>,
        repartition_source_topics: Vec<i16>,
    }

    /// Tasks of a subtopology, by partition.
    TaskIds {
        subtopology_id: ByteString,
        partitions: Vec<i32>,
    }

    /// Where a member answers queries of its state.
    Endpoint {
        host: ByteString,
        port: u16,
    }

    /// How far a task's changelogs have come, added up.
    TaskOffset {
        subtopology_id: ByteString,
        partition: i32,
        offset: i64,
    }
}

message! {
    /// The member's epoch and its tasks; `None` is no change.
    StreamsGroupHeartbeatResponse: response, versions "0", flexible "0+" {
        throttle_time_ms: i32,
        error_code: i16,
        error_message: Option<ByteString> ["0+", nullable "0+"],
        member_id: ByteString,
        member_epoch: i32,
        heartbeat_interval_ms: i32,
        acceptable_recovery_lag: i32,
        task_offset_interval_ms: i32,
        status: Option<Vec<Status>> ["0+", nullable "0+"] = Some(Vec::new()),
        active_tasks: Option<Vec<TaskIds>> ["0+", nullable "0+"],
        standby_tasks: Option<Vec<TaskIds>> ["0+", nullable "0+"],
        warmup_tasks: Option<Vec<TaskIds>> ["0+", nullable "0+"],
        endpoint_information_epoch: i32,
        partitions_by_user_endpoint: Option<Vec<EndpointToPartitions>> ["0+", nullable "0+"],
    }

    /// What keeps the group from working: 0 stale topology, 1 sources missing, 2 wrong numbers
    /// of partitions, 3 internal topics missing, 4 shutdown asked for, 5 assignment delayed.
    Status {
        status_code: i8,
        status_detail: ByteString,
    }

    /// The partitions whose state a member has, and where it answers queries.
    EndpointToPartitions {
        user_endpoint: Endpoint,
        active_partitions: Vec<TopicPartition>,
        standby_partitions: Vec<TopicPartition>,
    }

    /// Partitions of a topic.
    TopicPartition {
        topic: ByteString,
        partitions: Vec<i32>,
    }
}
