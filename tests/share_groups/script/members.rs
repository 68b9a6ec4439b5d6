//! Members of the group, and of others.

use bytes::Bytes;
use kafka_proto::messages::join_group::JoinGroupRequestProtocol;
use kafka_proto::messages::share_group_heartbeat::Assignment;

use super::*;

/// A heartbeat. Topics are called "t" and the like; their real names are made of that.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Beat<'a> {
    pub(crate) id: &'a str,
    /// None: the one that it was told last.
    pub(crate) epoch: Option<i32>,
    pub(crate) rack: Option<&'a str>,
    pub(crate) names: Option<&'a [&'a str]>,
}

impl<'a> Beat<'a> {
    /// A member that is alive.
    pub(crate) fn of(id: &'a str) -> Self {
        Self {
            id,
            epoch: None,
            rack: None,
            names: None,
        }
    }

    /// A member that joins.
    pub(crate) fn join(id: &'a str, names: &'a [&'a str]) -> Self {
        Self {
            epoch: Some(0),
            names: Some(names),
            ..Self::of(id)
        }
    }

    pub(crate) fn at(self, epoch: i32) -> Self {
        Self {
            epoch: Some(epoch),
            ..self
        }
    }
}

impl Script<'_> {
    async fn answered(&mut self, beat: &Beat<'_>) -> ShareGroupHeartbeatResponse {
        let told = self.told.get(beat.id).copied().unwrap_or(0);
        let names = beat
            .names
            .map(|names| names.iter().map(|name| self.topic(name).into()).collect());
        let request = ShareGroupHeartbeatRequest {
            group_id: self.group.as_str().into(),
            member_id: beat.id.into(),
            member_epoch: beat.epoch.unwrap_or(told),
            rack_id: beat.rack.map(Into::into),
            subscribed_topic_names: names,
            ..Default::default()
        };
        let answer = self
            .wire
            .call_coordinator(&request, 1, |answer| answer.error_code)
            .await;
        if answer.error_code == 0 {
            self.told.insert(beat.id.to_owned(), answer.member_epoch);
        }
        answer
    }

    /// Partitions by topic, each with how many they are.
    fn counted_partitions(&self, assignment: &Assignment) -> String {
        let topics = assignment.topic_partitions.iter();
        let mut counted: Vec<_> = topics
            .map(|topic| {
                let name = self.topic_name(topic.topic_id);
                format!("{name}:{}", topic.partitions.len())
            })
            .collect();
        counted.sort_unstable();
        format!("[{}]", counted.join(" "))
    }

    pub(crate) async fn beat(&mut self, beat: Beat<'_>) {
        let answer = self.answered(&beat).await;
        let assigned = answer.assignment.as_ref();
        let assigned = assigned.map(|assigned| self.counted_partitions(assigned));
        self.write_answer(&beat, &answer, assigned);
    }

    /// The same where it is the coordinator's choice who gets which partitions.
    pub(crate) async fn beat_told(&mut self, beat: Beat<'_>) {
        let answer = self.answered(&beat).await;
        let assigned = answer.assignment.as_ref();
        let assigned = assigned.map(|_| "an assignment".to_owned());
        self.write_answer(&beat, &answer, assigned);
    }

    /// A heartbeat of which nothing is written down.
    pub(crate) async fn beat_quietly(&mut self, beat: Beat<'_>) {
        self.answered(&beat).await;
    }

    fn write_answer(
        &mut self,
        beat: &Beat<'_>,
        answer: &ShareGroupHeartbeatResponse,
        assigned: Option<String>,
    ) {
        let id = match answer.member_id.as_deref() {
            Some(id) if id == beat.id => "the same id",
            Some(_) => "another id",
            None => "no id",
        };
        let asked = beat
            .epoch
            .map_or("its epoch".to_owned(), |epoch| format!("epoch {epoch}"));
        // What follows names an epoch.
        let message = answer.error_message.as_deref().unwrap_or_default();
        let message = message
            .split_once(" known by the group")
            .map_or(message, |(message, _)| message);
        self.line(format!(
            "beat {:?} in {asked}: {} {message:?} {id} {} {} ms {}",
            beat.id,
            error(answer.error_code),
            self.counted(answer.member_epoch),
            answer.heartbeat_interval_ms,
            assigned.as_deref().unwrap_or("-"),
        ));
    }

    /// Joins, and waits until there are so many partitions to read: Kafka makes room for the group's state first.
    pub(crate) async fn settle(&mut self, member: &str, names: &[&str], partitions: usize) {
        let settled = async {
            let mut beat = Beat::join(member, names);
            loop {
                let answer = self.answered(&beat).await;
                assert_eq!(error(answer.error_code), "NONE");
                let assigned = answer.assignment.iter();
                let topics = assigned.flat_map(|assigned| &assigned.topic_partitions);
                if topics.map(|topic| topic.partitions.len()).sum::<usize>() == partitions {
                    return answer.member_epoch;
                }
                beat = Beat::of(member);
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        let settled = timeout(WAIT, settled).await;
        self.settled =
            settled.unwrap_or_else(|_| panic!("waited {WAIT:?} for {partitions} partitions"));
        self.line(format!("{member} has {partitions} partitions"));
    }

    /// What ShareGroupDescribe tells of the group.
    pub(crate) async fn describe(&mut self) {
        let request = ShareGroupDescribeRequest {
            group_ids: vec![self.group.as_str().into()],
            ..Default::default()
        };
        let answer = self
            .wire
            .call_coordinator(&request, 1, |answer| answer.groups[0].error_code)
            .await;
        let group = &answer.groups[0];
        self.line(format!(
            "described: {} {:?} {} epoch {} assignment {} by {:?} operations {}",
            error(group.error_code),
            group.error_message.as_deref().unwrap_or_default(),
            group.group_state,
            self.counted(group.group_epoch),
            self.counted(group.assignment_epoch),
            group.assignor_name,
            group.authorized_operations,
        ));
        let mut members = group.members.clone();
        members.sort_by_key(|member| member.member_id.clone());
        for member in &members {
            let topics = member.assignment.topic_partitions.iter();
            let mut counted: Vec<_> = topics
                .map(|topic| format!("{}:{}", topic.topic_name, topic.partitions.len()))
                .collect();
            counted.sort_unstable();
            let mut names = member.subscribed_topic_names.clone();
            names.sort_unstable();
            self.line(format!(
                "  {} rack {:?} epoch {} of {}: names {names:?} has {counted:?}",
                member.member_id,
                member.rack_id,
                self.counted(member.member_epoch),
                member.client_id,
            ));
        }
    }

    /// How many partitions the members have, without saying who has which.
    pub(crate) async fn describe_sums(&mut self) {
        let request = ShareGroupDescribeRequest {
            group_ids: vec![self.group.as_str().into()],
            ..Default::default()
        };
        let answer = self.wire.call(&request, 1).await;
        let members = answer.groups[0].members.iter();
        let mut sums: Vec<usize> = members
            .map(|member| {
                let topics = member.assignment.topic_partitions.iter();
                topics.map(|topic| topic.partitions.len()).sum()
            })
            .collect();
        sums.sort_unstable();
        self.line(format!("members have {sums:?} partitions"));
    }

    /// Joins by the classic protocol, in a version in which nobody has to come back with the id that it is given.
    pub(crate) async fn join_as_classic(&mut self) {
        let request = JoinGroupRequest {
            group_id: self.group.as_str().into(),
            session_timeout_ms: 30_000,
            rebalance_timeout_ms: 30_000,
            protocol_type: "consumer".into(),
            protocols: vec![JoinGroupRequestProtocol {
                name: "range".into(),
                metadata: Bytes::from_static(&[
                    0, 1, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0,
                ]),
                ..Default::default()
            }],
            ..Default::default()
        };
        let joined = self
            .wire
            .call_coordinator(&request, 3, |answer| answer.error_code)
            .await;
        self.line(format!("join as classic: {}", error(joined.error_code)));
    }

    /// Joins by the consumer protocol, or leaves.
    pub(crate) async fn beat_as_consumer(&mut self, epoch: i32) {
        let request = ConsumerGroupHeartbeatRequest {
            group_id: self.group.as_str().into(),
            member_id: "consumer".into(),
            member_epoch: epoch,
            rebalance_timeout_ms: 60_000,
            subscribed_topic_names: Some(vec![self.topic("t").into()]),
            topic_partitions: Some(Vec::new()),
            ..Default::default()
        };
        let answer = self
            .wire
            .call_coordinator(&request, 1, |answer| answer.error_code)
            .await;
        self.line(format!(
            "beat as consumer in epoch {epoch}: {} {:?}",
            error(answer.error_code),
            answer.error_message.as_deref().unwrap_or_default()
        ));
    }
}
