//! A connection that asks one thing after another and writes down what it is answered, in words that do not depend on
//! what the cluster was used for before. Epochs are counted from the one in which the group was settled: how many it takes
//! until then depends on how fast Kafka makes room for its state.

mod admin;
mod members;
mod records;
mod topics;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use kafka_broker::Broker;
use kafka_proto::codec::Uuid;
use kafka_proto::error_code::ErrorCode;
use kafka_proto::messages::*;
use tests::kafka::{WAIT, unique};
use tests::wire::Wire;
use tokio::time::timeout;

pub(crate) use members::Beat;
pub(crate) use records::Read;

/// Who is asked.
#[derive(Clone, Copy)]
pub(crate) enum Cluster<'a> {
    Kafka(&'a str),
    Embedded(&'a Broker),
}

pub(crate) struct Script<'a> {
    cluster: Cluster<'a>,
    wire: Wire,
    /// What real names are made of.
    prefix: String,
    group: String,
    topics: BTreeMap<Uuid, String>,
    /// The epoch that members were told last.
    told: BTreeMap<String, i32>,
    /// The epoch in which the group was settled.
    settled: i32,
    /// The epochs of share sessions that are expected next.
    sessions: BTreeMap<String, i32>,
    written: String,
}

fn error(code: i16) -> &'static str {
    ErrorCode::from(code).name()
}

impl<'a> Script<'a> {
    pub(crate) async fn start(cluster: Cluster<'a>) -> Self {
        let prefix = unique("share");
        let mut script = Self {
            wire: connect(cluster).await,
            cluster,
            group: format!("{prefix}-g"),
            prefix,
            topics: BTreeMap::new(),
            told: BTreeMap::new(),
            settled: 0,
            sessions: BTreeMap::new(),
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

    /// Goes on over another connection; the one that there was ends.
    pub(crate) async fn reconnect(&mut self) {
        self.wire = connect(self.cluster).await;
    }

    /// What was answered.
    pub(crate) fn written(self) -> String {
        self.written
    }

    fn line(&mut self, line: impl AsRef<str>) {
        let line = line.as_ref().replace(&self.prefix, "~");
        let _ = writeln!(self.written, "{line}");
    }

    /// Goes on with another group.
    pub(crate) fn group(&mut self, group: &str, heading: &str) {
        self.group = format!("{}-{group}", self.prefix);
        self.told.clear();
        self.sessions.clear();
        self.settled = 0;
        self.line(format!("# {heading}"));
    }

    pub(crate) fn heading(&mut self, heading: &str) {
        self.line(format!("# {heading}"));
    }

    fn topic(&self, topic: &str) -> String {
        format!("{}-{topic}", self.prefix)
    }

    fn topic_id(&self, topic: &str) -> Uuid {
        let found = self.topics.iter().find(|(_, name)| *name == topic);
        found.map_or(Uuid([7; 16]), |(id, _)| *id)
    }

    fn topic_name(&self, id: Uuid) -> &str {
        self.topics.get(&id).map_or("?", String::as_str)
    }

    /// An epoch, counted from the one in which the group was settled.
    fn counted(&self, epoch: i32) -> String {
        match epoch {
            ..=0 => epoch.to_string(),
            _ if self.settled == 0 => "some".to_owned(),
            _ => format!("{:+}", epoch - self.settled),
        }
    }
}

async fn connect(cluster: Cluster<'_>) -> Wire {
    match cluster {
        Cluster::Kafka(address) => Wire::connect(address).await,
        Cluster::Embedded(broker) => Wire::connect(&broker.bootstrap_servers()).await,
    }
}
