//! Records with typed keys and values.

use std::cell::Cell;
use std::fmt;
use std::marker::PhantomData;

use kafka_proto::records::Header;

use super::{Delivery, Producer, Record};
use crate::error::{Error, Result};
use crate::serialization::{Context, Field, Payload, Plain, Serializer};

/// A producer of records whose keys are `K` and whose values are `V`: they are serialized as they are handed over.
///
/// ```no_run
/// use kafka_client::producer::{Producer, TypedProducer, TypedRecord};
///
/// # async fn example() -> kafka_client::Result<()> {
/// let producer = Producer::builder().bootstrap_servers("localhost:9092").build().await?;
/// let counts: TypedProducer<str, i64> = TypedProducer::new(producer);
/// counts.send(TypedRecord::to("counts").key("apples").value(&3)).await?;
/// counts.producer().flush().await?;
/// # Ok(())
/// # }
/// ```
///
/// It is a handle as the [`Producer`] is, which everything else is done with: [`producer`](Self::producer).
pub struct TypedProducer<K: ?Sized, V: ?Sized, KS = Plain, VS = Plain> {
    producer: Producer,
    keys: KS,
    values: VS,
    takes: PhantomData<fn(&K, &V)>,
}

/// A record to be sent whose key and value are typed. Without a key it has none; without a value it is a tombstone.
#[derive(Debug)]
pub struct TypedRecord<'a, K: ?Sized, V: ?Sized> {
    /// The topic's name.
    pub topic: &'a str,
    /// The partition; `None` lets the partitioner choose.
    pub partition: Option<i32>,
    /// The key.
    pub key: Option<&'a K>,
    /// The value.
    pub value: Option<&'a V>,
    /// Headers, in order.
    pub headers: &'a [Header<'a>],
    /// Milliseconds since 1970; `None` is now.
    pub timestamp: Option<i64>,
}

impl<'a, K: ?Sized, V: ?Sized> TypedRecord<'a, K, V> {
    /// A record without key and value.
    pub fn to(topic: &'a str) -> Self {
        Self {
            topic,
            partition: None,
            key: None,
            value: None,
            headers: &[],
            timestamp: None,
        }
    }

    /// Chooses the partition.
    #[must_use]
    pub fn partition(self, partition: i32) -> Self {
        Self {
            partition: Some(partition),
            ..self
        }
    }

    /// Sets the key.
    #[must_use]
    pub fn key(self, key: &'a K) -> Self {
        Self {
            key: Some(key),
            ..self
        }
    }

    /// Sets the value.
    #[must_use]
    pub fn value(self, value: &'a V) -> Self {
        Self {
            value: Some(value),
            ..self
        }
    }

    /// Sets the headers.
    #[must_use]
    pub fn headers(self, headers: &'a [Header<'a>]) -> Self {
        Self { headers, ..self }
    }

    /// Sets the timestamp, in milliseconds since 1970.
    #[must_use]
    pub fn timestamp(self, millis: i64) -> Self {
        Self {
            timestamp: Some(millis),
            ..self
        }
    }
}

impl<K: ?Sized, V: ?Sized> TypedProducer<K, V>
where
    Plain: Serializer<K> + Serializer<V>,
{
    /// Writes keys and values in Kafka's own formats.
    pub fn new(producer: Producer) -> Self {
        Self::with(producer, Plain, Plain)
    }
}

impl<K: ?Sized, V: ?Sized, KS: Serializer<K>, VS: Serializer<V>> TypedProducer<K, V, KS, VS> {
    /// Writes keys and values in these formats.
    pub fn with(producer: Producer, keys: KS, values: VS) -> Self {
        Self {
            producer,
            keys,
            values,
            takes: PhantomData,
        }
    }

    /// The producer that carries the records: to flush, to close, for transactions.
    pub fn producer(&self) -> &Producer {
        &self.producer
    }

    /// Serializes a record and hands it over, as [`Producer::send`] does. Where a format does not know yet what it needs,
    /// that is looked up first.
    ///
    /// # Errors
    /// [`Error::Serialization`] names topic and field: nothing was sent, and others are not touched. Those of
    /// [`Producer::send`], and those of [`Serializer::prepare`].
    ///
    /// Cancel-safe: a record whose `send` was dropped was not taken.
    pub async fn send(&self, record: TypedRecord<'_, K, V>) -> Result<Delivery> {
        if record.key.is_some() {
            let preparing = self.keys.prepare(&Context::new(record.topic, Field::Key));
            if let Some(preparing) = preparing {
                preparing.await?;
            }
        }
        if record.value.is_some() {
            let preparing = self
                .values
                .prepare(&Context::new(record.topic, Field::Value));
            if let Some(preparing) = preparing {
                preparing.await?;
            }
        }
        let bytes = self.serialize(&record)?;
        self.producer.send(bytes.of(&record)).await
    }

    /// Serializes a record and hands it over if that takes no waiting, as [`Producer::try_send`] does. Nothing
    /// is looked up: a format that does not know what it needs refuses the record.
    ///
    /// # Errors
    /// [`Error::Serialization`], and those of [`Producer::try_send`].
    pub fn try_send(&self, record: TypedRecord<'_, K, V>) -> Result<Delivery> {
        let bytes = self.serialize(&record)?;
        self.producer.try_send(bytes.of(&record))
    }

    fn serialize(&self, record: &TypedRecord<'_, K, V>) -> Result<Serialized> {
        let mut bytes = Serialized {
            bytes: SPARE.take(),
            ..Serialized::default()
        };
        let refused = |field| {
            move |reason: crate::serialization::Refused| Error::Serialization {
                topic: record.topic.to_owned(),
                field,
                reason: reason.to_string(),
            }
        };
        if let Some(key) = record.key {
            let context = Context::new(record.topic, Field::Key);
            let payload = self.keys.serialize(&context, key, &mut bytes.bytes);
            bytes.has_key = payload.map_err(refused(Field::Key))? == Payload::Bytes;
        }
        bytes.key_end = bytes.bytes.len();
        if let Some(value) = record.value {
            let context = Context::new(record.topic, Field::Value);
            let payload = self.values.serialize(&context, value, &mut bytes.bytes);
            bytes.has_value = payload.map_err(refused(Field::Value))? == Payload::Bytes;
        }
        Ok(bytes)
    }
}

thread_local! {
    /// Memory for the next record of the thread.
    static SPARE: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// The most that is kept for the next record.
const SPARE_BYTES: usize = 64 << 10;

/// A record's key and value, one behind the other.
#[derive(Debug, Default)]
struct Serialized {
    bytes: Vec<u8>,
    has_key: bool,
    key_end: usize,
    has_value: bool,
}

impl Serialized {
    fn of<'b, K: ?Sized, V: ?Sized>(&'b self, record: &TypedRecord<'b, K, V>) -> Record<'b> {
        let (key, value) = self.bytes.split_at(self.key_end);
        Record {
            topic: record.topic,
            partition: record.partition,
            key: self.has_key.then_some(key),
            value: self.has_value.then_some(value),
            headers: record.headers,
            timestamp: record.timestamp,
        }
    }
}

impl Drop for Serialized {
    fn drop(&mut self) {
        let mut bytes = std::mem::take(&mut self.bytes);
        if bytes.capacity() <= SPARE_BYTES {
            bytes.clear();
            // A thread that ends has no use for it.
            let _ = SPARE.try_with(|spare| spare.set(bytes));
        }
    }
}

impl<K: ?Sized, V: ?Sized, KS: Clone, VS: Clone> Clone for TypedProducer<K, V, KS, VS> {
    fn clone(&self) -> Self {
        Self {
            producer: self.producer.clone(),
            keys: self.keys.clone(),
            values: self.values.clone(),
            takes: PhantomData,
        }
    }
}

impl<K: ?Sized, V: ?Sized, KS, VS> fmt::Debug for TypedProducer<K, V, KS, VS> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TypedProducer")
            .field("producer", &self.producer)
            .finish_non_exhaustive()
    }
}
