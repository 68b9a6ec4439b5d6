//! DeleteTopics: deletes topics (API key 20).

use bytestring::ByteString;

use crate::codec::{Uuid, message};

message! {
    /// Deletes topics by name or, from version 6 on, by id.
    DeleteTopicsRequest: request 20 -> DeleteTopicsResponse, versions "1-6", flexible "4+" {
        topics: Vec<DeleteTopicState> ["6+"],
        topic_names: Vec<ByteString> ["0-5", ignorable],
        timeout_ms: i32,
    }

    /// A topic to delete, by name or id.
    DeleteTopicState {
        name: Option<ByteString> ["6+", nullable "6+"],
        topic_id: Uuid ["6+"],
    }
}

message! {
    /// What became of each topic.
    DeleteTopicsResponse: response, versions "1-6", flexible "4+" {
        throttle_time_ms: i32 ["1+", ignorable],
        responses: Vec<DeletableTopicResult>,
    }

    /// What became of a topic.
    DeletableTopicResult {
        name: Option<ByteString> ["0+", nullable "6+"] = Some(ByteString::new()),
        topic_id: Uuid ["6+", ignorable],
        error_code: i16,
        error_message: Option<ByteString> ["5+", nullable "5+", ignorable],
    }
}
