use bytes::Bytes;
use bytestring::ByteString;

use crate::codec::message;

message! {
    /// Which classic group it is.
    GroupMetadataKey: data, versions "0", flexible "none" {
        group: ByteString,
    }
}

message! {
    /// A generation of a classic group: written when its members have got their assignments, and when it is empty.
    GroupMetadataValue: data, versions "0-4", flexible "4+" {
        /// "consumer" for consumers, and "connect" for Kafka Connect's workers. Empty for a group that only commits.
        protocol_type: ByteString,
        generation: i32,
        /// The name of the assignor; `None` without members.
        protocol: Option<ByteString> ["0+", nullable "0+"] = Some(ByteString::new()),
        /// The id of the member that has assigned the partitions.
        leader: Option<ByteString> ["0+", nullable "0+"] = Some(ByteString::new()),
        /// Milliseconds since 1970.
        current_state_timestamp: i64 ["2+", ignorable] = -1,
        members: Vec<MemberMetadata>,
    }

    /// A member of the generation.
    MemberMetadata {
        member_id: ByteString,
        group_instance_id: Option<ByteString> ["3+", nullable "3+", ignorable] = None,
        client_id: ByteString,
        client_host: ByteString,
        /// Milliseconds; -1 means that it is the session's timeout.
        rebalance_timeout: i32 ["1+", ignorable] = -1,
        /// Milliseconds.
        session_timeout: i32,
        /// Of a consumer: a versioned [`ConsumerProtocolSubscription`](crate::messages::ConsumerProtocolSubscription).
        subscription: Bytes,
        /// Of a consumer: a versioned [`ConsumerProtocolAssignment`](crate::messages::ConsumerProtocolAssignment), or
        /// nothing.
        assignment: Bytes,
    }
}
