//! Fetch sessions (KIP-227): a reader says what it wants once, and then only what has changed; it is answered only for
//! partitions of which there is something to say.

use std::collections::{BTreeMap, HashMap};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use bytestring::ByteString;
use kafka_proto::codec::Uuid;
use kafka_proto::error_code::ErrorCode;
use kafka_proto::messages::FetchRequest;
use kafka_proto::messages::fetch::{
    FetchPartition, FetchTopic, FetchableTopicResponse, PartitionData,
};

use crate::lock::lock;

/// From this version on topics are named by id, and so are those of a session.
const FIRST_VERSION_WITH_IDS: i16 = 13;
/// The epochs of requests that name all of their partitions: one asks for a session, the other does not.
const INITIAL_EPOCH: i32 = 0;
const FINAL_EPOCH: i32 = -1;
/// A session that was used within this time is not given up for a new one
/// (`min.incremental.fetch.session.eviction.ms`).
const KEPT_FOR: Duration = Duration::from_secs(120);

/// The sessions of one broker.
#[derive(Debug)]
pub(crate) struct FetchSessions {
    slots: usize,
    table: Mutex<HashMap<i32, Session>>,
}

/// A partition by name or by id, whichever the request had.
type Key = (ByteString, Uuid, i32);

#[derive(Debug)]
struct Session {
    /// Of the request that is expected next.
    epoch: i32,
    with_ids: bool,
    last_used: Instant,
    /// In the order in which they are answered: those that had records come last the next time.
    order: BTreeMap<u64, Key>,
    partitions: HashMap<Key, Remembered>,
    next_place: u64,
}

#[derive(Debug)]
struct Remembered {
    place: u64,
    wanted: FetchPartition,
    /// The high watermark and the log's start, as the reader knows them.
    told: Option<(i64, i64)>,
}

/// How a request stands to the sessions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exchange {
    /// It is outside of any.
    Alone,
    /// It asks for one.
    First,
    /// It goes on with this one.
    Next(i32),
}

impl Session {
    fn new(with_ids: bool, now: Instant) -> Self {
        Self {
            epoch: 1,
            with_ids,
            last_used: now,
            order: BTreeMap::new(),
            partitions: HashMap::new(),
            next_place: 0,
        }
    }

    fn put_last(&mut self, key: &Key) {
        if let Some(known) = self.partitions.get_mut(key) {
            let own = self.order.remove(&known.place);
            known.place = self.next_place;
            self.order
                .insert(known.place, own.unwrap_or_else(|| key.clone()));
            self.next_place += 1;
        }
    }

    fn want(&mut self, topics: &[FetchTopic]) {
        for topic in topics {
            for wanted in &topic.partitions {
                // Copies, so that they do not keep the whole request in memory.
                let name = ByteString::from(&*topic.topic);
                let key = (name, topic.topic_id, wanted.partition);
                if let Some(known) = self.partitions.get_mut(&key) {
                    known.wanted = wanted.clone();
                    continue;
                }
                let remembered = Remembered {
                    place: u64::MAX,
                    wanted: wanted.clone(),
                    told: None,
                };
                self.partitions.insert(key.clone(), remembered);
                self.put_last(&key);
            }
        }
    }

    fn forget(&mut self, key: &Key) {
        if let Some(known) = self.partitions.remove(key) {
            self.order.remove(&known.place);
        }
    }

    fn topics(&self) -> Vec<FetchTopic> {
        let mut topics: Vec<FetchTopic> = Vec::new();
        for key in self.order.values() {
            let Some(known) = self.partitions.get(key) else {
                continue;
            };
            match topics.last_mut() {
                Some(last) if (&last.topic, last.topic_id) == (&key.0, key.1) => {
                    last.partitions.push(known.wanted.clone());
                }
                _ => topics.push(FetchTopic {
                    topic: key.0.clone(),
                    topic_id: key.1,
                    partitions: vec![known.wanted.clone()],
                    ..Default::default()
                }),
            }
        }
        topics
    }

    /// Whether the reader has to be told; it then knows.
    fn has_news(&mut self, key: &Key, data: &PartitionData) -> bool {
        let Some(known) = self.partitions.get_mut(key) else {
            return true;
        };
        let now = (data.high_watermark, data.log_start_offset);
        let has_records = data
            .records
            .as_ref()
            .is_some_and(|records| !records.is_empty());
        let is_error = data.error_code != ErrorCode::None.code();
        let has_news = has_records
            || is_error
            || known.told != Some(now)
            || data.preferred_read_replica >= 0
            || data.diverging_epoch.epoch >= 0;
        // After an error the reader has to hear everything anew.
        known.told = (!is_error).then_some(now);
        if has_records {
            self.put_last(key);
        }
        has_news
    }
}

impl FetchSessions {
    pub(crate) fn new(slots: usize) -> Self {
        Self {
            slots,
            table: Mutex::default(),
        }
    }

    /// Sees what a request is about. Afterwards it names all that is wanted, also where it said only what has changed.
    ///
    /// # Errors
    /// What the reader is told of a session that is not there, or not as it believes.
    pub(crate) fn begin(
        &self,
        request: &mut FetchRequest,
        version: i16,
        now: Instant,
    ) -> Result<Exchange, ErrorCode> {
        let table = &mut *lock(&self.table);
        let id = request.session_id;
        if matches!(request.session_epoch, INITIAL_EPOCH | FINAL_EPOCH) {
            table.remove(&id);
            return Ok(if request.session_epoch == INITIAL_EPOCH {
                Exchange::First
            } else {
                Exchange::Alone
            });
        }
        let session = table
            .get_mut(&id)
            .ok_or(ErrorCode::FetchSessionIdNotFound)?;
        if session.epoch != request.session_epoch {
            return Err(ErrorCode::InvalidFetchSessionEpoch);
        }
        if session.with_ids != (version >= FIRST_VERSION_WITH_IDS) {
            return Err(ErrorCode::FetchSessionTopicIdError);
        }
        session.want(&request.topics);
        for topic in &request.forgotten_topics_data {
            for partition in &topic.partitions {
                session.forget(&(topic.topic.clone(), topic.topic_id, *partition));
            }
        }
        request.topics = session.topics();
        if session.partitions.is_empty() {
            table.remove(&id);
            return Ok(Exchange::Alone);
        }
        session.epoch = session.epoch.checked_add(1).unwrap_or(1);
        session.last_used = now;
        Ok(Exchange::Next(id))
    }

    /// Opens the session that was asked for, or leaves out what the reader knows already. Returns the session's id, or 0.
    pub(crate) fn finish(
        &self,
        exchange: Exchange,
        request: &FetchRequest,
        version: i16,
        responses: &mut Vec<FetchableTopicResponse>,
        now: Instant,
    ) -> i32 {
        let table = &mut *lock(&self.table);
        match exchange {
            Exchange::Alone => 0,
            Exchange::First if request.topics.is_empty() || !self.make_room(table, now) => 0,
            Exchange::First => {
                let mut session = Session::new(version >= FIRST_VERSION_WITH_IDS, now);
                session.want(&request.topics);
                keep_news(&mut session, responses, |_| true);
                let mut id = fastrand::i32(1..);
                while table.contains_key(&id) {
                    id = fastrand::i32(1..);
                }
                table.insert(id, session);
                id
            }
            Exchange::Next(id) => {
                if let Some(session) = table.get_mut(&id) {
                    keep_news(session, responses, |has_news| has_news);
                }
                id
            }
        }
    }

    /// Whether there is room for one session more; a session that was not used for long makes room.
    fn make_room(&self, table: &mut HashMap<i32, Session>, now: Instant) -> bool {
        if table.len() < self.slots {
            return true;
        }
        let oldest = table.iter().min_by_key(|(_, session)| session.last_used);
        match oldest.map(|(id, session)| (*id, session.last_used)) {
            Some((id, last_used)) if now.saturating_duration_since(last_used) > KEPT_FOR => {
                table.remove(&id);
                true
            }
            _ => false,
        }
    }
}

fn keep_news(
    session: &mut Session,
    responses: &mut Vec<FetchableTopicResponse>,
    keep: impl Fn(bool) -> bool,
) {
    for topic in &mut *responses {
        let (name, id) = (topic.topic.clone(), topic.topic_id);
        topic.partitions.retain(|data| {
            let key = (name.clone(), id, data.partition_index);
            keep(session.has_news(&key, data))
        });
    }
    responses.retain(|topic| !topic.partitions.is_empty());
}

#[cfg(test)]
mod tests;
