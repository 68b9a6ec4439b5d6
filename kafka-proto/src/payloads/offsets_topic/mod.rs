//! The records of `__consumer_offsets`, in which the coordinators of groups keep their state.
//!
//! The topic is compacted: the newest record of a key counts, and one without a value has forgotten the key. Offsets that a
//! transaction commits are in transactional batches, and count from the commit marker on.

mod classic_group;
mod consumer_group;
mod offset_commit;
mod share_group;
mod streams_group;

use super::coordinator_record::coordinator_records;
use crate::codec::message;
use bytestring::ByteString;

pub use classic_group::*;
pub use consumer_group::*;
pub use offset_commit::*;
pub use share_group::*;
pub use streams_group::*;

coordinator_records! {
    /// A record of the topic `__consumer_offsets`. A value of `None` is a tombstone.
    ///
    /// The numbers are those of Kafka 4.3. 0 to 2 are as old as the topic; the others came with the newer group
    /// protocols.
    OffsetsRecord {
        /// A committed offset, in a form that no Kafka of today writes.
        0 => LegacyOffsetCommit(OffsetCommitKey, OffsetCommitValue),
        /// A committed offset, of groups of every kind.
        1 => OffsetCommit(OffsetCommitKey, OffsetCommitValue),
        /// A generation of a classic group.
        2 => GroupMetadata(GroupMetadataKey, GroupMetadataValue),
        /// The epoch of a consumer group (KIP-848).
        3 => ConsumerGroupMetadata(GroupKey, ConsumerGroupMetadataValue),
        /// The partitions of what a consumer group subscribes to; a hash takes its place from Kafka 4.1 on (KIP-1101).
        4 => ConsumerGroupPartitionMetadata(GroupKey, ConsumerGroupPartitionMetadataValue),
        /// What a member of a consumer group has said about itself.
        5 => ConsumerGroupMemberMetadata(MemberKey, ConsumerGroupMemberMetadataValue),
        /// The epoch for which a consumer group's partitions were assigned.
        6 => ConsumerGroupTargetAssignmentMetadata(GroupKey, TargetAssignmentMetadataValue),
        /// What a member of a consumer group is to get.
        7 => ConsumerGroupTargetAssignmentMember(MemberKey, TargetAssignmentMemberValue),
        /// What a member of a consumer group has.
        8 => ConsumerGroupCurrentMemberAssignment(MemberKey, ConsumerGroupCurrentMemberAssignmentValue),
        /// What a member of a share group has said about itself (KIP-932).
        10 => ShareGroupMemberMetadata(MemberKey, ShareGroupMemberMetadataValue),
        /// The epoch of a share group.
        11 => ShareGroupMetadata(GroupKey, ShareGroupMetadataValue),
        /// The epoch for which a share group's partitions were assigned.
        12 => ShareGroupTargetAssignmentMetadata(GroupKey, TargetAssignmentMetadataValue),
        /// What a member of a share group is to get.
        13 => ShareGroupTargetAssignmentMember(MemberKey, TargetAssignmentMemberValue),
        /// What a member of a share group has.
        14 => ShareGroupCurrentMemberAssignment(MemberKey, ShareGroupCurrentMemberAssignmentValue),
        /// The partitions whose state a share group has made, or gives up.
        15 => ShareGroupStatePartitionMetadata(GroupKey, ShareGroupStatePartitionMetadataValue),
        /// The topics that a regular expression of a consumer group stands for.
        16 => ConsumerGroupRegularExpression(RegularExpressionKey, ConsumerGroupRegularExpressionValue),
        /// The epoch of a streams group (KIP-1071).
        17 => StreamsGroupMetadata(GroupKey, StreamsGroupMetadataValue),
        /// What a member of a streams group has said about itself.
        19 => StreamsGroupMemberMetadata(MemberKey, StreamsGroupMemberMetadataValue),
        /// The epoch for which a streams group's tasks were assigned.
        20 => StreamsGroupTargetAssignmentMetadata(GroupKey, TargetAssignmentMetadataValue),
        /// The tasks that a member of a streams group is to get.
        21 => StreamsGroupTargetAssignmentMember(MemberKey, StreamsGroupTargetAssignmentMemberValue),
        /// The tasks that a member of a streams group has.
        22 => StreamsGroupCurrentMemberAssignment(MemberKey, StreamsGroupCurrentMemberAssignmentValue),
        /// What a streams group computes.
        23 => StreamsGroupTopology(GroupKey, StreamsGroupTopologyValue),
    }
}

message! {
    /// The key of a record about a whole group that is not a classic one.
    GroupKey: data, versions "0", flexible "none" {
        group_id: ByteString,
    }
}

message! {
    /// The key of a record about a member of such a group.
    MemberKey: data, versions "0", flexible "none" {
        group_id: ByteString,
        member_id: ByteString,
    }
}
