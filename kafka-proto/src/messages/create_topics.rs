//! CreateTopics: creates topics (API key 19).

use bytestring::ByteString;

use crate::codec::{Uuid, message};

message! {
    /// Creates topics, or only checks whether it could.
    CreateTopicsRequest: request 19 -> CreateTopicsResponse, versions "2-7", flexible "5+" {
        topics: Vec<CreatableTopic>,
        timeout_ms: i32 = 60000,
        validate_only: bool ["1+"],
    }

    /// A topic to create.
    CreatableTopic {
        name: ByteString,
        num_partitions: i32,
        replication_factor: i16,
        assignments: Vec<CreatableReplicaAssignment>,
        configs: Vec<CreatableTopicConfig>,
    }

    /// The brokers for a partition's replicas.
    CreatableReplicaAssignment {
        partition_index: i32,
        broker_ids: Vec<i32>,
    }

    /// A setting of the new topic.
    CreatableTopicConfig {
        name: ByteString,
        value: Option<ByteString> ["0+", nullable "0+"] = Some(ByteString::new()),
    }
}

message! {
    /// What became of each topic.
    CreateTopicsResponse: response, versions "2-7", flexible "5+" {
        throttle_time_ms: i32 ["2+", ignorable],
        topics: Vec<CreatableTopicResult>,
    }

    /// What became of a topic.
    CreatableTopicResult {
        name: ByteString,
        topic_id: Uuid ["7+", ignorable],
        error_code: i16,
        error_message: Option<ByteString> ["1+", nullable "0+", ignorable] = Some(ByteString::new()),
        topic_config_error_code: i16 ["5+", tag 0 "5+", ignorable],
        num_partitions: i32 ["5+", ignorable] = -1,
        replication_factor: i16 ["5+", ignorable] = -1,
        configs: Option<Vec<CreatableTopicConfigs>> ["5+", nullable "5+", ignorable] = Some(Vec::new()),
    }

    /// A setting that the new topic has.
    CreatableTopicConfigs {
        name: ByteString ["5+"],
        value: Option<ByteString> ["5+", nullable "5+"] = Some(ByteString::new()),
        read_only: bool ["5+"],
        config_source: i8 ["5+", ignorable] = -1,
        is_sensitive: bool ["5+"],
    }
}
