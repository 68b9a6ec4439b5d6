use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::racks::{self, is_near};
use super::{Assignor, GroupAssignment, GroupMember, TopicLayout, in_order};
use crate::types::TopicPartition;

/// Kafka's default: each topic's partitions in order, cut into ranges of equal length, one for each of its members.
///
/// Partitions of the same number of topics with as many partitions go to the same member, so that they can be joined.
/// Where members and replicas name their racks, a member rather gets partitions with a replica in its own (KIP-881), as
/// long as everybody's share stays the same.
///
/// ```
/// use kafka_client::consumer::assignor::{Assignor, GroupMember, RangeAssignor, TopicLayout};
///
/// let member = |id: &str| GroupMember { id: id.into(), topics: vec!["t".into()], ..Default::default() };
/// let topics = [("t".into(), TopicLayout::new(3))].into();
/// let assignment = RangeAssignor.assign(&topics, &[member("a"), member("b")]);
/// assert_eq!((assignment["a"].len(), assignment["b"].len()), (2, 1));
/// ```
#[derive(Debug, Clone, Copy, Default)]
pub struct RangeAssignor;

impl Assignor for RangeAssignor {
    fn name(&self) -> &str {
        "range"
    }

    fn assign(
        &self,
        topics: &BTreeMap<Arc<str>, TopicLayout>,
        members: &[GroupMember],
    ) -> GroupAssignment {
        let members = in_order(members);
        let mut shares: Vec<TopicShare<'_>> = topics
            .iter()
            .filter(|(_, layout)| !layout.racks.is_empty())
            .map(|(topic, layout)| TopicShare::new(topic, layout, &members))
            .filter(|share| !share.members.is_empty())
            .collect();
        let by_rack = shares.iter().any(|share| share.racks_matter);
        if by_rack {
            match_racks(&mut shares);
        }
        for share in &mut shares {
            share.hand_out_ranges(|_, _| true);
        }
        let mut assignment: GroupAssignment = members
            .iter()
            .map(|member| (member.id.clone(), Vec::new()))
            .collect();
        for share in &shares {
            for (member, partitions) in share.members.iter().zip(&share.given) {
                let all = assignment.entry(member.id.clone()).or_default();
                all.extend(
                    partitions
                        .iter()
                        .map(|number| TopicPartition::new(share.topic.clone(), *number as i32)),
                );
            }
        }
        if by_rack {
            assignment
                .values_mut()
                .for_each(|partitions| partitions.sort());
        }
        assignment
    }
}

/// Gives partitions to members that have a replica in their rack, while their share has room.
fn match_racks(shares: &mut [TopicShare<'_>]) {
    // Topics with the same members and as many partitions stay together.
    let mut groups: BTreeMap<(Vec<&str>, usize), Vec<usize>> = BTreeMap::new();
    for (at, share) in shares.iter().enumerate() {
        let ids = share
            .members
            .iter()
            .map(|member| member.id.as_str())
            .collect();
        groups
            .entry((ids, share.layout.racks.len()))
            .or_default()
            .push(at);
    }
    let groups: Vec<Vec<usize>> = groups.into_values().collect();
    for group in groups {
        if let [alone] = group[..] {
            let share = &mut shares[alone];
            if share.racks_matter {
                share.hand_out_ranges(is_near);
            }
        } else {
            match_racks_together(shares, &group);
        }
    }
}

fn match_racks_together(shares: &mut [TopicShare<'_>], group: &[usize]) {
    let members = shares[group[0]].members.len();
    for number in 0..shares[group[0]].layout.racks.len() {
        let suits = |member: &usize| {
            group.iter().all(|at| {
                let share = &shares[*at];
                share.room(*member) > 0
                    && is_near(share.members[*member], &share.layout.racks[number])
            })
        };
        let Some(member) = (0..members).find(suits) else {
            continue;
        };
        for at in group {
            shares[*at].give(member, &[number]);
        }
    }
}

/// One topic on its way to its members.
struct TopicShare<'a> {
    topic: &'a Arc<str>,
    layout: &'a TopicLayout,
    /// Those that subscribe to it, in the order in which they are served.
    members: Vec<&'a GroupMember>,
    given: Vec<Vec<usize>>,
    left: BTreeSet<usize>,
    /// What everybody gets.
    base: usize,
    /// How many may still get one more.
    extra: usize,
    racks_matter: bool,
}

impl<'a> TopicShare<'a> {
    fn new(topic: &'a Arc<str>, layout: &'a TopicLayout, members: &[&'a GroupMember]) -> Self {
        let members: Vec<_> = members
            .iter()
            .copied()
            .filter(|member| member.topics.contains(topic))
            .collect();
        let partitions = layout.racks.len();
        let count = members.len().max(1);
        Self {
            topic,
            layout,
            given: vec![Vec::new(); members.len()],
            left: (0..partitions).collect(),
            base: partitions / count,
            extra: partitions % count,
            racks_matter: racks::matter(layout.racks.iter(), &members),
            members,
        }
    }

    /// How many more partitions the member may get.
    fn room(&self, member: usize) -> usize {
        (self.base + usize::from(self.extra > 0)).saturating_sub(self.given[member].len())
    }

    fn give(&mut self, member: usize, partitions: &[usize]) {
        self.given[member].extend(partitions);
        if self.given[member].len() > self.base {
            self.extra -= 1;
        }
        for number in partitions {
            self.left.remove(number);
        }
    }

    fn hand_out_ranges(&mut self, may_have: impl Fn(&GroupMember, &[String]) -> bool) {
        for at in 0..self.members.len() {
            let (member, layout) = (self.members[at], self.layout);
            let suitable = self
                .left
                .iter()
                .copied()
                .filter(|number| may_have(member, &layout.racks[*number]));
            let range: Vec<usize> = suitable.take(self.room(at)).collect();
            if !range.is_empty() {
                self.give(at, &range);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member(id: &str, topics: &[&str], rack: Option<&str>) -> GroupMember {
        GroupMember {
            id: id.into(),
            topics: topics.iter().map(|topic| Arc::from(*topic)).collect(),
            rack: rack.map(str::to_owned),
            ..Default::default()
        }
    }

    fn numbers(assignment: &GroupAssignment, member: &str) -> Vec<String> {
        assignment[member].iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_topic_goes_to_its_subscribers_in_ranges() {
        let topics = [
            ("a".into(), TopicLayout::new(5)),
            ("b".into(), TopicLayout::new(1)),
        ]
        .into();
        let members = [
            member("m2", &["a", "missing"], None),
            member("m1", &["a", "b"], None),
        ];
        let assignment = RangeAssignor.assign(&topics, &members);
        assert_eq!(numbers(&assignment, "m1"), ["a-0", "a-1", "a-2", "b-0"]);
        assert_eq!(numbers(&assignment, "m2"), ["a-3", "a-4"]);
    }

    #[test]
    fn a_member_gets_what_is_near_as_long_as_shares_are_equal() {
        let racks = [["r1"], ["r0"], ["r1"], ["r0"]];
        let layout = TopicLayout {
            racks: racks
                .map(|racks| racks.map(str::to_owned).to_vec())
                .to_vec(),
        };
        let members = [
            member("m0", &["a"], Some("r0")),
            member("m1", &["a"], Some("r1")),
        ];
        let assignment = RangeAssignor.assign(&[("a".into(), layout)].into(), &members);
        assert_eq!(numbers(&assignment, "m0"), ["a-1", "a-3"]);
        assert_eq!(numbers(&assignment, "m1"), ["a-0", "a-2"]);
    }

    #[test]
    fn a_static_member_keeps_its_place_under_another_member_id() {
        let topics = [("a".into(), TopicLayout::new(2))].into();
        let of = |id: &str, instance: &str| GroupMember {
            instance_id: Some(instance.into()),
            ..member(id, &["a"], None)
        };
        let assignment = RangeAssignor.assign(&topics, &[of("z", "first"), of("a", "second")]);
        assert_eq!(numbers(&assignment, "z"), ["a-0"]);
    }
}
