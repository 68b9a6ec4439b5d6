use std::sync::Arc;

use apache_avro::writer::datum::GenericDatumWriter;
use serde::Serialize;

use super::super::client::SchemaRegistry;
use super::super::registering::{Prepared, Registering, SubjectNameStrategy};
use super::super::wire;
use super::schema::AvroSchema;
use crate::serialization::{Context, Payload, Preparing, Refused, Serializer};

/// Writes Avro behind the id of its schema, as Confluent's `KafkaAvroSerializer` does. A cheap handle.
///
/// Values are what serde makes of them: structs are records with fields of the same names, `Option` is a union with null,
/// enums without values are Avro's enums, and `bytes` take what serde serializes as bytes (`serde_bytes`).
#[derive(Debug, Clone)]
pub struct AvroSerializer(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    registry: SchemaRegistry,
    schema: AvroSchema,
    registering: Registering,
    prepared: Prepared<(i32, AvroSchema)>,
}

impl AvroSerializer {
    /// Writes values with this schema, and registers it where it is not known.
    pub fn new(registry: SchemaRegistry, schema: AvroSchema) -> Self {
        Self(Arc::new(Inner {
            registry,
            schema,
            registering: Registering::default(),
            prepared: Prepared::default(),
        }))
    }

    fn with(self, set: impl FnOnce(&mut Registering)) -> Self {
        let mut registering = self.0.registering;
        set(&mut registering);
        Self(Arc::new(Inner {
            registry: self.0.registry.clone(),
            schema: self.0.schema.clone(),
            registering,
            prepared: Prepared::default(),
        }))
    }

    /// `value.subject.name.strategy`: which subject the schema is a version of.
    #[must_use]
    pub fn subject_name_strategy(self, strategy: SubjectNameStrategy) -> Self {
        self.with(|registering| registering.strategy = strategy)
    }

    /// `auto.register.schemas` (true): whether a schema that is not there is registered. Otherwise it is an error.
    #[must_use]
    pub fn auto_register_schemas(self, on: bool) -> Self {
        self.with(|registering| registering.auto_register = on)
    }

    /// `use.latest.version` (false): whether records are written with the subject's latest schema in place of the given
    /// one. It is asked for once; a value that does not go with it is refused.
    #[must_use]
    pub fn use_latest_version(self, on: bool) -> Self {
        self.with(|registering| registering.use_latest = on)
    }

    /// `normalize.schemas` (false): whether the registry may take schemas for the same that differ in their text only.
    #[must_use]
    pub fn normalize_schemas(self, on: bool) -> Self {
        self.with(|registering| registering.normalize = on)
    }
}

impl<T: Serialize> Serializer<T> for AvroSerializer {
    fn serialize(
        &self,
        context: &Context<'_>,
        value: &T,
        bytes: &mut Vec<u8>,
    ) -> Result<Payload, Refused> {
        let (id, schema) = self.0.prepared.get(context)?;
        let refused = |error: apache_avro::Error| -> Refused {
            format!("it does not go with schema {id}: {error}").into()
        };
        wire::begin(id, bytes);
        let writer = GenericDatumWriter::builder(schema.main())
            .resolved_schemata(schema.resolved().map_err(refused)?)
            .build()
            .map_err(refused)?;
        writer.write_ser(bytes, value).map_err(refused)?;
        Ok(Payload::Bytes)
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
            .subject(context, inner.schema.name());
        Some(Box::pin(async move {
            let registry = &inner.registry;
            let subject = subject?;
            let chosen = inner
                .registering
                .choose(registry, &subject, inner.schema.shared())
                .await?;
            let schema = if chosen.schema == *inner.schema.shared() {
                inner.schema.clone()
            } else {
                let what = format!("the latest schema of subject \"{subject}\"");
                AvroSchema::resolve_named(&what, registry, chosen.schema).await?
            };
            inner.prepared.put(topic, field, (chosen.id, schema));
            Ok(())
        }))
    }
}
