//! Handles on contexts, and the ways in which they stop.

use std::time::Instant;

use super::*;
use crate::context::lifecycle::Stop;
use crate::{Backpressure, StopHandle};

/// Waits for what another thread does without saying so.
fn until(what: &str, happened: impl Fn() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !happened() {
        assert!(Instant::now() < deadline, "waited in vain for {what}");
        std::thread::sleep(Duration::from_millis(1));
    }
}

fn named(name: &str) -> (StreamingContext, ManualClock) {
    let clock = ManualClock::default();
    let builder = StreamingContext::builder(name)
        .batch_duration(secs(1))
        .threads(1);
    (builder.clock(clock.clone()).build().unwrap(), clock)
}

fn with_output(ssc: &StreamingContext) {
    ssc.queue_stream(&RddQueue::<u8>::new())
        .unwrap()
        .foreach_rdd(|_| ());
}

#[test]
fn only_an_active_context_is_found_by_its_name() {
    let name = "only_an_active_context_is_found_by_its_name";
    let found = || StreamingContext::get_active(name).is_some();
    let (ssc, _) = named(name);
    with_output(&ssc);
    assert!(!found(), "before start");
    ssc.start().unwrap();
    assert!(found() && StreamingContext::get_active("another").is_none());
    let never = || -> Result<_, EngineError> { panic!("one is active") };
    let same = StreamingContext::get_active_or_create(name, never).unwrap();
    assert!(Arc::ptr_eq(same.shared(), ssc.shared()));

    let (second, _) = named(name);
    with_output(&second);
    second.start().unwrap();
    let newest = StreamingContext::get_active(name).unwrap();
    assert!(Arc::ptr_eq(newest.shared(), second.shared()));
    second.stop();
    second.await_termination_blocking().unwrap();
    let left = StreamingContext::get_active(name).unwrap();
    assert!(Arc::ptr_eq(left.shared(), ssc.shared()));
    ssc.stop();
    assert!(ssc.await_termination_or_timeout_blocking(PATIENCE).unwrap());
    assert!(!found(), "after stop");

    let created =
        StreamingContext::get_active_or_create(name, || Ok::<_, EngineError>(named(name).0));
    assert_eq!(created.unwrap().state(), ContextState::Initialized);
    let failed = StreamingContext::get_or_create(|| Err::<StreamingContext, _>("no broker"));
    assert_eq!(failed.unwrap_err(), "no broker");
}

#[test]
fn a_context_stops_with_its_last_handle() {
    let (ssc, log, go) = blocked();
    let shared = ssc.shared().clone();
    let other = ssc.clone();
    drop(ssc);
    assert_eq!(shared.lifecycle.requested(), Stop::No);
    drop(other);
    assert_eq!(shared.lifecycle.requested(), Stop::Now);
    go.send(()).unwrap();
    until("the end", || {
        shared.lifecycle.state() == ContextState::Stopped
    });
    assert_eq!(log.lock().unwrap().last().unwrap(), "stop");
}

#[test]
fn a_batch_that_outlasts_the_graceful_stop_s_time_is_cancelled() {
    let clock = ManualClock::default();
    let ssc = StreamingContext::builder("test")
        .batch_duration(secs(1))
        .threads(2)
        .clock(clock.clone())
        .graceful_stop_timeout(Duration::from_millis(20))
        .build()
        .unwrap();
    let (ssc, log, go) = block(ssc, &clock);
    ssc.stop_gracefully();
    ssc.stop_gracefully();
    let requested = || ssc.shared().lifecycle.requested();
    until("the time-out", || requested() == Stop::Now);
    go.send(()).unwrap();
    assert!(terminated(&ssc).unwrap());
    assert_eq!(*log.lock().unwrap(), ["start", "plan 1000 ms", "stop"]);
}

#[test]
fn ten_batch_intervals_are_the_default_grace_but_no_less_than_ten_seconds() {
    for (interval, expected) in [(5, 10_000), (1_000, 10_000), (60_000, 600_000)] {
        let ssc = StreamingContext::builder("test")
            .batch_duration(Duration::from_millis(interval))
            .threads(1)
            .build()
            .unwrap();
        assert_eq!(
            ssc.shared().graceful_stop_timeout,
            Duration::from_millis(expected)
        );
    }
}

#[test]
fn waiting_without_async_ends_with_the_context_s_error_or_the_time() {
    let (ssc, log, go) = blocked();
    let short = Duration::from_millis(1);
    assert!(!ssc.await_termination_or_timeout_blocking(short).unwrap());
    drop(go);
    let ended = ssc.await_termination_or_timeout_blocking(PATIENCE);
    let error = ended.unwrap_err().to_string();
    assert!(
        error.ends_with("the test never let the batch go on"),
        "{error}"
    );
    assert_eq!(log.lock().unwrap().last().unwrap(), "stop");
    let (ssc, _) = manual();
    let ended = ssc.await_termination_or_timeout_blocking(PATIENCE);
    let error = ended.unwrap_err().to_string();
    assert_eq!(
        error,
        "cannot await termination: the context is not started; call start first"
    );
}

#[cfg(unix)]
#[test]
fn a_signal_stops_gracefully_and_a_second_one_at_once() {
    let terminate = |signal: &str| {
        let pid = std::process::id().to_string();
        let sent = std::process::Command::new("kill")
            .args([signal, &pid])
            .status();
        assert!(sent.unwrap().success());
    };
    for (signals, committed) in [(&["-TERM"][..], true), (&["-INT", "-TERM"], false)] {
        let (ssc, log, go) = blocked();
        ssc.stop_on_signals().unwrap();
        for (signal, expected) in signals.iter().zip([Stop::Gracefully, Stop::Now]) {
            terminate(signal);
            until("the signal", || {
                ssc.shared().lifecycle.requested() == expected
            });
        }
        go.send(()).unwrap();
        assert!(terminated(&ssc).unwrap());
        let log = log.lock().unwrap();
        assert_eq!(
            log.contains(&"commit 1000 ms".to_owned()),
            committed,
            "{log:?}"
        );
    }
}

#[test]
fn a_removed_listener_hears_nothing_more() {
    let (ssc, clock) = manual();
    with_output(&ssc);
    let recorders = [(); 2].map(|()| Arc::new(Recorder::default()));
    let listeners = recorders
        .clone()
        .map(|recorder| recorder as Arc<dyn StreamingListener>);
    for listener in &listeners {
        ssc.add_streaming_listener(listener.clone());
    }
    let mut stepper = Stepper::start(&ssc, &clock).unwrap();
    stepper.step().unwrap();
    assert!(ssc.remove_streaming_listener(&listeners[0]));
    assert!(
        !ssc.remove_streaming_listener(&listeners[0]),
        "removed twice"
    );
    stepper.step().unwrap();
    let completed = recorders.map(|recorder| recorder.infos.lock().unwrap().len());
    assert_eq!(completed, [1, 2]);
}

/// Whether the context's threads still work.
#[track_caller]
fn threads_work(ssc: &StreamingContext) {
    let rdd = ssc.rdd_context().parallelize(0..10 * crate::CHUNK, 1);
    assert_eq!(rdd.map(|n| n).count().unwrap(), 10 * crate::CHUNK as u64);
}

#[test]
fn threads_are_free_again_however_late_or_early_the_stop_comes() {
    struct StopsAtTheEnd(Mutex<Option<StopHandle>>);
    impl StreamingListener for StopsAtTheEnd {
        fn on_streaming_stopped(&self, _: Option<&EngineError>) {
            self.0.lock().unwrap().take().unwrap().stop();
        }
    }
    let (ssc, _) = named("late");
    with_output(&ssc);
    let listener = StopsAtTheEnd(Mutex::new(Some(ssc.stop_handle())));
    ssc.add_streaming_listener(Arc::new(listener));
    ssc.start().unwrap().stop_gracefully();
    ssc.await_termination_blocking().unwrap();
    threads_work(&ssc);

    struct StopsAtTheStart(StopHandle);
    impl InputSource<u8> for StopsAtTheStart {
        fn name(&self) -> &'static str {
            "stops"
        }
        fn start(&mut self, _: &SourceContext) -> Result<(), BoxError> {
            self.0.stop();
            Err("stopped while connecting".into())
        }
        fn plan(&mut self, _: Time) -> Result<Option<BatchInput<u8>>, BoxError> {
            Ok(None)
        }
    }
    let (ssc, _) = named("early");
    let source = StopsAtTheStart(ssc.stop_handle());
    ssc.input_stream(source).unwrap().foreach_rdd(|_| ());
    ssc.start().unwrap_err();
    threads_work(&ssc);
}

#[test]
fn a_source_may_look_at_the_metrics_when_it_is_told_its_rate() {
    struct Curious(StreamingContext);
    impl InputSource<u8> for Curious {
        fn name(&self) -> &'static str {
            "curious"
        }
        fn limit_rate(&mut self, _: f64) {
            drop(self.0.metrics());
        }
        fn plan(&mut self, _: Time) -> Result<Option<BatchInput<u8>>, BoxError> {
            Ok(None)
        }
    }
    let ssc = StreamingContext::builder("test")
        .batch_duration(secs(1))
        .threads(1)
        .backpressure(Backpressure {
            initial_rate: Some(5.0),
            ..Backpressure::default()
        })
        .build()
        .unwrap();
    let source = Curious(ssc.clone());
    ssc.input_stream(source).unwrap().foreach_rdd(|_| ());
    let (started, starting) = (ssc.clone(), std::sync::mpsc::channel());
    std::thread::spawn(move || starting.0.send(started.start().map(drop)));
    starting
        .1
        .recv_timeout(PATIENCE)
        .expect("start hangs")
        .unwrap();
    assert_eq!(ssc.metrics().inputs[0].rate_limit, Some(5.0));
    ssc.stop();
}

/// A log into a pipe that nobody reads any more.
struct BrokenLog;

impl tracing::Subscriber for BrokenLog {
    fn enabled(&self, metadata: &tracing::Metadata<'_>) -> bool {
        *metadata.level() == tracing::Level::ERROR
    }

    fn new_span(&self, _: &tracing::span::Attributes<'_>) -> tracing::span::Id {
        tracing::span::Id::from_u64(1)
    }

    fn record(&self, _: &tracing::span::Id, _: &tracing::span::Record<'_>) {}
    fn record_follows_from(&self, _: &tracing::span::Id, _: &tracing::span::Id) {}
    fn enter(&self, _: &tracing::span::Id) {}
    fn exit(&self, _: &tracing::span::Id) {}

    fn event(&self, _: &tracing::Event<'_>) {
        panic!("nobody reads the log");
    }
}

#[test]
fn who_waits_is_told_of_the_end_also_when_the_log_is_broken() {
    let (ssc, clock) = named("who waits is told");
    ssc.queue_stream(&RddQueue::<u8>::new())
        .unwrap()
        .foreach_rdd(|_| Err::<(), _>("no more output"));
    let mut stepper = crate::testkit::Stepper::start(&ssc, &clock).unwrap();
    let step = std::panic::AssertUnwindSafe(|| stepper.step());
    let stepped = tracing::subscriber::with_default(BrokenLog, || std::panic::catch_unwind(step));
    assert!(stepped.is_err(), "the log is broken");
    let ended = ssc.await_termination_or_timeout_blocking(PATIENCE);
    let error = ended.unwrap_err().to_string();
    assert!(error.ends_with("no more output"), "{error}");
}
