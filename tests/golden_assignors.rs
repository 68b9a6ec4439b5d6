//! Every golden rebalance by an assignor of ours: the members get what Kafka's own class gave them.

use std::collections::BTreeMap;
use std::sync::Arc;

use kafka_client::TopicPartition;
use kafka_client::consumer::assignor::{
    Assignor, GroupAssignment, GroupMember, RangeAssignor, TopicLayout,
};
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
    let members = line["members"].as_object().expect("members");
    members
        .iter()
        .map(|(id, member)| GroupMember {
            id: id.clone(),
            instance_id: text(&member["group_instance_id"]),
            topics: member["topics"]
                .as_array()
                .expect("topics")
                .iter()
                .filter_map(Json::as_str)
                .map(Arc::from)
                .collect(),
            owned: partitions(&member["owned"]),
            generation: member["generation"].as_i64().expect("a generation") as i32,
            rack: text(&member["rack"]),
        })
        .collect()
}

/// Of the others the client has none.
#[test]
fn range_assigns_as_kafka_does() {
    let (mut checked, mut others) = (0, 0);
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
        match line["assignor"].as_str() {
            Some("range") => assert_eq!(line["exact"], true),
            Some("roundrobin" | "sticky" | "cooperative-sticky") => {
                others += 1;
                continue;
            }
            other => panic!("the assignor {other:?} is not known"),
        }
        let expected: GroupAssignment = line["assignment"]
            .as_object()
            .expect("an assignment")
            .iter()
            .map(|(member, list)| (member.clone(), partitions(list)))
            .collect();
        let mut assignment = RangeAssignor.assign(&layouts(&line), &members(&line));
        for partitions in assignment.values_mut() {
            partitions.sort();
        }
        assert_eq!(
            assignment, expected,
            "scenario {} step {}",
            line["scenario"], line["step"]
        );
        checked += 1;
    }
    println!(
        "assignors: {checked} rebalances by range checked, {others} by assignors that the client does not have"
    );
    assert!(checked > 0);
}
