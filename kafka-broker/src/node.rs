//! What requests are answered from.

use std::sync::Arc;

use bytestring::ByteString;

use crate::groups::Groups;
use crate::producers::ProducerIds;
use crate::settings::Settings;
use crate::topics::{CreateTopicError, NewTopic, Topic, Topics, random_id};
use crate::transactions::Transactions;

/// What all brokers of a cluster share.
#[derive(Debug)]
pub(crate) struct Cluster {
    pub(crate) id: ByteString,
    pub(crate) settings: Settings,
    pub(crate) topics: Topics,
    pub(crate) groups: Groups,
    pub(crate) producer_ids: ProducerIds,
    pub(crate) transactions: Transactions,
}

impl Cluster {
    pub(crate) fn new(settings: Settings) -> Self {
        Self {
            id: random_id().to_string().into(),
            topics: Topics::default(),
            groups: Groups::new(&settings),
            producer_ids: ProducerIds::default(),
            transactions: Transactions::new(&settings),
            settings,
        }
    }

    /// Creates a topic.
    pub(crate) fn create_topic(&self, wanted: NewTopic) -> Result<Arc<Topic>, CreateTopicError> {
        self.topics.create(wanted, &self.settings)
    }

    /// Deletes a topic, and the positions that groups have in it.
    pub(crate) fn delete_topic(&self, topic: &Topic) -> bool {
        let deleted = self.topics.delete(topic);
        if deleted {
            self.groups.forget_topic(&topic.name);
        }
        deleted
    }
}

/// A broker of a cluster.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) id: i32,
    /// Where clients reach it.
    pub(crate) host: ByteString,
    pub(crate) port: u16,
    pub(crate) cluster: Arc<Cluster>,
}

/// A request's surroundings.
#[derive(Debug)]
pub(crate) struct Call<'a> {
    pub(crate) node: &'a Node,
    pub(crate) version: i16,
    pub(crate) client_id: Option<ByteString>,
}

impl Call<'_> {
    pub(crate) fn cluster(&self) -> &Cluster {
        &self.node.cluster
    }
}
