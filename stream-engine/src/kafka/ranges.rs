//! Ranges of offsets for batch jobs: finding them, and finding out what is wrong with them.

use std::collections::{BTreeSet, HashMap};

use kafka_client::TopicPartition;
use kafka_client::consumer::Consumer;

use super::error::KafkaSourceError;
use super::io::Io;
use super::offsets::OffsetRange;
use super::settings::KafkaSource;
use super::topics::{Wanted, is_missing};
use crate::{EngineError, Operator, Time};

impl KafkaSource {
    /// All that is in the source's partitions now, one range each, in the order of their names; for
    /// [`kafka_rdd`](crate::RddContext::kafka_rdd). With `isolation.level=read_committed` a range ends where transactions are
    /// still open. Blocks until brokers have answered.
    ///
    /// # Errors
    /// [`EngineError::Failed`] with a [`KafkaSourceError`]: a setting, a topic or a partition that cannot be right, or brokers
    /// that do not answer.
    ///
    /// ```no_run
    /// use stream_engine::RddContext;
    /// use stream_engine::kafka::KafkaSource;
    ///
    /// let source = KafkaSource::subscribe(["orders"]).bootstrap_servers("localhost:9092");
    /// let orders = RddContext::new(0)?.kafka_rdd(&source, source.offset_ranges()?)?;
    /// println!("{} orders", orders.count()?);
    /// # Ok::<_, stream_engine::EngineError>(())
    /// ```
    #[track_caller]
    pub fn offset_ranges(&self) -> Result<Vec<OffsetRange>, EngineError> {
        let operator = Operator::here("offset_ranges");
        self.find(None)
            .map_err(|error| EngineError::failed(operator, error.into()))
    }

    /// The same for what was written in `[from, until)`, by the records' timestamps: each range goes from the first record
    /// with timestamp `from` or later to the first with timestamp `until` or later. Where timestamps do not rise with the
    /// offsets, records in it may have others.
    ///
    /// # Errors
    /// As [`offset_ranges`](Self::offset_ranges); and if `until` is before `from`.
    #[track_caller]
    pub fn offset_ranges_between(
        &self,
        from: Time,
        until: Time,
    ) -> Result<Vec<OffsetRange>, EngineError> {
        let operator = Operator::here("offset_ranges_between");
        self.find(Some((from, until)))
            .map_err(|error| EngineError::failed(operator, error.into()))
    }

    fn find(&self, times: Option<(Time, Time)>) -> Result<Vec<OffsetRange>, KafkaSourceError> {
        self.check()?;
        if let Some((from, until)) = times
            && from > until
        {
            return Err(KafkaSourceError::Setting {
                setting: "offset_ranges_between",
                problem: format!("from {from} is after until {until}: swap them"),
            });
        }
        let wanted = Wanted::new(&self.topics)?;
        let builder = self.consumer()?;
        let find = async move {
            let consumer = builder.build().await?;
            let partitions = wanted.at_the_start(&consumer).await?;
            let partitions: Vec<_> = partitions.into_iter().collect();
            let starts = consumer.beginning_offsets(&partitions).await?;
            let ends = consumer.end_offsets(&partitions).await?;
            let (mut from, mut until) = (HashMap::new(), HashMap::new());
            if let Some((first, last)) = times {
                from = offsets_at(&consumer, &partitions, first).await?;
                until = offsets_at(&consumer, &partitions, last).await?;
            }
            let range = |partition: TopicPartition| {
                let start = starts.get(&partition).copied().unwrap_or(0);
                let end = ends.get(&partition).copied().unwrap_or(start).max(start);
                // No record that is so young: the end.
                let at = |found: &HashMap<_, Option<i64>>, otherwise: i64| {
                    let found = found.get(&partition).copied();
                    found
                        .map_or(otherwise, |found| found.unwrap_or(end))
                        .clamp(start, end)
                };
                let from = at(&from, start);
                OffsetRange {
                    until: at(&until, end).max(from),
                    from,
                    partition,
                }
            };
            Ok(partitions.into_iter().map(range).collect())
        };
        run(find)
    }
}

async fn offsets_at(
    consumer: &Consumer,
    partitions: &[TopicPartition],
    time: Time,
) -> Result<HashMap<TopicPartition, Option<i64>>, KafkaSourceError> {
    let time = i64::try_from(time.as_millis()).unwrap_or(i64::MAX);
    let asked = partitions.iter().map(|each| (each.clone(), time));
    Ok(consumer.offsets_for_times(asked).await?)
}

/// Runs what needs a connection for a moment.
fn run<T: Send + 'static>(
    future: impl Future<Output = Result<T, KafkaSourceError>> + Send + 'static,
) -> Result<T, KafkaSourceError> {
    let ended = |_| KafkaSourceError::Commit {
        problem: "the Kafka I/O thread has ended",
    };
    Io::start().map_err(ended)?.run(future).map_err(ended)?
}

/// Finds out whether ranges can be read.
///
/// # Errors
/// The first range that cannot.
pub(super) async fn check(
    consumer: &Consumer,
    ranges: &[OffsetRange],
) -> Result<(), KafkaSourceError> {
    for range in ranges {
        if range.from < 0 || range.from > range.until {
            let problem = "it begins before 0 or ends before it begins: give the first offset, and the one after the last";
            return Err(of(range, problem.to_owned()));
        }
    }
    let mut counts = HashMap::new();
    let topics: BTreeSet<&str> = ranges.iter().map(|range| &*range.partition.topic).collect();
    for topic in topics {
        match consumer.partitions_for(topic).await {
            Ok(partitions) => {
                counts.insert(topic, partitions.len());
            }
            Err(error) if is_missing(&error) => {}
            Err(error) => return Err(error.into()),
        }
    }
    for range in ranges {
        let TopicPartition { topic, partition } = &range.partition;
        let problem = match counts.get(&**topic) {
            None => format!("topic \"{topic}\" does not exist: create it, or correct its name"),
            Some(count) if *partition < 0 || *partition as usize >= *count => {
                format!("topic \"{topic}\" has no partition {partition} (it has {count})")
            }
            Some(_) => continue,
        };
        return Err(of(range, problem));
    }
    let partitions: BTreeSet<_> = ranges.iter().map(|range| range.partition.clone()).collect();
    let partitions: Vec<_> = partitions.into_iter().collect();
    let starts = consumer.beginning_offsets(&partitions).await?;
    let ends = consumer.end_offsets(&partitions).await?;
    for range in ranges.iter().filter(|range| range.count() > 0) {
        let start = starts.get(&range.partition).copied().unwrap_or(0);
        let end = ends.get(&range.partition).copied().unwrap_or(start);
        check_within(range, start, end)?;
    }
    Ok(())
}

/// Whether the log from `start` to `end` has all of the range.
pub(super) fn check_within(
    range: &OffsetRange,
    start: i64,
    end: i64,
) -> Result<(), KafkaSourceError> {
    let problem = if range.from < start {
        let lost = start.min(range.until) - range.from;
        format!("{lost} of its offsets are gone, the log has {start}..{end}: begin at {start}")
    } else if range.until > end {
        format!(
            "it ends beyond the end, the log has {start}..{end}: end at {end}, or wait until it is written"
        )
    } else {
        return Ok(());
    };
    Err(of(range, problem))
}

pub(super) fn of(range: &OffsetRange, problem: String) -> KafkaSourceError {
    KafkaSourceError::Range {
        range: range.clone(),
        problem,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_that_the_log_does_not_have_is_named() {
        let range = OffsetRange {
            partition: TopicPartition::new("t", 1),
            from: 10,
            until: 20,
        };
        let error =
            |start, end| check_within(&range, start, end).map_err(|error| error.to_string());
        assert_eq!(error(10, 20), Ok(()));
        assert_eq!(error(0, 30), Ok(()));
        let gone = "range t-1: 10..20: 3 of its offsets are gone, the log has 13..30: begin at 13";
        assert_eq!(error(13, 30), Err(gone.to_owned()));
        let all = error(50, 60).unwrap_err();
        assert!(all.contains("10 of its offsets are gone"), "{all}");
        let beyond = "range t-1: 10..20: it ends beyond the end, the log has 0..19: end at 19, or wait until it is written";
        assert_eq!(error(0, 19), Err(beyond.to_owned()));
    }
}
