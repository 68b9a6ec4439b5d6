//! Our definitions beside Kafka's own: the JSON files under `common/message` of its published `kafka-clients` jars.
//!
//! Ours are those of Kafka 4.3: beside its jar, everything has to be the same. Other releases lack our newest versions
//! and may have older ones: beside their jars, what holds in the common versions has to be the same.

mod comparison;
mod definition;
mod official;
mod on_purpose;

use comparison::Comparison;
use on_purpose::ON_PURPOSE;

/// The release whose definitions ours are.
const OURS: &str = "4.3";

#[test]
#[ignore = "needs Kafka: tests/kafka/kafka.sh"]
fn definitions_are_those_of_kafka() {
    let jars = std::env::var_os("KAFKA_CLIENTS_JARS")
        .expect("KAFKA_CLIENTS_JARS: what tests/kafka/kafka.sh clients 3.9.1 4.3.0 prints");
    let mut releases = Vec::new();
    let mut differences = Vec::new();
    let mut expected = Vec::new();
    for jar in std::env::split_paths(&jars) {
        let comparison = Comparison::of(&jar);
        let release = comparison.release;
        println!(
            "{release}: {} messages, {} fields",
            comparison.messages, comparison.fields
        );
        for ((place, what), (official, ours)) in comparison.differences {
            let on_purpose = ON_PURPOSE.iter().position(|purpose| {
                (purpose.release.is_empty() || purpose.release == release)
                    && purpose.what == what
                    && purpose.places.contains(&(&*place, &*official, &*ours))
            });
            match on_purpose {
                Some(purpose) => expected.push((purpose, place)),
                None => differences.push(format!(
                    "{release}: {place}: {what}: {official:?}, ours {ours:?}"
                )),
            }
        }
        releases.push(release);
    }
    for (at, purpose) in ON_PURPOSE.iter().enumerate() {
        let compared =
            purpose.release.is_empty() || releases.iter().any(|release| release == purpose.release);
        for (place, ..) in purpose.places.iter().filter(|_| compared) {
            if !expected
                .iter()
                .any(|found| *found == (at, place.to_string()))
            {
                differences.push(format!(
                    "{place}: {}: does not differ, although {}",
                    purpose.what, purpose.because
                ));
            }
        }
    }
    assert!(
        releases.iter().any(|release| release == OURS),
        "no jar of {OURS} in {jars:?}"
    );
    assert!(
        differences.is_empty(),
        "{} differences: {differences:#?}",
        differences.len()
    );
}
