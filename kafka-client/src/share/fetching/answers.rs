//! What brokers answered, and what that means.

use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, Instant};

use kafka_proto::error_code::ErrorCode;
use kafka_proto::messages::share_fetch::NodeEndpoint;
use kafka_proto::messages::{ShareAcknowledgeResponse, ShareFetchResponse};

use super::plan::{AcknowledgeTask, FetchTask, refused};
use super::{Fetching, Ready, Settled};
use crate::cluster::{BrokerInfo, NewLeader};
use crate::error::{Error, Result};
use crate::metrics::Haul;
use crate::share::decode::Decoded;
use crate::share::parcel::{Key, Parcel, Source};
use crate::share::session::FINAL_EPOCH;
use crate::types::TopicPartition;

/// A fetch's answer, with its records decoded.
#[derive(Debug)]
pub(in crate::share) struct Fetched {
    pub(in crate::share) answer: ShareFetchResponse,
    pub(in crate::share) decoded: HashMap<Key, Decoded>,
}

/// What an answer told beside records.
#[derive(Debug, Default)]
pub(in crate::share) struct News {
    /// Leaders that those who no longer are have named (KIP-951).
    pub(in crate::share) leaders: Vec<NewLeader>,
    /// How much was acquired, by topic.
    pub(in crate::share) hauls: Vec<Haul>,
}

impl Fetching {
    /// A fetch was answered.
    pub(in crate::share) fn fetched(
        &mut self,
        task: FetchTask,
        answer: Result<Fetched>,
        now: Instant,
    ) -> News {
        let mut news = News::default();
        let id = task.broker;
        let was_new = task.request.share_session_epoch == 0;
        let what = format!("share fetch from broker {id}");
        let taken = self.taken(id, what, was_new, answer, |it| it.answer.error_code, now);
        let Fetched {
            answer,
            mut decoded,
        } = match taken {
            Ok(fetched) => fetched,
            Err(error) => {
                self.settle(task.parcels, |_| Some(error.clone()));
                return news;
            }
        };
        self.locked_for(answer.acquisition_lock_timeout_ms);
        let until = self.lock_timeout.map(|timeout| now + timeout);
        let mut results: BTreeMap<Key, i16> = BTreeMap::new();
        for topic in &answer.responses {
            for data in &topic.partitions {
                let key = (topic.topic_id, data.partition_index);
                results.insert(key, data.acknowledge_error_code);
                let Some(partition) = task.partitions.get(&key) else {
                    continue;
                };
                let leader = (
                    data.current_leader.leader_id,
                    data.current_leader.leader_epoch,
                );
                let nodes = &answer.node_endpoints;
                news.leaders.extend(named(partition, leader, nodes));
                self.partition_failed(id, partition, data.error_code, now);
                let decoded = decoded.remove(&key).unwrap_or_default();
                let source = Source {
                    partition: partition.clone(),
                    topic_id: topic.topic_id,
                    broker: id,
                };
                for batch in &decoded.batches {
                    let bytes = batch.as_batch().size();
                    Haul::add(&mut news.hauls, &partition.topic, batch.len(), bytes);
                }
                self.acquired(source, decoded, until, now);
            }
        }
        self.settle_by(task.parcels, &results, now);
        news
    }

    /// Records were acquired: they are handed out, unless they are somebody else's to read by now.
    fn acquired(&mut self, source: Source, decoded: Decoded, until: Option<Instant>, now: Instant) {
        let Decoded {
            batches,
            acks,
            error,
        } = decoded;
        self.errors.extend(error);
        if !acks.is_empty() {
            self.post(source.clone(), acks, None, now);
        }
        let is_wanted = !self.closing && self.assigned.contains_key(&source.key());
        let ready = batches.into_iter().map(|batch| Ready {
            source: source.clone(),
            batch,
            until,
        });
        if is_wanted {
            self.ready.extend(ready);
        } else {
            let unwanted = ready.collect();
            self.release(unwanted, now);
        }
    }

    /// Acknowledgements were answered.
    pub(in crate::share) fn acknowledged(
        &mut self,
        task: AcknowledgeTask,
        answer: Result<ShareAcknowledgeResponse>,
        now: Instant,
    ) -> News {
        let mut news = News::default();
        let id = task.broker;
        let ends = task.request.share_session_epoch == FINAL_EPOCH;
        let what = format!("acknowledging records at broker {id}");
        let taken = self.taken(id, what, ends, answer, |it| it.error_code, now);
        if ends {
            self.broker(id).session.failed();
        }
        let answer = match taken {
            Ok(answer) => answer,
            Err(error) => {
                self.settle(task.parcels, |_| Some(error.clone()));
                return news;
            }
        };
        self.locked_for(answer.acquisition_lock_timeout_ms);
        let sources: BTreeMap<Key, TopicPartition> = task
            .parcels
            .iter()
            .map(|parcel| (parcel.source.key(), parcel.source.partition.clone()))
            .collect();
        let nodes: Vec<NodeEndpoint> = answer
            .node_endpoints
            .iter()
            .map(|node| NodeEndpoint {
                node_id: node.node_id,
                host: node.host.clone(),
                port: node.port,
                rack: node.rack.clone(),
                ..Default::default()
            })
            .collect();
        let mut results: BTreeMap<Key, i16> = BTreeMap::new();
        for topic in &answer.responses {
            for data in &topic.partitions {
                let key = (topic.topic_id, data.partition_index);
                results.insert(key, data.error_code);
                if let Some(partition) = sources.get(&key) {
                    let leader = (
                        data.current_leader.leader_id,
                        data.current_leader.leader_epoch,
                    );
                    news.leaders.extend(named(partition, leader, &nodes));
                }
                self.outdated |= ErrorCode::from(data.error_code).refreshes_metadata();
            }
        }
        self.settle_by(task.parcels, &results, now);
        news
    }

    /// What any answer means for the session, and for when to ask again.
    fn taken<T>(
        &mut self,
        id: i32,
        what: String,
        is_edge: bool,
        answer: Result<T>,
        code: impl Fn(&T) -> i16,
        now: Instant,
    ) -> Result<T> {
        let patience = self.config.client.request_timeout;
        let broker = self.broker(id);
        broker.in_flight = false;
        let refusal = |answer: &T| match ErrorCode::from(code(answer)) {
            ErrorCode::None => None,
            code => Some((code, Error::broker(code, what.clone()))),
        };
        let (code, error) = match answer {
            Ok(answer) => match refusal(&answer) {
                None => {
                    broker.session.goes_on();
                    broker.backoff.reset();
                    broker.not_before = None;
                    broker.trouble.clear();
                    return Ok(answer);
                }
                Some((code, error)) => (Some(code), error),
            },
            Err(error) => (None, error),
        };
        tracing::debug!(broker = id, %error, "share session");
        broker.session.failed();
        let of_the_session = matches!(
            code,
            Some(ErrorCode::ShareSessionNotFound | ErrorCode::InvalidShareSessionEpoch)
        );
        // A new session at once, unless it was the new one that went wrong.
        if is_edge || !of_the_session {
            broker.not_before = Some(now + broker.backoff.next());
            let grace = if error.is_retriable() {
                patience
            } else {
                Duration::ZERO
            };
            broker.trouble.goes_on(error.clone(), grace, now);
        }
        self.outdated |= error.refreshes_metadata() || code == Some(ErrorCode::UnknownTopicId);
        Err(error)
    }

    fn partition_failed(&mut self, id: i32, partition: &TopicPartition, code: i16, now: Instant) {
        let code = ErrorCode::from(code);
        if !code.is_error() {
            return;
        }
        tracing::debug!(%partition, ?code, "share fetch");
        self.outdated |= code.refreshes_metadata() || code == ErrorCode::UnknownTopicId;
        let patience = self.config.client.request_timeout;
        let broker = self.broker(id);
        // The others go on, but not in a hurry: the answer may have come at once.
        broker.not_before = Some(now + broker.backoff.next());
        let grace = if code.is_retriable() {
            patience
        } else {
            Duration::ZERO
        };
        let error = Error::broker(code, format!("records of {partition}"));
        broker.trouble.goes_on(error, grace, now);
    }

    fn locked_for(&mut self, millis: i32) {
        if let Some(millis) = u64::try_from(millis).ok().filter(|millis| *millis > 0) {
            self.lock_timeout = Some(Duration::from_millis(millis));
        }
    }

    /// Parcels were answered, partition by partition.
    fn settle_by(&mut self, parcels: Vec<Parcel>, results: &BTreeMap<Key, i16>, now: Instant) {
        for parcel in parcels {
            let Some(code) = results.get(&parcel.source.key()) else {
                let error = Error::Protocol {
                    what: format!("acknowledging records of {}", parcel.source.partition),
                    reason: "the broker does not say what became of it".to_owned(),
                };
                self.settle(vec![parcel], |_| Some(error.clone()));
                continue;
            };
            let code = ErrorCode::from(*code);
            let moved = matches!(
                code,
                ErrorCode::NotLeaderOrFollower | ErrorCode::FencedLeaderEpoch
            );
            if code.is_retriable() && !moved && now < parcel.until && !self.closing {
                let broker = self.broker(parcel.source.broker);
                broker.not_before = Some(now + broker.backoff.next());
                broker.queue.push(parcel);
            } else {
                self.settle(vec![parcel], |parcel| {
                    code.is_error().then(|| refused(parcel, code))
                });
            }
        }
    }

    /// It is known what became of acknowledgements, or it never will be.
    pub(super) fn settle(
        &mut self,
        parcels: Vec<Parcel>,
        error: impl Fn(&Parcel) -> Option<Error>,
    ) {
        for parcel in parcels {
            let error = error(&parcel);
            let partition = &parcel.source.partition;
            for ack in parcel.acks.iter().filter(|ack| ack.renews()) {
                self.ledger.renewed(partition, *ack, error.is_none());
            }
            self.settled.push(Settled { parcel, error });
        }
    }

    /// Everybody else was told: now those who wait for a commit are.
    pub(in crate::share) fn reply(&mut self, settled: &[Settled]) {
        for Settled { parcel, error } in settled {
            if let Some(commit) = parcel.commit {
                let partition = &parcel.source.partition;
                self.commits.settled(commit, partition, error.as_ref());
            }
        }
    }

    /// Somebody has looked at the cluster.
    pub(in crate::share) fn refreshed(&mut self, now: Instant) {
        self.refreshing = false;
        self.outdated = false;
        self.refresh_not_before = Some(now + self.refresh_backoff.next());
    }
}

/// The leader that a partition has now, if it is named.
fn named(
    partition: &TopicPartition,
    (leader, epoch): (i32, i32),
    nodes: &[NodeEndpoint],
) -> Option<NewLeader> {
    if leader < 0 || epoch < 0 {
        return None;
    }
    let node = nodes.iter().find(|node| node.node_id == leader);
    Some(NewLeader {
        partition: partition.clone(),
        leader,
        epoch,
        broker: node.map(|node| {
            BrokerInfo::named(node.node_id, &node.host, node.port, node.rack.as_deref())
        }),
    })
}
