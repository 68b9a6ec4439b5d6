//! Where partitions begin.

use std::collections::{BTreeMap, HashMap, HashSet};

use kafka_client::TopicPartition;
use kafka_client::consumer::{Consumer, Isolation};

use super::error::KafkaSourceError;
use super::settings::{KafkaSource, OutOfRange, StartingOffsets, Topics};
use crate::listener::{LossReason, OffsetsLost};

/// Where a partition begins.
#[derive(Debug)]
pub(super) struct Beginning {
    pub(super) partition: TopicPartition,
    pub(super) offset: i64,
    /// Whether the group has an offset for it.
    pub(super) is_committed: bool,
    /// What was to be read and is gone.
    pub(super) lost: Option<OffsetsLost>,
}

/// Since when partitions are there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Found {
    AtTheStart,
    WhileRunning,
}

/// Looks up where these partitions begin: where the group has committed, or where the settings say.
pub(super) async fn beginnings(
    consumer: &Consumer,
    settings: &KafkaSource,
    partitions: &[TopicPartition],
    found: Found,
) -> Result<Vec<Beginning>, KafkaSourceError> {
    let committed = match &settings.group_id {
        Some(_) => consumer.committed(partitions).await?,
        None => HashMap::new(),
    };
    let offset_of = |partition: &TopicPartition| {
        let committed = committed.get(partition)?.as_ref()?;
        Some(committed.offset)
    };
    let is_committed = |partition: &TopicPartition| offset_of(partition).is_some();
    let known: HashSet<&str> = partitions
        .iter()
        .filter(|partition| is_committed(partition))
        .map(|partition| &*partition.topic)
        .collect();
    // Those that are new to a group that has been here before: what they have was written since.
    let is_new = |partition: &TopicPartition| match &settings.topics {
        _ if found == Found::WhileRunning => true,
        Topics::Named(_) => known.contains(&*partition.topic),
        Topics::Matching(_) => !known.is_empty(),
        Topics::Partitions(_) => false,
    };
    let starts = consumer.beginning_offsets(partitions).await?;
    let ends = consumer.end_offsets(partitions).await?;
    let log = |partition: &TopicPartition| {
        let start = starts.get(partition).copied().unwrap_or(0);
        (start, ends.get(partition).copied().unwrap_or(start))
    };
    let without: Vec<TopicPartition> = partitions
        .iter()
        .filter(|partition| !is_committed(partition) && !is_new(partition))
        .cloned()
        .collect();
    let chosen = match found {
        Found::AtTheStart => choose(consumer, settings, &without, partitions, &log).await?,
        Found::WhileRunning => BTreeMap::new(),
    };
    // Behind the last stable offset there may be records that are not to be read yet.
    let may_be_beyond = settings.config()?.isolation_level == Isolation::ReadCommitted;
    let mut beginnings = Vec::with_capacity(partitions.len());
    for partition in partitions {
        let (start, end) = log(partition);
        let wanted = offset_of(partition).or(chosen.get(partition).copied());
        let wanted = wanted.unwrap_or(start);
        let mut beginning = Beginning {
            partition: partition.clone(),
            offset: wanted,
            is_committed: is_committed(partition),
            lost: None,
        };
        if wanted < start || (wanted > end && !may_be_beyond) {
            let lost = lost(settings.out_of_range, partition, wanted, (start, end))?;
            beginning.offset = lost.resumed_at;
            beginning.lost = Some(lost);
        }
        beginnings.push(beginning);
    }
    Ok(beginnings)
}

/// Where the settings say that partitions begin for which nothing is committed.
async fn choose(
    consumer: &Consumer,
    settings: &KafkaSource,
    without: &[TopicPartition],
    all: &[TopicPartition],
    log: &impl Fn(&TopicPartition) -> (i64, i64),
) -> Result<BTreeMap<TopicPartition, i64>, KafkaSourceError> {
    let mut chosen = BTreeMap::new();
    let mut left = without.to_vec();
    let mut starting = &settings.starting_offsets;
    while let StartingOffsets::Explicit { offsets, otherwise } = starting {
        check_explicit(offsets, all)?;
        left.retain(|partition| match offsets.get(partition) {
            Some(offset) => chosen.insert(partition.clone(), *offset).is_some(),
            None => true,
        });
        starting = otherwise;
    }
    match starting {
        StartingOffsets::Earliest => chosen.extend(left.into_iter().map(|each| {
            let (start, _) = log(&each);
            (each, start)
        })),
        StartingOffsets::Timestamp(time) => {
            let time = i64::try_from(time.as_millis()).unwrap_or(i64::MAX);
            let asked = left.iter().map(|each| (each.clone(), time));
            let found = consumer.offsets_for_times(asked).await?;
            chosen.extend(left.into_iter().map(|each| {
                let offset = found.get(&each).copied().flatten();
                let (_, end) = log(&each);
                (each, offset.unwrap_or(end))
            }));
        }
        StartingOffsets::Committed if !left.is_empty() => {
            return Err(KafkaSourceError::NothingCommitted {
                group: settings.group_id.clone().unwrap_or_default(),
                partitions: left,
            });
        }
        _ => chosen.extend(left.into_iter().map(|each| {
            let (_, end) = log(&each);
            (each, end)
        })),
    }
    Ok(chosen)
}

fn check_explicit(
    offsets: &BTreeMap<TopicPartition, i64>,
    all: &[TopicPartition],
) -> Result<(), KafkaSourceError> {
    let setting = |problem| KafkaSourceError::Setting {
        setting: "starting_offsets",
        problem,
    };
    for (partition, offset) in offsets {
        if !all.contains(partition) {
            let problem = format!(
                "an offset for {partition}, which the source does not read: correct the partition, or read it, too"
            );
            return Err(setting(problem));
        }
        if *offset < 0 {
            let problem = format!("offset {offset} for {partition}: offsets begin at 0");
            return Err(setting(problem));
        }
    }
    Ok(())
}

/// What to do about an offset that is not in the log.
///
/// # Errors
/// When the policy is to fail.
pub(super) fn lost(
    policy: OutOfRange,
    partition: &TopicPartition,
    wanted: i64,
    (log_start, log_end): (i64, i64),
) -> Result<OffsetsLost, KafkaSourceError> {
    let resumed_at = match policy {
        OutOfRange::Fail => {
            return Err(KafkaSourceError::OffsetOutOfRange {
                partition: partition.clone(),
                wanted,
                log_start,
                log_end,
            });
        }
        OutOfRange::Earliest => log_start,
        OutOfRange::Latest => log_end,
    };
    Ok(OffsetsLost {
        partition: partition.clone(),
        reason: LossReason::OutOfRange,
        wanted,
        log_start,
        log_end,
        resumed_at,
    })
}

#[cfg(all(test, feature = "embedded-broker"))]
mod tests {
    use super::*;
    use crate::testkit::EmbeddedKafka;

    #[tokio::test]
    async fn explicit_offsets_are_of_the_start_and_not_of_partitions_found_later() {
        let kafka = EmbeddedKafka::start().unwrap();
        kafka.create_topic("in", 2).unwrap();
        let old = TopicPartition::new("in", 0);
        let settings = KafkaSource::subscribe(["in"])
            .bootstrap_servers(kafka.bootstrap_servers())
            .starting_offsets(StartingOffsets::explicit(
                [(old, 0)],
                StartingOffsets::Latest,
            ));
        let consumer = settings.consumer().unwrap().build().await.unwrap();
        let new = [TopicPartition::new("in", 1)];
        let found = beginnings(&consumer, &settings, &new, Found::WhileRunning).await;
        let found: Vec<_> = found.unwrap().iter().map(|each| each.offset).collect();
        assert_eq!(found, [0]);
        let error = beginnings(&consumer, &settings, &new, Found::AtTheStart).await;
        let error = error.unwrap_err().to_string();
        assert!(error.contains("which the source does not read"), "{error}");
    }
}
