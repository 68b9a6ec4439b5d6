use bytestring::ByteString;

use crate::codec::message;

message! {
    /// A streams group.
    StreamsGroupMetadataValue: data, versions "0", flexible "0+" {
        epoch: i32,
        /// Of the topics that it reads: their partitions and racks.
        metadata_hash: i64,
        validated_topology_epoch: i32 ["0+", tag 0 "0+"] = -1,
        last_assignment_configs: Option<Vec<KeyValue>> ["0+", nullable "0+", tag 1 "0+"] = Some(Vec::new()),
    }
}

message! {
    /// A member of a streams group.
    StreamsGroupMemberMetadataValue: data, versions "0", flexible "0+" {
        instance_id: Option<ByteString> ["0+", nullable "0+"] = Some(ByteString::new()),
        rack_id: Option<ByteString> ["0+", nullable "0+"] = Some(ByteString::new()),
        client_id: ByteString,
        client_host: ByteString,
        rebalance_timeout_ms: i32 = -1,
        topology_epoch: i32,
        process_id: ByteString,
        /// Where others reach it for interactive queries.
        user_endpoint: Option<Endpoint> ["0+", nullable "0+"] = None,
        client_tags: Vec<KeyValue>,
    }

    /// A host and a port.
    Endpoint {
        host: ByteString,
        port: u16,
    }

    /// A tag of a client, or a setting.
    KeyValue {
        key: ByteString,
        value: ByteString,
    }
}

message! {
    /// The tasks that a member of a streams group is to get.
    StreamsGroupTargetAssignmentMemberValue: data, versions "0", flexible "0+" {
        active_tasks: Vec<TargetTaskIds>,
        standby_tasks: Vec<TargetTaskIds>,
        warmup_tasks: Vec<TargetTaskIds>,
    }

    /// Tasks of a subtopology: one a partition.
    TargetTaskIds {
        subtopology_id: ByteString,
        partitions: Vec<i32>,
    }
}

message! {
    /// The tasks that a member of a streams group has.
    StreamsGroupCurrentMemberAssignmentValue: data, versions "0", flexible "0+" {
        member_epoch: i32,
        previous_member_epoch: i32,
        /// 1 stable, 2 has still to give up tasks, 3 waits for others to give some up.
        state: i8,
        active_tasks: Vec<TaskIds>,
        standby_tasks: Vec<TaskIds>,
        warmup_tasks: Vec<TaskIds>,
        active_tasks_pending_revocation: Vec<TaskIds>,
        standby_tasks_pending_revocation: Vec<TaskIds>,
        warmup_tasks_pending_revocation: Vec<TaskIds>,
    }

    /// Tasks of a subtopology: one a partition.
    TaskIds {
        subtopology_id: ByteString,
        partitions: Vec<i32>,
        /// The member's epoch when it got each of the tasks; none where an older broker wrote.
        assignment_epochs: Option<Vec<i32>> ["0+", nullable "0+", tag 0 "0+"] = Some(Vec::new()),
    }
}

message! {
    /// What a streams group computes.
    StreamsGroupTopologyValue: data, versions "0", flexible "0+" {
        epoch: i32,
        subtopologies: Vec<Subtopology>,
    }

    /// A part of the topology that its tasks can run by itself.
    Subtopology {
        subtopology_id: ByteString,
        source_topics: Vec<ByteString>,
        source_topic_regex: Vec<ByteString>,
        state_changelog_topics: Vec<TopicInfo>,
        repartition_sink_topics: Vec<ByteString>,
        repartition_source_topics: Vec<TopicInfo>,
        copartition_groups: Vec<CopartitionGroup>,
    }

    /// Topics that must have the same partitions; the numbers are places in the lists of the subtopology.
    CopartitionGroup {
        source_topics: Vec<i16>,
        source_topic_regex: Vec<i16>,
        repartition_source_topics: Vec<i16>,
    }

    /// A topic that the group makes for itself.
    TopicInfo {
        name: ByteString,
        /// 0 where any number will do, and for changelogs.
        partitions: i32,
        /// 0 for the brokers' default.
        replication_factor: i16,
        topic_configs: Vec<TopicConfig>,
    }

    /// A setting of such a topic.
    TopicConfig {
        key: ByteString,
        value: ByteString,
    }
}
