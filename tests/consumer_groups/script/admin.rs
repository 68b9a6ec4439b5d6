//! Topics, and what admins ask of groups.

use kafka_proto::messages::create_partitions::CreatePartitionsTopic;
use kafka_proto::messages::create_topics::CreatableTopic;

use super::*;

impl Script {
    /// Creates a topic, and waits until the broker knows.
    pub(crate) async fn create(&mut self, topic: &str, partitions: i32) {
        let creatable = CreatableTopic {
            name: self.topic(topic).into(),
            num_partitions: partitions,
            replication_factor: 1,
            ..Default::default()
        };
        let request = CreateTopicsRequest {
            topics: vec![creatable],
            timeout_ms: 10_000,
            ..Default::default()
        };
        let created = self.wire.call(&request, 7).await.topics.remove(0);
        assert_eq!(error(created.error_code), "NONE");
        self.topics.insert(created.topic_id, topic.to_owned());
        self.await_partitions(topic, partitions as usize).await;
    }

    pub(crate) async fn grow(&mut self, topic: &str, partitions: i32) {
        let request = CreatePartitionsRequest {
            topics: vec![CreatePartitionsTopic {
                name: self.topic(topic).into(),
                count: partitions,
                assignments: None,
                ..Default::default()
            }],
            timeout_ms: 10_000,
            ..Default::default()
        };
        let grown = self.wire.call(&request, 3).await;
        assert_eq!(error(grown.results[0].error_code), "NONE");
        self.await_partitions(topic, partitions as usize).await;
    }

    pub(crate) async fn delete(&mut self, topic: &str) {
        let request = DeleteTopicsRequest {
            topic_names: vec![self.topic(topic).into()],
            timeout_ms: 10_000,
            ..Default::default()
        };
        let deleted = self.wire.call(&request, 5).await;
        assert_eq!(error(deleted.responses[0].error_code), "NONE");
        for name in self.topics.values_mut().filter(|name| *name == topic) {
            *name = format!("deleted {topic}");
        }
        self.await_partitions(topic, 0).await;
    }

    /// Waits until the coordinator knows: members of another group are assigned as many.
    async fn await_partitions(&mut self, topic: &str, partitions: usize) {
        let probe = ConsumerGroupHeartbeatRequest {
            group_id: unique("probe").into(),
            member_id: "probe".into(),
            rebalance_timeout_ms: 60_000,
            subscribed_topic_names: Some(vec![self.topic(topic).into()]),
            topic_partitions: Some(Vec::new()),
            ..Default::default()
        };
        let known = async {
            loop {
                let answer = self
                    .wire
                    .call_coordinator(&probe, 1, |answer| answer.error_code)
                    .await;
                let assignment = answer.assignment.expect("an assignment for one that joins");
                let topics = assignment.topic_partitions.iter();
                if topics.map(|topic| topic.partitions.len()).sum::<usize>() == partitions {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        let known = timeout(WAIT, known).await;
        known.unwrap_or_else(|_| panic!("waited {WAIT:?} for {partitions} partitions of {topic}"));
        let leave = ConsumerGroupHeartbeatRequest {
            member_epoch: -1,
            ..probe
        };
        self.wire.call(&leave, 1).await;
    }

    /// What ConsumerGroupDescribe tells of the group.
    pub(crate) async fn describe(&mut self) {
        let request = ConsumerGroupDescribeRequest {
            group_ids: vec![self.group.as_str().into()],
            ..Default::default()
        };
        let answer = self
            .wire
            .call_coordinator(&request, 1, |answer| answer.groups[0].error_code)
            .await;
        let group = &answer.groups[0];
        self.line(format!(
            "described: {} {} epoch {} assignment {} by {:?} operations {}",
            error(group.error_code),
            group.group_state,
            group.group_epoch,
            group.assignment_epoch,
            group.assignor_name,
            group.authorized_operations,
        ));
        let mut members = group.members.clone();
        // Ids that a broker has made are in no order.
        members.sort_by_key(|member| (member.member_id.len(), member.member_id.clone()));
        for member in &members {
            let partitions = |of: &consumer_group_describe::Assignment| {
                let topics = of.topic_partitions.iter();
                self.counted(topics.map(|topic| (topic.topic_id, &topic.partitions[..])))
            };
            let mut names: Vec<_> = member
                .subscribed_topic_names
                .iter()
                .map(|name| self.short(name))
                .collect();
            names.sort_unstable();
            let regex = member
                .subscribed_topic_regex
                .as_ref()
                .map(|regex| self.short(regex));
            let line = format!(
                "  {} type {} instance {:?} rack {:?} epoch {} of {}: names {names:?} regex {regex:?} has {} target {}",
                if member.member_id.len() > 1 {
                    "somebody"
                } else {
                    &*member.member_id
                },
                member.member_type,
                member.instance_id,
                member.rack_id,
                member.member_epoch,
                member.client_id,
                partitions(&member.assignment),
                partitions(&member.target_assignment),
            );
            self.line(line);
        }
    }

    fn short(&self, name: &str) -> String {
        name.strip_prefix(&format!("{}-", self.prefix))
            .unwrap_or(name)
            .to_owned()
    }

    /// How the group is listed, among those of these states and types.
    pub(crate) async fn list(&mut self, states: &[&str], types: &[&str]) {
        let request = ListGroupsRequest {
            states_filter: states.iter().map(|state| (*state).into()).collect(),
            types_filter: types
                .iter()
                .map(|group_type| (*group_type).into())
                .collect(),
            ..Default::default()
        };
        let answer = self.wire.call(&request, 5).await;
        let listed = answer
            .groups
            .iter()
            .find(|group| *group.group_id == *self.group);
        let listed = listed.map(|group| {
            (
                &*group.protocol_type,
                &*group.group_state,
                &*group.group_type,
            )
        });
        self.line(format!(
            "list {states:?} {types:?}: {} {listed:?}",
            error(answer.error_code)
        ));
    }

    /// What DescribeGroups tells of the group.
    pub(crate) async fn describe_as_classic(&mut self, version: i16) {
        let request = DescribeGroupsRequest {
            groups: vec![self.group.as_str().into()],
            ..Default::default()
        };
        let answer = self.wire.call(&request, version).await;
        let group = &answer.groups[0];
        let members = group.members.iter();
        let members = members.map(|member| {
            let sizes = (member.member_metadata.len(), member.member_assignment.len());
            (
                &*member.client_id,
                member.group_instance_id.as_deref(),
                sizes,
            )
        });
        let line = format!(
            "described as classic v{version}: {} {} {:?} {:?} {:?}",
            error(group.error_code),
            group.group_state,
            &*group.protocol_type,
            &*group.protocol_data,
            members.collect::<Vec<_>>(),
        );
        self.line(line);
    }

    pub(crate) async fn delete_group(&mut self) {
        let request = DeleteGroupsRequest {
            groups_names: vec![self.group.as_str().into()],
            ..Default::default()
        };
        let answer = self.wire.call(&request, 2).await;
        self.line(format!("delete: {}", error(answer.results[0].error_code)));
    }
}
