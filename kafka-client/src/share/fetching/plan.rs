//! What to send next.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use kafka_proto::error_code::ErrorCode;
use kafka_proto::messages::share_acknowledge as acknowledge;
use kafka_proto::messages::share_fetch as fetch;
use kafka_proto::messages::{ShareAcknowledgeRequest, ShareFetchRequest};

use super::{Broker, Fetching};
use crate::cluster::Metadata;
use crate::consumer::{Leadership, leadership};
use crate::error::Error;
use crate::share::parcel::{self, Ack, Key, Parcel};
use crate::share::session::FINAL_EPOCH;
use crate::types::TopicPartition;

/// What to do next.
#[derive(Debug)]
pub(in crate::share) enum Task {
    /// Look at the cluster.
    Refresh,
    Fetch(FetchTask),
    Acknowledge(AcknowledgeTask),
}

/// Records to be acquired from a broker, and acknowledgements that go along.
#[derive(Debug)]
pub(in crate::share) struct FetchTask {
    pub(in crate::share) broker: i32,
    pub(in crate::share) request: ShareFetchRequest,
    pub(in crate::share) parcels: Vec<Parcel>,
    /// The partitions that may be in the answer.
    pub(in crate::share) partitions: BTreeMap<Key, TopicPartition>,
}

/// Acknowledgements for a broker.
#[derive(Debug)]
pub(in crate::share) struct AcknowledgeTask {
    pub(in crate::share) broker: i32,
    pub(in crate::share) request: ShareAcknowledgeRequest,
    pub(in crate::share) parcels: Vec<Parcel>,
}

/// What a broker is to be asked.
enum Next {
    Nothing,
    Fetch,
    Acknowledge,
    /// What is left, and that it is all.
    End,
}

impl Fetching {
    /// What to send now.
    pub(in crate::share) fn plan(&mut self, metadata: &Metadata, now: Instant) -> Vec<Task> {
        self.expire(now);
        let wanted = self.wanted(metadata);
        let mut tasks = Vec::new();
        let mut brokers: BTreeSet<i32> = wanted.keys().copied().collect();
        brokers.extend(self.brokers.keys());
        let none = BTreeSet::new();
        for id in brokers {
            let wanted = wanted.get(&id).unwrap_or(&none);
            match self.next_of(id, wanted, now) {
                Next::Nothing => {}
                Next::Fetch => tasks.push(Task::Fetch(self.fetch(id, wanted))),
                Next::Acknowledge => {
                    tasks.push(Task::Acknowledge(self.acknowledge_to(id, false)));
                }
                Next::End => tasks.push(Task::Acknowledge(self.acknowledge_to(id, true))),
            }
        }
        let is_fetching =
            !wanted.is_empty() && self.brokers.values().any(|broker| broker.in_flight);
        self.asked &= !is_fetching;
        if self.refresh_due().is_some_and(|due| due <= now) {
            self.refreshing = true;
            tasks.push(Task::Refresh);
        }
        tasks
    }

    /// Which assigned partitions each broker leads.
    fn wanted(&mut self, metadata: &Metadata) -> BTreeMap<i32, BTreeSet<Key>> {
        let mut wanted: BTreeMap<i32, BTreeSet<Key>> = BTreeMap::new();
        for (key, partition) in &self.assigned {
            match leadership(metadata, partition) {
                Leadership::Leader {
                    broker, topic_id, ..
                } if topic_id == key.0 => {
                    wanted.entry(broker).or_default().insert(*key);
                }
                _ => self.outdated = true,
            }
        }
        if !self.outdated {
            self.refresh_backoff.reset();
            self.refresh_not_before = None;
        }
        wanted
    }

    fn wants_records(&self) -> bool {
        (self.polling > 0 || self.asked) && self.ready.is_empty() && !self.closing
    }

    fn next_of(&mut self, id: i32, wanted: &BTreeSet<Key>, now: Instant) -> Next {
        let wants_records = self.wants_records();
        let closing = self.closing;
        let is_held =
            self.ledger.has_of(id) || self.ready.iter().any(|ready| ready.source.broker == id);
        let broker = self.broker(id);
        if broker.in_flight {
            return Next::Nothing;
        }
        if broker.session.is_new() && !broker.queue.is_empty() {
            // The first request of a session cannot acknowledge, and what was acquired in another one is given up with it.
            let lost = std::mem::take(&mut broker.queue);
            self.settle(lost, |parcel| {
                Some(refused(parcel, ErrorCode::ShareSessionNotFound))
            });
        }
        let broker = self.broker(id);
        let queue = &broker.queue;
        let is_late = broker.not_before.is_some_and(|not_before| not_before > now);
        if closing {
            return match broker.session.is_new() {
                true => Next::Nothing,
                false => Next::End,
            };
        }
        if is_late {
            return Next::Nothing;
        }
        let fetches = wants_records && !wanted.is_empty();
        let cannot_go_along =
            |parcel: &Parcel| parcel.renews() || !wanted.contains(&parcel.source.key());
        if queue.iter().any(cannot_go_along) || !fetches && !queue.iter().all(Parcel::may_wait) {
            Next::Acknowledge
        } else if fetches {
            Next::Fetch
        } else if wanted.is_empty() && !is_held && !broker.session.is_new() {
            Next::End
        } else {
            Next::Nothing
        }
    }

    fn fetch(&mut self, id: i32, wanted: &BTreeSet<Key>) -> FetchTask {
        let config = self.config.clone();
        let (group_id, member_id) = (self.group_id.clone(), self.member_id.clone());
        let assigned = wanted.iter().filter_map(|key| {
            let partition = self.assigned.get(key)?;
            Some((*key, partition.clone()))
        });
        let partitions = assigned.collect();
        let broker = self.broker(id);
        broker.in_flight = true;
        let parcels = parcel::pack(&mut broker.queue);
        let mut acks = parcel::merged(&parcels);
        let session = broker.session.fetch(wanted);
        for key in session.added {
            acks.entry(key).or_default();
        }
        let mut topics: Vec<fetch::FetchTopic> = Vec::new();
        for ((topic_id, number), acks) in acks {
            let partition = fetch::FetchPartition {
                partition_index: number,
                acknowledgement_batches: acks.iter().map(fetch_batch).collect(),
                ..Default::default()
            };
            match topics.last_mut() {
                Some(topic) if topic.topic_id == topic_id => topic.partitions.push(partition),
                _ => topics.push(fetch::FetchTopic {
                    topic_id,
                    partitions: vec![partition],
                    ..Default::default()
                }),
            }
        }
        let mut forgotten: Vec<fetch::ForgottenTopic> = Vec::new();
        for (topic_id, number) in session.forgotten {
            match forgotten.last_mut() {
                Some(topic) if topic.topic_id == topic_id => topic.partitions.push(number),
                _ => forgotten.push(fetch::ForgottenTopic {
                    topic_id,
                    partitions: vec![number],
                    ..Default::default()
                }),
            }
        }
        // Validated to fit.
        let records = config.max_poll_records as i32;
        let request = ShareFetchRequest {
            group_id: Some(group_id.into()),
            member_id: Some(member_id.into()),
            share_session_epoch: session.epoch,
            max_wait_ms: i32::try_from(config.fetch_max_wait.as_millis()).unwrap_or(i32::MAX),
            min_bytes: config.fetch_min_bytes,
            max_bytes: config.fetch_max_bytes,
            max_records: records,
            batch_size: records,
            share_acquire_mode: config.acquire_mode.id(),
            topics,
            forgotten_topics_data: forgotten,
            ..Default::default()
        };
        FetchTask {
            broker: id,
            request,
            parcels,
            partitions,
        }
    }

    fn acknowledge_to(&mut self, id: i32, ends: bool) -> AcknowledgeTask {
        let (group_id, member_id) = (self.group_id.clone(), self.member_id.clone());
        let broker = self.broker(id);
        broker.in_flight = true;
        let parcels = parcel::pack(&mut broker.queue);
        // What cannot go along needs another request first.
        let is_last = ends && broker.queue.is_empty();
        let mut topics: Vec<acknowledge::AcknowledgeTopic> = Vec::new();
        for ((topic_id, number), acks) in parcel::merged(&parcels) {
            let partition = acknowledge::AcknowledgePartition {
                partition_index: number,
                acknowledgement_batches: acks.iter().map(acknowledge_batch).collect(),
                ..Default::default()
            };
            match topics.last_mut() {
                Some(topic) if topic.topic_id == topic_id => topic.partitions.push(partition),
                _ => topics.push(acknowledge::AcknowledgeTopic {
                    topic_id,
                    partitions: vec![partition],
                    ..Default::default()
                }),
            }
        }
        let request = ShareAcknowledgeRequest {
            group_id: Some(group_id.into()),
            member_id: Some(member_id.into()),
            share_session_epoch: if is_last {
                FINAL_EPOCH
            } else {
                broker.session.epoch()
            },
            is_renew_ack: parcels.iter().any(Parcel::renews),
            topics,
            ..Default::default()
        };
        AcknowledgeTask {
            broker: id,
            request,
            parcels,
        }
    }

    /// Gives up what has waited for too long.
    fn expire(&mut self, now: Instant) {
        let limit = self.config.client.api_timeout;
        let mut late = Vec::new();
        for broker in self.brokers.values_mut() {
            late.extend(broker.queue.extract_if(.., |parcel| parcel.until <= now));
        }
        self.settle(late, |parcel| {
            let what = format!("acknowledging records of {}", parcel.source.partition);
            Some(Error::timeout(what, limit, None))
        });
    }

    fn refresh_due(&self) -> Option<Instant> {
        let is_needed = self.outdated && !self.refreshing;
        // What is due since it was made is due at once.
        let at_once = || self.refresh_not_before.unwrap_or_else(crate::clock::now);
        is_needed.then(at_once)
    }

    /// When to ask again what to send, even if nothing happens.
    pub(in crate::share) fn next_deadline(&self) -> Option<Instant> {
        let of_broker = |broker: &Broker| {
            let expires = broker.queue.iter().map(|parcel| parcel.until).min();
            let idle = !broker.in_flight;
            let next = broker.not_before.filter(|_| idle);
            expires.into_iter().chain(next).min()
        };
        let brokers = self.brokers.values().filter_map(of_broker);
        brokers.chain(self.refresh_due()).min()
    }
}

pub(super) fn refused(parcel: &Parcel, code: ErrorCode) -> Error {
    let partition = &parcel.source.partition;
    Error::broker(code, format!("acknowledging records of {partition}"))
}

fn fetch_batch(ack: &Ack) -> fetch::AcknowledgementBatch {
    fetch::AcknowledgementBatch {
        first_offset: ack.first,
        last_offset: ack.last,
        acknowledge_types: vec![ack.kind],
        ..Default::default()
    }
}

fn acknowledge_batch(ack: &Ack) -> acknowledge::AcknowledgementBatch {
    acknowledge::AcknowledgementBatch {
        first_offset: ack.first,
        last_offset: ack.last,
        acknowledge_types: vec![ack.kind],
        ..Default::default()
    }
}
