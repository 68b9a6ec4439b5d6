//! What serializers with schemas have in common: which subject, and which id.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use super::client::SchemaRegistry;
use super::error::RegistryError;
use super::schema::{Schema, Version};
use crate::serialization::{Context, Field, Refused};

/// Which subject the schema of a record is a version of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum SubjectNameStrategy {
    /// `TOPIC-key` or `TOPIC-value`: all records of a topic have versions of one schema.
    #[default]
    Topic,
    /// The schema's full name: a topic may have records of many kinds, and a kind has versions over all topics.
    Record,
    /// `TOPIC-` and the schema's full name: a topic may have records of many kinds.
    TopicRecord,
}

impl SubjectNameStrategy {
    /// The subject for a topic's keys or values with a schema of this full name.
    ///
    /// # Errors
    /// Strategies that go by the schema's name need one that has a name.
    pub(super) fn subject(
        self,
        context: &Context<'_>,
        name: Option<&str>,
    ) -> Result<String, RegistryError> {
        let (topic, field) = (context.topic, context.field);
        let named = || {
            name.ok_or_else(|| RegistryError::Schema {
                what: format!("the {field} of records for \"{topic}\""),
                reason: format!(
                    "SubjectNameStrategy::{self:?} goes by the name of a schema, and this one has none"
                ),
            })
        };
        Ok(match self {
            Self::Topic => match field {
                Field::Key => format!("{topic}-key"),
                Field::Value => format!("{topic}-value"),
            },
            Self::Record => named()?.to_owned(),
            Self::TopicRecord => format!("{topic}-{}", named()?),
        })
    }
}

/// How ids are had.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Registering {
    pub(super) strategy: SubjectNameStrategy,
    pub(super) auto_register: bool,
    pub(super) use_latest: bool,
    pub(super) normalize: bool,
}

impl Default for Registering {
    fn default() -> Self {
        Self {
            strategy: SubjectNameStrategy::Topic,
            auto_register: true,
            use_latest: false,
            normalize: false,
        }
    }
}

/// The id that records are to be written with, and the schema.
#[derive(Debug)]
pub(super) struct Chosen {
    pub(super) id: i32,
    pub(super) schema: Arc<Schema>,
}

impl Registering {
    /// Asks for it.
    pub(super) async fn choose(
        self,
        registry: &SchemaRegistry,
        subject: &str,
        schema: &Arc<Schema>,
    ) -> Result<Chosen, RegistryError> {
        if self.use_latest {
            let latest = registry.version(subject, Version::Latest).await?;
            return Ok(Chosen {
                id: latest.id,
                schema: Arc::new(latest.schema),
            });
        }
        let id = registry
            .id_of(subject, schema, self.auto_register, self.normalize)
            .await?;
        Ok(Chosen {
            id,
            schema: schema.clone(),
        })
    }
}

/// What was prepared, by topic.
#[derive(Debug)]
pub(super) struct Prepared<V> {
    keys: RwLock<HashMap<String, V>>,
    values: RwLock<HashMap<String, V>>,
}

impl<V> Default for Prepared<V> {
    fn default() -> Self {
        Self {
            keys: RwLock::default(),
            values: RwLock::default(),
        }
    }
}

impl<V: Clone> Prepared<V> {
    fn of(&self, field: Field) -> &RwLock<HashMap<String, V>> {
        match field {
            Field::Key => &self.keys,
            Field::Value => &self.values,
        }
    }

    pub(super) fn has(&self, context: &Context<'_>) -> bool {
        let prepared = self.of(context.field).read();
        let prepared = prepared.unwrap_or_else(PoisonError::into_inner);
        prepared.contains_key(context.topic)
    }

    pub(super) fn get(&self, context: &Context<'_>) -> Result<V, Refused> {
        let prepared = self.of(context.field).read();
        let prepared = prepared.unwrap_or_else(PoisonError::into_inner);
        prepared.get(context.topic).cloned().ok_or_else(|| {
            "its schema was not looked up yet: use TypedProducer::send, or await Serializer::prepare before".into()
        })
    }

    pub(super) fn put(&self, topic: String, field: Field, value: V) {
        let mut prepared = self
            .of(field)
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        prepared.insert(topic, value);
    }
}
