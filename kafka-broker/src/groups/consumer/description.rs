//! What a consumer group tells of itself.

use std::collections::BTreeMap;

use bytestring::ByteString;
use kafka_proto::codec::Uuid;
use kafka_proto::messages::consumer_group_describe::{
    Assignment, DescribedGroup, Member as DescribedMember, TopicPartitions,
};

use super::ConsumerGroup;
use super::member::Member;
use crate::topics::TopicIdPartition;
use crate::topics_image::TopicsImage;

/// What ConsumerGroupDescribe calls a member of this protocol (KIP-1099).
const CONSUMER_MEMBER: i8 = 1;

impl ConsumerGroup {
    /// Kafka's name of its state.
    pub(crate) fn state(&self) -> &'static str {
        let is_there = |member: &Member| member.is_reconciled_to(self.assignment_epoch);
        if self.members.is_empty() {
            "Empty"
        } else if self.epoch > self.assignment_epoch {
            "Assigning"
        } else if self.members.values().all(is_there) {
            "Stable"
        } else {
            "Reconciling"
        }
    }

    /// The group with its members. Topics that are gone are left out.
    pub(crate) fn described(&self, group_id: &str, image: &TopicsImage) -> DescribedGroup {
        let members = self.members.values();
        DescribedGroup {
            group_id: group_id.into(),
            group_state: ByteString::from_static(self.state()),
            group_epoch: self.epoch,
            assignment_epoch: self.assignment_epoch,
            assignor_name: ByteString::from_static(self.assignor().name()),
            members: members
                .map(|member| self.described_member(member, image))
                .collect(),
            ..Default::default()
        }
    }

    fn described_member(&self, member: &Member, image: &TopicsImage) -> DescribedMember {
        let target = self.target.get(&member.id);
        // What it is to give back is still in its hands.
        let held = member
            .assigned
            .keys()
            .chain(member.pending_revocation.keys());
        DescribedMember {
            member_id: member.id.clone(),
            instance_id: member.instance_id.clone(),
            rack_id: member.rack_id.clone(),
            member_epoch: member.epoch,
            client_id: member.client_id.clone(),
            client_host: member.client_host.clone(),
            subscribed_topic_names: member.topic_names.iter().cloned().collect(),
            subscribed_topic_regex: Some(member.topic_regex.clone().unwrap_or_default()),
            assignment: described(held, image),
            target_assignment: described(target.into_iter().flatten(), image),
            member_type: CONSUMER_MEMBER,
            ..Default::default()
        }
    }
}

fn described<'a>(
    partitions: impl Iterator<Item = &'a TopicIdPartition>,
    image: &TopicsImage,
) -> Assignment {
    let mut by_topic: BTreeMap<Uuid, Vec<i32>> = BTreeMap::new();
    for partition in partitions {
        by_topic
            .entry(partition.topic_id)
            .or_default()
            .push(partition.partition);
    }
    let topics = by_topic.into_iter().filter_map(|(topic_id, partitions)| {
        Some(TopicPartitions {
            topic_id,
            topic_name: image.name(topic_id)?.clone(),
            partitions,
            ..Default::default()
        })
    });
    Assignment {
        topic_partitions: topics.collect(),
        ..Default::default()
    }
}
