//! What the sticky assignors of classic groups put into the user data of a member's subscription.
//!
//! Both lie there without a version in front: it follows from the assignor's name, and from how long the bytes are.

use bytes::Bytes;
use bytestring::ByteString;

use crate::codec::{DecodeError, Message, message};

message! {
    /// What a member of the assignor `sticky` had before (KIP-54), and from when on: the generation came with version 1
    /// (KIP-341).
    StickyAssignorUserData: data, versions "0-1", flexible "none" {
        previous_assignment: Vec<TopicAssignment>,
        generation: i32 ["1+", ignorable] = -1,
    }

    /// Partitions of a topic.
    TopicAssignment {
        topic: ByteString,
        partitions: Vec<i32>,
    }
}

message! {
    /// The generation in which a member of the assignor `cooperative-sticky` got the partitions it owns (KIP-429). A
    /// subscription of version 2 says the same in a field of its own, which then counts.
    CooperativeStickyAssignorUserData: data, versions "0", flexible "none" {
        generation: i32,
    }
}

impl StickyAssignorUserData {
    /// Reads the user data of a subscription, in either version.
    ///
    /// # Errors
    /// When the bytes are neither. Java's assignor then takes the member for one that had nothing.
    #[inline]
    pub fn parse(user_data: Bytes) -> Result<Self, DecodeError> {
        // The two differ in four bytes at the end, so that no bytes are both.
        Self::decode(user_data.clone(), 1)
            .or_else(|error| Self::decode(user_data, 0).map_err(|_| error))
    }
}
