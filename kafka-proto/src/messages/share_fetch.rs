//! ShareFetch: reads records for a share group (API key 78).

use bytes::Bytes;
use bytestring::ByteString;

use crate::codec::{Records, Uuid, message};

message! {
    /// Acquires records for a member of a share group, and acknowledges earlier ones (KIP-932);
    /// sent to the partitions' leaders. The session's epoch is 0 to open it, counts up with
    /// each request, and is -1 to close it. Acquire modes: 0 whole batches, 1 not more than the
    /// limit of records (KIP-1206).
    ShareFetchRequest: request 78 -> ShareFetchResponse, versions "1-2", flexible "0+" {
        group_id: Option<ByteString> ["0+", nullable "0+"],
        member_id: Option<ByteString> ["0+", nullable "0+"] = Some(ByteString::new()),
        share_session_epoch: i32,
        max_wait_ms: i32,
        min_bytes: i32,
        max_bytes: i32 = 0x7fffffff,
        max_records: i32 ["1+"],
        batch_size: i32 ["1+"],
        share_acquire_mode: i8 ["2+", ignorable],
        is_renew_ack: bool ["2+"],
        topics: Vec<FetchTopic>,
        forgotten_topics_data: Vec<ForgottenTopic>,
    }

    /// A topic to read.
    FetchTopic {
        topic_id: Uuid,
        partitions: Vec<FetchPartition>,
    }

    /// A partition to read, and what was processed of it.
    FetchPartition {
        partition_index: i32,
        partition_max_bytes: i32 ["0"],
        acknowledgement_batches: Vec<AcknowledgementBatch>,
    }

    /// Offsets from first to last with one acknowledgement for all, or one for each: 0 gap, 1
    /// accept, 2 release, 3 reject, 4 renew the lock (KIP-1222). Ascending, and sent once.
    AcknowledgementBatch {
        first_offset: i64,
        last_offset: i64,
        acknowledge_types: Vec<i8>,
    }

    /// Partitions that leave the session.
    ForgottenTopic {
        topic_id: Uuid,
        partitions: Vec<i32>,
    }
}

message! {
    /// The batches, and which of their records were acquired: only those may be processed,
    /// while their lock holds.
    ShareFetchResponse: response, versions "1-2", flexible "0+" {
        throttle_time_ms: i32,
        error_code: i16,
        error_message: Option<ByteString> ["0+", nullable "0+"],
        acquisition_lock_timeout_ms: i32 ["1+"],
        responses: Vec<ShareFetchableTopicResponse>,
        node_endpoints: Vec<NodeEndpoint>,
    }

    /// A topic that was read.
    ShareFetchableTopicResponse {
        topic_id: Uuid,
        partitions: Vec<PartitionData>,
    }

    /// A partition's batches, and what became of its acknowledgements.
    PartitionData {
        partition_index: i32,
        error_code: i16,
        error_message: Option<ByteString> ["0+", nullable "0+"],
        acknowledge_error_code: i16,
        acknowledge_error_message: Option<ByteString> ["0+", nullable "0+"],
        current_leader: LeaderIdAndEpoch,
        records: Option<Records> ["0+", nullable "0"] = Some(Bytes::new()),
        acquired_records: Vec<AcquiredRecords>,
    }

    /// Who leads the partition now.
    LeaderIdAndEpoch {
        leader_id: i32,
        leader_epoch: i32,
    }

    /// Offsets from first to last that the member holds now, and how often they were delivered.
    AcquiredRecords {
        first_offset: i64,
        last_offset: i64,
        delivery_count: i16,
    }

    /// Where a leader named in this answer listens.
    NodeEndpoint {
        node_id: i32,
        host: ByteString,
        port: i32,
        rack: Option<ByteString> ["0+", nullable "0+"],
    }
}
