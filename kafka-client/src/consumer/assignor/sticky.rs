use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use bytes::Bytes;
use kafka_proto::codec::Message;
use kafka_proto::payloads::sticky_assignor::{
    CooperativeStickyAssignorUserData, StickyAssignorUserData, TopicAssignment,
};

use super::sharing::{Place, Sharing};
use super::{
    Assignor, GroupAssignment, GroupMember, RebalanceProtocol, TopicLayout, in_order, racks,
};
use crate::types::TopicPartition;

/// Equal shares, and each member keeps as much as possible of what it had (KIP-54).
///
/// Where members and replicas name their racks, a member rather gets what is near than what it had (KIP-881); equal shares
/// come before both. What members say of an earlier generation than the latest counts for nothing, nor does what two of
/// them claim.
///
/// Members still give up everything in a rebalance: [`CooperativeStickyAssignor`] does without that.
#[derive(Debug, Clone, Copy, Default)]
pub struct StickyAssignor;

impl Assignor for StickyAssignor {
    fn name(&self) -> &str {
        "sticky"
    }

    fn user_data(&self, assigned: &[TopicPartition], generation: i32) -> Bytes {
        if generation < 0 {
            return Bytes::new();
        }
        let mut topics: BTreeMap<&str, Vec<i32>> = BTreeMap::new();
        for TopicPartition { topic, partition } in assigned {
            topics.entry(topic).or_default().push(*partition);
        }
        let topics = topics
            .into_iter()
            .map(|(topic, partitions)| TopicAssignment {
                topic: topic.into(),
                partitions,
                ..Default::default()
            });
        let data = StickyAssignorUserData {
            previous_assignment: topics.collect(),
            generation,
            ..Default::default()
        };
        encode(&data, 1)
    }

    fn assign(
        &self,
        topics: &BTreeMap<Arc<str>, TopicLayout>,
        members: &[GroupMember],
    ) -> GroupAssignment {
        let members = in_order(members);
        let owners = owners(&members, |member| {
            let said = StickyAssignorUserData::parse(member.user_data.clone()).unwrap_or_default();
            let partitions = said.previous_assignment.iter().flat_map(|had| {
                let topic: Arc<str> = Arc::from(&*had.topic);
                had.partitions
                    .iter()
                    .map(move |number| TopicPartition::new(topic.clone(), *number))
            });
            Claim {
                partitions: partitions.collect(),
                generation: said.generation,
            }
        });
        share(topics, &members, &owners)
    }
}

/// The [`StickyAssignor`] for cooperative rebalancing (KIP-429): members go on reading what they keep.
///
/// What moves from one member to another is left out of the assignment. Its owner gives it up, and the rebalance that
/// follows at once hands it on.
#[derive(Debug, Clone, Copy, Default)]
pub struct CooperativeStickyAssignor;

impl Assignor for CooperativeStickyAssignor {
    fn name(&self) -> &str {
        "cooperative-sticky"
    }

    fn protocol(&self) -> RebalanceProtocol {
        RebalanceProtocol::Cooperative
    }

    fn user_data(&self, _assigned: &[TopicPartition], generation: i32) -> Bytes {
        let data = CooperativeStickyAssignorUserData {
            generation,
            ..Default::default()
        };
        encode(&data, 0)
    }

    fn assign(
        &self,
        topics: &BTreeMap<Arc<str>, TopicLayout>,
        members: &[GroupMember],
    ) -> GroupAssignment {
        let members = in_order(members);
        let owners = owners(&members, |member| Claim {
            partitions: member.owned.clone(),
            generation: generation(member),
        });
        let mut assignment = share(topics, &members, &owners);
        withhold_what_moves(&mut assignment, &members, &owners);
        assignment
    }
}

/// A subscription older than version 2 has no generation, and so it is in the user data.
fn generation(member: &GroupMember) -> i32 {
    if member.generation >= 0 {
        return member.generation;
    }
    CooperativeStickyAssignorUserData::decode(member.user_data.clone(), 0)
        .map_or(-1, |data| data.generation)
}

/// Leaves out what somebody else has yet to give up. A claim from an earlier generation gives no right to anything, but
/// whoever makes it may still be reading: it stands against everybody but the owner.
fn withhold_what_moves(
    assignment: &mut GroupAssignment,
    members: &[&GroupMember],
    owners: &Owners,
) {
    let mut claimed: HashMap<&TopicPartition, Vec<usize>> = HashMap::new();
    for (at, member) in members.iter().enumerate() {
        for partition in &member.owned {
            claimed.entry(partition).or_default().push(at);
        }
    }
    for (at, member) in members.iter().enumerate() {
        let Some(partitions) = assignment.get_mut(&member.id) else {
            continue;
        };
        partitions.retain(|partition| {
            let is_owner = owners.get(partition) == Some(&Some(at));
            let is_free = claimed
                .get(partition)
                .is_none_or(|claimed| claimed.iter().all(|by| *by == at));
            is_owner || is_free
        });
    }
}

fn encode(data: &impl Message, version: i16) -> Bytes {
    // Without user data a member counts as one that had nothing.
    data.encode(version)
        .map(|encoded| encoded.into_bytes())
        .unwrap_or_default()
}

/// What a member says it had.
struct Claim {
    partitions: Vec<TopicPartition>,
    generation: i32,
}

fn share(
    topics: &BTreeMap<Arc<str>, TopicLayout>,
    members: &[&GroupMember],
    owners: &Owners,
) -> GroupAssignment {
    let mut assignment = GroupAssignment::new();
    let topic_list: Vec<(&Arc<str>, &TopicLayout)> = topics.iter().collect();
    let topic_places: HashMap<&str, usize> = topic_list
        .iter()
        .enumerate()
        .map(|(at, (topic, _))| (&***topic, at))
        .collect();
    let mut readers: Vec<Vec<usize>> = vec![Vec::new(); topic_list.len()];
    for (at, member) in members.iter().enumerate() {
        for topic in &member.topics {
            if let Some(readers) = topic_places.get(&**topic).map(|at| &mut readers[*at])
                && readers.last() != Some(&at)
            {
                readers.push(at);
            }
        }
    }

    let layouts = topic_list
        .iter()
        .zip(&readers)
        .filter(|(_, readers)| !readers.is_empty());
    let racks_matter = racks::matter(layouts.flat_map(|((_, layout), _)| &layout.racks), members);
    let mut rack_places: HashMap<&[String], usize> = HashMap::new();
    let mut far: Vec<Vec<bool>> = Vec::new();
    let (mut names, mut places) = (Vec::new(), Vec::new());
    for (topic, (name, layout)) in topic_list.iter().enumerate() {
        for (number, racks) in layout.racks.iter().enumerate() {
            let key = if racks_matter { &racks[..] } else { &[] };
            let racks = *rack_places.entry(key).or_insert_with(|| {
                let is_far = |member: &&GroupMember| racks_matter && !racks::is_near(member, racks);
                far.push(members.iter().map(is_far).collect());
                far.len() - 1
            });
            let partition = TopicPartition::new((*name).clone(), number as i32);
            let before = owners.get(&partition).copied().flatten();
            let before = before.filter(|owner| readers[topic].binary_search(owner).is_ok());
            names.push(partition);
            places.push(Place {
                topic,
                racks,
                before,
            });
        }
    }
    let shares = Sharing::new(members.len(), readers, far, places).shares();
    for (member, mut share) in members.iter().zip(shares) {
        share.sort_unstable();
        let own = share.into_iter().map(|at| names[at].clone());
        assignment.entry(member.id.clone()).or_default().extend(own);
    }
    assignment
}

/// Who had what, by the members' places, as of the latest generation. What two claim is nobody's.
type Owners = HashMap<TopicPartition, Option<usize>>;

fn owners(members: &[&GroupMember], claim: impl Fn(&GroupMember) -> Claim) -> Owners {
    let claims: Vec<Claim> = members.iter().map(|member| claim(member)).collect();
    let latest = claims.iter().map(|claim| claim.generation).max();
    let mut owners = Owners::new();
    for (at, claim) in claims.into_iter().enumerate() {
        if Some(claim.generation) != latest {
            continue;
        }
        for partition in claim.partitions {
            owners
                .entry(partition)
                .and_modify(|owner| *owner = owner.filter(|other| *other == at))
                .or_insert(Some(at));
        }
    }
    owners
}
