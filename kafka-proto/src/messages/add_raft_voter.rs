//! AddRaftVoter: makes a controller a voter (API key 80).

use bytestring::ByteString;

use crate::codec::{Uuid, message};

message! {
    /// Adds a controller to those who vote in the metadata log's quorum (KIP-853). It has to
    /// follow the log already.
    AddRaftVoterRequest: request 80 -> AddRaftVoterResponse, versions "0-1", flexible "0+" {
        cluster_id: Option<ByteString> ["0+", nullable "0+"] = Some(ByteString::new()),
        timeout_ms: i32,
        voter_id: i32,
        voter_directory_id: Uuid,
        listeners: Vec<Listener>,
        ack_when_committed: bool ["1+"] = true,
    }

    /// Where the controller listens.
    Listener {
        name: ByteString,
        host: ByteString,
        port: u16,
    }
}

message! {
    /// Whether it was added.
    AddRaftVoterResponse: response, versions "0-1", flexible "0+" {
        throttle_time_ms: i32,
        error_code: i16,
        error_message: Option<ByteString> ["0+", nullable "0+", ignorable] = Some(ByteString::new()),
    }
}
