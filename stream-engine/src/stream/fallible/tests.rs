use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use proptest::prelude::*;

use crate::testkit::{Stepper, TestKit, check, secs};
use crate::{
    BatchInfo, BoxError, DStream, EngineError, ManualClock, PartitionIter, PoisonCause,
    PoisonPolicy, Poisoned, RecordPlace, Sink, StreamingContext, StreamingListener, Time,
};

/// Refuses numbers that end in 3 with an error and those that end in 7 with a panic, of which the panic hook is not told: it
/// would fill the test's output.
fn careful(x: &u32) -> Result<u32, String> {
    match x % 10 {
        3 => Err(format!("{x} is odd")),
        7 => std::panic::resume_unwind(Box::new(format!("{x} is worse"))),
        _ => Ok(x * 2),
    }
}

fn is_good(x: &u32) -> bool {
    !matches!(x % 10, 3 | 7)
}

/// Notes what it is told, in order; a shared handle.
#[derive(Clone, Default)]
struct Letters(Arc<Mutex<Vec<String>>>);

impl Letters {
    fn note(&self, entry: String) {
        self.0.lock().unwrap().push(entry);
    }

    fn taken(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

impl Sink<Poisoned<u32>> for Letters {
    fn name(&self) -> &'static str {
        "letters"
    }
    fn write(
        &self,
        time: Time,
        partition: usize,
        records: PartitionIter<Poisoned<u32>>,
    ) -> Result<(), BoxError> {
        for bad in records {
            assert_eq!(bad.batch_time, time);
            assert_eq!(bad.operator.name(), "try_map");
            let RecordPlace::Rdd { partition: p, .. } = bad.place else {
                panic!("{:?} is no place in an RDD", bad.place)
            };
            assert_eq!(p, partition);
            self.note(format!("{}: {}", bad.record, bad.cause));
        }
        Ok(())
    }
    fn flush(&self, time: Time) -> Result<(), BoxError> {
        self.note(format!("flush {time}"));
        Ok(())
    }
    fn abort(&self, time: Time) {
        self.note(format!("abort {time}"));
    }
}

#[derive(Default)]
struct Counts(Mutex<Vec<(u64, Option<String>)>>);

impl StreamingListener for Counts {
    fn on_batch_completed(&self, batch: &BatchInfo) {
        let records = batch.poisoned.iter().map(|info| info.records).sum();
        let first = batch.poisoned.first().map(|info| info.first.clone());
        self.0.lock().unwrap().push((records, first));
    }
}

fn context() -> (StreamingContext, ManualClock, Arc<Counts>) {
    let (clock, counts) = (ManualClock::default(), Arc::new(Counts::default()));
    let builder = StreamingContext::builder("test").batch_duration(secs(1));
    let builder = builder.threads(2).clock(clock.clone());
    let ssc = builder.listener(counts.clone()).build().unwrap();
    (ssc, clock, counts)
}

fn ignore<T: crate::Data>(stream: &DStream<T>) {
    stream.foreach_rdd(|rdd| rdd.count().map(drop));
}

#[test]
fn every_operator_skips_what_it_refuses_and_keeps_the_order() {
    let input = [vec![1, 3, 2, 7, 13, 4], vec![7], vec![]];
    let skip = || PoisonPolicy::Skip;
    check(
        &input,
        |s| s.on_poison(skip()).try_map(careful),
        &[vec![2, 4, 8], vec![], vec![]],
    );
    check(
        &input,
        |s| {
            s.on_poison(skip())
                .try_flat_map(|x| careful(x).map(|y| [y, y]))
        },
        &[vec![2, 2, 4, 4, 8, 8], vec![], vec![]],
    );
    check(
        &input,
        |s| {
            s.on_poison(skip())
                .try_filter(|x| careful(x).map(|y| y != 4))
        },
        &[vec![1, 4], vec![], vec![]],
    );
    // What a record gave before it was refused is dropped with it.
    check(
        &input,
        |s| {
            s.on_poison(skip()).try_flat_map_into(|x, out| {
                out.push(0);
                out.push(careful(x)?);
                Ok::<_, String>(())
            })
        },
        &[vec![0, 2, 0, 4, 0, 8], vec![], vec![]],
    );
}

#[test]
fn by_default_the_first_poisoned_record_fails_the_batch_and_is_named() {
    let fails = |input: &[Vec<u32>]| {
        let result = TestKit::default().run(input, |s| s.try_map(careful));
        result.unwrap_err().to_string()
    };
    let error = fails(&[vec![1], vec![1, 2, 4, 3]]);
    for part in [
        "batch 2000 ms, output operation foreach_rdd at ",
        ": try_map at ",
        "tests.rs:",
        ": record 1 of partition 1 is poisoned: 3 is odd; to go on without such records",
    ] {
        assert!(error.contains(part), "{part:?} is not in {error}");
    }
    let error = fails(&[vec![7, 1]]);
    let expected = "record 0 of partition 0 is poisoned: panicked: 7 is worse; to go on";
    assert!(error.contains(expected), "{error}");
    let filtered =
        TestKit::default().run(&[vec![3]], |s| s.try_filter(|x| careful(x).map(|_| true)));
    assert!(matches!(
        filtered.unwrap_err().root(),
        EngineError::Poisoned { operator, .. } if operator.name() == "try_filter"
    ));
    let mapped = TestKit::default().run(&[vec![3]], |s| s.try_flat_map(|x| careful(x).map(Some)));
    mapped.unwrap_err();
}

#[test]
fn an_action_inside_a_closure_is_no_fault_of_the_record() {
    let rdds = crate::RddContext::new(1).unwrap();
    let inner = rdds.parallelize([1], 1);
    let result = TestKit::default().run(&[vec![1]], move |s| {
        s.on_poison(PoisonPolicy::Skip)
            .try_map(move |_: &u32| inner.repartition(1).count())
    });
    // The pools differ, so that the action may run; on its own pool it is refused.
    assert_eq!(result.unwrap(), [[1]]);
    let result = TestKit::default().run(&[vec![1]], |s| {
        let rdd = s.shared().rdds.parallelize([1], 1);
        s.on_poison(PoisonPolicy::Skip)
            .try_map(move |_: &u32| rdd.count())
    });
    let error = result.unwrap_err();
    assert!(
        matches!(error.root(), EngineError::NestedAction { .. }),
        "{error}"
    );
}

#[test]
fn dead_letters_are_written_once_per_batch_last_and_before_it_is_done() {
    let (ssc, clock, counts) = context();
    let letters = Letters::default();
    let input = [vec![1, 3, 2, 7], vec![4], vec![13, 23]];
    let numbers = TestKit::default().input(&ssc, &input).unwrap();
    let doubled = numbers
        .on_poison(PoisonPolicy::dead_letter(letters.clone()))
        .try_map(careful);
    // Computed in part, twice as a whole, and once more under another operator.
    doubled.print_n(1);
    let written = letters.clone();
    doubled.foreach_rdd(move |rdd| {
        written.note(format!("output of {} records", rdd.count()?));
        Ok::<_, EngineError>(())
    });
    ignore(&doubled);
    ignore(&doubled.map(|x| (x, 1)).reduce_by_key(|a, b| a + b));
    let mut stepper = Stepper::start(&ssc, &clock).unwrap();
    let expected = [
        &[
            "output of 2 records",
            "3: 3 is odd",
            "7: panicked: 7 is worse",
            "flush 1000 ms",
        ][..],
        &["output of 1 records", "flush 2000 ms"],
        &[
            "output of 0 records",
            "13: 13 is odd",
            "23: 23 is odd",
            "flush 3000 ms",
        ],
    ];
    for expected in expected {
        stepper.step().unwrap();
        let mut taken = letters.taken();
        taken[1..].sort();
        assert_eq!(taken, expected);
    }
    let counts = counts.0.lock().unwrap();
    let first = |text: &str| Some(text.to_owned());
    assert_eq!(
        *counts,
        [
            (2, first("record 1 of partition 0: 3 is odd")),
            (0, None),
            (2, first("record 0 of partition 0: 13 is odd"))
        ]
    );
}

#[test]
fn every_record_is_judged_also_if_no_output_reads_it() {
    let (ssc, clock, _) = context();
    let letters = Letters::default();
    let numbers = TestKit::default()
        .input(&ssc, &[vec![1, 2, 3, 4], vec![3]])
        .unwrap();
    let policy = PoisonPolicy::dead_letter(letters.clone());
    let doubled = numbers.on_poison(policy).try_map(careful);
    doubled.foreach_rdd(|_| ());
    let mut stepper = Stepper::start(&ssc, &clock).unwrap();
    stepper.step().unwrap();
    assert_eq!(letters.taken(), ["3: 3 is odd", "flush 1000 ms"]);
    stepper.step().unwrap();
    assert_eq!(letters.taken(), ["3: 3 is odd", "flush 2000 ms"]);
}

#[test]
fn a_failed_batch_writes_no_dead_letters_and_tells_the_sink() {
    let (ssc, clock, _) = context();
    let letters = Letters::default();
    let numbers = TestKit::default().input(&ssc, &[vec![3, 1]]).unwrap();
    let policy = PoisonPolicy::dead_letter(letters.clone());
    let doubled = numbers.on_poison(policy).try_map(careful);
    ignore(&doubled);
    doubled.foreach_rdd(|_| Err::<(), _>("no space left"));
    let mut stepper = Stepper::start(&ssc, &clock).unwrap();
    stepper.step().unwrap_err();
    assert_eq!(letters.taken(), ["abort 1000 ms"]);
}

#[test]
fn dead_letters_alone_are_no_program() {
    let (ssc, clock, _) = context();
    let numbers = TestKit::default().input(&ssc, &[vec![3]]).unwrap();
    let policy = PoisonPolicy::dead_letter(Letters::default());
    numbers.on_poison(policy).try_map(careful);
    assert!(matches!(
        Stepper::start(&ssc, &clock).unwrap_err(),
        EngineError::NoOutput
    ));
}

#[test]
fn skipped_records_are_counted_once_however_often_they_are_computed() {
    let (ssc, clock, counts) = context();
    let numbers = TestKit::default()
        .input(&ssc, &[vec![3, 1, 7, 2, 13], vec![1]])
        .unwrap();
    let doubled = numbers.on_poison(PoisonPolicy::Skip).try_map(careful);
    doubled.print_n(1);
    ignore(&doubled);
    ignore(&doubled.filter(|x| *x > 2));
    let mut stepper = Stepper::start(&ssc, &clock).unwrap();
    stepper.step().unwrap();
    stepper.step().unwrap();
    let counted = counts.0.lock().unwrap().clone();
    assert_eq!(counted.iter().map(|(n, _)| *n).collect::<Vec<_>>(), [3, 0]);
}

#[test]
fn a_window_over_a_skipping_stream_counts_each_record_in_its_own_batch() {
    let (ssc, clock, counts) = context();
    let input = [vec![3, 1], vec![2, 7, 13], vec![4]];
    let numbers = TestKit::default().input(&ssc, &input).unwrap();
    let doubled = numbers.on_poison(PoisonPolicy::Skip).try_map(careful);
    ignore(&doubled.window(secs(3), secs(1)).unwrap());
    let mut stepper = Stepper::start(&ssc, &clock).unwrap();
    for _ in 0..3 {
        stepper.step().unwrap();
    }
    let counted = counts.0.lock().unwrap().clone();
    assert_eq!(
        counted.iter().map(|(n, _)| *n).collect::<Vec<_>>(),
        [1, 2, 0]
    );
}

#[test]
fn try_for_each_is_an_output_with_the_same_policies() {
    let (ssc, clock, counts) = context();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let noted = seen.clone();
    let numbers = TestKit::default().input(&ssc, &[vec![3, 1, 7, 2]]).unwrap();
    numbers
        .on_poison(PoisonPolicy::Skip)
        .try_for_each(move |x| careful(x).map(|y| noted.lock().unwrap().push(y)));
    Stepper::start(&ssc, &clock).unwrap().step().unwrap();
    let mut seen = seen.lock().unwrap().clone();
    seen.sort();
    assert_eq!(seen, [2, 4]);
    assert_eq!(counts.0.lock().unwrap()[0].0, 2);
}

#[test]
fn an_error_s_type_and_a_panic_are_told_apart() {
    let input = [vec!["x"]];
    let kinds = TestKit::default().run(&input, |s| {
        let (_, errors) = s.try_map_split(|text| text.parse::<u8>());
        let (_, panics) = s.try_flat_map_split(|text, out| {
            out.push(1u8);
            if *text == "x" {
                panic!("no x")
            } else {
                Ok::<_, String>(())
            }
        });
        errors.union(&panics).map(|bad| {
            let panicked = matches!(bad.cause, PoisonCause::Panic { .. });
            (bad.cause.kind(), panicked, bad.record)
        })
    });
    assert_eq!(
        kinds.unwrap(),
        [[
            ("core::num::error::ParseIntError", false, "x"),
            ("panic", true, "x")
        ]]
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Whatever the records, the partitions and what is computed before: good and poisoned records together are all of them,
    /// each once, and each partition's in order.
    #[test]
    fn nothing_is_lost_and_nothing_comes_twice(
        records in prop::collection::vec(0u32..30, 0..2500),
        partitions in 1usize..5,
        first in 0usize..1500,
        split_first: bool,
    ) {
        let kit = TestKit::default().partitions(partitions);
        let (ssc, clock, counts) = context();
        let numbers = kit.input(&ssc, std::slice::from_ref(&records)).unwrap();
        let (good, refused) = numbers.try_map_split(careful);
        let outputs: Arc<Mutex<BTreeMap<&str, Vec<u32>>>> = Arc::default();
        let (goods, bads) = (outputs.clone(), outputs.clone());
        let take_refused = || refused.foreach_rdd(move |rdd| {
            let found = rdd.collect()?.into_iter().map(|bad| bad.record).collect();
            assert!(bads.lock().unwrap().insert("refused", found).is_none());
            Ok::<_, EngineError>(())
        });
        let take_good = || {
            good.foreach_rdd(move |rdd| rdd.take(first).map(drop));
            good.foreach_rdd(move |rdd| {
                assert!(goods.lock().unwrap().insert("good", rdd.collect()?).is_none());
                Ok::<_, EngineError>(())
            });
        };
        if split_first {
            take_refused();
            take_good();
        } else {
            take_good();
            take_refused();
        }
        Stepper::start(&ssc, &clock).unwrap().step().unwrap();
        let outputs = outputs.lock().unwrap();
        let expected: Vec<u32> = records.iter().filter(|x| is_good(x)).map(|x| x * 2).collect();
        prop_assert_eq!(&outputs["good"], &expected);
        let expected: Vec<u32> = records.iter().filter(|x| !is_good(x)).copied().collect();
        prop_assert_eq!(&outputs["refused"], &expected);
        prop_assert_eq!(counts.0.lock().unwrap()[0].0, expected.len() as u64);
    }
}
