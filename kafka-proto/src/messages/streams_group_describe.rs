//! StreamsGroupDescribe: what groups of Kafka Streams are doing (API key 89).

use bytestring::ByteString;

use crate::codec::message;

message! {
    /// Asks the coordinator of groups of Kafka Streams for their state, topology and members
    /// (KIP-1071).
    StreamsGroupDescribeRequest: request 89 -> StreamsGroupDescribeResponse, versions "0", flexible "0+" {
        group_ids: Vec<ByteString>,
        include_authorized_operations: bool,
    }
}

message! {
    /// The groups.
    StreamsGroupDescribeResponse: response, versions "0", flexible "0+" {
        throttle_time_ms: i32,
        groups: Vec<DescribedGroup>,
    }

    /// A group. The authorized operations are a bit set, or `i32::MIN` if they were not asked
    /// for.
    DescribedGroup {
        error_code: i16,
        error_message: Option<ByteString> ["0+", nullable "0+"],
        group_id: ByteString,
        group_state: ByteString,
        group_epoch: i32,
        assignment_epoch: i32,
        topology: Option<Topology> ["0+", nullable "0+"],
        members: Vec<Member>,
        authorized_operations: i32 = -2147483648,
    }

    /// The parts that the program consists of; `None` while they cannot be worked out.
    Topology {
        epoch: i32,
        subtopologies: Option<Vec<Subtopology>> ["0+", nullable "0+"],
    }

    /// A part that shares no state with others, with its topics resolved.
    Subtopology {
        subtopology_id: ByteString,
        source_topics: Vec<ByteString>,
        repartition_sink_topics: Vec<ByteString>,
        state_changelog_topics: Vec<TopicInfo>,
        repartition_source_topics: Vec<TopicInfo>,
    }

    /// An internal topic.
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

    /// A member, with the tasks it has and those it shall get.
    Member {
        member_id: ByteString,
        member_epoch: i32,
        instance_id: Option<ByteString> ["0+", nullable "0+"],
        rack_id: Option<ByteString> ["0+", nullable "0+"],
        client_id: ByteString,
        client_host: ByteString,
        topology_epoch: i32,
        process_id: ByteString,
        user_endpoint: Option<Endpoint> ["0+", nullable "0+"],
        client_tags: Vec<KeyValue>,
        task_offsets: Vec<TaskOffset>,
        task_end_offsets: Vec<TaskOffset>,
        assignment: Assignment,
        target_assignment: Assignment,
        is_classic: bool,
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

    /// Tasks of a member.
    Assignment {
        active_tasks: Vec<TaskIds>,
        standby_tasks: Vec<TaskIds>,
        warmup_tasks: Vec<TaskIds>,
    }

    /// Tasks of a subtopology, by partition.
    TaskIds {
        subtopology_id: ByteString,
        partitions: Vec<i32>,
    }
}
