use std::collections::{BTreeMap, BTreeSet};

use bytestring::ByteString;

use super::{Share, Work};
use crate::topics::TopicIdPartition;

pub(super) fn assign(work: &Work) -> BTreeMap<ByteString, BTreeSet<TopicIdPartition>> {
    let mut members: Vec<(&ByteString, &Share)> = work.members.iter().collect();
    // Static members come first, and by their instance ids, so that they keep their ranges through a restart.
    members.sort_by_key(|(id, share)| {
        let instance = share.instance_id.as_ref();
        (instance.is_none(), instance, *id)
    });
    let nothing = members
        .iter()
        .map(|(id, _)| ((*id).clone(), BTreeSet::new()));
    let mut assignment: BTreeMap<_, BTreeSet<_>> = nothing.collect();
    for topic_id in work.topics.keys() {
        let subscribed = members
            .iter()
            .filter(|(_, share)| share.topics.contains(topic_id));
        let count = subscribed.clone().count();
        let mut partitions = work.partitions(*topic_id);
        let total = work.partitions(*topic_id).count();
        for (index, (id, _)) in subscribed.enumerate() {
            let quota = total / count + usize::from(index < total % count);
            if let Some(assigned) = assignment.get_mut(*id) {
                assigned.extend(partitions.by_ref().take(quota));
            }
        }
    }
    assignment
}
