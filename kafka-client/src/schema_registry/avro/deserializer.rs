use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use apache_avro::reader::datum::GenericDatumReader;
use serde::de::DeserializeOwned;

use super::super::client::SchemaRegistry;
use super::super::error::RegistryError;
use super::super::wire;
use super::schema::AvroSchema;
use crate::clock::now;
use crate::serialization::{Context, Deserializer, Preparing, Refused};

/// How many ids that are no schemas are remembered, for the sake of the message.
const MOST_ABSENT: usize = 1000;
/// When to ask again for an id that was no schema: a registry may learn of it a little later than the topic has records with
/// it, and each of a million records must not be a question.
const ABSENT_FOR: Duration = Duration::from_secs(5);

/// Reads Avro behind the id of the schema that it was written with, as Confluent's `KafkaAvroDeserializer` does. A cheap
/// handle: clones share what was looked up.
///
/// Schemas are looked up by
/// [`ConsumerRecords::typed_with_schemas`](crate::consumer::ConsumerRecords::typed_with_schemas).
///
/// Without a schema of its own, fields are those that were written, and serde finds them by name:
/// `#[serde(default)]` stands for those that are not there. With [`reader_schema`](Self::reader_schema), values are brought
/// into that schema first by Avro's rules of resolution: defaults, wider numbers, values of other unions. Aliases of fields
/// are not among them; `#[serde(alias)]` does the same.
#[derive(Debug, Clone)]
pub struct AvroDeserializer {
    registry: SchemaRegistry,
    reader: Option<AvroSchema>,
    /// The schemas by their ids.
    writers: Arc<RwLock<HashMap<i32, Writer>>>,
}

/// What is known of an id.
#[derive(Debug, Clone)]
enum Writer {
    Known(AvroSchema),
    /// Why there is none, and since when.
    Absent(String, Instant),
}

impl AvroDeserializer {
    /// Reads values as they were written.
    pub fn new(registry: SchemaRegistry) -> Self {
        Self {
            registry,
            reader: None,
            writers: Arc::default(),
        }
    }

    /// The schema that values are brought into, whatever they were written with.
    #[must_use]
    pub fn reader_schema(mut self, schema: AvroSchema) -> Self {
        self.reader = Some(schema);
        self
    }

    fn writer(&self, id: i32) -> Option<Writer> {
        let writers = self.writers.read();
        let writers = writers.unwrap_or_else(PoisonError::into_inner);
        writers.get(&id).cloned()
    }

    async fn look_up(&self, id: i32) -> Result<(), RegistryError> {
        let found = match self.registry.schema(id).await {
            Ok(schema) => {
                let what = format!("schema {id}");
                AvroSchema::resolve_named(&what, &self.registry, schema).await
            }
            Err(error) => Err(error),
        };
        let found = match found {
            Ok(schema) => Writer::Known(schema),
            // It is the record that is wrong: others can be read.
            Err(RegistryError::Schema { what, reason }) => {
                Writer::Absent(format!("{what}: {reason}"), now())
            }
            Err(error) if error.code().is_some_and(|code| code.is_not_found()) => {
                Writer::Absent(error.to_string(), now())
            }
            Err(error) => return Err(error),
        };
        let mut writers = self.writers.write().unwrap_or_else(PoisonError::into_inner);
        let is_known = |writer: &Writer| matches!(writer, Writer::Known(_));
        let absent = writers.values().filter(|writer| !is_known(writer)).count();
        if absent >= MOST_ABSENT {
            writers.retain(|_, writer| is_known(writer));
        }
        writers.insert(id, found);
        Ok(())
    }
}

impl<'a, T: DeserializeOwned> Deserializer<'a, T> for AvroDeserializer {
    fn deserialize(&self, _: &Context<'_>, bytes: Option<&'a [u8]>) -> Result<T, Refused> {
        let bytes = bytes.ok_or("it is null: read it by Nullable, as an Option")?;
        let (id, mut datum) = wire::split(bytes)?;
        let writer = match self.writer(id) {
            Some(Writer::Known(schema)) => schema,
            Some(Writer::Absent(reason, _)) => return Err(reason.into()),
            None => {
                let reason =
                    format!("its schema {id} was not looked up yet: read by typed_with_schemas");
                return Err(reason.into());
            }
        };
        let refused = |error: apache_avro::Error| -> Refused {
            format!("it is not what schema {id} says: {error}").into()
        };
        let reader = self.reader.as_ref().filter(|reader| **reader != writer);
        let value = {
            let builder = GenericDatumReader::builder(writer.main())
                .resolved_writer_schemata(writer.resolved().map_err(refused)?);
            match reader {
                None => {
                    let reader = builder.build().map_err(refused)?;
                    reader.read_deser(&mut datum).map_err(refused)?
                }
                Some(schema) => {
                    let reader = builder
                        .reader_schema(schema.main())
                        .resolved_reader_schemata(schema.resolved().map_err(refused)?)
                        .build()
                        .map_err(refused)?;
                    let value = reader.read_value(&mut datum).map_err(refused)?;
                    apache_avro::from_value(&value).map_err(refused)?
                }
            }
        };
        if datum.is_empty() {
            Ok(value)
        } else {
            Err(format!(
                "it is not what schema {id} says: {} bytes are left over",
                datum.len()
            )
            .into())
        }
    }

    fn prepare<'s>(&'s self, _: &Context<'_>, bytes: Option<&'a [u8]>) -> Option<Preparing<'s>> {
        let (id, _) = wire::split(bytes?).ok()?;
        match self.writer(id) {
            Some(Writer::Known(_)) => return None,
            Some(Writer::Absent(_, since)) if now() < since + ABSENT_FOR => return None,
            _ => {}
        }
        Some(Box::pin(async move { Ok(self.look_up(id).await?) }))
    }
}
