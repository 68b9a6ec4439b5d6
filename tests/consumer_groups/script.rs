//! A connection that asks one thing after another and writes down what it is answered, in words that do not depend on
//! what the cluster was used for before. Which partitions a member gets is left out where it is the coordinator's choice:
//! how many counts.

mod admin;
mod classic;
mod positions;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use kafka_proto::codec::Uuid;
use kafka_proto::error_code::ErrorCode;
use kafka_proto::messages::consumer_group_heartbeat::TopicPartitions;
use kafka_proto::messages::*;
use tests::kafka::{WAIT, unique};
use tests::wire::Wire;
use tokio::time::timeout;

/// What a member says that it has.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Owned {
    Nothing,
    /// What it was told last.
    Told,
    /// What it was told before that.
    ToldBefore,
}

/// A heartbeat. Topics are called "t" and the like; their real names are made of that.
#[derive(Debug, Clone)]
pub(crate) struct Beat<'a> {
    pub(crate) version: i16,
    pub(crate) id: &'a str,
    /// None: the one that it was told last.
    pub(crate) epoch: Option<i32>,
    pub(crate) instance: Option<&'a str>,
    pub(crate) rack: Option<&'a str>,
    pub(crate) timeout: i32,
    pub(crate) names: Option<&'a [&'a str]>,
    pub(crate) regex: Option<&'a str>,
    pub(crate) assignor: Option<&'a str>,
    pub(crate) owned: Option<Owned>,
}

impl<'a> Beat<'a> {
    /// A member that is alive.
    pub(crate) fn of(id: &'a str) -> Self {
        Self {
            version: 1,
            id,
            epoch: None,
            instance: None,
            rack: None,
            timeout: -1,
            names: None,
            regex: None,
            assignor: None,
            owned: None,
        }
    }

    /// A member that joins.
    pub(crate) fn join(id: &'a str, names: &'a [&'a str]) -> Self {
        Self {
            epoch: Some(0),
            timeout: 60_000,
            names: Some(names),
            owned: Some(Owned::Nothing),
            ..Self::of(id)
        }
    }

    pub(crate) fn at(self, epoch: i32) -> Self {
        Self {
            epoch: Some(epoch),
            ..self
        }
    }

    pub(crate) fn owning(self, owned: Owned) -> Self {
        Self {
            owned: Some(owned),
            ..self
        }
    }

    pub(crate) fn instance(self, instance: &'a str) -> Self {
        Self {
            instance: Some(instance),
            ..self
        }
    }
}

/// What a member was told.
#[derive(Debug, Default)]
struct Told {
    epoch: i32,
    assigned: Vec<TopicPartitions>,
    before: Vec<TopicPartitions>,
}

pub(crate) struct Script {
    wire: Wire,
    /// What real names are made of.
    prefix: String,
    group: String,
    topics: BTreeMap<Uuid, String>,
    told: BTreeMap<String, Told>,
    /// Whether it is left out of which topics partitions are.
    pub(crate) sums: bool,
    written: String,
}

pub(super) fn error(code: i16) -> &'static str {
    ErrorCode::from(code).name()
}

impl Script {
    pub(crate) async fn start(address: &str) -> Self {
        let prefix = unique("groups");
        let mut script = Self {
            wire: Wire::connect(address).await,
            group: format!("{prefix}-g"),
            prefix,
            topics: BTreeMap::new(),
            told: BTreeMap::new(),
            sums: false,
            written: String::new(),
        };
        // The coordinator's own topic comes into being with the first request.
        let request = FindCoordinatorRequest {
            key: script.group.as_str().into(),
            ..Default::default()
        };
        while script.wire.call(&request, 2).await.error_code != 0 {}
        script
    }

    /// What was answered.
    pub(crate) fn written(self) -> String {
        self.written
    }

    pub(super) fn line(&mut self, line: impl AsRef<str>) {
        let _ = writeln!(self.written, "{}", line.as_ref());
    }

    /// Goes on with another group.
    pub(crate) fn group(&mut self, group: &str, heading: &str) {
        self.group = format!("{}-{group}", self.prefix);
        self.told.clear();
        self.line(format!("# {heading}"));
    }

    pub(crate) fn heading(&mut self, heading: &str) {
        self.line(format!("# {heading}"));
    }

    pub(super) fn topic(&self, topic: &str) -> String {
        format!("{}-{topic}", self.prefix)
    }

    /// Partitions by topic, each with how many they are.
    pub(super) fn counted<'a>(
        &self,
        partitions: impl Iterator<Item = (Uuid, &'a [i32])>,
    ) -> String {
        if self.sums {
            let sum: usize = partitions.map(|(_, partitions)| partitions.len()).sum();
            return format!("[{sum}]");
        }
        let mut counted: Vec<_> = partitions
            .map(|(id, partitions)| {
                let name = self.topics.get(&id).map_or("?", String::as_str);
                format!("{name}:{}", partitions.len())
            })
            .collect();
        counted.sort_unstable();
        format!("[{}]", counted.join(" "))
    }

    fn request(&self, beat: &Beat<'_>) -> ConsumerGroupHeartbeatRequest {
        let told = self.told.get(beat.id);
        let epoch = told.map_or(0, |told| told.epoch);
        let owned = beat.owned.map(|owned| match (owned, told) {
            (Owned::Nothing, _) | (_, None) => Vec::new(),
            (Owned::Told, Some(told)) => told.assigned.clone(),
            (Owned::ToldBefore, Some(told)) => told.before.clone(),
        });
        let names = |names: &[&str]| names.iter().map(|name| self.topic(name).into()).collect();
        // An expression matches topics of this script only, and "(" stays invalid.
        let regex = |regex: &str| match regex {
            "" => "".into(),
            regex => format!("{}-{regex}", self.prefix).into(),
        };
        ConsumerGroupHeartbeatRequest {
            group_id: self.group.as_str().into(),
            member_id: beat.id.into(),
            member_epoch: beat.epoch.unwrap_or(epoch),
            instance_id: beat.instance.map(Into::into),
            rack_id: beat.rack.map(Into::into),
            rebalance_timeout_ms: beat.timeout,
            subscribed_topic_names: beat.names.map(names),
            subscribed_topic_regex: beat.regex.map(regex),
            server_assignor: beat.assignor.map(Into::into),
            topic_partitions: owned,
            ..Default::default()
        }
    }

    async fn answered(&mut self, beat: &Beat<'_>) -> ConsumerGroupHeartbeatResponse {
        let request = self.request(beat);
        let answer = self
            .wire
            .call_coordinator(&request, beat.version, |answer| answer.error_code)
            .await;
        if answer.error_code == 0 {
            let told = self.told.entry(beat.id.to_owned()).or_default();
            told.epoch = answer.member_epoch;
            if let Some(assignment) = &answer.assignment {
                let assigned = assignment.topic_partitions.clone();
                told.before = std::mem::replace(&mut told.assigned, assigned);
            }
        }
        answer
    }

    fn write_answer(&mut self, beat: &Beat<'_>, answer: &ConsumerGroupHeartbeatResponse) {
        let assigned = answer.assignment.as_ref().map(|assignment| {
            let topics = assignment.topic_partitions.iter();
            self.counted(topics.map(|topic| (topic.topic_id, &topic.partitions[..])))
        });
        let id = match answer.member_id.as_deref() {
            Some(id) if id == beat.id => "the same id",
            Some(_) => "another id",
            None => "no id",
        };
        let asked = beat
            .epoch
            .map_or("its epoch".to_owned(), |epoch| format!("epoch {epoch}"));
        self.line(format!(
            "beat v{} {:?} in {asked}: {} {id} {} {} ms {}",
            beat.version,
            beat.id,
            error(answer.error_code),
            answer.member_epoch,
            answer.heartbeat_interval_ms,
            assigned.as_deref().unwrap_or("-"),
        ));
    }

    pub(crate) async fn beat(&mut self, beat: Beat<'_>) {
        let answer = self.answered(&beat).await;
        self.write_answer(&beat, &answer);
    }

    /// The first answer that brings an assignment: Kafka hears of topics, and resolves expressions, beside what it is
    /// asked.
    pub(crate) async fn beat_until_told(&mut self, beat: Beat<'_>) {
        let told = async {
            loop {
                let answer = self.answered(&beat).await;
                if answer.assignment.is_some() || answer.error_code != 0 {
                    return answer;
                }
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        let answer = timeout(WAIT, told).await;
        let answer = answer.unwrap_or_else(|_| panic!("waited {WAIT:?} for an assignment"));
        self.line("after a while");
        self.write_answer(&beat, &answer);
    }
}
