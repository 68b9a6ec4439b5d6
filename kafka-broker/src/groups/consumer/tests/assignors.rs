use proptest::prelude::*;

use super::super::assignor::{Share, Work};
use super::*;

/// Work for members, each with the topics that it wants, of topics with so many partitions.
fn work(topics: &[i32], members: &[&[u8]]) -> Work {
    let id = |topic: u8| Uuid([topic; 16]);
    let share = |wanted: &[u8]| Share {
        topics: wanted.iter().map(|topic| id(*topic)).collect(),
        ..Default::default()
    };
    let members = members.iter().zip(b'a'..);
    Work {
        topics: (0..).map(id).zip(topics.iter().copied()).collect(),
        members: members
            .map(|(wanted, name)| ((name as char).to_string().into(), share(wanted)))
            .collect(),
    }
}

fn sizes(assignment: &BTreeMap<bytestring::ByteString, BTreeSet<TopicIdPartition>>) -> Vec<usize> {
    assignment.values().map(BTreeSet::len).collect()
}

#[test]
fn ranges_put_the_same_partitions_of_topics_together() {
    let mut work = work(&[4, 4], &[&[0, 1], &[0, 1], &[1]]);
    work.members.get_mut("c").unwrap().instance_id = Some("static".into());
    let assigned = ConsumerGroupAssignor::Range.assign(&work);
    let of = |member: &str| -> Vec<(u8, i32)> {
        let partitions = assigned[member].iter();
        partitions
            .map(|partition| (partition.topic_id.0[0], partition.partition))
            .collect()
    };
    assert_eq!(of("a"), [(0, 0), (0, 1), (1, 2)]);
    assert_eq!(of("b"), [(0, 2), (0, 3), (1, 3)]);
    assert_eq!(of("c"), [(1, 0), (1, 1)], "static members come first");
}

#[test]
fn a_member_that_comes_takes_no_more_than_its_share() {
    let mut work = work(&[7], &[&[0], &[0]]);
    let two = ConsumerGroupAssignor::Uniform.assign(&work);
    assert_eq!(sizes(&two), [4, 3]);
    for (id, had) in &two {
        work.members.get_mut(id).unwrap().previous = had.clone();
    }
    let newcomer = Share {
        topics: work.members["a"].topics.clone(),
        ..Default::default()
    };
    work.members.insert("c".into(), newcomer);
    let three = ConsumerGroupAssignor::Uniform.assign(&work);
    assert_eq!(sizes(&three), [3, 2, 2]);
    assert!(three["a"].is_subset(&two["a"]) && three["b"].is_subset(&two["b"]));
}

#[test]
fn who_can_have_less_gets_it_first() {
    let work = work(&[2, 6], &[&[0, 1], &[1]]);
    assert_eq!(sizes(&ConsumerGroupAssignor::Uniform.assign(&work)), [4, 4]);
}

proptest! {
    /// Whatever members want and had: each partition that somebody wants goes to one of those who do, and of members that
    /// want the same none has two more than another.
    #[test]
    fn all_is_shared_out(
        topics in proptest::collection::vec(0..9i32, 1..5),
        wanted in proptest::collection::vec(proptest::collection::btree_set(0..4u8, 0..4), 1..6),
        had in proptest::collection::vec((0..6usize, 0..4u8, 0..9i32), 0..20),
        same in any::<bool>(),
    ) {
        let wanted: Vec<Vec<u8>> = wanted
            .iter()
            .map(|topics_wanted| {
                let wanted = if same { &wanted[0] } else { topics_wanted };
                wanted.iter().copied().filter(|topic| usize::from(*topic) < topics.len()).collect()
            })
            .collect();
        let mut work = work(&topics, &wanted.iter().map(Vec::as_slice).collect::<Vec<_>>());
        for (member, topic, partition) in had {
            let share = work.members.values_mut().nth(member);
            let partition = TopicIdPartition { topic_id: Uuid([topic; 16]), partition };
            share.map(|share| share.previous.insert(partition));
        }
        for assignor in [ConsumerGroupAssignor::Uniform, ConsumerGroupAssignor::Range] {
            let assignment = assignor.assign(&work);
            let mut assigned = BTreeSet::new();
            for (id, partitions) in &assignment {
                for partition in partitions {
                    prop_assert!(assigned.insert(*partition), "{partition:?} twice");
                    prop_assert!(work.members[id].topics.contains(&partition.topic_id));
                }
            }
            let count = |topic: &Uuid| work.topics[topic] as usize;
            let all: BTreeSet<Uuid> = work.members.values().flat_map(|share| share.topics.clone()).collect();
            prop_assert_eq!(assigned.len(), all.iter().map(count).sum::<usize>());
            if same && assignor == ConsumerGroupAssignor::Uniform {
                let sizes = sizes(&assignment);
                prop_assert!(sizes.iter().max().unwrap() - sizes.iter().min().unwrap() <= 1);
            }
        }
    }
}
