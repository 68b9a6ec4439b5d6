//! Topics: their names, ids and partitions.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use bytestring::ByteString;
use kafka_proto::codec::Uuid;
use kafka_proto::error_code::ErrorCode;

use crate::configs::{LogSettings, TopicConfig, TopicSettings};
use crate::lock::lock;
use crate::log::PartitionLog;
use crate::refusal::Refusal;
use crate::replicas::{NO_LEADER, Replication};
use crate::topics_image::TopicsImage;

/// Kafka's limit on a topic's name: a folder is named after it.
const MAX_NAME_LEN: usize = 249;
/// More than a broker that keeps everything in memory can sensibly have, and what one request may make it allocate.
const MAX_PARTITIONS: i32 = 10_000;

/// A topic.
#[derive(Debug)]
pub(crate) struct Topic {
    pub(crate) name: ByteString,
    pub(crate) id: Uuid,
    /// What it was given.
    pub(crate) config: TopicConfig,
    /// What holds for it.
    pub(crate) settings: TopicSettings,
    pub(crate) partitions: Vec<Arc<Partition>>,
}

/// A partition of a topic.
#[derive(Debug)]
pub(crate) struct Partition {
    leadership: Mutex<Leadership>,
    /// The brokers that have it, the one first that leads if it can.
    replicas: Mutex<Arc<[i32]>>,
    pub(crate) log: Mutex<PartitionLog>,
}

/// A partition by the id of its topic: one of the same name that is created later has another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct TopicIdPartition {
    pub(crate) topic_id: Uuid,
    pub(crate) partition: i32,
}

/// Who leads a partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Leadership {
    /// The broker's id; -1 if all that have the partition are down.
    pub(crate) leader: i32,
    /// Counts the elections.
    pub(crate) epoch: i32,
}

impl Topic {
    /// One of its partitions.
    pub(crate) fn partition(&self, index: i32) -> Option<&Partition> {
        let partition = self.partitions.get(usize::try_from(index).ok()?)?;
        Some(partition)
    }

    /// The same topic with other settings.
    fn with(&self, config: TopicConfig, settings: TopicSettings) -> Arc<Self> {
        for partition in &self.partitions {
            lock(&partition.log).configure(settings.log);
        }
        Arc::new(Self {
            name: self.name.clone(),
            id: self.id,
            config,
            settings,
            partitions: self.partitions.clone(),
        })
    }

    /// How many partitions it has.
    pub(crate) fn partition_count(&self) -> i32 {
        self.partitions.len() as i32
    }
}

impl Partition {
    fn new(replicas: Arc<[i32]>, leader: i32, settings: LogSettings) -> Self {
        let mut log = PartitionLog::new(settings);
        log.begin_epoch(0);
        Self {
            leadership: Mutex::new(Leadership { leader, epoch: 0 }),
            replicas: Mutex::new(replicas),
            log: Mutex::new(log),
        }
    }

    pub(crate) fn leadership(&self) -> Leadership {
        *lock(&self.leadership)
    }

    /// The brokers that have it, in the order in which they are to lead.
    pub(crate) fn replicas(&self) -> Arc<[i32]> {
        Arc::clone(&lock(&self.replicas))
    }

    /// Has these brokers have it from now on.
    pub(crate) fn set_replicas(&self, replicas: Arc<[i32]>) {
        *lock(&self.replicas) = replicas;
    }

    /// Has the first one lead of those of its brokers that are up, in a new epoch, unless that one does already.
    pub(crate) fn elect_first(&self, is_up: impl Fn(i32) -> bool) -> Leadership {
        let replicas = self.replicas();
        let first = replicas.iter().copied().find(|id| is_up(*id));
        match (first.unwrap_or(NO_LEADER), self.leadership()) {
            (first, now) if first == now.leader => now,
            (first, _) => self.elect(first, None),
        }
    }

    pub(crate) fn leader_epoch(&self) -> i32 {
        self.leadership().epoch
    }

    /// Whether the epoch that a client believes in (negative: in none) is the leader's.
    pub(crate) fn check_leader_epoch(&self, believed: i32) -> Result<(), ErrorCode> {
        match (believed, self.leader_epoch()) {
            (..0, _) => Ok(()),
            (believed, epoch) if believed < epoch => Err(ErrorCode::FencedLeaderEpoch),
            (believed, epoch) if believed > epoch => Err(ErrorCode::UnknownLeaderEpoch),
            _ => Ok(()),
        }
    }

    /// Whether `node` leads, in the epoch that a client believes in.
    pub(crate) fn check_leader(&self, node: i32, believed: i32) -> Result<(), ErrorCode> {
        self.check_leader_epoch(believed)?;
        if self.leadership().leader == node {
            Ok(())
        } else {
            Err(ErrorCode::NotLeaderOrFollower)
        }
    }

    /// Has `leader` lead from now on, in a new epoch, with the log up to `end` (all of it without one). Whoever appends
    /// holds the log, so that nothing is written in an epoch that is over.
    pub(crate) fn elect(&self, leader: i32, end: Option<i64>) -> Leadership {
        let mut log = lock(&self.log);
        if let Some(end) = end {
            log.truncate(end);
        }
        let mut leadership = lock(&self.leadership);
        leadership.leader = leader;
        leadership.epoch += 1;
        log.begin_epoch(leadership.epoch);
        *leadership
    }
}

/// A topic that is wanted.
#[derive(Debug, Clone)]
pub(crate) struct NewTopic {
    pub(crate) name: ByteString,
    pub(crate) partitions: i32,
    pub(crate) config: TopicConfig,
    pub(crate) replication: Replication,
}

/// Why a topic cannot be created.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum CreateTopicError {
    #[error("topic name {0}")]
    Name(String),
    #[error("topic \"{0}\" already exists")]
    Exists(ByteString),
    #[error("{0} partitions: expected 1 to {MAX_PARTITIONS}")]
    Partitions(i32),
}

impl CreateTopicError {
    /// What Kafka calls it.
    pub(crate) fn code(&self) -> ErrorCode {
        match self {
            Self::Name(_) => ErrorCode::InvalidTopicException,
            Self::Exists(_) => ErrorCode::TopicAlreadyExists,
            Self::Partitions(_) => ErrorCode::InvalidPartitions,
        }
    }
}

/// Why a topic cannot have so many partitions.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum CreatePartitionsError {
    #[error("there is no topic \"{0}\"")]
    NoSuchTopic(String),
    #[error(
        "{count} partitions: expected more than the {current} that there are, and at most {MAX_PARTITIONS}"
    )]
    Count { current: i32, count: i32 },
}

impl CreatePartitionsError {
    /// What Kafka calls it.
    pub(crate) fn code(&self) -> ErrorCode {
        match self {
            Self::NoSuchTopic(_) => ErrorCode::UnknownTopicOrPartition,
            Self::Count { .. } => ErrorCode::InvalidPartitions,
        }
    }
}

/// The topics of the cluster.
#[derive(Debug, Default)]
pub(crate) struct Topics {
    state: RwLock<Index>,
}

#[derive(Debug, Default)]
struct Index {
    by_name: BTreeMap<ByteString, Arc<Topic>>,
    by_id: HashMap<Uuid, Arc<Topic>>,
    /// Counts the changes.
    version: u64,
    /// What there is now, once somebody has asked.
    image: Option<Arc<TopicsImage>>,
}

impl Index {
    fn put(&mut self, topic: &Arc<Topic>) {
        self.by_name.insert(topic.name.clone(), Arc::clone(topic));
        self.by_id.insert(topic.id, Arc::clone(topic));
        self.changed();
    }

    /// A topic that may have so many partitions.
    fn growing(&self, name: &str, count: i32) -> Result<&Arc<Topic>, CreatePartitionsError> {
        let topic = self.by_name.get(name);
        let topic = topic.ok_or_else(|| CreatePartitionsError::NoSuchTopic(name.to_owned()))?;
        let current = topic.partition_count();
        if (current + 1..=MAX_PARTITIONS).contains(&count) {
            Ok(topic)
        } else {
            Err(CreatePartitionsError::Count { current, count })
        }
    }

    fn changed(&mut self) {
        self.version += 1;
        self.image = None;
    }
}

impl Topics {
    fn read<T>(&self, look: impl FnOnce(&Index) -> T) -> T {
        look(&self.state.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn write<T>(&self, change: impl FnOnce(&mut Index) -> T) -> T {
        change(&mut self.state.write().unwrap_or_else(PoisonError::into_inner))
    }

    /// The topic of a name.
    pub(crate) fn by_name(&self, name: &str) -> Option<Arc<Topic>> {
        self.read(|index| index.by_name.get(name).cloned())
    }

    /// The topic of an id.
    pub(crate) fn by_id(&self, id: Uuid) -> Option<Arc<Topic>> {
        self.read(|index| index.by_id.get(&id).cloned())
    }

    /// The topic that a request names: by id in the versions that have ids, by name before.
    pub(crate) fn named(&self, by_id: bool, name: &str, id: Uuid) -> Result<Arc<Topic>, ErrorCode> {
        if by_id {
            self.by_id(id).ok_or(ErrorCode::UnknownTopicId)
        } else {
            self.by_name(name).ok_or(ErrorCode::UnknownTopicOrPartition)
        }
    }

    /// All of them, by name.
    pub(crate) fn all(&self) -> Vec<Arc<Topic>> {
        self.read(|index| index.by_name.values().cloned().collect())
    }

    /// What there is now, to be looked at for longer.
    pub(crate) fn image(&self) -> Arc<TopicsImage> {
        if let Some(image) = self.read(|index| index.image.clone()) {
            return image;
        }
        self.write(|index| {
            let topics = index.by_name.values().map(|topic| {
                let partitions = topic.partition_count();
                (topic.name.clone(), topic.id, partitions)
            });
            let image = Arc::new(TopicsImage::new(index.version, topics));
            index.image = Some(Arc::clone(&image));
            image
        })
    }

    /// Whether a topic could be created.
    pub(crate) fn check(&self, wanted: &NewTopic) -> Result<(), CreateTopicError> {
        check_name(&wanted.name).map_err(CreateTopicError::Name)?;
        if !(1..=MAX_PARTITIONS).contains(&wanted.partitions) {
            return Err(CreateTopicError::Partitions(wanted.partitions));
        }
        match self.by_name(&wanted.name) {
            Some(_) => Err(CreateTopicError::Exists(wanted.name.clone())),
            None => Ok(()),
        }
    }

    /// Creates a topic, with a new id.
    pub(crate) fn create(
        &self,
        wanted: NewTopic,
        settings_of: impl Fn(&TopicConfig) -> TopicSettings,
        replicas_of: impl Fn(&Replication, i32) -> (Arc<[i32]>, i32),
    ) -> Result<Arc<Topic>, CreateTopicError> {
        self.check(&wanted)?;
        self.write(|index| {
            // Another connection may have been faster since the check.
            if index.by_name.contains_key(&wanted.name) {
                return Err(CreateTopicError::Exists(wanted.name.clone()));
            }
            let settings = settings_of(&wanted.config);
            let partition = |index| {
                let (replicas, leader) = replicas_of(&wanted.replication, index);
                Partition::new(replicas, leader, settings.log)
            };
            let topic = Arc::new(Topic {
                // A copy that does not keep the whole request in memory.
                name: ByteString::from(&*wanted.name),
                id: random_id(),
                partitions: (0..wanted.partitions)
                    .map(partition)
                    .map(Arc::new)
                    .collect(),
                config: wanted.config,
                settings,
            });
            index.put(&topic);
            Ok(topic)
        })
    }

    /// Changes what a topic was given, if `alter` allows it.
    pub(crate) fn alter(
        &self,
        name: &str,
        alter: impl FnOnce(&TopicConfig) -> Result<TopicConfig, Refusal>,
        settings_of: impl Fn(&TopicConfig) -> TopicSettings,
    ) -> Result<(), Refusal> {
        self.write(|index| {
            let topic = index.by_name.get(name).ok_or_else(|| {
                let message = format!("The topic '{name}' does not exist.");
                Refusal::new(ErrorCode::UnknownTopicOrPartition, message)
            })?;
            let altered = alter(&topic.config)?;
            let settings = settings_of(&altered);
            let altered = topic.with(altered, settings);
            index.put(&altered);
            Ok(())
        })
    }

    /// Has all topics go by what holds for them now.
    pub(crate) fn settle(&self, settings_of: impl Fn(&TopicConfig) -> TopicSettings) {
        self.write(|index| {
            let topics: Vec<Arc<Topic>> = index.by_name.values().cloned().collect();
            for topic in topics {
                let settings = settings_of(&topic.config);
                if settings != topic.settings {
                    index.put(&topic.with(topic.config.clone(), settings));
                }
            }
        });
    }

    /// Whether a topic could be given further partitions, up to `count`.
    pub(crate) fn check_growth(&self, name: &str, count: i32) -> Result<(), CreatePartitionsError> {
        self.read(|index| index.growing(name, count).map(drop))
    }

    /// Gives a topic further partitions, up to `count`.
    pub(crate) fn grow(
        &self,
        name: &str,
        count: i32,
        replication: &Replication,
        replicas_of: impl Fn(&Replication, i32) -> (Arc<[i32]>, i32),
    ) -> Result<Arc<Topic>, CreatePartitionsError> {
        self.write(|index| {
            let topic = index.growing(name, count)?;
            let current = topic.partition_count();
            let added = (current..count).map(|index| {
                let (replicas, leader) = match replication {
                    // Those that are assigned are counted from the first new one on.
                    Replication::Assigned(_) => replicas_of(replication, index - current),
                    _ => replicas_of(replication, index),
                };
                Partition::new(replicas, leader, topic.settings.log)
            });
            let grown = Arc::new(Topic {
                name: topic.name.clone(),
                id: topic.id,
                config: topic.config.clone(),
                settings: topic.settings.clone(),
                partitions: topic
                    .partitions
                    .iter()
                    .cloned()
                    .chain(added.map(Arc::new))
                    .collect(),
            });
            index.put(&grown);
            Ok(grown)
        })
    }

    /// Deletes a topic, if it is (still) there.
    pub(crate) fn delete(&self, topic: &Topic) -> bool {
        let deleted = self.write(|index| {
            let deleted = index.by_id.remove(&topic.id);
            if deleted.is_some() {
                index.by_name.remove(&topic.name);
                index.changed();
            }
            deleted.is_some()
        });
        for partition in &topic.partitions {
            lock(&partition.log).wake();
        }
        deleted
    }
}

/// Whether a topic may have this name; what is wrong with it if not.
pub(crate) fn check_name(name: &str) -> Result<(), String> {
    match name {
        "" => Err("is empty".to_owned()),
        "." | ".." => Err(format!("\"{name}\" is reserved")),
        name if name.len() > MAX_NAME_LEN => Err(format!(
            "has {} characters, at most {MAX_NAME_LEN} are allowed",
            name.len()
        )),
        name => match name
            .chars()
            .find(|c| !(c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-')))
        {
            Some(c) => Err(format!(
                "\"{name}\" has the character {c:?}; allowed are ASCII letters, digits, '.', '_' and '-'"
            )),
            None => Ok(()),
        },
    }
}

/// A random UUID (version 4) whose text does not begin with a dash, as Kafka's tools take that for an option.
pub(crate) fn random_id() -> Uuid {
    loop {
        let mut bytes = fastrand::u128(..).to_be_bytes();
        bytes[6] = bytes[6] & 0x0f | 0x40;
        bytes[8] = bytes[8] & 0x3f | 0x80;
        let id = Uuid(bytes);
        if !id.to_string().starts_with('-') {
            return id;
        }
    }
}
