//! Windows, state and timeouts over days of simulated time: memory stays flat.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use stream_engine::testkit::{TestKit, secs};
use stream_engine::{
    BatchInput, BoxError, EngineError, InputSource, RddContext, SourceContext, State, StateSpec,
    Time,
};
use tests::allocation::{Counting, live};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

const DAY: u64 = 86_400;

/// In each batch a record of one key that is always there and one of a key that comes for a minute and never again.
struct Visits {
    rdds: Option<RddContext>,
}

impl InputSource<(u64, u64)> for Visits {
    fn name(&self) -> &'static str {
        "visits"
    }
    fn start(&mut self, context: &SourceContext) -> Result<(), BoxError> {
        self.rdds = Some(context.rdd_context().clone());
        Ok(())
    }
    fn plan(&mut self, time: Time) -> Result<Option<BatchInput<(u64, u64)>>, BoxError> {
        let rdds = self.rdds.as_ref().ok_or("not started")?;
        let minute = time.as_millis() / 60_000;
        let rdd = rdds.parallelize([(0, 1), (minute + 1, 1)], 1);
        Ok(Some(BatchInput::new(rdd, 2)))
    }
}

/// Runs so many days of batches and checks what every hour has.
fn run(days: u64, batch: u64) {
    let test = TestKit::default()
        .threads(1)
        .batch_duration(secs(batch))
        .context()
        .unwrap();
    let visits = test.ssc().input_stream(Visits { rdds: None }).unwrap();

    let (in_window, in_state) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let sums = visits
        .reduce_by_key_and_window_with_inverse(|a, b| a + b, |a, b| a - b, secs(600), secs(batch))
        .unwrap();
    let seen = in_window.clone();
    sums.foreach_rdd(move |rdd| {
        let sums = rdd.collect()?;
        seen.store(sums.len() as u64, Ordering::Relaxed);
        let all: u64 = sums.iter().map(|(_, visits)| visits).sum();
        assert!(all <= 2 * 600, "{all} records in a window of 600 s");
        Ok::<_, EngineError>(())
    });
    let recent = visits.window(secs(60), secs(60)).unwrap();
    recent
        .count_by_value()
        .foreach_rdd(|rdd| rdd.count().map(drop));
    let state = visits.map_with_state(
        StateSpec::function(
            |_key: &u64, value: Option<u64>, state: &mut State<'_, u64>| {
                if let Some(value) = value {
                    state.update(state.get().copied().unwrap_or(0) + value);
                }
            },
        )
        .timeout(secs(1800)),
    );
    let seen = in_state.clone();
    state
        .state_snapshots()
        .foreach_rdd_with_time(move |rdd, time| {
            // A snapshot costs the size of the state: once an hour is enough.
            if time.is_multiple_of(secs(3600)) {
                seen.store(rdd.count()?, Ordering::Relaxed);
            }
            Ok::<_, EngineError>(())
        });

    let mut stepper = test.start().unwrap();
    let mut hours = Vec::new();
    for _ in 0..days * 24 {
        for _ in 0..3600 / batch {
            stepper.step().unwrap();
        }
        // The key that is always there, and those of the minutes that the last 600 s touch.
        assert_eq!(in_window.load(Ordering::Relaxed), 1 + 11);
        // As many as half an hour touches, and the one whose time is up in the next batch.
        let keys = in_state.load(Ordering::Relaxed);
        assert!((31..=33).contains(&keys), "{keys} keys with state");
        hours.push(live());
    }
    let (early, late) = (hours[2], *hours.last().unwrap());
    assert!(
        late <= early + early / 20,
        "{early} bytes were held after 3 hours, {late} at the end: {hours:?}"
    );
    assert_eq!(test.ssc().metrics().batches, days * DAY / batch);
    assert!(test.ssc().metrics().max_total_delay <= Duration::ZERO);
}

#[test]
fn memory_stays_flat_over_three_days_of_batches() {
    run(3, 10);
}
