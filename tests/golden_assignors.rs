//! Every golden rebalance by our assignors: the members get what Kafka's own classes gave them, or, where there is more than
//! one right answer, nothing worse.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use kafka_client::TopicPartition;
use kafka_client::consumer::assignor::{
    AssignmentStrategy, GroupAssignment, GroupMember, TopicLayout,
};
use kafka_proto::payloads::sticky_assignor::StickyAssignorUserData;
use serde_json::Value as Json;
use tests::golden;

/// The racks of a vector's cluster: partition `p` of every topic has one replica, in this rack.
fn rack_of(partition: u64) -> String {
    format!("rack{}", partition % 3)
}

fn layouts(line: &Json) -> BTreeMap<Arc<str>, TopicLayout> {
    let with_racks = line.get("replica_racks_rule").is_some();
    let layout = |count: u64| {
        let racks = |partition| {
            if with_racks {
                vec![rack_of(partition)]
            } else {
                Vec::new()
            }
        };
        TopicLayout {
            racks: (0..count).map(racks).collect(),
        }
    };
    let topics = line["partitions"].as_object().expect("topics");
    topics
        .iter()
        .map(|(topic, count)| {
            (
                topic.as_str().into(),
                layout(count.as_u64().expect("a count")),
            )
        })
        .collect()
}

fn partitions(list: &Json) -> Vec<TopicPartition> {
    let partition = |pair: &Json| {
        TopicPartition::new(
            pair[0].as_str().expect("a topic"),
            pair[1].as_i64().expect("a number") as i32,
        )
    };
    list.as_array()
        .expect("partitions")
        .iter()
        .map(partition)
        .collect()
}

fn members(line: &Json) -> Vec<GroupMember> {
    let text = |value: &Json| value.as_str().map(str::to_owned);
    let member = |(id, member): (&String, &Json)| {
        let known = [
            "topics",
            "owned",
            "generation",
            "user_data",
            "rack",
            "group_instance_id",
        ];
        golden::check_fields(member, &known);
        let topics = member["topics"].as_array().expect("topics").iter();
        GroupMember {
            id: id.clone(),
            instance_id: text(&member["group_instance_id"]),
            topics: topics.filter_map(Json::as_str).map(Arc::from).collect(),
            owned: partitions(&member["owned"]),
            generation: member["generation"].as_i64().expect("a generation") as i32,
            rack: text(&member["rack"]),
            user_data: member["user_data"]
                .as_str()
                .map(golden::unhex)
                .unwrap_or_default(),
        }
    };
    let members = line["members"].as_object().expect("members");
    members.iter().map(member).collect()
}

/// What a member had before the rebalance: what it owns, or what its sticky assignor says it had.
fn before(member: &GroupMember) -> Vec<TopicPartition> {
    let said = StickyAssignorUserData::parse(member.user_data.clone()).unwrap_or_default();
    let said = said.previous_assignment.iter().flat_map(|topic| {
        let numbers = topic.partitions.iter();
        numbers.map(|number| TopicPartition::new(&*topic.topic, *number))
    });
    member.owned.iter().cloned().chain(said).collect()
}

/// How many partitions somebody has who is still there, and somebody else gets.
fn moved(members: &[GroupMember], assignment: &GroupAssignment) -> usize {
    let owners: BTreeMap<&TopicPartition, &String> = assignment
        .iter()
        .flat_map(|(member, own)| own.iter().map(move |partition| (partition, member)))
        .collect();
    let of = |member: &GroupMember| {
        let gone = |had: &TopicPartition| owners.get(had).is_some_and(|now| **now != member.id);
        before(member).iter().filter(|had| gone(had)).count()
    };
    members.iter().map(of).sum()
}

/// What is worse than in Java's answer: shares less equal, more withheld, more moved. What is gained in one counts before
/// what is lost in the next. A cooperative answer that withholds less than Java's may leave its most loaded member with
/// more for the moment, so that shares compare only where as much is given.
fn worse_than_java(
    line: &Json,
    members: &[GroupMember],
    assignment: &GroupAssignment,
) -> Option<String> {
    let metrics = &line["metrics"];
    golden::check_fields(
        metrics,
        &["assigned", "max", "min", "moved_from_living_member"],
    );
    let java = |name: &str| metrics[name].as_u64().expect("a number") as usize;
    let shares = || assignment.values().map(Vec::len);
    let (max, min) = (shares().max().unwrap_or(0), shares().min().unwrap_or(0));
    let (assigned, moved) = (shares().sum::<usize>(), moved(members, assignment));
    let is_as_good = match assigned.cmp(&java("assigned")) {
        Ordering::Less => false,
        Ordering::Equal => {
            let is_more_balanced = max < java("max") && min > java("min");
            let is_as_balanced = max <= java("max") && min >= java("min");
            is_more_balanced || is_as_balanced && moved <= java("moved_from_living_member")
        }
        Ordering::Greater => moved <= java("moved_from_living_member"),
    };
    (!is_as_good).then(|| {
        format!(
            "{} scenario {} step {}: assigned {assigned}, max {max}, min {min}, moved {moved}; Java {metrics}",
            line["assignor"], line["scenario"], line["step"]
        )
    })
}

#[test]
fn partitions_are_shared_as_kafka_shares_them() {
    let (mut exact, mut measured, mut worse) = (0, 0, Vec::new());
    for line in golden::lines("assignors") {
        golden::check_fields(
            &line,
            &[
                "assignor",
                "scenario",
                "step",
                "exact",
                "partitions",
                "replica_racks_rule",
                "members",
                "assignment",
                "metrics",
            ],
        );
        let strategy = match line["assignor"].as_str() {
            Some("range") => AssignmentStrategy::Range,
            Some("roundrobin") => AssignmentStrategy::RoundRobin,
            Some("sticky") => AssignmentStrategy::Sticky,
            Some("cooperative-sticky") => AssignmentStrategy::CooperativeSticky,
            other => panic!("the assignor {other:?} is not known"),
        };
        let members = members(&line);
        let mut assignment = strategy.assignor().assign(&layouts(&line), &members);
        if line["exact"] == true {
            let expected: GroupAssignment = line["assignment"]
                .as_object()
                .expect("an assignment")
                .iter()
                .map(|(member, list)| (member.clone(), partitions(list)))
                .collect();
            for partitions in assignment.values_mut() {
                partitions.sort();
            }
            assert_eq!(
                assignment, expected,
                "{strategy:?} scenario {} step {}",
                line["scenario"], line["step"]
            );
            exact += 1;
        } else {
            let given: Vec<_> = assignment.values().flatten().collect();
            let distinct: BTreeSet<_> = given.iter().collect();
            assert_eq!(given.len(), distinct.len(), "a partition twice: {line}");
            worse.extend(worse_than_java(&line, &members, &assignment));
            measured += 1;
        }
    }
    assert!(
        worse.is_empty(),
        "{} of {measured}:\n{}",
        worse.len(),
        worse.join("\n")
    );
    println!("assignors: {exact} rebalances exactly as Java's, {measured} as good as Java's");
    assert!(exact > 0 && measured > 0);
}
