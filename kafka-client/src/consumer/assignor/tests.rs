//! What every assignor keeps to, and what the sticky ones promise, on groups made up by a seed.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Instant;

use super::*;

pub(super) fn member(id: &str, topics: &[&str]) -> GroupMember {
    GroupMember {
        id: id.into(),
        topics: topics.iter().map(|topic| Arc::from(*topic)).collect(),
        generation: -1,
        ..Default::default()
    }
}

pub(super) fn names(partitions: &[TopicPartition]) -> Vec<String> {
    partitions.iter().map(ToString::to_string).collect()
}

type Topics = BTreeMap<Arc<str>, TopicLayout>;

const ALL: [AssignmentStrategy; 4] = [
    AssignmentStrategy::Range,
    AssignmentStrategy::RoundRobin,
    AssignmentStrategy::Sticky,
    AssignmentStrategy::CooperativeSticky,
];
const STICKY: [AssignmentStrategy; 2] = [
    AssignmentStrategy::Sticky,
    AssignmentStrategy::CooperativeSticky,
];
const RACKS: usize = 3;

fn rack(random: &mut fastrand::Rng) -> String {
    format!("rack{}", random.usize(..RACKS))
}

fn some_topics(random: &mut fastrand::Rng, with_racks: bool) -> Topics {
    let layout = |random: &mut fastrand::Rng| TopicLayout {
        racks: (0..random.usize(0..12))
            .map(|_| (0..usize::from(with_racks)).map(|_| rack(random)).collect())
            .collect(),
    };
    (0..random.usize(1..6))
        .map(|n| (Arc::from(format!("t{n}")), layout(random)))
        .collect()
}

/// Members with one subscription, or each with its own.
fn some_members(
    random: &mut fastrand::Rng,
    topics: &Topics,
    equal: bool,
    with_racks: bool,
) -> Vec<GroupMember> {
    let all: Vec<&str> = topics.keys().map(|topic| &**topic).collect();
    let members = (0..random.usize(1..8)).map(|n| {
        let mut own = all.clone();
        if !equal {
            own.retain(|_| random.bool());
        }
        GroupMember {
            rack: with_racks.then(|| rack(random)),
            ..member(&format!("m{n}"), &own)
        }
    });
    members.collect()
}

/// The group after a generation: each member knows what it was given.
fn after(
    strategy: &AssignmentStrategy,
    members: &mut [GroupMember],
    assignment: &GroupAssignment,
    generation: i32,
) {
    for member in members {
        let assigned = &assignment[&member.id];
        member.user_data = strategy.assignor().user_data(assigned, generation);
        member.generation = generation;
        if strategy.assignor().protocol() == RebalanceProtocol::Cooperative {
            member.owned = assigned.clone();
        }
    }
}

/// Assigns until nothing is withheld any more; the generation is counted on.
fn settle(
    strategy: &AssignmentStrategy,
    topics: &Topics,
    members: &mut [GroupMember],
    generation: &mut i32,
) -> GroupAssignment {
    for _ in 0..3 {
        let assignment = strategy.assignor().assign(topics, members);
        let wanted: BTreeSet<&Arc<str>> =
            members.iter().flat_map(|member| &member.topics).collect();
        let there = topics
            .iter()
            .filter(|(topic, _)| wanted.contains(topic))
            .map(|(_, layout)| layout.racks.len())
            .sum::<usize>();
        let given = assignment.values().map(Vec::len).sum::<usize>();
        *generation += 1;
        after(strategy, members, &assignment, *generation);
        if given == there {
            return assignment;
        }
    }
    panic!("{strategy:?} still withholds partitions in the third rebalance");
}

#[track_caller]
fn assert_whole(topics: &Topics, members: &[GroupMember], assignment: &GroupAssignment) {
    let mut given = BTreeSet::new();
    for member in members {
        for partition in &assignment[&member.id] {
            assert!(
                member.topics.contains(&partition.topic),
                "{partition} to {member:?}"
            );
            assert!(given.insert(partition.clone()), "{partition} twice");
        }
    }
    for (topic, layout) in topics {
        let is_wanted = members.iter().any(|member| member.topics.contains(topic));
        let count = given.iter().filter(|one| one.topic == *topic).count();
        assert_eq!(
            count,
            layout.racks.len() * usize::from(is_wanted),
            "{topic}"
        );
    }
}

fn owners(assignment: &GroupAssignment) -> HashMap<TopicPartition, String> {
    let of = |(id, own): (&String, &Vec<TopicPartition>)| {
        own.iter()
            .map(|partition| (partition.clone(), id.clone()))
            .collect::<Vec<_>>()
    };
    assignment.iter().flat_map(of).collect()
}

fn moved(before: &GroupAssignment, now: &GroupAssignment) -> usize {
    let now = owners(now);
    owners(before)
        .into_iter()
        .filter(|(partition, owner)| now.get(partition).is_some_and(|other| other != owner))
        .count()
}

#[test]
fn every_partition_goes_to_one_subscriber() {
    let mut random = fastrand::Rng::with_seed(1);
    for round in 0..400 {
        let with_racks = round % 3 == 0;
        let topics = some_topics(&mut random, with_racks);
        for strategy in ALL {
            let mut members = some_members(&mut random, &topics, round % 2 == 0, with_racks);
            let first = settle(&strategy, &topics, &mut members, &mut 0);
            assert_whole(&topics, &members, &first);
        }
    }
}

#[test]
fn members_with_one_subscription_get_as_much_as_each_other() {
    let mut random = fastrand::Rng::with_seed(2);
    for round in 0..400 {
        let with_racks = round % 2 == 0;
        let topics = some_topics(&mut random, with_racks);
        for strategy in STICKY.iter().chain([&AssignmentStrategy::RoundRobin]) {
            let (mut members, mut generation) =
                (some_members(&mut random, &topics, true, with_racks), 0);
            for _ in 0..3 {
                let assignment = settle(strategy, &topics, &mut members, &mut generation);
                let shares = assignment.values().map(Vec::len);
                let (most, least) = (shares.clone().max(), shares.min());
                assert!(
                    most <= least.map(|least| least + 1),
                    "{strategy:?}: {assignment:?}"
                );
                if random.bool() && members.len() > 1 {
                    members.remove(random.usize(..members.len()));
                } else {
                    let all: Vec<&str> = topics.keys().map(|topic| &**topic).collect();
                    members.push(member(&format!("n{generation}"), &all));
                }
            }
        }
    }
}

#[test]
fn no_single_move_would_make_sticky_shares_more_equal() {
    let mut random = fastrand::Rng::with_seed(3);
    for _ in 0..400 {
        let topics = some_topics(&mut random, false);
        let mut members = some_members(&mut random, &topics, false, false);
        let assignment = settle(&AssignmentStrategy::Sticky, &topics, &mut members, &mut 0);
        for (owner, own) in &assignment {
            for partition in own {
                let others = members.iter().filter(|member| {
                    member.id != *owner && member.topics.contains(&partition.topic)
                });
                for other in others {
                    assert!(
                        assignment[&other.id].len() + 1 >= own.len(),
                        "{assignment:?}"
                    );
                }
            }
        }
    }
}

#[test]
fn only_what_a_leaving_member_had_moves() {
    let mut random = fastrand::Rng::with_seed(4);
    for _ in 0..400 {
        let topics = some_topics(&mut random, false);
        for strategy in &STICKY {
            let mut generation = 0;
            let mut members = some_members(&mut random, &topics, true, false);
            members.push(member(
                "stays",
                &topics.keys().map(|t| &**t).collect::<Vec<_>>(),
            ));
            let before = settle(strategy, &topics, &mut members, &mut generation);
            let gone = members.remove(0);
            let now = settle(strategy, &topics, &mut members, &mut generation);
            assert_eq!(moved(&before, &now), before[&gone.id].len(), "{strategy:?}");
        }
    }
}

#[test]
fn a_new_member_gets_its_share_and_nothing_else_moves() {
    let mut random = fastrand::Rng::with_seed(5);
    for _ in 0..400 {
        let topics = some_topics(&mut random, false);
        for strategy in &STICKY {
            let mut generation = 0;
            let mut members = some_members(&mut random, &topics, true, false);
            let before = settle(strategy, &topics, &mut members, &mut generation);
            members.push(member(
                "new",
                &topics.keys().map(|t| &**t).collect::<Vec<_>>(),
            ));
            let now = settle(strategy, &topics, &mut members, &mut generation);
            assert_eq!(moved(&before, &now), now["new"].len(), "{strategy:?}");
        }
    }
}

#[test]
fn nothing_moves_when_nothing_has_changed() {
    let mut random = fastrand::Rng::with_seed(6);
    for round in 0..400 {
        let with_racks = round % 2 == 0;
        let topics = some_topics(&mut random, with_racks);
        for strategy in &STICKY {
            let mut generation = 0;
            let mut members = some_members(&mut random, &topics, round % 3 == 0, with_racks);
            let before = settle(strategy, &topics, &mut members, &mut generation);
            let now = strategy.assignor().assign(&topics, &members);
            assert_eq!(before, now, "{strategy:?}");
        }
    }
}

#[test]
fn a_sticky_member_gets_what_is_near_as_long_as_shares_are_equal() {
    let layout = TopicLayout {
        racks: (0..12)
            .map(|n| vec![format!("rack{}", n % RACKS)])
            .collect(),
    };
    let topics = [(Arc::from("t"), layout)].into();
    for strategy in &STICKY {
        let mut members: Vec<GroupMember> = (0..RACKS)
            .map(|n| GroupMember {
                rack: Some(format!("rack{n}")),
                ..member(&format!("m{n}"), &["t"])
            })
            .collect();
        // At first they stand elsewhere, and so have to change places.
        let mut generation = 0;
        members.rotate_left(1);
        for (n, member) in members.iter_mut().enumerate() {
            member.id = format!("m{n}");
        }
        settle(strategy, &topics, &mut members, &mut generation);
        members.iter_mut().for_each(|member| member.rack = None);
        let ids: Vec<String> = members.iter().map(|member| member.id.clone()).collect();
        for (n, id) in ids.iter().enumerate() {
            let place = members.iter_mut().find(|member| member.id == *id).unwrap();
            place.rack = Some(format!("rack{n}"));
        }
        let now = settle(strategy, &topics, &mut members, &mut generation);
        for (n, id) in ids.iter().enumerate() {
            let expected: Vec<i32> = (0..4).map(|k| (k * RACKS + n) as i32).collect();
            let own: Vec<i32> = now[id].iter().map(|own| own.partition).collect();
            assert_eq!(own, expected, "{strategy:?} {id}");
        }
    }
}

#[test]
fn what_moves_is_withheld_until_its_owner_has_given_it_up() {
    let topics: Topics = [(Arc::from("t"), TopicLayout::new(4))].into();
    let own = |numbers: &[i32]| -> Vec<TopicPartition> {
        numbers
            .iter()
            .map(|n| TopicPartition::new("t", *n))
            .collect()
    };
    let mut old = member("old", &["t"]);
    (old.owned, old.generation) = (own(&[0, 1, 2, 3]), 1);
    let mut members = [old, member("new", &["t"])];
    let first = CooperativeStickyAssignor.assign(&topics, &members);
    assert_eq!((first["old"].len(), first["new"].len()), (2, 0));
    members[0].owned = first["old"].clone();
    members.iter_mut().for_each(|member| member.generation = 2);
    let second = CooperativeStickyAssignor.assign(&topics, &members);
    assert_eq!((second["old"].len(), second["new"].len()), (2, 2));
    assert_eq!(first["old"], second["old"]);
}

#[test]
fn claims_of_an_earlier_generation_give_no_right_to_anything() {
    let topics: Topics = [(Arc::from("t"), TopicLayout::new(4))].into();
    let all: Vec<TopicPartition> = (0..4).map(|n| TopicPartition::new("t", n)).collect();
    let claims = |id: &str, numbers: &[usize], generation| {
        let owned: Vec<_> = numbers.iter().map(|n| all[*n].clone()).collect();
        GroupMember {
            user_data: StickyAssignor.user_data(&owned, generation),
            owned,
            generation,
            ..member(id, &["t"])
        }
    };
    let members = [claims("late", &[0, 1, 2], 3), claims("m", &[0, 1], 4)];
    for strategy in &STICKY {
        let assignment = strategy.assignor().assign(&topics, &members);
        assert_eq!(names(&assignment["m"]), ["t-0", "t-1"], "{strategy:?}");
    }
    // Two of one generation cannot both be right: neither is, and both have to give up first.
    let members = [claims("a", &[0, 1], 4), claims("b", &[0, 1], 4)];
    let assignment = CooperativeStickyAssignor.assign(&topics, &members);
    let given: BTreeSet<_> = assignment.values().flatten().cloned().collect();
    assert_eq!(given, BTreeSet::from([all[2].clone(), all[3].clone()]));
}

#[test]
fn user_data_that_is_none_means_that_there_was_nothing() {
    let topics: Topics = [(Arc::from("t"), TopicLayout::new(2))].into();
    for strategy in &STICKY {
        let broken = GroupMember {
            user_data: Bytes::from_static(b"\x7f\xff\xff\xff"),
            ..member("m", &["t"])
        };
        let assignment = strategy.assignor().assign(&topics, &[broken]);
        assert_eq!(names(&assignment["m"]), ["t-0", "t-1"], "{strategy:?}");
    }
}

/// Kafka's own takes many seconds for some groups of this size. The time is printed, and only the work is bounded here:
/// a search that looked at everything for every partition would not come back.
#[test]
fn two_thousand_partitions_among_a_hundred_members_are_no_trouble() {
    let topics: Topics = (0..100)
        .map(|n| (Arc::from(format!("t{n:02}")), TopicLayout::new(20)))
        .collect();
    let all: Vec<&str> = topics.keys().map(|topic| &**topic).collect();
    let mut random = fastrand::Rng::with_seed(7);
    for equal in [true, false] {
        let mut members: Vec<GroupMember> = (0..100)
            .map(|n| {
                let own: Vec<&str> = all
                    .iter()
                    .copied()
                    .filter(|_| equal || random.u8(..10) == 0)
                    .collect();
                member(&format!("m{n:02}"), &own)
            })
            .collect();
        let strategy = AssignmentStrategy::Sticky;
        let mut generation = 0;
        for what in ["first", "one less", "two more", "and two more"] {
            let begin = Instant::now();
            let assignment = settle(&strategy, &topics, &mut members, &mut generation);
            println!("equal subscriptions {equal}, {what}: {:?}", begin.elapsed());
            assert_whole(&topics, &members, &assignment);
            if what == "first" {
                members.remove(50);
            } else {
                members.push(member(&format!("{what} 1"), &all));
                members.push(member(&format!("{what} 2"), &all));
            }
        }
        // One has all that it may have.
        let hoard: Vec<TopicPartition> = topics
            .iter()
            .filter(|(topic, _)| members[0].topics.contains(topic))
            .flat_map(|(topic, _)| (0..20).map(|n| TopicPartition::new(topic.clone(), n)))
            .collect();
        members
            .iter_mut()
            .for_each(|member| member.user_data = Bytes::new());
        members[0].user_data = StickyAssignor.user_data(&hoard, 9);
        let begin = Instant::now();
        let assignment = StickyAssignor.assign(&topics, &members);
        println!(
            "equal subscriptions {equal}, one had all: {:?}",
            begin.elapsed()
        );
        assert_whole(&topics, &members, &assignment);
    }
}
