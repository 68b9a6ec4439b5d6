//! What is known of each key.

use std::collections::{BTreeMap, BTreeSet};

use stream_engine::testkit::secs;
use stream_engine::{EngineError, Rdd, State, StateOptions, StateSpec};

use crate::recording::{Recording, input, spark};
use crate::run::{Run, run_one, same_as_spark};
use crate::words::pairs;

fn initial(run: &Run) -> Rdd<(String, u64)> {
    run.context()
        .rdd_context()
        .parallelize([("the".to_owned(), 100), ("hello".to_owned(), 10)], 2)
}

/// Counts since the beginning; a word that was not seen for three batches is forgotten.
#[test]
fn stateful_word_count() {
    same_as_spark(|run| {
        let state = pairs(run)?.update_state_by_every_key(|ones, old: Option<(u64, u32)>| {
            let (count, idle) = old.unwrap_or_default();
            let idle = if ones.is_empty() { idle + 1 } else { 0 };
            (idle < 3).then(|| (count + ones.len() as u64, idle))
        });
        run.record(
            "stateful_word_count",
            &state.map(|(word, (count, idle))| format!("{word} {count} idle {idle}")),
        );
        Ok(())
    });
}

/// Counts that go on from those of an earlier run. Both forms of `update_state_by_key` give the same here, since a count
/// without new words stays as it is.
#[test]
fn initial_state() {
    for every_key in [false, true] {
        same_as_spark(|run| {
            let options = StateOptions {
                initial_state: Some(initial(run)),
                ..StateOptions::default()
            };
            let count = |_, _: &String, ones: Vec<u64>, old: Option<u64>| {
                Some(old.unwrap_or(0) + ones.len() as u64)
            };
            let totals = match every_key {
                true => pairs(run)?.update_state_by_every_key_with(options, count),
                false => pairs(run)?.update_state_by_key_with(options, count),
            };
            run.record_pairs("initial_state", &totals);
            Ok(())
        });
    }
}

/// The count of each word so far, told at each of its occurrences; and all counts after each batch.
#[test]
fn running_counts() {
    same_as_spark(|run| {
        let counts = pairs(run)?.map_with_state(
            StateSpec::function(|word: &String, one: Option<u64>, state: &mut State<u64>| {
                let count = state.get().unwrap_or(&0) + one.unwrap_or(0);
                state.update(count);
                format!("{word} {count}")
            })
            .initial_state(initial(run)),
        );
        run.record("running_counts", &counts);
        run.record_pairs("running_counts_snapshots", &counts.state_snapshots());
        Ok(())
    });
}

/// Running counts of the words that were seen within the last three seconds.
fn state_timeout(run: &mut Run) -> Result<(), EngineError> {
    run.batches(32);
    let counts = pairs(run)?.map_with_state(
        StateSpec::function(|word: &String, one: Option<u64>, state: &mut State<u64>| {
            let before = *state.get().unwrap_or(&0);
            if state.is_timing_out() {
                return format!("{word} timed out at {before}");
            }
            let count = before + one.unwrap_or(0);
            state.update(count);
            format!("{word} {count}")
        })
        .timeout(secs(3)),
    );
    run.record("state_timeout", &counts);
    Ok(())
}

/// The same, computed plainly, if states that have timed out are looked for at every multiple of `every` milliseconds.
fn timeouts_looked_for(every: u64) -> Recording {
    let (mut recording, mut counts) = (Recording::default(), BTreeMap::<String, (u64, u64)>::new());
    let mut batches = input("lines").into_iter();
    for time in (1..=32).map(|batch| batch * 1000) {
        let (lines, mut records) = (batches.next().unwrap_or_default(), Vec::new());
        for word in lines.iter().flat_map(|line| line.split(' ')) {
            let (count, touched) = counts.entry(word.to_owned()).or_default();
            (*count, *touched) = (*count + 1, time);
            records.push(format!("{word} {count}"));
        }
        counts.retain(|word, (count, touched)| {
            let timed_out = time % every == 0 && *touched + 3000 < time;
            if timed_out {
                records.push(format!("{word} timed out at {count}"));
            }
            !timed_out
        });
        recording.add(time, records);
    }
    recording
}

/// Spark looks for timeouts in every tenth batch only, and until then a word that comes back goes on from its old count.
#[test]
fn states_time_out_in_time_where_spark_waits_for_the_tenth_batch() {
    let ours = run_one(state_timeout);
    ours.check(&timeouts_looked_for(1000));
    let spark = spark("state_timeout");
    spark.check(&timeouts_looked_for(10_000));
    assert_ne!(ours, spark);
}

#[derive(Clone, Copy)]
struct Session {
    start: u64,
    end: u64,
    pages: u64,
}

impl Session {
    fn of(self, user: &str) -> String {
        let Session { start, end, pages } = self;
        format!("{user} from {start} to {end} pages {pages}")
    }
}

/// Sessions of users, which end when nothing was heard of one for more than three seconds.
fn sessions(run: &mut Run) -> Result<(), EngineError> {
    run.batches(32);
    let sessions = run
        .input("visits")?
        .map(|line| (line.split(' ').next().unwrap_or_default().to_owned(), 1))
        .reduce_by_key(|a, b| a + b)
        .map_with_state(
            StateSpec::function_with_time(
                |time, user: &String, pages: Option<u64>, state: &mut State<Session>| {
                    let old = state.get().copied();
                    let Some(pages) = pages else {
                        return old.map(|session| session.of(user));
                    };
                    let now = time.as_millis();
                    let ended = old.filter(|session| now - session.end > 3000);
                    let session = old.filter(|_| ended.is_none()).unwrap_or(Session {
                        start: now,
                        end: now,
                        pages: 0,
                    });
                    state.update(Session {
                        end: now,
                        pages: session.pages + pages,
                        ..session
                    });
                    ended.map(|session| session.of(user))
                },
            )
            .timeout(secs(3)),
        );
    run.record("sessions", &sessions);
    Ok(())
}

/// The same sessions, each told in the first batch more than three seconds after its last visit; Spark tells it later.
#[test]
fn sessions_end_in_time_where_spark_waits_for_the_tenth_batch() {
    let (ours, spark) = (run_one(sessions), spark("sessions"));
    let all = |recording: &Recording| {
        recording
            .records()
            .map(|(_, session)| session.to_owned())
            .collect::<BTreeSet<_>>()
    };
    assert_eq!(all(&ours), all(&spark));
    assert_eq!(ours.records().count(), spark.records().count());
    let end = |session: &str| {
        session
            .split(' ')
            .nth(4)
            .and_then(|end| end.parse::<u64>().ok())
            .expect("the session's end")
    };
    for (time, session) in ours.records() {
        assert_eq!(time, end(session) + 4000, "{session}");
    }
    assert!(
        spark
            .records()
            .all(|(time, session)| time >= end(session) + 4000)
    );
    assert!(
        spark
            .records()
            .any(|(time, session)| time > end(session) + 4000)
    );
}
