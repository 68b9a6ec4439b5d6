//! Whole programs in virtual time: a source that is written to at some rate, and a sink whose cost per record changes.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use proptest::prelude::*;

use crate::testkit::{Stepper, secs};
use crate::{
    Backpressure, BatchInput, BoxError, Clock, EngineError, InputSource, ManualClock,
    SourceContext, StreamingContext, Time,
};

/// What the world is like for a while.
#[derive(Clone, Copy, Debug)]
struct Phase {
    seconds: f64,
    /// Records a second that are written.
    rate: f64,
    /// What a batch costs in the sink however few records it has.
    fixed: Duration,
    /// What each record costs in the sink.
    per_record: Duration,
}

/// A batch that took place.
#[derive(Clone, Copy, Debug)]
struct Ran {
    at: Duration,
    from: u64,
    until: u64,
    processing: Duration,
    limit: Option<f64>,
}

struct Outcome {
    batches: Vec<Ran>,
    written: u64,
}

impl Outcome {
    fn backlog(&self) -> u64 {
        self.written - self.batches.last().map_or(0, |batch| batch.until)
    }

    fn longest(&self, from: f64, until: f64) -> Duration {
        let in_time = self
            .batches
            .iter()
            .filter(|batch| (from..until).contains(&batch.at.as_secs_f64()));
        in_time
            .map(|batch| batch.processing)
            .max()
            .unwrap_or_default()
    }
}

#[derive(Clone)]
struct World {
    clock: ManualClock,
    phases: Vec<Phase>,
}

impl World {
    fn now(&self) -> (Phase, u64) {
        let mut now = self.clock.monotonic().as_secs_f64();
        let mut written = 0.0;
        for phase in &self.phases {
            if now < phase.seconds {
                return (*phase, (written + now * phase.rate) as u64);
            }
            now -= phase.seconds;
            written += phase.seconds * phase.rate;
        }
        (*self.phases.last().unwrap(), written as u64)
    }
}

/// Records that are numbered as they are written; a batch is a range of them.
struct Numbered {
    world: World,
    context: Option<SourceContext>,
    limit: Option<f64>,
    max_records: u64,
    position: u64,
}

impl InputSource<(u64, u64)> for Numbered {
    fn name(&self) -> &'static str {
        "numbered"
    }
    fn start(&mut self, context: &SourceContext) -> Result<(), BoxError> {
        self.context = Some(context.clone());
        Ok(())
    }
    fn limit_rate(&mut self, records_per_second: f64) {
        self.limit = Some(records_per_second);
    }
    fn plan(&mut self, _: Time) -> Result<Option<BatchInput<(u64, u64)>>, BoxError> {
        let context = self.context.as_ref().ok_or("not started")?;
        let seconds = context.batch_duration().as_secs_f64();
        let allowed = self
            .limit
            .map_or(u64::MAX, |rate| ((rate * seconds) as u64).max(1));
        let written = self.world.now().1;
        let records = (written - self.position).min(allowed).min(self.max_records);
        let range = (self.position, self.position + records);
        self.position += records;
        let rdd = context.rdd_context().parallelize([range], 1);
        Ok(Some(BatchInput::new(rdd, records)))
    }
}

fn simulate(
    interval: Duration,
    settings: Backpressure,
    max_records: u64,
    phases: &[Phase],
) -> Result<Outcome, EngineError> {
    let clock = ManualClock::default();
    let world = World {
        clock: clock.clone(),
        phases: phases.to_vec(),
    };
    let ssc = StreamingContext::builder("simulation")
        .batch_duration(interval)
        .backpressure(settings)
        .threads(1)
        .clock(clock.clone())
        .build()?;
    let source = Numbered {
        world: world.clone(),
        context: None,
        limit: None,
        max_records,
        position: 0,
    };
    let batches = Arc::new(Mutex::new(Vec::new()));
    let (ran, sink) = (batches.clone(), world.clone());
    ssc.input_stream(source)?.foreach_rdd(move |rdd| {
        let (from, until) = rdd.first()?.unwrap_or_default();
        let (phase, _) = sink.now();
        let at = sink.clock.monotonic();
        let processing = phase.fixed + phase.per_record.mul_f64((until - from) as f64);
        sink.clock.advance(processing);
        ran.lock().unwrap().push(Ran {
            at,
            from,
            until,
            processing,
            limit: None,
        });
        Ok::<_, EngineError>(())
    });
    let mut stepper = Stepper::start(&ssc, &clock)?;
    let end = Duration::from_secs_f64(phases.iter().map(|phase| phase.seconds).sum());
    while clock.monotonic() < end {
        stepper.next_batch()?;
        if let Some(last) = batches.lock().unwrap().last_mut() {
            last.limit = ssc.metrics().inputs[0].rate_limit;
        }
    }
    let batches = std::mem::take(&mut *batches.lock().unwrap());
    let written = world.now().1;
    let mut position = 0;
    for batch in &batches {
        assert_eq!(batch.from, position, "a record was lost or came twice");
        position = batch.until;
    }
    Ok(Outcome { batches, written })
}

fn phase(seconds: f64, rate: f64, fixed_micros: u64, per_record_micros: u64) -> Phase {
    Phase {
        seconds,
        rate,
        fixed: Duration::from_micros(fixed_micros),
        per_record: Duration::from_micros(per_record_micros),
    }
}

const UNBOUNDED: u64 = u64::MAX;

#[test]
fn a_burst_of_ten_times_the_rate_is_worked_off_in_batches_that_keep_their_interval() {
    // The sink can do 2,000 a second.
    let world = [
        phase(20.0, 1000.0, 1000, 500),
        phase(10.0, 10_000.0, 1000, 500),
        phase(150.0, 1000.0, 1000, 500),
    ];
    let with = simulate(secs(1), Backpressure::default(), UNBOUNDED, &world).unwrap();
    assert!(with.longest(0.0, 1000.0) < Duration::from_millis(1100));
    assert!(with.backlog() < 2000, "{} are left", with.backlog());
    // The burst is worked off at the sink's full rate: 90,000 records at 1,000 a second beside the new ones.
    let drained = with
        .batches
        .iter()
        .find(|batch| batch.at > secs(30) && batch.until - batch.from < 1500);
    let at = drained.unwrap().at;
    assert!(at < secs(125), "the backlog was drained only at {at:?}");
    let without = simulate(secs(1), Backpressure::off(), UNBOUNDED, &world).unwrap();
    assert!(without.longest(0.0, 1000.0) > secs(5));
}

#[test]
fn a_sink_that_gets_slow_gets_smaller_batches_and_larger_ones_when_it_recovers() {
    // From 2,000 a second to 200 and back.
    let world = [
        phase(20.0, 1000.0, 1000, 500),
        phase(60.0, 1000.0, 1000, 5000),
        phase(120.0, 1000.0, 1000, 500),
    ];
    let ran = simulate(secs(1), Backpressure::default(), UNBOUNDED, &world).unwrap();
    // One batch finds out; those after it keep the interval.
    assert!(ran.longest(0.0, 27.0) < Duration::from_millis(5100));
    assert!(ran.longest(27.0, 200.0) < Duration::from_millis(1200));
    assert!(ran.backlog() < 2000, "{} are left", ran.backlog());
    let last = ran.batches.last().unwrap();
    assert!(last.limit.unwrap() > 1500.0, "{last:?}");
}

#[test]
fn batches_that_cost_more_than_the_interval_whatever_their_size_still_get_through() {
    // A commit of 15 ms in intervals of 10 ms, at 20,000 a second.
    let world = [phase(20.0, 20_000.0, 15_000, 2)];
    let ran = simulate(
        Duration::from_millis(10),
        Backpressure::default(),
        UNBOUNDED,
        &world,
    )
    .unwrap();
    assert!(ran.backlog() < 2_000, "{} are left", ran.backlog());
    assert!(ran.longest(1.0, 20.0) < Duration::from_millis(45));
}

#[test]
fn a_burst_after_a_trickle_is_taken_in_a_few_steps() {
    // A commit of 20 ms and a record of 1 us: a trickle's batches say 50 records a second.
    let world = [
        phase(60.0, 1.0, 20_000, 1),
        phase(1.0, 1_000_000.0, 20_000, 1),
        phase(6.0, 1.0, 20_000, 1),
    ];
    let ran = simulate(secs(1), Backpressure::default(), UNBOUNDED, &world).unwrap();
    assert_eq!(ran.backlog(), 0);
    // Idle seconds in between change nothing.
    let idle = [
        phase(30.0, 1000.0, 1000, 100),
        phase(30.0, 0.0, 1000, 100),
        phase(5.0, 5000.0, 1000, 100),
    ];
    let ran = simulate(secs(1), Backpressure::default(), UNBOUNDED, &idle).unwrap();
    assert!(ran.backlog() <= 5000, "{} are left", ran.backlog());
}

#[test]
fn the_first_batch_has_the_initial_rate_and_without_one_the_source_s_own_bound() {
    let world = [
        phase(1.0, 100_000.0, 1000, 100),
        phase(30.0, 0.0, 1000, 100),
    ];
    let settings = Backpressure {
        initial_rate: Some(300.0),
        ..Backpressure::default()
    };
    let first = |settings| {
        let ran = simulate(secs(1), settings, 50_000, &world).unwrap();
        let sizes = ran.batches.iter().map(|batch| batch.until - batch.from);
        sizes.take(2).collect::<Vec<_>>()
    };
    assert_eq!(first(settings)[0], 300);
    // Spark's second batch is without a bound, too.
    let unbounded = first(Backpressure::default());
    assert_eq!(unbounded[0], 50_000);
    assert!((9_000..=10_000).contains(&unbounded[1]), "{unbounded:?}");
}

#[test]
fn a_suspended_process_does_not_slow_down_its_input() {
    let clock = ManualClock::default();
    let world = World {
        clock: clock.clone(),
        phases: vec![phase(1e9, 1000.0, 1000, 100)],
    };
    let builder = StreamingContext::builder("test").batch_duration(secs(1));
    let ssc = builder.threads(1).clock(clock.clone()).build().unwrap();
    let source = Numbered {
        world,
        context: None,
        limit: None,
        max_records: 1000,
        position: 0,
    };
    let busy = clock.clone();
    ssc.input_stream(source)
        .unwrap()
        .foreach_rdd(move |_| busy.advance(Duration::from_millis(100)));
    let mut stepper = Stepper::start(&ssc, &clock).unwrap();
    let limit = || ssc.metrics().inputs[0].rate_limit.unwrap();
    for _ in 0..5 {
        stepper.next_batch().unwrap();
    }
    let before = limit();
    stepper.advance(secs(86_400)).unwrap();
    assert!(limit() > before * 0.9, "{before} fell to {}", limit());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Whatever the sink costs and however its cost changes: nothing is lost, no batch after the one that finds out takes
    /// much longer than the interval (or than twice the fixed cost), and what the sink can do is done.
    #[test]
    fn delays_are_bounded_and_throughput_stays(
        interval_millis in prop_oneof![Just(10u64), Just(100), Just(1000)],
        // Intervals that are fixed cost, and the load: the share of what is left that the records take.
        before in (0.0..2.5f64, 0.05..0.5f64),
        after in (0.0..2.5f64, 0.05..0.5f64),
        rate in 2_000.0..50_000.0f64,
    ) {
        let interval = Duration::from_millis(interval_millis);
        // Costs at which the sink can keep up: batches of half fixed cost and half records at most.
        let world = [before, after].map(|(fixed, load)| {
            let fixed = interval.mul_f64(fixed);
            let cycle = interval.max(fixed * 2);
            let spare = (cycle - fixed).as_secs_f64();
            Phase {
                seconds: 500.0 * interval.as_secs_f64(),
                rate,
                fixed,
                per_record: Duration::from_secs_f64(spare * load / (rate * cycle.as_secs_f64())),
            }
        });
        let ran = simulate(interval, Backpressure::default(), UNBOUNDED, &world).unwrap();
        let cycle = interval.max(world[1].fixed * 2);
        let settled = (world[0].seconds * 1.5, world[0].seconds * 2.0);
        let longest = ran.longest(settled.0, settled.1);
        prop_assert!(longest <= cycle.mul_f64(1.6), "a batch took {longest:?}, the cycle is {cycle:?}");
        let bound = (rate * cycle.as_secs_f64() * 4.0) as u64 + 10;
        prop_assert!(ran.backlog() <= bound, "{} are left, at most {bound} expected", ran.backlog());
    }
}
