use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::client::SchemaRegistry;
use super::error::RegistryError;
use super::registering::{Prepared, Registering, SubjectNameStrategy};
use super::schema::Schema;
use super::wire;
use crate::serialization::{Context, Deserializer, Json, Payload, Preparing, Refused, Serializer};

/// Writes JSON behind the id of a JSON schema, as Confluent's `KafkaJsonSchemaSerializer` does. Values are not checked
/// against the schema: what serde writes has to go with it.
#[derive(Debug, Clone)]
pub struct JsonSchemaSerializer(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    registry: SchemaRegistry,
    schema: Arc<Schema>,
    /// `title`.
    name: Option<String>,
    registering: Registering,
    prepared: Prepared<i32>,
}

impl JsonSchemaSerializer {
    /// Writes values that go with this JSON schema, and registers it where it is not known.
    ///
    /// # Errors
    /// [`RegistryError::Schema`] for a schema that is no JSON.
    pub fn new(registry: SchemaRegistry, schema: Schema) -> Result<Self, RegistryError> {
        #[derive(Deserialize)]
        struct Titled {
            title: Option<String>,
        }
        let text: serde_json::Value =
            serde_json::from_str(&schema.text).map_err(|error| RegistryError::Schema {
                what: "a JSON schema".to_owned(),
                reason: format!("it is no JSON: {error}"),
            })?;
        // A schema may also be `true` or `false`, which have no title.
        let name = Titled::deserialize(text).ok().and_then(|it| it.title);
        Ok(Self(Arc::new(Inner {
            registry,
            schema: Arc::new(schema),
            name,
            registering: Registering::default(),
            prepared: Prepared::default(),
        })))
    }

    fn with(self, set: impl FnOnce(&mut Registering)) -> Self {
        let mut registering = self.0.registering;
        set(&mut registering);
        Self(Arc::new(Inner {
            registry: self.0.registry.clone(),
            schema: self.0.schema.clone(),
            name: self.0.name.clone(),
            registering,
            prepared: Prepared::default(),
        }))
    }

    /// `value.subject.name.strategy`: which subject the schema is a version of; its name is its `title`.
    #[must_use]
    pub fn subject_name_strategy(self, strategy: SubjectNameStrategy) -> Self {
        self.with(|registering| registering.strategy = strategy)
    }

    /// `auto.register.schemas` (true): whether a schema that is not there is registered. Otherwise it is an error.
    #[must_use]
    pub fn auto_register_schemas(self, on: bool) -> Self {
        self.with(|registering| registering.auto_register = on)
    }

    /// `use.latest.version` (false): whether records are written with the id of the subject's latest schema in place of the
    /// given one's.
    #[must_use]
    pub fn use_latest_version(self, on: bool) -> Self {
        self.with(|registering| registering.use_latest = on)
    }
}

impl<T: Serialize + ?Sized> Serializer<T> for JsonSchemaSerializer {
    fn serialize(
        &self,
        context: &Context<'_>,
        value: &T,
        bytes: &mut Vec<u8>,
    ) -> Result<Payload, Refused> {
        wire::begin(self.0.prepared.get(context)?, bytes);
        Json.serialize(context, value, bytes)
    }

    fn prepare<'s>(&'s self, context: &Context<'_>) -> Option<Preparing<'s>> {
        let inner = &*self.0;
        if inner.prepared.has(context) {
            return None;
        }
        let (topic, field) = (context.topic.to_owned(), context.field);
        let subject = inner
            .registering
            .strategy
            .subject(context, inner.name.as_deref());
        Some(Box::pin(async move {
            let chosen = inner
                .registering
                .choose(&inner.registry, &subject?, &inner.schema)
                .await?;
            inner.prepared.put(topic, field, chosen.id);
            Ok(())
        }))
    }
}

/// Reads JSON behind the id of a schema, which is not looked up: JSON is read without it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct JsonSchemaDeserializer;

impl<'a, T: Deserialize<'a>> Deserializer<'a, T> for JsonSchemaDeserializer {
    fn deserialize(&self, context: &Context<'_>, bytes: Option<&'a [u8]>) -> Result<T, Refused> {
        let bytes = bytes.ok_or("it is null: read it by Nullable, as an Option")?;
        let (_, json) = wire::split(bytes)?;
        Json.deserialize(context, Some(json))
    }
}
