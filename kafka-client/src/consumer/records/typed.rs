//! Records with typed keys and values, deserialized as they are iterated over.

use super::{ConsumerRecord, ConsumerRecords, PartitionBatch, Records};
use crate::error::{Error, Result};
use crate::serialization::{Context, Deserializer, Field};

/// A record with its key and its value as they were deserialized.
#[derive(Debug, Clone)]
pub struct TypedRecord<'a, K, V> {
    /// The key.
    pub key: K,
    /// The value.
    pub value: V,
    /// The record itself: topic, partition, offset, timestamp, headers.
    pub record: ConsumerRecord<'a>,
}

impl<'a> ConsumerRecord<'a> {
    /// The record with its key and value in these formats.
    ///
    /// # Errors
    /// [`Error::Deserialization`] names partition, offset and field.
    pub fn typed<K, V>(
        self,
        keys: &impl Deserializer<'a, K>,
        values: &impl Deserializer<'a, V>,
    ) -> Result<TypedRecord<'a, K, V>> {
        let refused = |field| {
            move |reason: crate::serialization::Refused| Error::Deserialization {
                partition: self.partition().clone(),
                offset: self.offset(),
                field,
                reason: reason.to_string(),
            }
        };
        let context = |field| Context::new(self.topic(), field);
        Ok(TypedRecord {
            key: keys
                .deserialize(&context(Field::Key), self.key())
                .map_err(refused(Field::Key))?,
            value: values
                .deserialize(&context(Field::Value), self.value())
                .map_err(refused(Field::Value))?,
            record: self,
        })
    }
}

impl PartitionBatch {
    /// The records with keys and values in these formats, deserialized one by one.
    ///
    /// One that is refused is an [`Error::Deserialization`], and the next one follows: to go on is to skip it. The
    /// consumer's position is behind all of them either way.
    pub fn typed<'a, K, V>(
        &'a self,
        keys: &impl Deserializer<'a, K>,
        values: &impl Deserializer<'a, V>,
    ) -> impl Iterator<Item = Result<TypedRecord<'a, K, V>>> {
        let records: Records<'a> = self.iter();
        records.map(|record| record.typed(keys, values))
    }
}

impl ConsumerRecords {
    /// All records, batch after batch, with keys and values in these formats, deserialized one by one.
    ///
    /// One that is refused is an [`Error::Deserialization`], and the next one follows: to go on is to skip it. The
    /// consumer's position is behind all of them either way; to stop at it, and to have it again, seek to the error's
    /// offset.
    ///
    /// ```no_run
    /// use kafka_client::serialization::Plain;
    ///
    /// # async fn consume(consumer: kafka_client::consumer::Consumer) -> kafka_client::Result<()> {
    /// let records = consumer.poll(std::time::Duration::from_secs(1)).await?;
    /// for record in records.typed::<&str, Option<i64>>(&Plain, &Plain) {
    ///     match record {
    ///         Ok(record) => println!("{}: {:?}", record.key, record.value),
    ///         Err(error) => eprintln!("skipped: {error}"),
    ///     }
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn typed<'a, K, V>(
        &'a self,
        keys: &impl Deserializer<'a, K>,
        values: &impl Deserializer<'a, V>,
    ) -> impl Iterator<Item = Result<TypedRecord<'a, K, V>>> {
        self.records().map(|record| record.typed(keys, values))
    }

    /// The same for formats with schemas: those that the records were written with are looked up first where they are not
    /// known yet, so that iterating takes no waiting.
    ///
    /// ```no_run
    /// # #[cfg(feature = "avro")]
    /// # async fn consume(consumer: kafka_client::consumer::Consumer) -> Result<(), Box<dyn std::error::Error>> {
    /// use kafka_client::schema_registry::{AvroDeserializer, SchemaRegistry};
    /// use kafka_client::serialization::Plain;
    ///
    /// #[derive(serde::Deserialize)]
    /// struct Order {
    ///     customer: String,
    /// }
    ///
    /// let registry = SchemaRegistry::builder("http://localhost:8081").build()?;
    /// let avro = AvroDeserializer::new(registry);
    /// let records = consumer.poll(std::time::Duration::from_secs(1)).await?;
    /// for record in records.typed_with_schemas::<&str, Order>(&Plain, &avro).await? {
    ///     println!("{}", record?.value.customer);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// Those of [`Deserializer::prepare`]: the records are still there, so that it may be tried again. Cancel-safe.
    pub async fn typed_with_schemas<'a, K, V>(
        &'a self,
        keys: &impl Deserializer<'a, K>,
        values: &impl Deserializer<'a, V>,
    ) -> Result<impl Iterator<Item = Result<TypedRecord<'a, K, V>>>> {
        for record in self.records() {
            let context = |field| Context::new(record.topic(), field);
            if let Some(preparing) = keys.prepare(&context(Field::Key), record.key()) {
                preparing.await?;
            }
            if let Some(preparing) = values.prepare(&context(Field::Value), record.value()) {
                preparing.await?;
            }
        }
        Ok(self.typed(keys, values))
    }
}
