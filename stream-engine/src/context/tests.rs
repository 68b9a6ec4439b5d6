mod stopping;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use crate::testkit::{Stepper, TestKit, secs};
use crate::{
    BatchInfo, BatchInput, BoxError, ContextState, EngineError, InputSource, ManualClock,
    OutputOperationInfo, QueueOptions, RddContext, RddQueue, SourceContext, StreamingContext,
    StreamingListener, Time, Trigger,
};

/// How long a test waits for what happens on another thread before it counts as not happening.
const PATIENCE: Duration = Duration::from_secs(20);

fn manual() -> (StreamingContext, ManualClock) {
    let clock = ManualClock::default();
    let builder = StreamingContext::builder("test")
        .batch_duration(secs(1))
        .threads(2);
    (builder.clock(clock.clone()).build().unwrap(), clock)
}

fn block_on<R>(future: impl Future<Output = R>) -> R {
    tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap()
        .block_on(future)
}

fn terminated(ssc: &StreamingContext) -> Result<bool, EngineError> {
    block_on(ssc.await_termination_or_timeout(PATIENCE))
}

type Log = Arc<Mutex<Vec<String>>>;

fn note(log: &Log, entry: impl Into<String>) {
    log.lock().unwrap().push(entry.into());
}

/// Notes every call; gives one record per batch.
struct Noting {
    log: Log,
    rdds: Option<RddContext>,
    fail: &'static str,
}

impl Noting {
    fn new(log: &Log, fail: &'static str) -> Self {
        Noting {
            log: log.clone(),
            rdds: None,
            fail,
        }
    }

    fn call(&self, name: &'static str, entry: String) -> Result<(), BoxError> {
        note(&self.log, entry);
        if self.fail == name {
            Err(format!("no {name}").into())
        } else {
            Ok(())
        }
    }
}

impl InputSource<u64> for Noting {
    fn name(&self) -> &'static str {
        "noting"
    }
    fn start(&mut self, context: &SourceContext) -> Result<(), BoxError> {
        self.rdds = Some(context.rdd_context().clone());
        self.call("start", "start".into())
    }
    fn plan(&mut self, time: Time) -> Result<Option<BatchInput<u64>>, BoxError> {
        self.call("plan", format!("plan {time}"))?;
        let rdd = self
            .rdds
            .as_ref()
            .unwrap()
            .parallelize([time.as_millis()], 2);
        Ok(Some(BatchInput {
            rdd,
            records: 1,
            description: format!("record {time}"),
        }))
    }
    fn commit(&mut self, time: Time) -> Result<(), BoxError> {
        self.call("commit", format!("commit {time}"))
    }
    fn stop(&mut self) {
        note(&self.log, "stop");
    }
}

#[test]
fn start_without_an_output_operation_is_an_error() {
    let (ssc, _) = manual();
    ssc.queue_stream(&RddQueue::<u8>::new()).unwrap().map(|x| x);
    assert!(matches!(ssc.start().unwrap_err(), EngineError::NoOutput));
    assert_eq!(ssc.state(), ContextState::Initialized);
}

#[test]
fn a_context_starts_once_and_never_again() {
    let (ssc, _) = manual();
    ssc.queue_stream(&RddQueue::<u8>::new())
        .unwrap()
        .foreach_rdd(|_| ());
    assert!(matches!(
        block_on(ssc.await_termination()),
        Err(EngineError::State { .. })
    ));
    ssc.start().unwrap();
    assert_eq!(ssc.state(), ContextState::Active);
    let error = ssc.start().unwrap_err().to_string();
    assert_eq!(
        error,
        "cannot start: the context is active; build a new StreamingContext"
    );
    ssc.stop();
    assert!(terminated(&ssc).unwrap());
    assert_eq!(ssc.state(), ContextState::Stopped);
    assert!(matches!(
        ssc.start(),
        Err(EngineError::State {
            state: ContextState::Stopped,
            ..
        })
    ));
    assert!(matches!(
        ssc.queue_stream(&RddQueue::<u8>::new()),
        Err(EngineError::State { .. })
    ));
}

#[test]
fn a_context_stopped_before_it_was_started_stays_stopped() {
    let (ssc, _) = manual();
    ssc.stop();
    assert_eq!(ssc.state(), ContextState::Stopped);
    assert!(ssc.start().is_err());
}

#[test]
fn an_operator_added_after_start_stops_the_context_with_an_error() {
    let (ssc, clock) = manual();
    let stream = ssc.queue_stream(&RddQueue::<u8>::new()).unwrap();
    stream.foreach_rdd(|_| ());
    ssc.start().unwrap();
    stream.print();
    clock.advance(secs(1));
    let error = terminated(&ssc).unwrap_err().to_string();
    assert!(
        error.starts_with("print at ") && error.contains("added after the context was started"),
        "{error}"
    );
}

#[test]
fn streams_of_two_contexts_do_not_mix() {
    let (ssc, _) = manual();
    let (other, _) = manual();
    let a = ssc.queue_stream(&RddQueue::<u8>::new()).unwrap();
    let b = other.queue_stream(&RddQueue::<u8>::new()).unwrap();
    a.union(&b).foreach_rdd(|_| ());
    assert!(
        ssc.start()
            .unwrap_err()
            .to_string()
            .contains("different streaming contexts")
    );
}

#[test]
fn input_is_committed_after_all_outputs_of_the_batch_and_before_the_next_plan() {
    let (ssc, clock) = manual();
    let log = Log::default();
    let stream = ssc.input_stream(Noting::new(&log, "")).unwrap();
    for name in ["a", "b"] {
        let log = log.clone();
        stream.foreach_rdd_with_time(move |_, time| note(&log, format!("{name} {time}")));
    }
    let mut stepper = Stepper::start(&ssc, &clock).unwrap();
    assert!(stepper.step().unwrap() && stepper.step().unwrap());
    drop(stepper);
    let expected = [
        "start",
        "plan 1000 ms",
        "a 1000 ms",
        "b 1000 ms",
        "commit 1000 ms",
        "plan 2000 ms",
        "a 2000 ms",
        "b 2000 ms",
        "commit 2000 ms",
        "stop",
    ];
    assert_eq!(*log.lock().unwrap(), expected);
    assert_eq!(ssc.state(), ContextState::Stopped);
}

#[test]
fn nothing_is_committed_after_a_failed_output() {
    let (ssc, clock) = manual();
    let log = Log::default();
    let stream = ssc.input_stream(Noting::new(&log, "")).unwrap();
    let (a, c) = (log.clone(), log.clone());
    stream.foreach_rdd(move |_| note(&a, "a"));
    stream
        .map(|_| -> u64 { panic!("bad record") })
        .foreach_rdd(|rdd| rdd.count().map(|_| ()));
    stream.foreach_rdd(move |_| note(&c, "c"));
    ssc.start().unwrap();
    clock.advance(secs(1));
    let error = terminated(&ssc).unwrap_err();
    let text = error.to_string();
    assert!(
        text.starts_with("batch 1000 ms, output operation foreach_rdd at "),
        "{text}"
    );
    assert!(
        text.contains(": map at ") && text.ends_with(" panicked: bad record"),
        "{text}"
    );
    assert_eq!(*log.lock().unwrap(), ["start", "plan 1000 ms", "a", "stop"]);
}

#[test]
fn failing_sources_name_the_step_and_the_input() {
    for (fail, expected) in [
        ("start", "noting at "),
        ("plan", "batch 1000 ms, planning the input of noting at "),
        (
            "commit",
            "batch 1000 ms, committing the input of noting at ",
        ),
    ] {
        let (ssc, clock) = manual();
        let log = Log::default();
        ssc.input_stream(Noting::new(&log, fail))
            .unwrap()
            .foreach_rdd(|_| ());
        let error = Stepper::start(&ssc, &clock)
            .and_then(|mut stepper| stepper.step())
            .unwrap_err()
            .to_string();
        assert!(
            error.starts_with(expected) && error.ends_with(&format!("no {fail}")),
            "{error}"
        );
        assert_eq!(ssc.state(), ContextState::Stopped);
        assert_eq!(
            block_on(ssc.await_termination()).unwrap_err().to_string(),
            error
        );
    }
}

/// A running context whose only output blocks in its first batch until told to go on.
fn blocked() -> (StreamingContext, Log, mpsc::Sender<()>) {
    let (ssc, clock) = manual();
    block(ssc, &clock)
}

/// As [`blocked`], for a context of the test's own.
fn block(ssc: StreamingContext, clock: &ManualClock) -> (StreamingContext, Log, mpsc::Sender<()>) {
    let log = Log::default();
    let stream = ssc.input_stream(Noting::new(&log, "")).unwrap();
    let ((entered, wait_entered), (go, wait_go)) = (mpsc::channel(), mpsc::channel());
    stream.foreach_rdd(move |rdd| {
        entered.send(()).unwrap();
        wait_go
            .recv_timeout(PATIENCE)
            .map_err(|_| "the test never let the batch go on")?;
        rdd.count().map(|_| ()).map_err(BoxError::from)
    });
    ssc.start().unwrap();
    clock.advance(secs(1));
    wait_entered
        .recv_timeout(PATIENCE)
        .expect("the first batch starts");
    (ssc, log, go)
}

#[test]
fn a_graceful_stop_commits_the_current_batch() {
    let (ssc, log, go) = blocked();
    ssc.stop_handle().stop_gracefully();
    assert!(!block_on(ssc.await_termination_or_timeout(Duration::from_millis(1))).unwrap());
    go.send(()).unwrap();
    assert!(terminated(&ssc).unwrap());
    assert_eq!(
        *log.lock().unwrap(),
        ["start", "plan 1000 ms", "commit 1000 ms", "stop"]
    );
}

#[test]
fn an_immediate_stop_cancels_the_current_batch_and_is_no_error() {
    let (ssc, log, go) = blocked();
    ssc.stop();
    ssc.stop();
    go.send(()).unwrap();
    assert!(terminated(&ssc).unwrap());
    assert_eq!(*log.lock().unwrap(), ["start", "plan 1000 ms", "stop"]);
    assert_eq!(ssc.rdd_context().parallelize(0..10, 2).count().unwrap(), 10);
}

#[test]
fn a_dropped_context_stops_its_batches() {
    let (ssc, log, go) = blocked();
    let lifecycle = ssc.shared().clone();
    drop(ssc);
    go.send(()).unwrap();
    let stopped = async { tokio::time::timeout(PATIENCE, lifecycle.lifecycle.terminated()).await };
    block_on(stopped).expect("it stops in time").unwrap();
    assert_eq!(log.lock().unwrap().last().unwrap(), "stop");
}

#[test]
fn missed_intervals_are_one_batch_and_windows_lose_nothing() {
    let (ssc, clock) = manual();
    let times = Log::default();
    let (seen, sums) = (times.clone(), Log::default());
    let stream = TestKit::default()
        .input(&ssc, &[vec![1], vec![2], vec![4], vec![8]])
        .unwrap();
    stream.foreach_rdd_with_time(move |_, time| note(&seen, time.to_string()));
    let windows = stream.window(secs(4), secs(2)).unwrap();
    let seen = sums.clone();
    windows.foreach_rdd_with_time(move |rdd, time| {
        rdd.reduce(|a, b| a + b)
            .map(|sum| note(&seen, format!("{time}: {sum:?}")))
    });
    let mut stepper = Stepper::start(&ssc, &clock).unwrap();
    for seconds in [1, 4, 1, 2] {
        stepper
            .advance(Duration::from_millis(seconds * 1000))
            .unwrap();
    }
    assert_eq!(
        *times.lock().unwrap(),
        ["1000 ms", "5000 ms", "6000 ms", "8000 ms"]
    );
    // At 5 s the slides of 2 s and 4 s are overdue: one window, of (1 s, 5 s].
    assert_eq!(
        *sums.lock().unwrap(),
        ["5000 ms: Some(2)", "6000 ms: Some(6)", "8000 ms: Some(14)"]
    );
}

#[test]
fn a_continuous_context_runs_when_there_is_data_and_not_otherwise() {
    let clock = ManualClock::new(Time::from_millis(500));
    let builder = StreamingContext::builder("test")
        .trigger(Trigger::Continuous)
        .threads(1);
    let ssc = builder.clock(clock.clone()).build().unwrap();
    let queue = RddQueue::new();
    let (sent, batches) = mpsc::channel();
    ssc.queue_stream(&queue)
        .unwrap()
        .foreach_rdd_with_time(move |rdd, time| {
            sent.send((time.as_millis(), rdd.count()?))
                .map_err(BoxError::from)
        });
    ssc.start().unwrap();
    queue.push(ssc.rdd_context().parallelize(0..3, 1));
    assert_eq!(batches.recv_timeout(PATIENCE).unwrap(), (501, 3));
    queue.push(ssc.rdd_context().parallelize(0..4, 1));
    assert_eq!(batches.recv_timeout(PATIENCE).unwrap(), (502, 4));
    clock.advance(secs(1));
    queue.push(ssc.rdd_context().parallelize(0..5, 1));
    assert_eq!(batches.recv_timeout(PATIENCE).unwrap(), (1500, 5));
    ssc.stop_gracefully();
    assert!(terminated(&ssc).unwrap());
    assert!(batches.try_recv().is_err(), "a batch without data");
}

#[test]
fn queues_give_one_or_all_and_a_default_when_empty() {
    for (one_at_a_time, expected) in [(true, vec![1, 2, 3, 9, 7]), (false, vec![3, 3, 9, 9, 7])] {
        let (ssc, clock) = manual();
        let queue = RddQueue::new();
        let rdds = ssc.rdd_context().clone();
        queue.push(rdds.parallelize([0; 1], 1));
        queue.push(rdds.parallelize([0; 2], 2));
        let options = QueueOptions {
            one_at_a_time,
            default: Some(rdds.parallelize([0; 9], 3)),
        };
        let counts = Arc::new(Mutex::new(Vec::new()));
        let seen = counts.clone();
        ssc.queue_stream_with(&queue, options)
            .unwrap()
            .foreach_rdd(move |rdd| rdd.count().map(|count| seen.lock().unwrap().push(count)));
        let mut stepper = Stepper::start(&ssc, &clock).unwrap();
        stepper.step().unwrap();
        queue.push(rdds.parallelize([0; 3], 1));
        stepper.step().unwrap();
        stepper.step().unwrap();
        stepper.step().unwrap();
        queue.push(rdds.parallelize([0; 7], 1));
        stepper.step().unwrap();
        assert_eq!(*counts.lock().unwrap(), expected);
        assert!(queue.is_empty());
    }
}

#[derive(Default)]
struct Recorder {
    log: Log,
    infos: Mutex<Vec<BatchInfo>>,
}

impl StreamingListener for Recorder {
    fn on_streaming_started(&self, time: Time) {
        note(&self.log, format!("started {time}"));
    }
    fn on_streaming_stopped(&self, error: Option<&EngineError>) {
        note(&self.log, format!("stopped {}", error.is_some()));
    }
    fn on_batch_submitted(&self, batch: &BatchInfo) {
        note(
            &self.log,
            format!(
                "submitted {} with {} records",
                batch.batch_time,
                batch.num_records()
            ),
        );
        panic!("listeners may panic");
    }
    fn on_batch_started(&self, batch: &BatchInfo) {
        note(&self.log, format!("started batch {}", batch.batch_time));
    }
    fn on_batch_completed(&self, batch: &BatchInfo) {
        note(&self.log, format!("completed {}", batch.batch_time));
        self.infos.lock().unwrap().push(batch.clone());
    }
    fn on_batch_failed(&self, batch: &BatchInfo, _error: &EngineError) {
        note(&self.log, format!("failed {}", batch.batch_time));
        self.infos.lock().unwrap().push(batch.clone());
    }
    fn on_output_operation_started(&self, output: &OutputOperationInfo) {
        note(
            &self.log,
            format!("{} {}", output.operator.name(), output.id),
        );
    }
    fn on_output_operation_completed(&self, output: &OutputOperationInfo) {
        note(
            &self.log,
            format!(
                "{} {} ok: {}",
                output.operator.name(),
                output.id,
                output.failure.is_none()
            ),
        );
    }
}

#[test]
fn listeners_hear_every_step_of_a_batch() {
    let (ssc, clock) = manual();
    let recorder = Arc::new(Recorder::default());
    ssc.add_streaming_listener(recorder.clone());
    let fail = Arc::new(AtomicBool::new(false));
    let failing = fail.clone();
    ssc.input_stream(Noting::new(&Log::default(), ""))
        .unwrap()
        .foreach_rdd(move |_| {
            if failing.load(Ordering::Relaxed) {
                Err("full")
            } else {
                Ok(())
            }
        });
    let mut stepper = Stepper::start(&ssc, &clock).unwrap();
    stepper.step().unwrap();
    fail.store(true, Ordering::Relaxed);
    clock.advance(Duration::from_millis(1500));
    stepper.step().unwrap_err();
    let expected = [
        "started 0 ms",
        "submitted 1000 ms with 1 records",
        "started batch 1000 ms",
        "foreach_rdd 0",
        "foreach_rdd 0 ok: true",
        "completed 1000 ms",
        "submitted 3000 ms with 1 records",
        "started batch 3000 ms",
        "foreach_rdd 0",
        "foreach_rdd 0 ok: false",
        "failed 3000 ms",
        "stopped true",
    ];
    assert_eq!(*recorder.log.lock().unwrap(), expected);
    let infos = recorder.infos.lock().unwrap();
    assert_eq!(infos[0].scheduling_delay(), Some(Duration::ZERO));
    assert_eq!(
        (infos[1].scheduling_delay(), infos[1].intervals),
        (Some(Duration::from_millis(1500)), 2)
    );
    assert!(
        infos
            .iter()
            .all(|info| info.total_delay().is_some() && info.outputs.len() == 1)
    );
    assert_eq!(infos[0].inputs[0].description, "record 1000 ms");
    assert!(infos[0].commit_delay.is_some() && infos[1].commit_delay.is_none());
}

#[test]
fn two_outputs_of_one_stream_share_its_rdd_and_forget_it_after_the_batch() {
    let (ssc, clock) = manual();
    let witness = Arc::new(());
    let held = witness.clone();
    let calls = Log::default();
    let counted = calls.clone();
    let stream = ssc
        .input_stream(Noting::new(&Log::default(), ""))
        .unwrap()
        .transform_with_time(move |rdd, time| {
            note(&counted, time.to_string());
            let held = held.clone();
            rdd.map(move |x| (x, Arc::strong_count(&held)))
        });
    stream.foreach_rdd(|rdd| rdd.count().map(|_| ()));
    stream.foreach_rdd(|rdd| rdd.count().map(|_| ()));
    let mut stepper = Stepper::start(&ssc, &clock).unwrap();
    for _ in 0..100 {
        stepper.step().unwrap();
    }
    assert_eq!(calls.lock().unwrap().len(), 100);
    assert_eq!(
        Arc::strong_count(&witness),
        2,
        "RDDs of past batches are still held"
    );
}

#[test]
fn windows_hold_their_batches_and_no_more() {
    let (ssc, clock) = manual();
    let witness = Arc::new(());
    let held = witness.clone();
    let stream = ssc
        .input_stream(Noting::new(&Log::default(), ""))
        .unwrap()
        .map(move |x| (x % 2000, held.clone()));
    let kept = |s: &crate::DStream<(u64, Arc<()>)>| {
        s.reduce_by_key_and_window_with_inverse(|a, _| a, |a, _| a, secs(5), secs(1))
            .unwrap()
    };
    kept(&stream).foreach_rdd(|rdd| rdd.count().map(|_| ()));
    let mut stepper = Stepper::start(&ssc, &clock).unwrap();
    let mut counts = Vec::new();
    for _ in 0..60 {
        stepper.step().unwrap();
        counts.push(Arc::strong_count(&witness));
    }
    assert_eq!(counts[20], counts[58], "{counts:?}");
    assert!(counts[58] < 12, "{counts:?}");
}
