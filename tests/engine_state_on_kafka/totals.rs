//! Running counts of words, from one topic to another.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use kafka_client::producer::Record;
use stream_engine::kafka::{KafkaRecord, KafkaSink};
use stream_engine::{DStream, EngineError, State, StateSpec, Trigger};

use crate::program::{Program, create, read, source, write};

const PARTITIONS: i32 = 3;
const LINES: [&str; 5] = [
    "to be or not to be",
    "that is the question",
    "to die to sleep no more",
    "be all my sins remembered",
    "the rest is silence",
];
/// How many lines are written before some were counted, and in all.
const ROUNDS: [usize; 3] = [1, 200, 500];

/// The line at this place, which is written to partition `n % PARTITIONS`.
fn line(n: usize) -> &'static str {
    LINES[n * n / 7 % LINES.len()]
}

fn expected() -> BTreeMap<String, u64> {
    let mut counts = BTreeMap::new();
    for word in (0..ROUNDS[2]).flat_map(|n| line(n).split(' ')) {
        *counts.entry(word.to_owned()).or_default() += 1;
    }
    counts
}

fn words(lines: &DStream<KafkaRecord>) -> DStream<(String, u64)> {
    lines.flat_map_into(|line, words| {
        let line = line.value_utf8_lossy();
        words.extend(line.split(' ').map(|word| (word.to_owned(), 1)));
    })
}

/// Runs the program over lines that come in several rounds, so in several batches; returns what it has written.
async fn counted(
    servers: &str,
    trigger: Trigger,
    count: impl FnOnce(&DStream<(String, u64)>, KafkaSink),
) -> Vec<(String, u64)> {
    let input = create(servers, "lines", PARTITIONS).await;
    let output = create(servers, "counts", PARTITIONS).await;
    let sink = KafkaSink::topic(&output).bootstrap_servers(servers);
    let mut program = Program::start(source(servers, &input), trigger, |lines| {
        count(&words(lines), sink);
        Ok(())
    });
    let mut written = 0;
    for end in ROUNDS {
        let lines = (written..end).map(|n| {
            let partition = n as i32 % PARTITIONS;
            Record::to(&input).partition(partition).value(line(n))
        });
        write(servers, lines).await;
        written = end;
        let committed = program.records(written).await;
        assert_eq!(committed.records, written as u64);
    }
    program.stop().await;
    read(servers, &output).await
}

pub(crate) async fn running_counts_by_map_with_state_are_exact(servers: &str, trigger: Trigger) {
    let snapshot = Arc::new(Mutex::new(Vec::new()));
    let last = snapshot.clone();
    let output = counted(servers, trigger, |words, sink| {
        let spec =
            StateSpec::function(|word: &String, one: Option<u64>, count: &mut State<u64>| {
                let total = count.get().copied().unwrap_or(0) + one.unwrap_or(0);
                count.update(total);
                (word.clone(), total)
            });
        let counts = words.map_with_state(spec);
        counts.save_to_kafka(sink);
        counts.state_snapshots().foreach_rdd(move |rdd| {
            *last.lock().unwrap() = rdd.collect()?;
            Ok::<_, EngineError>(())
        });
    })
    .await;
    // Every word is numbered: from 1 on, none left out, none twice.
    let mut numbers: BTreeMap<String, Vec<u64>> = BTreeMap::new();
    for (word, number) in output {
        numbers.entry(word).or_default().push(number);
    }
    let all = expected().into_iter();
    let all = all.map(|(word, total)| (word, (1..=total).collect()));
    assert_eq!(numbers, all.collect());
    let snapshot = std::mem::take(&mut *snapshot.lock().unwrap());
    assert_eq!(snapshot.len(), expected().len());
    assert_eq!(snapshot.into_iter().collect::<BTreeMap<_, _>>(), expected());
}

pub(crate) async fn running_counts_by_update_state_by_key_are_exact(
    servers: &str,
    trigger: Trigger,
) {
    let output = counted(servers, trigger, |words, sink| {
        let counts = words.update_state_by_key(|ones: Vec<u64>, total: Option<u64>| {
            Some(total.unwrap_or(0) + ones.iter().sum::<u64>())
        });
        counts.save_to_kafka(sink);
    })
    .await;
    // Every batch writes the whole state, so the last of a word is its total.
    let mut totals = BTreeMap::new();
    for (word, total) in output {
        if let Some(before) = totals.insert(word.clone(), total) {
            assert!(before <= total, "{word} fell from {before} to {total}");
        }
    }
    assert_eq!(totals, expected());
}
