//! Fetch sessions (KIP-227): a broker remembers what is asked of it, and each request only says what has changed.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use kafka_proto::codec::Uuid;
use kafka_proto::error_code::ErrorCode;
use kafka_proto::messages::fetch::{FetchPartition, FetchTopic, ForgottenTopic};

use crate::consumer::assignment::FetchTarget;
use crate::types::TopicPartition;

/// From this version on, a reader says in which leader epoch it read last (KIP-595).
const FIRST_WITH_LAST_EPOCH: i16 = 12;
/// From this version on, topics go by their ids.
pub(crate) const FIRST_WITH_TOPIC_IDS: i16 = 13;

/// The epoch that ends a session.
const FINAL_EPOCH: i32 = -1;

/// The session with one broker, as of the request that is sent next.
#[derive(Debug, Default)]
pub(crate) struct FetchSession {
    /// 0 while there is none.
    id: i32,
    /// 0 begins a session (and ends the one of `id`); those that follow count on.
    epoch: i32,
    /// What the broker remembers.
    known: HashMap<TopicPartition, Known>,
    with_ids: bool,
}

/// What the broker remembers of a partition.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Known {
    topic_id: Uuid,
    leader_epoch: i32,
    last_epoch: i32,
    offset: i64,
    max_bytes: i32,
}

/// The part of a fetch request that a session decides.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct SessionRequest {
    pub(crate) session_id: i32,
    pub(crate) session_epoch: i32,
    pub(crate) topics: Vec<FetchTopic>,
    pub(crate) forgotten: Vec<ForgottenTopic>,
}

impl FetchSession {
    /// What to send so that the broker answers for `targets`, and only for them.
    pub(crate) fn request(&mut self, targets: &[FetchTarget], version: i16) -> SessionRequest {
        let with_ids = version >= FIRST_WITH_TOPIC_IDS;
        if with_ids != self.with_ids {
            // One session cannot have both names and ids.
            self.epoch = 0;
            self.with_ids = with_ids;
        }
        if self.epoch == 0 {
            self.known.clear();
        }
        let mut wanted = HashMap::with_capacity(targets.len());
        let mut changed = Vec::new();
        for target in targets {
            let FetchTarget {
                ticket,
                topic_id,
                leader_epoch,
                last_epoch,
                offset,
                max_bytes,
                ..
            } = target;
            let now = Known {
                topic_id: *topic_id,
                leader_epoch: *leader_epoch,
                last_epoch: if version >= FIRST_WITH_LAST_EPOCH {
                    *last_epoch
                } else {
                    -1
                },
                offset: *offset,
                max_bytes: *max_bytes,
            };
            if self.known.get(&ticket.partition) != Some(&now) {
                changed.push((&ticket.partition, now));
            }
            wanted.insert(ticket.partition.clone(), now);
        }
        // A topic that was made anew is another one: the old one has to be forgotten by its own id.
        let gone = self.known.iter().filter(|(partition, before)| {
            wanted
                .get(partition)
                .is_none_or(|now| with_ids && now.topic_id != before.topic_id)
        });
        let request = SessionRequest {
            session_id: self.id,
            session_epoch: self.epoch,
            forgotten: forgotten(gone, with_ids),
            topics: topics(changed, with_ids),
        };
        self.known = wanted;
        request
    }

    /// What ends the session, if the broker keeps one.
    pub(crate) fn end(self) -> Option<SessionRequest> {
        (self.id != 0).then(|| SessionRequest {
            session_id: self.id,
            session_epoch: FINAL_EPOCH,
            ..SessionRequest::default()
        })
    }

    /// Whether the request that was made last began a session.
    pub(crate) fn is_new(&self) -> bool {
        self.epoch == 0
    }

    /// The broker answered, with this session and error.
    pub(crate) fn answered(&mut self, session_id: i32, error: ErrorCode) {
        match error {
            ErrorCode::None if session_id == 0 => {
                *self = Self {
                    with_ids: self.with_ids,
                    ..Self::default()
                }
            }
            ErrorCode::None => {
                self.id = session_id;
                // After the largest comes 1: 0 would begin a new session.
                self.epoch = self.epoch.checked_add(1).unwrap_or(1);
            }
            ErrorCode::FetchSessionIdNotFound => {
                *self = Self {
                    with_ids: self.with_ids,
                    ..Self::default()
                }
            }
            _ => self.failed(),
        }
    }

    /// It is not known what the broker remembers: the next request ends the session, and begins another.
    pub(crate) fn failed(&mut self) {
        self.epoch = 0;
    }
}

fn topics(partitions: Vec<(&TopicPartition, Known)>, with_ids: bool) -> Vec<FetchTopic> {
    let mut places: HashMap<(&Arc<str>, Uuid), usize> = HashMap::new();
    let mut topics: Vec<FetchTopic> = Vec::new();
    for (TopicPartition { topic, partition }, known) in partitions {
        let at = *places.entry((topic, known.topic_id)).or_insert_with(|| {
            topics.push(FetchTopic {
                topic: if with_ids {
                    Default::default()
                } else {
                    (&**topic).into()
                },
                topic_id: if with_ids { known.topic_id } else { Uuid::ZERO },
                ..Default::default()
            });
            topics.len() - 1
        });
        topics[at].partitions.push(FetchPartition {
            partition: *partition,
            current_leader_epoch: known.leader_epoch,
            fetch_offset: known.offset,
            last_fetched_epoch: known.last_epoch,
            partition_max_bytes: known.max_bytes,
            ..Default::default()
        });
    }
    topics
}

fn forgotten<'a>(
    partitions: impl Iterator<Item = (&'a TopicPartition, &'a Known)>,
    with_ids: bool,
) -> Vec<ForgottenTopic> {
    let mut topics: BTreeMap<(&Arc<str>, Uuid), Vec<i32>> = BTreeMap::new();
    for (TopicPartition { topic, partition }, known) in partitions {
        topics
            .entry((topic, known.topic_id))
            .or_default()
            .push(*partition);
    }
    let topics = topics
        .into_iter()
        .map(|((topic, topic_id), mut partitions)| {
            partitions.sort_unstable();
            ForgottenTopic {
                topic: if with_ids {
                    Default::default()
                } else {
                    (&**topic).into()
                },
                topic_id: if with_ids { topic_id } else { Uuid::ZERO },
                partitions,
                ..Default::default()
            }
        });
    topics.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::consumer::assignment::Ticket;

    fn target(number: i32, offset: i64, id: u8) -> FetchTarget {
        FetchTarget {
            ticket: Ticket {
                partition: TopicPartition::new("t", number),
                revision: 1,
            },
            topic_id: Uuid([id; 16]),
            leader_epoch: 2,
            last_epoch: 1,
            offset,
            max_bytes: 100,
            from_replica: false,
        }
    }

    /// The session, the partitions asked for with their offsets, and those forgotten.
    fn summary(request: &SessionRequest) -> (i32, i32, Vec<(i32, i64)>, Vec<i32>) {
        let asked = request.topics.iter().flat_map(|topic| &topic.partitions);
        let gone = request.forgotten.iter().flat_map(|topic| &topic.partitions);
        let asked = asked
            .map(|partition| (partition.partition, partition.fetch_offset))
            .collect();
        (
            request.session_id,
            request.session_epoch,
            asked,
            gone.copied().collect(),
        )
    }

    #[test]
    fn a_session_says_only_what_has_changed() {
        let mut session = FetchSession::default();
        let first = session.request(&[target(0, 5, 1), target(1, 7, 1)], 17);
        assert_eq!(summary(&first), (0, 0, vec![(0, 5), (1, 7)], vec![]));
        assert_eq!(
            (first.topics[0].topic_id, &*first.topics[0].topic),
            (Uuid([1; 16]), "")
        );
        session.answered(33, ErrorCode::None);
        let second = session.request(&[target(0, 9, 1), target(1, 7, 1)], 17);
        assert_eq!(summary(&second), (33, 1, vec![(0, 9)], vec![]));
        session.answered(33, ErrorCode::None);
        let third = session.request(&[target(1, 7, 1), target(2, 0, 1)], 17);
        assert_eq!(summary(&third), (33, 2, vec![(2, 0)], vec![0]));
    }

    #[test]
    fn a_broker_without_sessions_is_told_everything_each_time() {
        let mut session = FetchSession::default();
        for _ in 0..3 {
            let request = session.request(&[target(0, 5, 1)], 17);
            assert_eq!(summary(&request), (0, 0, vec![(0, 5)], vec![]));
            session.answered(0, ErrorCode::None);
        }
    }

    #[test]
    fn a_lost_session_begins_anew() {
        for (error, id) in [
            (ErrorCode::FetchSessionIdNotFound, 0),
            (ErrorCode::InvalidFetchSessionEpoch, 33),
            (ErrorCode::FetchSessionTopicIdError, 33),
        ] {
            let mut session = FetchSession::default();
            session.request(&[target(0, 5, 1)], 17);
            session.answered(33, ErrorCode::None);
            session.request(&[target(0, 5, 1)], 17);
            session.answered(0, error);
            assert_eq!(
                summary(&session.request(&[target(0, 5, 1)], 17)),
                (id, 0, vec![(0, 5)], vec![]),
                "{error}"
            );
        }
    }

    #[test]
    fn names_and_ids_never_meet_in_one_session() {
        let mut session = FetchSession::default();
        session.request(&[target(0, 5, 1)], 17);
        session.answered(33, ErrorCode::None);
        let request = session.request(&[target(0, 5, 1)], 12);
        assert_eq!(summary(&request), (33, 0, vec![(0, 5)], vec![]));
        assert_eq!(
            (request.topics[0].topic_id, &*request.topics[0].topic),
            (Uuid::ZERO, "t")
        );
    }

    #[test]
    fn a_topic_made_anew_is_forgotten_under_its_old_id() {
        let mut session = FetchSession::default();
        session.request(&[target(0, 5, 1)], 17);
        session.answered(33, ErrorCode::None);
        let request = session.request(&[target(0, 0, 2)], 17);
        assert_eq!(summary(&request), (33, 1, vec![(0, 0)], vec![0]));
        assert_eq!(request.forgotten[0].topic_id, Uuid([1; 16]));
        assert_eq!(request.topics[0].topic_id, Uuid([2; 16]));
    }

    #[test]
    fn the_epoch_that_was_read_last_is_said_where_brokers_know_of_it() {
        for (version, epoch) in [(11, -1), (12, 1), (17, 1)] {
            let request = FetchSession::default().request(&[target(0, 5, 1)], version);
            let asked = &request.topics[0].partitions[0];
            assert_eq!(asked.last_fetched_epoch, epoch, "{version}");
        }
    }

    #[test]
    fn epochs_wrap_to_one() {
        let mut session = FetchSession {
            id: 3,
            epoch: i32::MAX,
            ..Default::default()
        };
        session.answered(3, ErrorCode::None);
        assert_eq!(session.epoch, 1);
    }
}
