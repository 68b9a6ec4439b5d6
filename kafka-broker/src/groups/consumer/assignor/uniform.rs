use std::collections::{BTreeMap, BTreeSet};

use bytestring::ByteString;
use kafka_proto::codec::Uuid;

use super::Work;
use crate::topics::TopicIdPartition;

type Assignment = BTreeMap<ByteString, BTreeSet<TopicIdPartition>>;

pub(super) fn assign(work: &Work) -> Assignment {
    let mut assignment = kept(work);
    let taken: BTreeSet<TopicIdPartition> = assignment.values().flatten().copied().collect();
    let mut topics: Vec<(usize, Uuid)> = work
        .topics
        .keys()
        .map(|topic| (subscribers(work, *topic).count(), *topic))
        .filter(|(subscribers, _)| *subscribers > 0)
        .collect();
    // What fewer members can have goes first, so that the others can even it out.
    topics.sort_unstable();
    for (_, topic) in &topics {
        for partition in work.partitions(*topic) {
            if !taken.contains(&partition) {
                let least = subscribers(work, *topic).min_by_key(|id| assignment[*id].len());
                if let Some(assigned) = least.and_then(|id| assignment.get_mut(id)) {
                    assigned.insert(partition);
                }
            }
        }
    }
    while let Some((partition, from, to)) = unbalanced(work, &assignment) {
        if let Some(assigned) = assignment.get_mut(&from) {
            assigned.remove(&partition);
        }
        if let Some(assigned) = assignment.get_mut(&to) {
            assigned.insert(partition);
        }
    }
    assignment
}

fn subscribers(work: &Work, topic: Uuid) -> impl Iterator<Item = &ByteString> {
    let members = work.members.iter();
    let subscribed = members.filter(move |(_, share)| share.topics.contains(&topic));
    subscribed.map(|(id, _)| id)
}

/// What members had that they may keep: each partition once.
fn kept(work: &Work) -> Assignment {
    let mut taken = BTreeSet::new();
    let mut keep = |(id, share): (&ByteString, &super::Share)| {
        let exists = |partition: &TopicIdPartition| {
            let count = work.topics.get(&partition.topic_id);
            count.is_some_and(|count| partition.partition < *count)
        };
        let previous = share.previous.iter().copied();
        let kept = previous.filter(|partition| {
            share.topics.contains(&partition.topic_id)
                && exists(partition)
                && taken.insert(*partition)
        });
        (id.clone(), kept.collect())
    };
    work.members.iter().map(&mut keep).collect()
}

/// A partition that goes from a member to one that has at least two fewer, and can have it: the two that differ most.
fn unbalanced(
    work: &Work,
    assignment: &Assignment,
) -> Option<(TopicIdPartition, ByteString, ByteString)> {
    let mut by_size: Vec<(&ByteString, &BTreeSet<TopicIdPartition>)> = assignment.iter().collect();
    by_size.sort_by_key(|(_, assigned)| assigned.len());
    for (from, assigned) in by_size.iter().rev() {
        for (to, fewer) in &by_size {
            if assigned.len() < fewer.len() + 2 {
                break;
            }
            let topics = &work.members[*to].topics;
            // The last ones, as they came last.
            let mut candidates = assigned.iter().rev();
            if let Some(partition) =
                candidates.find(|partition| topics.contains(&partition.topic_id))
            {
                return Some((*partition, (*from).clone(), (*to).clone()));
            }
        }
    }
    None
}
