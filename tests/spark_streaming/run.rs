//! Runs a program over the recorded inputs.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::sync::{Arc, Mutex};

use stream_engine::testkit::{Stepper, TestKit, secs};
use stream_engine::{DStream, Data, EngineError, ManualClock, StreamingContext};

use crate::recording::{Recording, input, spark};

/// How many batches a program runs for, if it does not say.
const BATCHES: u64 = 24;

type Recordings = BTreeMap<&'static str, Recording>;

/// One run of a program: batches of a second on a manual clock that starts at 0.
pub(crate) struct Run {
    ssc: StreamingContext,
    clock: ManualClock,
    batches: u64,
    recorded: Arc<Mutex<Recordings>>,
}

impl Run {
    fn new() -> Result<Run, EngineError> {
        let clock = ManualClock::default();
        let ssc = StreamingContext::builder("recorder")
            .batch_duration(secs(1))
            .threads(2)
            .clock(clock.clone())
            .build()?;
        Ok(Run {
            ssc,
            clock,
            batches: BATCHES,
            recorded: Arc::default(),
        })
    }

    pub(crate) fn context(&self) -> &StreamingContext {
        &self.ssc
    }

    /// A stream of a recorded input.
    pub(crate) fn input(&self, name: &str) -> Result<DStream<String>, EngineError> {
        TestKit::default().input(&self.ssc, &input(name))
    }

    /// Runs for this many batches.
    pub(crate) fn batches(&mut self, batches: u64) {
        self.batches = batches;
    }

    /// Records what is in each batch of the stream.
    pub(crate) fn record<T: Data + Display>(&self, name: &'static str, stream: &DStream<T>) {
        let recorder = self.recorder(name);
        stream.foreach_rdd_with_time(move |rdd, time| {
            let records = rdd.collect()?.iter().map(T::to_string).collect();
            recorder(time.as_millis(), records);
            Ok::<_, EngineError>(())
        });
    }

    pub(crate) fn record_pairs<K: Data + Display, V: Data + Display>(
        &self,
        name: &'static str,
        stream: &DStream<(K, V)>,
    ) {
        self.record(name, &stream.map(|(key, value)| format!("{key} {value}")));
    }

    /// Takes the records of a batch.
    pub(crate) fn recorder(
        &self,
        name: &'static str,
    ) -> impl Fn(u64, Vec<String>) + Send + Sync + 'static {
        let recorded = self.recorded.clone();
        recorded.lock().unwrap().insert(name, Recording::default());
        move |time, records| {
            recorded
                .lock()
                .unwrap()
                .entry(name)
                .or_default()
                .add(time, records)
        }
    }

    fn run(self) -> Result<Recordings, EngineError> {
        let mut stepper = Stepper::start(&self.ssc, &self.clock)?;
        for _ in 0..self.batches {
            stepper.step()?;
        }
        drop(stepper);
        Ok(std::mem::take(&mut *self.recorded.lock().unwrap()))
    }
}

/// Runs the program; what it has recorded is returned by name.
#[track_caller]
pub(crate) fn run(define: impl FnOnce(&mut Run) -> Result<(), EngineError>) -> Recordings {
    let mut run = Run::new().unwrap();
    define(&mut run).unwrap_or_else(|error| panic!("{error}"));
    run.run().unwrap_or_else(|error| panic!("{error}"))
}

/// Runs the program; it must have recorded one stream.
#[track_caller]
pub(crate) fn run_one(define: impl FnOnce(&mut Run) -> Result<(), EngineError>) -> Recording {
    let mut recorded = run(define);
    let (_, recording) = recorded.pop_first().expect("a recorded stream");
    assert!(recorded.is_empty(), "more than one recorded stream");
    recording
}

/// Runs the program, and expects of every stream what Spark has given.
#[track_caller]
pub(crate) fn same_as_spark(define: impl FnOnce(&mut Run) -> Result<(), EngineError>) {
    for (name, recording) in run(define) {
        assert!(!recording.0.is_empty(), "{name}: nothing was recorded");
        eprintln!("{name}");
        recording.check(&spark(name));
    }
}
