use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::*;
use crate::testkit::{Stepper, secs};
use crate::{
    Clock, ContextState, InputSource, ManualClock, ReceiverInfo, SourceContext, StreamingListener,
    Time, Trigger,
};

/// How long a test waits for what happens on another thread before it counts as not happening.
const PATIENCE: Duration = Duration::from_secs(20);

fn wait_for(what: &str, done: impl Fn() -> bool) {
    let started = Instant::now();
    while !done() {
        assert!(started.elapsed() < PATIENCE, "waited in vain for {what}");
        std::thread::yield_now();
    }
}

fn manual() -> (StreamingContext, ManualClock) {
    let clock = ManualClock::default();
    let builder = StreamingContext::builder("test")
        .batch_duration(secs(1))
        .threads(2);
    (builder.clock(clock.clone()).build().unwrap(), clock)
}

fn terminated(ssc: &StreamingContext) -> Result<bool, EngineError> {
    tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap()
        .block_on(ssc.await_termination_or_timeout(PATIENCE))
}

/// Runs a closure as receiver.
struct Run<F>(F);

impl<T, F> Receiver<T> for Run<F>
where
    F: FnMut(&ReceiverStore<T>) -> Result<(), BoxError> + Send + 'static,
{
    fn run(&mut self, store: &ReceiverStore<T>) -> Result<(), BoxError> {
        (self.0)(store)
    }
}

/// A receiver that hands its store to the test, and runs until it is stopped.
fn lent<T: Data>() -> (impl Receiver<T>, mpsc::Receiver<ReceiverStore<T>>) {
    let (lend, borrow) = mpsc::channel();
    let receiver = Run(move |store: &ReceiverStore<T>| {
        let (stop, stopped) = mpsc::channel::<()>();
        store.interrupt_with(move || drop(stop));
        lend.send(store.clone())?;
        match stopped.recv_timeout(PATIENCE) {
            Err(RecvTimeoutError::Disconnected) => Ok(()),
            _ => Err("nobody stopped the receiver".into()),
        }
    });
    (receiver, borrow)
}

type Seen<T> = Arc<Mutex<Vec<Vec<T>>>>;

/// Collects the batches of a receiver's stream.
fn collect<T: Data>(
    ssc: &StreamingContext,
    receiver: impl Receiver<T>,
    options: ReceiverOptions,
) -> Seen<T> {
    let seen = Seen::default();
    let collected = seen.clone();
    ssc.receiver_stream_with(receiver, options)
        .unwrap()
        .foreach_rdd(move |rdd| {
            collected.lock().unwrap().push(rdd.collect()?);
            Ok::<_, EngineError>(())
        });
    seen
}

fn buffered(max_buffered: usize) -> ReceiverOptions {
    ReceiverOptions {
        max_buffered,
        ..ReceiverOptions::default()
    }
}

#[test]
fn what_is_stored_is_in_the_next_batch_in_order() {
    let (ssc, clock) = manual();
    let (receiver, borrow) = lent();
    let seen = collect(&ssc, receiver, ReceiverOptions::default());
    let mut stepper = Stepper::start(&ssc, &clock).unwrap();
    let store = borrow.recv_timeout(PATIENCE).unwrap();
    let mut records: Vec<u32> = (0..100).collect();
    assert_eq!(store.store_all(&mut records), Ok(100));
    assert_eq!(store.store(100), Ok(101));
    stepper.step().unwrap();
    stepper.step().unwrap();
    store.store(101).unwrap();
    stepper.step().unwrap();
    let expected = [(0..101).collect(), vec![], vec![101]];
    assert_eq!(*seen.lock().unwrap(), expected);
}

#[test]
fn a_full_buffer_blocks_the_receiver_and_loses_nothing() {
    let (ssc, clock) = manual();
    let (lend, borrow) = mpsc::channel();
    let receiver = Run(move |store: &ReceiverStore<u32>| {
        lend.send(store.clone())?;
        for n in 0..50 {
            store.store(n)?;
        }
        store.store_all(&mut (50..100).collect())?;
        while !store.is_stopped() {
            std::thread::yield_now();
        }
        Ok(())
    });
    let seen = collect(&ssc, receiver, buffered(7));
    let mut stepper = Stepper::start(&ssc, &clock).unwrap();
    let store = borrow.recv_timeout(PATIENCE).unwrap();
    let mut batches = 0;
    while store.stored() < 100 {
        wait_for("a full buffer", || {
            store.blocked() == 1 || store.stored() == 100
        });
        stepper.step().unwrap();
        batches += 1;
    }
    stepper.step().unwrap();
    assert!(batches >= 100 / 7, "{batches} batches");
    let seen = seen.lock().unwrap();
    assert!(seen.iter().all(|batch| batch.len() <= 7), "{seen:?}");
    assert!(seen.concat().into_iter().eq(0..100), "{seen:?}");
}

#[test]
fn batches_take_no_more_than_the_rate_allows() {
    let (ssc, _) = manual();
    let (receiver, borrow) = lent();
    let options = ReceiverOptions {
        max_rate: Some(5.0),
        ..ReceiverOptions::default()
    };
    let mut source = ReceiverSource::new(Operator::here("test"), receiver, options);
    source
        .start(&SourceContext::new(ssc.shared().clone()))
        .unwrap();
    let store = borrow.recv_timeout(PATIENCE).unwrap();
    let filling = store.clone();
    let filler = std::thread::spawn(move || filling.store_all(&mut (0..100u32).collect()));
    let mut taken: Vec<u32> = Vec::new();
    for (batch, limit) in [(1, 5.0), (2, 3.0), (3, 1000.0)] {
        source.limit_rate(limit);
        let enough = (taken.len() + limit.min(5.0) as usize) as u64;
        wait_for("a full buffer", || store.stored() >= enough);
        let planned = source
            .plan(Time::from_millis(batch * 1000))
            .unwrap()
            .unwrap();
        let records = planned.rdd.collect().unwrap();
        assert_eq!(planned.records, records.len() as u64);
        assert_eq!(records.len(), limit.min(5.0) as usize);
        taken.extend(records);
    }
    assert!(taken.into_iter().eq(0..13));
    // The last batch takes all that was being stored, at whatever rate.
    assert!(source.finish());
    assert_eq!(filler.join().unwrap(), Ok(100));
    let last = source.plan(Time::from_millis(4000)).unwrap().unwrap();
    assert_eq!(last.records, 87);
    source.stop();
}

#[derive(Clone)]
struct Events(mpsc::Sender<(String, ReceiverInfo)>);

impl Events {
    fn note(&self, event: &str, receiver: &ReceiverInfo) {
        let _ = self.0.send((event.to_owned(), receiver.clone()));
    }
}

impl StreamingListener for Events {
    fn on_receiver_started(&self, receiver: &ReceiverInfo) {
        self.note("started", receiver);
    }
    fn on_receiver_error(&self, receiver: &ReceiverInfo) {
        self.note("error", receiver);
    }
    fn on_receiver_stopped(&self, receiver: &ReceiverInfo) {
        self.note("stopped", receiver);
    }
}

fn listen(ssc: &StreamingContext) -> mpsc::Receiver<(String, ReceiverInfo)> {
    let (sender, events) = mpsc::channel();
    ssc.add_streaming_listener(Arc::new(Events(sender)));
    events
}

#[test]
fn a_receiver_that_returns_is_started_again_after_growing_delays() {
    let (ssc, clock) = manual();
    let events = listen(&ssc);
    let (note, started_at) = mpsc::channel();
    let (mut run, time) = (0, clock.clone());
    let receiver = Run(move |store: &ReceiverStore<u32>| {
        run += 1;
        note.send(time.now().as_millis())?;
        match run {
            1 => Err("no route".into()),
            2 => panic!("out of range"),
            3 => Ok(()),
            4 => store.store(1).map(|_| ()).map_err(BoxError::from),
            _ => {
                store.report_error("one bad message");
                Err("no route".into())
            }
        }
    });
    collect(&ssc, receiver, ReceiverOptions::default());
    let mut stepper = Stepper::start(&ssc, &clock).unwrap();
    let next = || events.recv_timeout(PATIENCE).expect("an event");
    let mut expected_start = 0;
    for (error, delay) in [
        (Some("failed: no route"), 2),
        (Some("panicked: out of range"), 4),
        (None, 8),
        // It was of use: from the beginning.
        (None, 2),
        (Some("failed: no route"), 4),
    ] {
        assert_eq!(next().0, "started");
        let start = started_at.recv_timeout(PATIENCE).unwrap();
        assert_eq!(start, expected_start);
        if delay == 4 && error == Some("failed: no route") {
            let (event, info) = next();
            let text = info.last_error.unwrap().to_string();
            assert!(event == "error" && text.ends_with("failed: one bad message"));
        }
        if let Some(error) = error {
            let (event, info) = next();
            let text = info.last_error.unwrap().to_string();
            assert!(
                event == "error" && text.starts_with("receiver_stream at "),
                "{text}"
            );
            assert!(text.ends_with(error), "{text}");
        }
        let (event, info) = next();
        assert_eq!(event, "stopped");
        assert_eq!(info.last_error.is_some(), error.is_some());
        assert_eq!(info.restart_in, Some(secs(delay)));
        expected_start = start + delay * 1000;
        clock.set(Time::from_millis(expected_start - 1));
        clock.set(Time::from_millis(expected_start));
    }
    stepper.step().unwrap();
}

/// Runs on the scheduler's own thread until stopped gracefully while the receiver is blocked at a full buffer.
fn graceful_stop_at_full_buffer(max_buffered: usize, records: usize, before: usize) {
    let (ssc, clock) = manual();
    let (receiver, borrow) = lent();
    let seen = collect(&ssc, receiver, buffered(max_buffered));
    ssc.start().unwrap();
    let store = borrow.recv_timeout(PATIENCE).unwrap();
    store.store_all(&mut (0..before).collect()).unwrap();
    let filling = store.clone();
    // Without records nothing would show that the call was made before the stop.
    let filler = (records > 0).then(|| {
        std::thread::spawn(move || filling.store_all(&mut (before..before + records).collect()))
    });
    wait_for("the records to be stored or blocked", || {
        store.blocked() == 1 || store.stored() == (before + records) as u64
    });
    ssc.stop_gracefully();
    wait_for("the receiver to be stopped", || store.is_stopped());
    assert_eq!(store.store(0), Err(ReceiverStopped));
    clock.advance(secs(1));
    assert!(terminated(&ssc).unwrap(), "it did not stop in time");
    if let Some(filler) = filler {
        assert_eq!(filler.join().unwrap(), Ok((before + records) as u64));
    }
    assert!(
        seen.lock()
            .unwrap()
            .concat()
            .into_iter()
            .eq(0..before + records)
    );
    assert_eq!(store.committed(), (before + records) as u64);
}

#[test]
fn a_graceful_stop_processes_everything_stored() {
    graceful_stop_at_full_buffer(10, 0, 10);
    graceful_stop_at_full_buffer(10, 25, 10);
    graceful_stop_at_full_buffer(10, 25, 0);
    graceful_stop_at_full_buffer(1, 1, 1);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]
    #[test]
    fn a_graceful_stop_loses_nothing_whatever_waits(max in 1usize..50, records in 0usize..200, before in 0usize..50) {
        graceful_stop_at_full_buffer(max, records, before.min(max));
    }
}

#[test]
fn a_graceful_stop_with_nothing_stored_needs_no_batch() {
    let (ssc, _clock) = manual();
    let (receiver, borrow) = lent::<u32>();
    let seen = collect(&ssc, receiver, ReceiverOptions::default());
    ssc.start().unwrap();
    borrow.recv_timeout(PATIENCE).unwrap();
    ssc.stop_gracefully();
    assert!(terminated(&ssc).unwrap());
    assert!(seen.lock().unwrap().is_empty());
}

#[test]
fn a_stop_without_grace_ends_a_blocked_receiver() {
    let (ssc, _clock) = manual();
    let events = listen(&ssc);
    let (ended, end) = mpsc::channel();
    let (lend, borrow) = mpsc::channel();
    let receiver = Run(move |store: &ReceiverStore<u32>| {
        lend.send(store.clone())?;
        let result = store.store_all(&mut vec![0; 100]);
        ended.send(result)?;
        Ok(result.map(|_| ())?)
    });
    collect(&ssc, receiver, buffered(10));
    ssc.start().unwrap();
    let store = borrow.recv_timeout(PATIENCE).unwrap();
    wait_for("a blocked receiver", || store.blocked() == 1);
    ssc.stop();
    assert!(terminated(&ssc).unwrap());
    assert_eq!(end.recv_timeout(PATIENCE).unwrap(), Err(ReceiverStopped));
    let events: Vec<(String, ReceiverInfo)> = events.try_iter().collect();
    let names: Vec<&str> = events.iter().map(|(event, _)| event.as_str()).collect();
    assert_eq!(names, ["started", "stopped"]);
    assert!(events[1].1.restart_in.is_none() && events[1].1.last_error.is_none());
}

#[test]
fn a_stop_without_grace_ends_the_wait_for_a_restart() {
    let (ssc, _clock) = manual();
    let events = listen(&ssc);
    let receiver = Run(|_: &ReceiverStore<u32>| Err("no route".into()));
    collect(&ssc, receiver, ReceiverOptions::default());
    ssc.start().unwrap();
    let stopped = || events.recv_timeout(PATIENCE).expect("an event").0 == "stopped";
    while !stopped() {}
    ssc.stop();
    assert!(terminated(&ssc).unwrap());
}

#[test]
fn a_deaf_receiver_does_not_hold_up_the_stop_and_is_not_heard_of_again() {
    let (ssc, _clock) = manual();
    let events = listen(&ssc);
    let (go, wait_go) = mpsc::channel::<()>();
    let (entered, wait_entered) = mpsc::channel();
    let receiver = Run(move |store: &ReceiverStore<u32>| {
        entered.send(store.clone())?;
        let _ = wait_go.recv_timeout(PATIENCE);
        store.report_error("too late");
        Ok(())
    });
    let options = ReceiverOptions {
        stop_timeout: Duration::from_millis(20),
        ..ReceiverOptions::default()
    };
    collect(&ssc, receiver, options);
    ssc.start().unwrap();
    let store = wait_entered.recv_timeout(PATIENCE).unwrap();
    ssc.stop();
    assert!(terminated(&ssc).unwrap());
    drop(go);
    assert!(store.wait_thread(PATIENCE), "the thread ends at last");
    let events: Vec<String> = events.try_iter().map(|(event, _)| event).collect();
    assert_eq!(events, ["started"]);
}

/// Notes what was committed when it is stopped for good.
struct Acknowledging(mpsc::Sender<u64>, mpsc::Sender<ReceiverStore<u32>>);

impl Receiver<u32> for Acknowledging {
    fn run(&mut self, store: &ReceiverStore<u32>) -> Result<(), BoxError> {
        self.1.send(store.clone())?;
        while !store.is_stopped() {
            std::thread::yield_now();
        }
        Ok(())
    }

    fn on_stop(&mut self, store: &ReceiverStore<u32>) -> Result<(), BoxError> {
        Ok(self.0.send(store.committed())?)
    }
}

#[test]
fn stored_is_committed_only_with_its_batch() {
    let (ssc, clock) = manual();
    let (acknowledge, acknowledged) = mpsc::channel();
    let (lend, borrow) = mpsc::channel();
    ssc.receiver_stream(Acknowledging(acknowledge, lend))
        .unwrap()
        .foreach_rdd(|rdd| {
            if rdd.collect()?.contains(&13) {
                Err(BoxError::from("13"))
            } else {
                Ok(())
            }
        });
    let mut stepper = Stepper::start(&ssc, &clock).unwrap();
    let store = borrow.recv_timeout(PATIENCE).unwrap();
    assert_eq!(store.store(1), Ok(1));
    assert_eq!(store.store(2), Ok(2));
    assert!(!store.wait_committed(2, Duration::ZERO));
    stepper.step().unwrap();
    assert!(store.wait_committed(2, Duration::ZERO));
    assert_eq!(store.store(13), Ok(3));
    let waiting = store.clone();
    let waiter = std::thread::spawn(move || waiting.wait_committed(3, PATIENCE));
    stepper.step().unwrap_err();
    assert!(!waiter.join().unwrap());
    assert_eq!(acknowledged.recv_timeout(PATIENCE).unwrap(), 2);
    assert_eq!(ssc.state(), ContextState::Stopped);
}

#[test]
fn the_last_commit_of_a_graceful_stop_can_be_acknowledged() {
    let (ssc, clock) = manual();
    let (acknowledge, acknowledged) = mpsc::channel();
    let (lend, borrow) = mpsc::channel();
    let stream = ssc.receiver_stream(Acknowledging(acknowledge, lend));
    stream.unwrap().foreach_rdd(|_| ());
    ssc.start().unwrap();
    let store = borrow.recv_timeout(PATIENCE).unwrap();
    store.store_all(&mut vec![1, 2, 3]).unwrap();
    ssc.stop_gracefully();
    clock.advance(secs(1));
    assert!(terminated(&ssc).unwrap());
    assert_eq!(acknowledged.recv_timeout(PATIENCE).unwrap(), 3);
}

#[test]
fn an_interrupt_holds_for_one_run_and_comes_at_once_after_the_stop() {
    let (ssc, clock) = manual();
    let (note, noted) = mpsc::channel();
    let (lend, borrow) = mpsc::channel();
    let mut run = 0;
    let receiver = Run(move |store: &ReceiverStore<u32>| {
        run += 1;
        let (note, run) = (note.clone(), run);
        store.interrupt_with(move || {
            let _ = note.send(run);
        });
        lend.send((run, store.clone()))?;
        while run == 2 && !store.is_stopped() {
            std::thread::yield_now();
        }
        Ok(())
    });
    let events = listen(&ssc);
    collect(&ssc, receiver, ReceiverOptions::default());
    ssc.start().unwrap();
    assert_eq!(borrow.recv_timeout(PATIENCE).unwrap().0, 1);
    while events.recv_timeout(PATIENCE).expect("an event").0 != "stopped" {}
    clock.advance(secs(2));
    let (run, store) = borrow.recv_timeout(PATIENCE).unwrap();
    assert_eq!(run, 2);
    ssc.stop();
    assert!(terminated(&ssc).unwrap());
    assert_eq!(noted.try_iter().collect::<Vec<_>>(), [2]);
    let called = Arc::new(Mutex::new(false));
    let calling = called.clone();
    store.interrupt_with(move || *calling.lock().unwrap() = true);
    assert!(*called.lock().unwrap());
}

#[test]
fn a_continuous_context_wakes_when_something_is_stored() {
    let clock = ManualClock::default();
    let ssc = StreamingContext::builder("test")
        .trigger(Trigger::Continuous)
        .threads(1)
        .clock(clock)
        .build()
        .unwrap();
    let (receiver, borrow) = lent();
    let (sent, batches) = mpsc::channel();
    ssc.receiver_stream(receiver)
        .unwrap()
        .foreach_rdd(move |rdd| sent.send(rdd.collect()?).map_err(BoxError::from));
    ssc.start().unwrap();
    let store = borrow.recv_timeout(PATIENCE).unwrap();
    for n in 0..100u32 {
        store.store(n).unwrap();
        assert_eq!(batches.recv_timeout(PATIENCE).unwrap(), [n]);
    }
}

#[test]
fn impossible_options_are_refused() {
    let (ssc, _) = manual();
    let rate = |max_rate| ReceiverOptions {
        max_rate: Some(max_rate),
        ..ReceiverOptions::default()
    };
    let hasty = ReceiverOptions {
        restart_delay: Duration::ZERO,
        ..ReceiverOptions::default()
    };
    for (options, setting) in [
        (buffered(0), "max_buffered"),
        (rate(0.0), "max_rate"),
        (rate(-1.0), "max_rate"),
        (rate(f64::NAN), "max_rate"),
        (rate(f64::INFINITY), "max_rate"),
        (hasty, "restart_delay"),
    ] {
        let receiver = Run(|_: &ReceiverStore<u32>| Ok(()));
        let error = ssc.receiver_stream_with(receiver, options).unwrap_err();
        let expected = format!("setting {setting}: ");
        assert!(error.to_string().starts_with(&expected), "{error}");
    }
}
