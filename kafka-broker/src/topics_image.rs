use std::collections::{BTreeMap, BTreeSet, HashMap};

use bytestring::ByteString;
use kafka_proto::codec::Uuid;
use regex_lite::Regex;

/// The topics that there are at a moment.
#[derive(Debug, Default)]
pub(crate) struct TopicsImage {
    /// Two images of the same version are the same.
    pub(crate) version: u64,
    by_name: BTreeMap<ByteString, TopicImage>,
    names: HashMap<Uuid, ByteString>,
}

/// A topic as it is at a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TopicImage {
    pub(crate) id: Uuid,
    pub(crate) partitions: i32,
}

impl TopicsImage {
    /// An image of topics, each with its id and the number of its partitions.
    pub(crate) fn new(
        version: u64,
        topics: impl IntoIterator<Item = (ByteString, Uuid, i32)>,
    ) -> Self {
        let topics = topics.into_iter();
        let by_name: BTreeMap<_, _> = topics
            .map(|(name, id, partitions)| (name, TopicImage { id, partitions }))
            .collect();
        let names = by_name.iter().map(|(name, topic)| (topic.id, name.clone()));
        Self {
            version,
            names: names.collect(),
            by_name,
        }
    }

    /// The topic of a name.
    pub(crate) fn get(&self, name: &str) -> Option<TopicImage> {
        self.by_name.get(name).copied()
    }

    /// The name of a topic.
    pub(crate) fn name(&self, id: Uuid) -> Option<&ByteString> {
        self.names.get(&id)
    }

    /// The names that match.
    pub(crate) fn matching(&self, regex: &Regex) -> BTreeSet<ByteString> {
        let names = self.by_name.keys();
        names.filter(|name| regex.is_match(name)).cloned().collect()
    }
}
