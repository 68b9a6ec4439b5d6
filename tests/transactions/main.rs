//! Transactions, asked about step by step: what Kafka 4.3 answers was written down, and the embedded broker answers the
//! same, to the last code, offset and epoch.
//!
//! To write it down anew: `KAFKA_RECORD=1` with the ignored test below, on a Kafka that looks for late transactions often
//! (`tests/kafka/kafka.sh start --conf transaction.abort.timed.out.transaction.cleanup.interval.ms=200`).

mod scenarios;
mod script;

use std::path::PathBuf;

use kafka_broker::{Broker, TransactionVersion};
use script::Script;

/// By the level of `transaction.version`: below 2 only what may be different.
const SCENARIOS: [(TransactionVersion, &[&str]); 3] = [
    (TransactionVersion::V0, &["first_protocol"]),
    (
        TransactionVersion::V1,
        &["first_protocol", "identities", "time_outs"],
    ),
    (
        TransactionVersion::V2,
        &[
            "first_protocol",
            "second_protocol",
            "ends_of_the_first_protocol",
            "ends_of_the_second_protocol",
            "fencing",
            "identities",
            "offsets",
            "members",
            "interleaved",
            "odd_batches_and_markers",
            "time_outs",
            "listed",
        ],
    ),
];

/// Plays a scenario, and answers with what was answered.
async fn play(address: &str, scenario: &str) -> String {
    let mut script = Script::start(address, "transactions").await;
    let s = &mut script;
    match scenario {
        "first_protocol" => scenarios::first_protocol(s).await,
        "second_protocol" => scenarios::second_protocol(s).await,
        "ends_of_the_first_protocol" => scenarios::ends_of_the_first_protocol(s).await,
        "ends_of_the_second_protocol" => scenarios::ends_of_the_second_protocol(s).await,
        "fencing" => scenarios::fencing(s).await,
        "identities" => scenarios::identities(s).await,
        "offsets" => scenarios::offsets(s).await,
        "members" => scenarios::members(s).await,
        "interleaved" => scenarios::interleaved(s).await,
        "odd_batches_and_markers" => scenarios::odd_batches_and_markers(s).await,
        "time_outs" => scenarios::time_outs(s).await,
        "listed" => scenarios::listed(s).await,
        other => panic!("no scenario {other}"),
    }
    script.written()
}

fn recorded(version: TransactionVersion, scenario: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join(format!("transactions/recorded/{version:?}/{scenario}.txt"))
}

/// What was answered otherwise than it was recorded.
fn differences(version: TransactionVersion, scenario: &str, played: &str) -> String {
    let path = recorded(version, scenario);
    let recorded = std::fs::read_to_string(path).expect("what Kafka has answered");
    let counts = [&recorded, played].map(|text| text.lines().count());
    let mut differences = match counts {
        [recorded, played] if recorded == played => String::new(),
        counts => format!("{version:?} {scenario}: {counts:?} lines\n"),
    };
    for (kafka, played) in recorded.lines().zip(played.lines()) {
        if kafka != played {
            differences +=
                &format!("{version:?} {scenario}\n  recorded: {kafka}\n  played:   {played}\n");
        }
    }
    differences
}

#[tokio::test]
async fn the_broker_answers_as_kafka_does() {
    let mut all = String::new();
    for (version, scenarios) in SCENARIOS {
        let broker = Broker::builder().transaction_version(version);
        let broker = broker.start().await.unwrap();
        for scenario in scenarios {
            let played = play(&broker.bootstrap_servers(), scenario).await;
            all += &differences(version, scenario, &played);
        }
    }
    assert!(all.is_empty(), "{all}");
}

/// Changes the cluster's `transaction.version`; at the end it is 2, as it is by default.
#[tokio::test]
#[ignore = "needs Kafka: tests/kafka/kafka.sh"]
async fn kafka_answers_as_it_did() {
    let address = tests::kafka::bootstrap();
    let mut all = String::new();
    for (version, scenarios) in SCENARIOS {
        let mut script = Script::start(&address, "features").await;
        script.set_transaction_version(version as i16).await;
        for scenario in scenarios {
            let played = play(&address, scenario).await;
            if std::env::var_os("KAFKA_RECORD").is_some() {
                std::fs::write(recorded(version, scenario), &played).expect("a file to write");
            }
            all += &differences(version, scenario, &played);
        }
    }
    assert!(all.is_empty(), "{all}");
}
