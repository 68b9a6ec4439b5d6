//! The task that reads ahead, looks for new partitions, and finds out what has gone wrong.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use kafka_client::consumer::{Consumer, ConsumerRecords};
use kafka_client::{Error, TopicPartition};
use tokio::sync::Notify;
use tokio::time::Instant;

use super::commit::Committer;
use super::error::KafkaSourceError;
use super::prefetch::Prefetched;
use super::settings::{KafkaSource, OutOfRange};
use super::starting::{Beginning, Found, beginnings, lost};
use super::topics::{Wanted, is_missing};
use crate::listener::{LossReason, OffsetsLost, PartitionsChanged};
use crate::{SourceContext, Wakeup};

/// What the reading task and the scheduler share.
#[derive(Debug, Default)]
pub(super) struct Ahead {
    prefetched: Mutex<Prefetched>,
    events: Mutex<Vec<Event>>,
    /// Something was taken, so that there is room again.
    pub(super) room: Notify,
}

/// What listeners are to be told, which is done on the scheduler's thread.
#[derive(Debug)]
pub(super) enum Event {
    Lost(OffsetsLost),
    Changed(PartitionsChanged),
}

impl Event {
    pub(super) fn tell(&self, context: &SourceContext) {
        match self {
            Self::Lost(lost) => context.tell(|listener| listener.on_offsets_lost(lost)),
            Self::Changed(changed) => {
                context.tell(|listener| listener.on_partitions_changed(changed));
            }
        }
    }
}

impl Ahead {
    pub(super) fn prefetched(&self) -> MutexGuard<'_, Prefetched> {
        self.prefetched
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn push_event(&self, event: Event) {
        self.events().push(event);
    }

    pub(super) fn take_events(&self) -> Vec<Event> {
        std::mem::take(&mut *self.events())
    }

    fn events(&self) -> MutexGuard<'_, Vec<Event>> {
        self.events.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How long one wait for records lasts; nothing hangs on it but how often the task looks up.
const POLL: Duration = Duration::from_secs(1);
/// For how long a topic must not be there until it counts as deleted: brokers do not all learn of a new one at once.
const GONE_AFTER: Duration = Duration::from_secs(2);
/// How often it is looked for meanwhile.
const LOOK_AGAIN: Duration = Duration::from_millis(500);

/// Reads on while there is room, until something is wrong.
pub(super) struct Reader {
    pub(super) consumer: Arc<Consumer>,
    pub(super) committer: Arc<Committer>,
    pub(super) ahead: Arc<Ahead>,
    pub(super) wakeup: Wakeup,
    pub(super) settings: KafkaSource,
    pub(super) wanted: Wanted,
    pub(super) partitions: BTreeSet<TopicPartition>,
    /// Topics that were not there when looked for, and since when.
    pub(super) missing: HashMap<Arc<str>, Instant>,
}

impl Reader {
    pub(super) async fn run(mut self) {
        // What there is was just looked at.
        let mut look_at = Instant::now() + self.settings.discovery_interval;
        loop {
            let (polled, looked) = tokio::select! {
                () = tokio::time::sleep_until(look_at) => (None, self.look().await),
                polled = self.poll() => (Some(polled), Ok(())),
            };
            let result = match polled {
                None => looked,
                Some(Ok(records)) => {
                    self.received(records).await;
                    Ok(())
                }
                Some(Err(error)) => self.failed(error).await,
            };
            let next = match self.missing.is_empty() {
                true => self.settings.discovery_interval,
                false => LOOK_AGAIN,
            };
            let now = Instant::now();
            if now >= look_at || look_at > now + next {
                look_at = now + next;
            }
            if let Err(error) = result {
                let mut prefetched = self.ahead.prefetched();
                match error {
                    KafkaSourceError::TopicDeleted { .. } => prefetched.fail_at_once(error),
                    error => prefetched.fail(error),
                }
                drop(prefetched);
                return self.wakeup.notify();
            }
        }
    }

    /// The next records, once there is room. Cancel-safe.
    async fn poll(&self) -> Result<ConsumerRecords, Error> {
        let most = self.settings.rates.batch_bytes;
        while self.ahead.prefetched().bytes() >= most {
            self.ahead.room.notified().await;
        }
        self.consumer.poll(POLL).await
    }

    async fn received(&self, records: ConsumerRecords) {
        let positions = positions(&self.consumer, &records).await;
        let mut prefetched = self.ahead.prefetched();
        let was_idle = prefetched.is_idle();
        records.into_iter().for_each(|batch| prefetched.push(batch));
        for (partition, position, lag) in positions {
            prefetched.reached(&partition, position, lag);
        }
        if was_idle && !prefetched.is_idle() {
            self.wakeup.notify();
        }
    }

    /// Goes on if the error allows it.
    async fn failed(&mut self, error: Error) -> Result<(), KafkaSourceError> {
        let policy = self.settings.out_of_range;
        match error {
            Error::OffsetOutOfRange {
                partition,
                offset,
                log_start,
                log_end,
            } => self.go_on(lost(policy, &partition, offset, (log_start, log_end))?),
            Error::LogTruncation {
                ref partition,
                offset,
                diverging_offset,
            } if policy != OutOfRange::Fail => self.go_on(OffsetsLost {
                partition: partition.clone(),
                reason: LossReason::Truncated,
                wanted: offset,
                log_start: diverging_offset,
                log_end: diverging_offset,
                resumed_at: diverging_offset,
            }),
            Error::TopicRecreated { partition, offset } => self.recreated(partition, offset).await,
            error if is_missing(&error) => self.look().await,
            error if error.is_retriable() => {
                tracing::warn!(%error, "reading from Kafka");
                Ok(())
            }
            error => Err(error.into()),
        }
    }

    fn go_on(&self, lost: OffsetsLost) -> Result<(), KafkaSourceError> {
        tracing::warn!(
            partition = %lost.partition, reason = ?lost.reason, wanted = lost.wanted,
            resumed_at = lost.resumed_at, "records are gone that were to be read"
        );
        self.consumer.seek(&lost.partition, lost.resumed_at)?;
        self.ahead
            .prefetched()
            .jump(&lost.partition, lost.resumed_at);
        self.tell(Event::Lost(lost));
        Ok(())
    }

    async fn recreated(
        &self,
        partition: TopicPartition,
        wanted: i64,
    ) -> Result<(), KafkaSourceError> {
        let policy = self.settings.out_of_range;
        if policy == OutOfRange::Fail && !self.wanted.is_open() {
            return Err(KafkaSourceError::TopicRecreated { partition, wanted });
        }
        let both = [partition];
        let start = self.consumer.beginning_offsets(&both).await?;
        let end = self.consumer.end_offsets(&both).await?;
        let [partition] = both;
        let log_start = start.get(&partition).copied().unwrap_or(0);
        let log_end = end.get(&partition).copied().unwrap_or(log_start);
        self.go_on(OffsetsLost {
            partition,
            reason: LossReason::Recreated,
            wanted,
            log_start,
            log_end,
            resumed_at: match policy {
                OutOfRange::Latest => log_end,
                _ => log_start,
            },
        })
    }

    fn tell(&self, event: Event) {
        self.ahead.push_event(event);
        self.wakeup.notify();
    }

    /// Looks what topics and partitions there are now.
    async fn look(&mut self) -> Result<(), KafkaSourceError> {
        match self.look_once().await {
            Err(KafkaSourceError::Client(error)) if error.is_retriable() => {
                tracing::warn!(%error, "looking for new partitions");
                Ok(())
            }
            result => result,
        }
    }

    async fn look_once(&mut self) -> Result<(), KafkaSourceError> {
        let now = self.wanted.now(&self.consumer).await?;
        let known: BTreeSet<Arc<str>> = self
            .partitions
            .iter()
            .map(|each| each.topic.clone())
            .collect();
        let mut gone = BTreeSet::new();
        for topic in known.difference(&now.topics) {
            let since = *self
                .missing
                .entry(topic.clone())
                .or_insert_with(Instant::now);
            if since.elapsed() >= GONE_AFTER {
                gone.insert(topic.clone());
            }
        }
        self.missing
            .retain(|topic, _| !now.topics.contains(topic) && !gone.contains(topic));
        if let Some(topic) = gone.first()
            && !self.wanted.is_open()
        {
            let topic = topic.to_string();
            return Err(KafkaSourceError::TopicDeleted { topic });
        }
        let added: Vec<_> = now
            .partitions
            .difference(&self.partitions)
            .cloned()
            .collect();
        let removed: Vec<_> = self
            .partitions
            .iter()
            .filter(|each| gone.contains(&each.topic))
            .cloned()
            .collect();
        if added.is_empty() && removed.is_empty() {
            return Ok(());
        }
        let found = Found::WhileRunning;
        let begin = beginnings(&self.consumer, &self.settings, &added, found).await?;
        self.change(begin, removed)
    }

    fn change(
        &mut self,
        added: Vec<Beginning>,
        removed: Vec<TopicPartition>,
    ) -> Result<(), KafkaSourceError> {
        for partition in &removed {
            self.partitions.remove(partition);
        }
        let begun = added.iter().map(|each| each.partition.clone());
        self.partitions.extend(begun);
        self.consumer.assign(self.partitions.iter().cloned())?;
        let mut changed = PartitionsChanged {
            removed,
            ..PartitionsChanged::default()
        };
        for beginning in added {
            let Beginning {
                partition, offset, ..
            } = beginning;
            self.consumer.seek(&partition, offset)?;
            if !beginning.is_committed {
                self.committer.begins(partition.clone(), offset);
            }
            changed.added.push((partition, offset));
            beginning
                .lost
                .into_iter()
                .for_each(|lost| self.tell(Event::Lost(lost)));
        }
        tracing::info!(added = ?changed.added, removed = ?changed.removed, "other partitions are read");
        self.committer.forget(&changed.removed);
        let mut prefetched = self.ahead.prefetched();
        prefetched.remove(&changed.removed);
        prefetched.add(changed.added.iter().cloned());
        drop(prefetched);
        self.tell(Event::Changed(changed));
        Ok(())
    }
}

/// How far the partitions of these records have been read, and how much there is behind that; of all partitions if there
/// are none.
async fn positions(
    consumer: &Consumer,
    records: &ConsumerRecords,
) -> Vec<(TopicPartition, i64, Option<i64>)> {
    let mut partitions: Vec<TopicPartition> = match records.is_empty() {
        true => consumer.assignment(),
        false => {
            let batches = records.batches().iter();
            batches.map(|batch| batch.partition().clone()).collect()
        }
    };
    partitions.dedup();
    let mut positions = Vec::with_capacity(partitions.len());
    for partition in partitions {
        // What has to be looked up is not waited for.
        let position = tokio::time::timeout(Duration::ZERO, consumer.position(&partition)).await;
        if let Ok(Ok(position)) = position {
            let lag = consumer.lag(&partition).ok().flatten();
            positions.push((partition, position, lag));
        }
    }
    positions
}

#[cfg(all(test, feature = "embedded-broker"))]
mod tests {
    use std::time::Duration;

    use crate::StreamingContext;
    use crate::kafka::{KafkaSource, StartingOffsets};
    use crate::testkit::EmbeddedKafka;

    #[test]
    fn a_discovery_interval_without_end_does_not_keep_from_reading() {
        let kafka = EmbeddedKafka::start().unwrap();
        kafka.create_topic("in", 1).unwrap();
        kafka.write("in", [((), "x")]).unwrap();
        let ssc = StreamingContext::builder("test")
            .batch_duration(Duration::from_millis(10))
            .threads(1)
            .build()
            .unwrap();
        let source = KafkaSource::subscribe(["in"])
            .bootstrap_servers(kafka.bootstrap_servers())
            .group_id("test")
            .starting_offsets(StartingOffsets::Earliest)
            .discovery_interval(Duration::MAX);
        let stream = ssc.kafka_direct_stream(source).unwrap();
        stream.foreach_rdd(|rdd| rdd.count().map(drop));
        kafka.run_until_consumed(&ssc, "test", &["in"]).unwrap();
    }
}
