//! CreatePartitions: gives topics more partitions (API key 37).

use bytestring::ByteString;

use crate::codec::message;

message! {
    /// Raises the number of partitions of topics, or only checks whether it could (KIP-195).
    /// Keys go to other partitions afterwards.
    CreatePartitionsRequest: request 37 -> CreatePartitionsResponse, versions "0-3", flexible "2+" {
        topics: Vec<CreatePartitionsTopic>,
        timeout_ms: i32,
        validate_only: bool,
    }

    /// A topic, its new number of partitions, and where their replicas go; `None` leaves that
    /// to the controller.
    CreatePartitionsTopic {
        name: ByteString,
        count: i32,
        assignments: Option<Vec<CreatePartitionsAssignment>> ["0+", nullable "0+"] = Some(Vec::new()),
    }

    /// The brokers of one new partition.
    CreatePartitionsAssignment {
        broker_ids: Vec<i32>,
    }
}

message! {
    /// What became of each topic.
    CreatePartitionsResponse: response, versions "0-3", flexible "2+" {
        throttle_time_ms: i32,
        results: Vec<CreatePartitionsTopicResult>,
    }

    /// What became of a topic.
    CreatePartitionsTopicResult {
        name: ByteString,
        error_code: i16,
        error_message: Option<ByteString> ["0+", nullable "0+"],
    }
}
