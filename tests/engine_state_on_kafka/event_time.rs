//! Windows of event time over the partitions of a topic: out of order, idle, added while running, and late.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use kafka_client::producer::Record;
use stream_engine::event_time::{LateRecord, Watermarks, WindowResult, Windows};
use stream_engine::kafka::KafkaRecord;
use stream_engine::{BoxError, EngineError, Time, Trigger};

use crate::plain::{Event, Grouped, sessions, tumbling};
use crate::program::{Program, create, grow, source, write};

/// Where the events' time begins: a whole second, not long enough ago for a broker to refuse it.
const BEGIN: u64 = 1_700_000_000_000;
/// In milliseconds, as all of event time here: how far out of order events are, and how late they may be.
const BOUND: u64 = 500;
const LATENESS: u64 = 2000;
const SIZE: u64 = 1000;
const GAP: u64 = 200;
/// So long that only the test itself makes a partition idle.
const IDLE: Duration = Duration::from_secs(24 * 3600);
const VISITORS: u8 = 5;

pub(crate) async fn tumbling_windows_hold_the_records_of_their_time(
    servers: &str,
    trigger: Trigger,
) {
    let windows = Windows::tumbling(Duration::from_millis(SIZE));
    check(servers, trigger, windows, |events| tumbling(SIZE, events)).await;
}

pub(crate) async fn sessions_hold_the_records_of_their_time(servers: &str, trigger: Trigger) {
    let windows = Windows::session(Duration::from_millis(GAP));
    check(servers, trigger, windows, |events| sessions(GAP, events)).await;
}

/// What the program has given out, batch after batch.
#[derive(Default)]
struct Output {
    results: Vec<WindowResult<u8, Vec<u32>>>,
    late: Vec<LateRecord<(u8, u32)>>,
}

impl Output {
    /// The results that stand at the end, after those that replace others.
    fn standing(&self) -> Grouped {
        let mut standing = Grouped::new();
        for result in &self.results {
            for replaced in &result.replaces {
                let there = standing.remove(&(result.key, *replaced));
                assert!(there.is_some(), "{result:?} replaces what is not there");
            }
            let mut numbers = result.value.clone();
            numbers.sort();
            let twice = standing.insert((result.key, result.window), numbers);
            assert_eq!(twice, None, "{result:?} does not say that it comes again");
        }
        standing
    }
}

/// A visitor and a number, of a record that has them as its key and its value.
fn event(record: KafkaRecord) -> (u8, u32) {
    let parsed = || {
        let (key, value) = (record.key_str()?, record.value_str()?);
        let (key, value) = (key.unwrap_or_default(), value.unwrap_or_default());
        Ok::<_, BoxError>((key.parse()?, value.parse()?))
    };
    parsed().expect("the test writes numbers")
}

/// The topic as the test writes it.
struct Log<'a> {
    servers: &'a str,
    topic: &'a str,
    random: fastrand::Rng,
    /// All events that were written, the latest of each partition among them.
    events: Vec<(i32, Event)>,
}

impl Log<'_> {
    /// Writes events of these visitors and times, counted from [`BEGIN`], to partitions. Returns them.
    async fn write(&mut self, events: impl IntoIterator<Item = (i32, u8, u64)>) -> Vec<Event> {
        let from = self.events.len();
        for (partition, visitor, time) in events {
            let number = self.events.len() as u32;
            let time = BEGIN + time;
            self.events.push((
                partition,
                Event {
                    time,
                    visitor,
                    number,
                },
            ));
        }
        let texts = self.events[from..].iter().map(|(partition, event)| {
            let time = i64::try_from(event.time).unwrap();
            (
                *partition,
                time,
                event.visitor.to_string(),
                event.number.to_string(),
            )
        });
        let texts: Vec<_> = texts.collect();
        let records = texts.iter().map(|(partition, time, visitor, number)| {
            let record = Record::to(self.topic).partition(*partition);
            record.timestamp(*time).key(visitor).value(number)
        });
        write(self.servers, records).await;
        self.events[from..]
            .iter()
            .map(|(_, event)| *event)
            .collect()
    }

    /// Writes an event every 100 ms of `from..until` to each partition, each up to the bound later than that: so none is
    /// late, and hardly any in order.
    async fn write_some(&mut self, partitions: &[i32], from: u64, until: u64) -> Vec<Event> {
        let mut events = Vec::new();
        for time in (from..until).step_by(100) {
            for partition in partitions {
                let visitor = self.random.u8(..VISITORS);
                events.push((*partition, visitor, time + self.random.u64(..BOUND)));
            }
        }
        self.write(events).await
    }

    /// The watermark if these partitions decide it.
    fn watermark(&self, partitions: &[i32]) -> Option<Time> {
        let latest = partitions.iter().map(|partition| {
            let events = self.events.iter().filter(|(of, _)| of == partition);
            events.map(|(_, event)| event.time).max().unwrap_or(0)
        });
        latest.min().map(|time| Time::from_millis(time - BOUND))
    }
}

async fn check(
    servers: &str,
    trigger: Trigger,
    windows: Windows,
    plain: impl Fn(&[Event]) -> Grouped,
) {
    let topic = create(servers, "visits", 3).await;
    let output = Arc::new(Mutex::new(Output::default()));
    let (results, late) = (output.clone(), output.clone());
    let mut metrics = None;
    let mut program = Program::start_by_hand(source(servers, &topic), trigger, |records| {
        let time = |record: &KafkaRecord| Time::from_millis(record.timestamp().unsigned_abs());
        let bound = Duration::from_millis(BOUND);
        let watermarks = Watermarks::bounded_out_of_orderness(bound).idle_timeout(IDLE);
        let events = records.with_event_time(time, watermarks)?.map(event);
        let windows = windows.allowed_lateness(Duration::from_millis(LATENESS));
        let grouped = events.window(windows)?.group_by_key();
        grouped.results().foreach_rdd(move |rdd| {
            let fired = rdd.collect()?;
            results.lock().unwrap().results.extend(fired);
            Ok::<_, EngineError>(())
        });
        grouped.late_records().foreach_rdd(move |rdd| {
            let too_late = rdd.collect()?;
            late.lock().unwrap().late.extend(too_late);
            Ok::<_, EngineError>(())
        });
        metrics = Some(grouped);
        Ok(())
    });
    let mut log = Log {
        servers,
        topic: &topic,
        random: fastrand::Rng::with_seed(7),
        events: Vec::new(),
    };

    // The third partition has no records: as long as it is not idle, no window is over.
    let mut accepted = log.write_some(&[0, 1], 0, 6000).await;
    let committed = program.records(log.events.len()).await;
    assert_eq!((committed.watermark, committed.partitions), (None, 3));
    assert!(output.lock().unwrap().results.is_empty());

    // Once it is, the others decide.
    program.pass(IDLE);
    accepted.extend(log.write([(0, 0, 7000), (1, 1, 7000)]).await);
    let all = log.events.len();
    let committed = program.records(all).await;
    assert_eq!(committed.watermark, log.watermark(&[0, 1]));
    assert_eq!((committed.partitions, committed.idle_partitions), (3, 1));
    assert!(!output.lock().unwrap().results.is_empty());

    // Late within what is allowed, and later than that.
    accepted.extend(log.write((0..VISITORS).map(|n| (0, n, 5200))).await);
    let too_late = log.write([(0, 0, 100), (1, 1, 100), (1, 2, 2000)]).await;
    let committed = program.records(log.events.len()).await;
    assert_eq!(committed.watermark, log.watermark(&[0, 1]));

    // A partition that is added takes part: it is behind the others at last, and holds the watermark.
    grow(servers, &topic, 4).await;
    accepted.extend(log.write_some(&[3], 7000, 9000).await);
    let committed = program.records(log.events.len()).await;
    assert_eq!(committed.watermark, log.watermark(&[0, 1]));
    assert_eq!((committed.partitions, committed.idle_partitions), (4, 1));
    accepted.extend(log.write_some(&[0, 1], 7000, 12_000).await);
    let committed = program.records(log.events.len()).await;
    assert_eq!(committed.watermark, log.watermark(&[3]));

    // An event of much later in each partition, also in the one that was idle, ends all windows but its own.
    log.write((0..4).map(|partition| (partition, 0, 60_000)))
        .await;
    let committed = program.records(log.events.len()).await;
    assert_eq!(committed.watermark, log.watermark(&[0, 1, 2, 3]));
    assert_eq!((committed.partitions, committed.idle_partitions), (4, 0));
    program.stop().await;

    let output = output.lock().unwrap();
    assert_eq!(output.standing(), plain(&accepted));
    assert!(output.results.iter().any(WindowResult::is_update));
    let mut numbers: Vec<u32> = output.late.iter().map(|late| late.record.1).collect();
    numbers.sort();
    let expected: Vec<u32> = too_late.iter().map(|event| event.number).collect();
    assert_eq!(numbers, expected);
    for late in &output.late {
        let watermark = Time::from_millis(BEGIN + 7000 - BOUND);
        assert_eq!((late.watermark, late.windows.len()), (watermark, 1));
        assert!(late.windows[0].contains(late.time), "{late:?}");
    }
    let counted = metrics.map(|grouped| grouped.metrics().late_records);
    assert_eq!(counted, Some(expected.len() as u64));
}
