//! Subscriptions and assignments as the group protocol carries them: the number of a version, and a message.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use kafka_proto::codec::Message;
use kafka_proto::messages::consumer_protocol::{
    AssignedTopicPartitions, SubscribedTopicPartitions,
};
use kafka_proto::messages::{ConsumerProtocolAssignment, ConsumerProtocolSubscription};
use kafka_proto::payloads::Versioned;

use crate::consumer::assignor::GroupMember;
use crate::error::{Error, Result};
use crate::types::TopicPartition;

/// The kind of group that speaks this protocol.
pub(crate) const PROTOCOL_TYPE: &str = "consumer";

/// What we write. Every reader since Kafka 2.4 reads it: it takes what it knows, and leaves the rest.
const VERSION: i16 = 3;

/// What a member says about itself when it joins.
pub(crate) fn subscription(member: &GroupMember) -> Result<Bytes> {
    let owned = by_topic(&member.owned);
    let owned = owned
        .into_iter()
        .map(|(topic, partitions)| SubscribedTopicPartitions {
            topic: topic.into(),
            partitions,
            ..Default::default()
        });
    let message = ConsumerProtocolSubscription {
        topics: member
            .topics
            .iter()
            .map(|topic| (&**topic).into())
            .collect(),
        owned_partitions: owned.collect(),
        generation_id: member.generation,
        rack_id: member.rack.as_deref().map(Into::into),
        user_data: Some(member.user_data.clone()).filter(|data| !data.is_empty()),
        ..Default::default()
    };
    encode(message)
}

/// Reads what a member says about itself; its id and static id come with the answer that brings it.
pub(crate) fn read_subscription(bytes: Bytes) -> Result<GroupMember> {
    let message: ConsumerProtocolSubscription = decode(bytes)?;
    let owned = message
        .owned_partitions
        .iter()
        .flat_map(|topic| partitions(&topic.topic, &topic.partitions));
    Ok(GroupMember {
        topics: message
            .topics
            .iter()
            .map(|topic| Arc::from(&**topic))
            .collect(),
        owned: owned.collect(),
        generation: message.generation_id,
        rack: message.rack_id.map(String::from),
        user_data: message.user_data.unwrap_or_default(),
        ..Default::default()
    })
}

/// What a member is told to read.
pub(crate) fn assignment(assigned: &[TopicPartition]) -> Result<Bytes> {
    let topics = by_topic(assigned);
    let topics = topics
        .into_iter()
        .map(|(topic, partitions)| AssignedTopicPartitions {
            topic: topic.into(),
            partitions,
            ..Default::default()
        });
    encode(ConsumerProtocolAssignment {
        assigned_partitions: topics.collect(),
        ..Default::default()
    })
}

/// Reads what we are told to read. No bytes at all are no partitions: so says a leader that was not asked for more.
pub(crate) fn read_assignment(bytes: Bytes) -> Result<Vec<TopicPartition>> {
    if bytes.is_empty() {
        return Ok(Vec::new());
    }
    let message: ConsumerProtocolAssignment = decode(bytes)?;
    let all = message
        .assigned_partitions
        .iter()
        .flat_map(|topic| partitions(&topic.topic, &topic.partitions));
    Ok(all.collect())
}

fn by_topic(all: &[TopicPartition]) -> BTreeMap<&str, Vec<i32>> {
    let mut topics: BTreeMap<&str, Vec<i32>> = BTreeMap::new();
    for TopicPartition { topic, partition } in all {
        topics.entry(topic).or_default().push(*partition);
    }
    topics
}

fn partitions(topic: &str, numbers: &[i32]) -> Vec<TopicPartition> {
    let topic: Arc<str> = topic.into();
    numbers
        .iter()
        .map(|number| TopicPartition::new(topic.clone(), *number))
        .collect()
}

fn encode<M: Message>(message: M) -> Result<Bytes> {
    let version = VERSION;
    Ok(Versioned { version, message }.encode()?)
}

fn decode<M: Message>(bytes: Bytes) -> Result<M> {
    // Bytes behind the message are fields of a newer version.
    match Versioned::decode_lenient(bytes) {
        Ok(versioned) => Ok(versioned.message),
        Err(error) => Err(Error::Protocol {
            what: "another member's group protocol".to_owned(),
            reason: error.to_string(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use bytes::BytesMut;

    use super::*;

    fn some() -> Vec<TopicPartition> {
        [("a", 0), ("a", 2), ("b", 1)]
            .map(|(topic, number)| TopicPartition::new(topic, number))
            .to_vec()
    }

    #[test]
    fn a_subscription_comes_out_as_it_went_in() {
        let member = GroupMember {
            topics: vec!["a".into(), "b".into()],
            owned: some(),
            generation: 7,
            rack: Some("r".into()),
            user_data: Bytes::from_static(b"data"),
            ..Default::default()
        };
        assert_eq!(
            read_subscription(subscription(&member).unwrap()),
            Ok(member)
        );
    }

    #[test]
    fn an_assignment_comes_out_as_it_went_in() {
        assert_eq!(read_assignment(assignment(&some()).unwrap()), Ok(some()));
        assert_eq!(read_assignment(Bytes::new()), Ok(Vec::new()));
    }

    #[test]
    fn fields_of_a_newer_version_are_left_alone() {
        let mut newer = BytesMut::from(&assignment(&some()).unwrap()[..]);
        newer[1] = 9;
        newer.extend_from_slice(b"something new");
        assert_eq!(read_assignment(newer.freeze()), Ok(some()));
    }

    #[test]
    fn what_is_not_the_protocol_is_an_error() {
        for bytes in [
            &b"\0"[..],
            b"\xff\xff\0\0\0\0",
            b"\0\x03\x7f\xff\xff\xff",
            b"\0\0\0\0\0\x01\0\x09ab",
        ] {
            assert!(
                matches!(
                    read_assignment(Bytes::from_static(bytes)),
                    Err(Error::Protocol { .. })
                ),
                "{bytes:?}"
            );
        }
    }
}
