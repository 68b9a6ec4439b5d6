//! ShareAcknowledge: acknowledges records of a share group (API key 79).

use bytestring::ByteString;

use crate::codec::{Uuid, message};

message! {
    /// Acknowledges records without reading more (KIP-932); sent to the leader that they were
    /// acquired from. An epoch of -1 closes the session.
    ShareAcknowledgeRequest: request 79 -> ShareAcknowledgeResponse, versions "1-2", flexible "0+" {
        group_id: Option<ByteString> ["0+", nullable "0+"],
        member_id: Option<ByteString> ["0+", nullable "0+"] = Some(ByteString::new()),
        share_session_epoch: i32,
        is_renew_ack: bool ["2+"],
        topics: Vec<AcknowledgeTopic>,
    }

    /// A topic with acknowledgements.
    AcknowledgeTopic {
        topic_id: Uuid,
        partitions: Vec<AcknowledgePartition>,
    }

    /// A partition with acknowledgements.
    AcknowledgePartition {
        partition_index: i32,
        acknowledgement_batches: Vec<AcknowledgementBatch>,
    }

    /// Offsets from first to last with one acknowledgement for all, or one for each: 0 gap, 1
    /// accept, 2 release, 3 reject, 4 renew the lock (KIP-1222). Ascending, and sent once.
    AcknowledgementBatch {
        first_offset: i64,
        last_offset: i64,
        acknowledge_types: Vec<i8>,
    }
}

message! {
    /// What became of the acknowledgements.
    ShareAcknowledgeResponse: response, versions "1-2", flexible "0+" {
        throttle_time_ms: i32,
        error_code: i16,
        error_message: Option<ByteString> ["0+", nullable "0+"],
        acquisition_lock_timeout_ms: i32 ["2+", ignorable],
        responses: Vec<ShareAcknowledgeTopicResponse>,
        node_endpoints: Vec<NodeEndpoint>,
    }

    /// A topic with acknowledgements.
    ShareAcknowledgeTopicResponse {
        topic_id: Uuid,
        partitions: Vec<PartitionData>,
    }

    /// What became of a partition's acknowledgements.
    PartitionData {
        partition_index: i32,
        error_code: i16,
        error_message: Option<ByteString> ["0+", nullable "0+"],
        current_leader: LeaderIdAndEpoch,
    }

    /// Who leads the partition now.
    LeaderIdAndEpoch {
        leader_id: i32,
        leader_epoch: i32,
    }

    /// Where a leader named in this answer listens.
    NodeEndpoint {
        node_id: i32,
        host: ByteString,
        port: i32,
        rack: Option<ByteString> ["0+", nullable "0+"],
    }
}
