//! Kafka's `simple` assignor: who is to read what.

use std::collections::{BTreeMap, BTreeSet};

use bytestring::ByteString;
use kafka_proto::codec::Uuid;

use crate::topics::TopicIdPartition;

/// Its name.
pub(super) const NAME: &str = "simple";

/// What each member is to read.
pub(super) type Assignment = BTreeMap<ByteString, BTreeSet<TopicIdPartition>>;

/// Shares out partitions: each is read by somebody, each member reads something, all about as much. As little as possible
/// of the previous assignment changes. Members that want the same topics share all of them at once.
pub(super) fn assign(
    topics: &BTreeMap<Uuid, i32>,
    members: &BTreeMap<ByteString, BTreeSet<Uuid>>,
    previous: &Assignment,
) -> Assignment {
    let mut assignment: Assignment = members
        .keys()
        .map(|id| (id.clone(), BTreeSet::new()))
        .collect();
    let mut wanted = members.values();
    let first = wanted.next();
    if wanted.all(|topics| Some(topics) == first) {
        let all = first.into_iter().flatten().copied().collect::<Vec<_>>();
        share_out(
            &mut assignment,
            &partitions(topics, &all),
            members.keys(),
            previous,
        );
        return assignment;
    }
    for topic in topics.keys() {
        let subscribed = members.iter().filter(|(_, wanted)| wanted.contains(topic));
        let subscribed = subscribed.map(|(id, _)| id);
        share_out(
            &mut assignment,
            &partitions(topics, &[*topic]),
            subscribed,
            previous,
        );
    }
    assignment
}

fn partitions(topics: &BTreeMap<Uuid, i32>, of: &[Uuid]) -> Vec<TopicIdPartition> {
    let counted = of.iter().filter_map(|id| Some((*id, *topics.get(id)?)));
    let partitions = counted.flat_map(|(topic_id, count)| {
        (0..count).map(move |partition| TopicIdPartition {
            topic_id,
            partition,
        })
    });
    partitions.collect()
}

/// Adds partitions to what some members have.
fn share_out<'a>(
    assignment: &mut Assignment,
    partitions: &[TopicIdPartition],
    members: impl Iterator<Item = &'a ByteString>,
    previous: &Assignment,
) {
    let members: Vec<&ByteString> = members.collect();
    if members.is_empty() || partitions.is_empty() {
        return;
    }
    // So many read each partition at most, and so many each member.
    let readers = members.len().div_ceil(partitions.len());
    let most = (partitions.len() * readers).div_ceil(members.len());
    let mut read_by: BTreeMap<TopicIdPartition, usize> =
        partitions.iter().map(|partition| (*partition, 0)).collect();
    let mut counts: BTreeMap<&ByteString, usize> = members.iter().map(|id| (*id, 0)).collect();
    let mut give = |id: &'a ByteString, partition: TopicIdPartition| {
        let (Some(read), Some(count), Some(assigned)) = (
            read_by.get_mut(&partition),
            counts.get_mut(id),
            assignment.get_mut(id),
        ) else {
            return false;
        };
        let fits = *read < readers && *count < most && assigned.insert(partition);
        if fits {
            *read += 1;
            *count += 1;
        }
        fits
    };
    for id in &members {
        for partition in previous.get(*id).into_iter().flatten() {
            give(id, *partition);
        }
    }
    // Whoever has nothing comes first, and what nobody reads.
    let mut rest: Vec<TopicIdPartition> = Vec::new();
    for _ in 0..readers {
        rest.extend(partitions);
    }
    let mut order = members.clone();
    for partition in rest {
        for _ in 0..order.len() {
            let id = order[0];
            order.rotate_left(1);
            if give(id, partition) {
                break;
            }
        }
    }
}
