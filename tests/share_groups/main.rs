//! Share groups (KIP-932), asked about step by step: what Kafka 4.3 answers was written down, and the embedded broker
//! answers the same, to the last code, offset and delivery count.
//!
//! To write it down anew: `KAFKA_RECORD=1` with the ignored test below, on a Kafka that makes each assignment at once and
//! allows for short locks (`tests/kafka/kafka.sh start --conf group.share.assignment.interval.ms=0 --conf
//! group.share.assignor.offload.enable=false --conf group.share.min.record.lock.duration.ms=1000`).

mod scenarios;
mod script;

use std::path::PathBuf;

use kafka_broker::Broker;
use script::{Cluster, Script};

const SCENARIOS: [&str; 10] = [
    "requests",
    "members",
    "other_protocols",
    "sessions",
    "records",
    "limits",
    "locks",
    "offsets",
    "transactions",
    "beginnings",
];

/// Plays a scenario, and answers with what was answered.
async fn play(cluster: Cluster<'_>, scenario: &str) -> String {
    let mut script = Script::start(cluster).await;
    let s = &mut script;
    match scenario {
        "requests" => scenarios::requests(s).await,
        "members" => scenarios::members(s).await,
        "other_protocols" => scenarios::other_protocols(s).await,
        "sessions" => scenarios::sessions(s).await,
        "records" => scenarios::records(s).await,
        "limits" => scenarios::limits(s).await,
        "locks" => scenarios::locks(s).await,
        "offsets" => scenarios::offsets(s).await,
        "transactions" => scenarios::transactions(s).await,
        "beginnings" => scenarios::beginnings(s).await,
        other => panic!("no scenario {other}"),
    }
    script.written()
}

fn recorded(scenario: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(format!("share_groups/recorded/{scenario}.txt"))
}

/// What was answered otherwise than it was recorded.
fn differences(scenario: &str, played: &str) -> String {
    let recorded = std::fs::read_to_string(recorded(scenario)).expect("what Kafka has answered");
    let mut differences = match [&recorded, played].map(|text| text.lines().count()) {
        [recorded, played] if recorded == played => String::new(),
        counts => format!("{scenario}: {counts:?} lines\n"),
    };
    for (kafka, played) in recorded.lines().zip(played.lines()) {
        if kafka != played {
            differences += &format!("{scenario}\n  recorded: {kafka}\n  played:   {played}\n");
        }
    }
    differences
}

#[tokio::test]
async fn the_broker_answers_as_kafka_does() {
    let broker = Broker::builder().start().await.unwrap();
    let mut all = String::new();
    for scenario in SCENARIOS {
        let played = play(Cluster::Embedded(&broker), scenario).await;
        all += &differences(scenario, &played);
    }
    assert!(all.is_empty(), "{all}");
}

#[tokio::test]
#[ignore = "needs Kafka: tests/kafka/kafka.sh"]
async fn kafka_answers_as_it_did() {
    let address = tests::kafka::bootstrap();
    let mut all = String::new();
    for scenario in SCENARIOS {
        let played = play(Cluster::Kafka(&address), scenario).await;
        if std::env::var_os("KAFKA_RECORD").is_some() {
            std::fs::write(recorded(scenario), &played).expect("a file to write");
        }
        all += &differences(scenario, &played);
    }
    assert!(all.is_empty(), "{all}");
}
