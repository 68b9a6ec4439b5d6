use std::fmt::Write as _;
use std::io;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::{BatchInfo, StreamingListener, Time};

const COLUMNS: [(&str, f64); 7] = [
    ("min", 0.0),
    ("5%", 0.05),
    ("25%", 0.25),
    ("50%", 0.5),
    ("75%", 0.75),
    ("95%", 0.95),
    ("max", 1.0),
];

/// Prints how the delays of batches are distributed, once every so many completed batches (Spark's `StatsReportListener`):
///
/// ```text
/// Delays of 10 batches up to 1734000010000 ms, 20000 records, in milliseconds:
///                           min       5%      25%      50%      75%      95%      max
/// scheduling delay          0.0      0.0      0.0      0.0      0.0      1.0      1.0
/// processing time           3.9      3.9      4.1      4.2      4.4      6.0      6.0
/// total delay               3.9      3.9      4.1      4.2      4.4      7.0      7.0
/// ```
///
/// A time of processing that stays below the batch interval, and a scheduling delay that does not grow, mean that the program
/// keeps up. (Spark prints the distribution of the last batches again with every batch.)
///
/// ```
/// use std::{sync::Arc, time::Duration};
/// use stream_engine::{StatsReportListener, StreamingContext};
///
/// let ssc = StreamingContext::builder("app")
///     .batch_duration(Duration::from_secs(1))
///     .listener(Arc::new(StatsReportListener::default()))
///     .build()?;
/// # Ok::<_, stream_engine::EngineError>(())
/// ```
pub struct StatsReportListener {
    every: usize,
    state: Mutex<State>,
}

struct State {
    batches: Vec<Delays>,
    records: u64,
    /// None: standard output.
    writer: Option<Box<dyn io::Write + Send>>,
}

#[derive(Clone, Copy)]
struct Delays {
    scheduling: Duration,
    processing: Duration,
}

impl StatsReportListener {
    /// Prints to standard output after every `batches` completed batches; 0 is taken as 1.
    pub fn new(batches: usize) -> Self {
        Self::with_writer(batches, None)
    }

    /// As [`StatsReportListener::new`], to a writer.
    pub fn to_writer(batches: usize, writer: impl io::Write + Send + 'static) -> Self {
        Self::with_writer(batches, Some(Box::new(writer)))
    }

    fn with_writer(batches: usize, writer: Option<Box<dyn io::Write + Send>>) -> Self {
        StatsReportListener {
            every: batches.max(1),
            state: Mutex::new(State {
                batches: Vec::new(),
                records: 0,
                writer,
            }),
        }
    }
}

/// Every ten batches, to standard output.
impl Default for StatsReportListener {
    fn default() -> Self {
        Self::new(10)
    }
}

impl std::fmt::Debug for StatsReportListener {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StatsReportListener")
            .field("every", &self.every)
            .finish_non_exhaustive()
    }
}

impl StreamingListener for StatsReportListener {
    fn on_batch_completed(&self, batch: &BatchInfo) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.batches.push(Delays {
            scheduling: batch.scheduling_delay().unwrap_or_default(),
            processing: batch.processing_delay.unwrap_or_default(),
        });
        state.records += batch.num_records();
        if state.batches.len() < self.every {
            return;
        }
        let batches = std::mem::take(&mut state.batches);
        let text = report(
            &batches,
            std::mem::take(&mut state.records),
            batch.batch_time,
        );
        let written = match &mut state.writer {
            Some(writer) => writer
                .write_all(text.as_bytes())
                .and_then(|()| writer.flush()),
            None => io::Write::write_all(&mut io::stdout(), text.as_bytes()),
        };
        if let Err(error) = written {
            tracing::warn!(%error, "the report of delays cannot be written");
        }
    }
}

fn report(batches: &[Delays], records: u64, until: Time) -> String {
    let mut text = format!(
        "Delays of {} batches up to {until}, {records} records, in milliseconds:\n{:20}",
        batches.len(),
        ""
    );
    for (name, _) in COLUMNS {
        // Writing to a String cannot fail.
        let _ = write!(text, "{name:>9}");
    }
    text.push('\n');
    type Delay = fn(&Delays) -> Duration;
    let rows: [(&str, Delay); 3] = [
        ("scheduling delay", |delays| delays.scheduling),
        ("processing time", |delays| delays.processing),
        ("total delay", |delays| {
            delays.scheduling + delays.processing
        }),
    ];
    for (name, delay) in rows {
        let mut delays: Vec<Duration> = batches.iter().map(delay).collect();
        delays.sort();
        let _ = write!(text, "{name:20}");
        for (_, quantile) in COLUMNS {
            let at = (quantile * delays.len() as f64) as usize;
            let delay = delays
                .get(at)
                .or(delays.last())
                .copied()
                .unwrap_or_default();
            let _ = write!(text, "{:>9.1}", delay.as_secs_f64() * 1e3);
        }
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::{Arc, Mutex};

    use super::*;
    use crate::testkit::{Stepper, TestKit, secs};
    use crate::{ManualClock, StreamingContext};

    #[derive(Clone, Default)]
    struct Buffer(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Buffer {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn distributions_are_a_table() {
        let batches: Vec<Delays> = (1..=20)
            .rev()
            .map(|n| Delays {
                scheduling: Duration::from_millis(n / 20),
                processing: Duration::from_micros(n * 1_500),
            })
            .collect();
        let expected = "\
Delays of 20 batches up to 5000 ms, 7 records, in milliseconds:
                          min       5%      25%      50%      75%      95%      max
scheduling delay          0.0      0.0      0.0      0.0      0.0      1.0      1.0
processing time           1.5      3.0      9.0     16.5     24.0     30.0     30.0
total delay               1.5      3.0      9.0     16.5     24.0     31.0     31.0
";
        assert_eq!(report(&batches, 7, Time::from_millis(5_000)), expected);
    }

    #[test]
    fn a_report_comes_every_so_many_batches() {
        let (clock, buffer) = (ManualClock::default(), Buffer::default());
        let ssc = StreamingContext::builder("stats")
            .batch_duration(secs(1))
            .threads(1)
            .clock(clock.clone())
            .listener(Arc::new(StatsReportListener::to_writer(2, buffer.clone())))
            .build()
            .unwrap();
        let input = [vec![1, 2], vec![3], vec![4], vec![5], vec![6]];
        TestKit::default()
            .input(&ssc, &input)
            .unwrap()
            .foreach_rdd(|_| ());
        let mut stepper = Stepper::start(&ssc, &clock).unwrap();
        for _ in 0..5 {
            stepper.step().unwrap();
        }
        let text = String::from_utf8(buffer.0.lock().unwrap().clone()).unwrap();
        let heads: Vec<_> = text
            .lines()
            .filter(|line| line.starts_with("Delays"))
            .collect();
        assert_eq!(
            heads,
            [
                "Delays of 2 batches up to 2000 ms, 3 records, in milliseconds:",
                "Delays of 2 batches up to 4000 ms, 2 records, in milliseconds:"
            ]
        );
    }
}
