//! Groups of the consumer protocol (KIP-848), asked about step by step: what Kafka 4.3 answers was written down, and the
//! embedded broker answers the same, to the last code and epoch.
//!
//! To write it down anew: `KAFKA_RECORD=1` with the ignored test below, on a Kafka that makes each target assignment at
//! once (`tests/kafka/kafka.sh start --conf group.consumer.assignment.interval.ms=0`).

mod scenarios;
mod script;

use std::path::PathBuf;
use std::time::Duration;

use kafka_broker::Broker;
use script::Script;

const SCENARIOS: [&str; 9] = [
    "requests",
    "rebalances",
    "lost_answers",
    "static_members",
    "subscriptions",
    "expressions",
    "topics",
    "positions",
    "both_protocols",
];

/// Plays a scenario, and answers with what was answered.
async fn play(address: &str, scenario: &str) -> String {
    let mut script = Script::start(address).await;
    let s = &mut script;
    match scenario {
        "requests" => scenarios::requests(s).await,
        "rebalances" => scenarios::rebalances(s).await,
        "lost_answers" => scenarios::lost_answers(s).await,
        "static_members" => scenarios::static_members(s).await,
        "subscriptions" => scenarios::subscriptions(s).await,
        "expressions" => scenarios::expressions(s).await,
        "topics" => scenarios::topics(s).await,
        "positions" => scenarios::positions(s).await,
        "both_protocols" => scenarios::both_protocols(s).await,
        other => panic!("no scenario {other}"),
    }
    script.written()
}

fn recorded(scenario: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join(format!("consumer_groups/recorded/{scenario}.txt"))
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
    let broker = Broker::builder().consumer_group_heartbeat_interval(Duration::from_secs(1));
    let broker = broker.start().await.unwrap();
    let mut all = String::new();
    for scenario in SCENARIOS {
        let played = play(&broker.bootstrap_servers(), scenario).await;
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
        let played = play(&address, scenario).await;
        if std::env::var_os("KAFKA_RECORD").is_some() {
            std::fs::write(recorded(scenario), &played).expect("a file to write");
        }
        all += &differences(scenario, &played);
    }
    assert!(all.is_empty(), "{all}");
}
