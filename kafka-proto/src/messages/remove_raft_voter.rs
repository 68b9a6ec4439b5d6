//! RemoveRaftVoter: takes a controller's vote (API key 81).

use bytestring::ByteString;

use crate::codec::{Uuid, message};

message! {
    /// Removes a controller from those who vote in the metadata log's quorum (KIP-853).
    RemoveRaftVoterRequest: request 81 -> RemoveRaftVoterResponse, versions "0", flexible "0+" {
        cluster_id: Option<ByteString> ["0+", nullable "0+"] = Some(ByteString::new()),
        voter_id: i32,
        voter_directory_id: Uuid,
    }
}

message! {
    /// Whether it was removed.
    RemoveRaftVoterResponse: response, versions "0", flexible "0+" {
        throttle_time_ms: i32,
        error_code: i16,
        error_message: Option<ByteString> ["0+", nullable "0+", ignorable] = Some(ByteString::new()),
    }
}
