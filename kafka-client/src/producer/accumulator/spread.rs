//! How records without a key are spread over partitions: what is known of their leaders, and of brokers that fall silent.

use super::*;
use crate::producer::partitioner::Candidate;

/// Who leads a partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::producer) struct PartitionLeader {
    pub(in crate::producer) broker: Option<i32>,
    /// Whether it stands in the producer's rack.
    pub(in crate::producer) is_near: bool,
}

/// Brokers that have something of ours, or should have, and since when they say nothing.
#[derive(Debug, Default)]
pub(super) struct Silence {
    since: HashMap<i32, Instant>,
}

impl Silence {
    /// After something went out to a broker.
    pub(super) fn sent(&mut self, broker: i32, now: Instant) {
        self.since.entry(broker).or_insert(now);
    }

    /// After a broker has answered; `waits` says whether it has more to answer.
    pub(super) fn answered(&mut self, broker: i32, waits: bool, now: Instant) {
        if waits {
            self.since.insert(broker, now);
        } else {
            self.since.remove(&broker);
        }
    }

    /// Forgets brokers from which nothing is wanted any more.
    pub(super) fn keep(&mut self, is_wanted: impl Fn(i32) -> bool) {
        self.since.retain(|broker, _| is_wanted(*broker));
    }

    pub(super) fn lasts(&self, broker: i32, limit: Duration, now: Instant) -> bool {
        let since = self.since.get(&broker);
        since.is_some_and(|since| now.saturating_duration_since(*since) > limit)
    }
}

impl Topic {
    /// Looks at how the partitions are doing, for the next choice of one.
    pub(super) fn weigh(&mut self, config: &ProducerConfig, silence: &Silence, now: Instant) {
        let limit = config.partitioner_availability_timeout;
        let looks_for_silence = config.looks_for_silence();
        let (queues, leaders) = (&self.queues, &self.leaders);
        let count = self.partitions.get() as usize;
        let candidates = queues[..count]
            .iter()
            .enumerate()
            .filter_map(|(at, queue)| {
                let leader = leaders.get(at);
                let is_available = leader.is_none_or(|leader| {
                    leader.broker.is_some_and(|broker| {
                        !looks_for_silence || !silence.lasts(broker, limit, now)
                    })
                });
                is_available.then(|| Candidate {
                    partition: at as u32,
                    queued: queue.waiting(),
                    is_near: leader.is_some_and(|leader| leader.is_near),
                })
            });
        self.sticky.weigh(
            candidates,
            config.partitioner_rack_aware,
            config.partitioner_adaptive,
        );
    }
}

impl Accumulator {
    /// Says who leads each partition of a topic, in the order of their numbers.
    pub(in crate::producer) fn set_leaders(
        &mut self,
        topic: &str,
        leaders: impl IntoIterator<Item = PartitionLeader>,
        now: Instant,
    ) {
        if let Some(topic) = self.topics.get_mut(topic) {
            topic.leaders.clear();
            topic.leaders.extend(leaders);
            // The first choice, too, is made by them.
            topic.weigh(&self.config, &self.silence, now);
        }
    }

    /// Weighs the partitions of all topics where it matters.
    pub(super) fn weigh(&mut self, now: Instant) {
        if self.config.looks_for_silence() {
            let topics = self.topics.values();
            let waiting: BTreeSet<i32> = topics
                .flat_map(|topic| topic.queues.iter().zip(&topic.leaders))
                .filter(|(queue, _)| queue.waiting() > 0)
                .filter_map(|(_, leader)| leader.broker)
                .collect();
            let traffic = &self.traffic;
            self.silence
                .keep(|broker| waiting.contains(&broker) || traffic.contains_key(&broker));
        }
        let topics = self.topics.values_mut();
        for topic in topics.filter(|topic| topic.sticky.is_used()) {
            topic.weigh(&self.config, &self.silence, now);
        }
    }
}
