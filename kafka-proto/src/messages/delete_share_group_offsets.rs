//! DeleteShareGroupOffsets: forgets where a share group read topics (API key 92).

use bytestring::ByteString;

use crate::codec::{Uuid, message};

message! {
    /// Deletes the state of topics from a share group while it has no members (KIP-932); sent
    /// to its coordinator.
    DeleteShareGroupOffsetsRequest: request 92 -> DeleteShareGroupOffsetsResponse, versions "0", flexible "0+" {
        group_id: ByteString,
        topics: Vec<DeleteShareGroupOffsetsRequestTopic>,
    }

    /// A topic.
    DeleteShareGroupOffsetsRequestTopic {
        topic_name: ByteString,
    }
}

message! {
    /// What became of each topic.
    DeleteShareGroupOffsetsResponse: response, versions "0", flexible "0+" {
        throttle_time_ms: i32,
        error_code: i16,
        error_message: Option<ByteString> ["0+", nullable "0+"],
        responses: Vec<DeleteShareGroupOffsetsResponseTopic>,
    }

    /// What became of a topic.
    DeleteShareGroupOffsetsResponseTopic {
        topic_name: ByteString,
        topic_id: Uuid,
        error_code: i16,
        error_message: Option<ByteString> ["0+", nullable "0+"],
    }
}
