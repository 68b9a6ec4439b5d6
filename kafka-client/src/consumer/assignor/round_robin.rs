use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::{Assignor, GroupAssignment, GroupMember, TopicLayout, in_order, nothing_yet};
use crate::types::TopicPartition;

/// All partitions in order, dealt out to the members in turn; who does not subscribe to a topic is passed over.
///
/// Shares are equal where all members subscribe to the same. A rebalance may move anything.
///
/// ```
/// use kafka_client::consumer::assignor::{Assignor, GroupMember, RoundRobinAssignor, TopicLayout};
///
/// let member = |id: &str| GroupMember { id: id.into(), topics: vec!["t".into()], ..Default::default() };
/// let topics = [("t".into(), TopicLayout::new(3))].into();
/// let assignment = RoundRobinAssignor.assign(&topics, &[member("a"), member("b")]);
/// assert_eq!(assignment["a"].iter().map(|own| own.partition).collect::<Vec<_>>(), [0, 2]);
/// ```
#[derive(Debug, Clone, Copy, Default)]
pub struct RoundRobinAssignor;

impl Assignor for RoundRobinAssignor {
    fn name(&self) -> &str {
        "roundrobin"
    }

    fn assign(
        &self,
        topics: &BTreeMap<Arc<str>, TopicLayout>,
        members: &[GroupMember],
    ) -> GroupAssignment {
        let mut assignment = nothing_yet(members);
        let members = in_order(members);
        let wanted: Vec<BTreeSet<&str>> = members
            .iter()
            .map(|member| member.topics.iter().map(|topic| &**topic).collect())
            .collect();
        let mut turn = 0;
        for (topic, layout) in topics {
            if !wanted.iter().any(|wanted| wanted.contains(&**topic)) {
                continue;
            }
            for number in 0..layout.racks.len() {
                while !wanted[turn].contains(&**topic) {
                    turn = (turn + 1) % members.len();
                }
                let own = assignment.entry(members[turn].id.clone()).or_default();
                own.push(TopicPartition::new(topic.clone(), number as i32));
                turn = (turn + 1) % members.len();
            }
        }
        assignment
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::consumer::assignor::tests::{member, names};

    #[test]
    fn partitions_go_round_and_pass_over_who_does_not_subscribe() {
        let topics = [
            ("a".into(), TopicLayout::new(3)),
            ("b".into(), TopicLayout::new(3)),
            ("c".into(), TopicLayout::new(9)),
        ]
        .into();
        let members = [member("m2", &["a", "b"]), member("m1", &["b", "missing"])];
        let assignment = RoundRobinAssignor.assign(&topics, &members);
        assert_eq!(names(&assignment["m1"]), ["b-0", "b-2"]);
        assert_eq!(names(&assignment["m2"]), ["a-0", "a-1", "a-2", "b-1"]);
    }

    #[test]
    fn nobody_gets_nothing() {
        let topics = [("a".into(), TopicLayout::new(3))].into();
        assert!(RoundRobinAssignor.assign(&topics, &[]).is_empty());
    }
}
