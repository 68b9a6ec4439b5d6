//! A compacted topic as a table.

use std::collections::BTreeMap;
use std::fmt;
use std::future::ready;
use std::sync::Arc;
use std::time::{Duration, Instant};

use kafka_client::TopicPartition;
use kafka_client::consumer::{Consumer, ConsumerBuilder, Isolation, OffsetReset};
use kafka_client::serialization::{Context, Deserializer, Field};

use super::KafkaRecord;
use super::io::Io;
use crate::operator::guard;
use crate::source::SourceContext;
use crate::table::{Changes, Table, TableSource};
use crate::{
    BoxError, Data, EngineError, Key, Operator, PoisonCause, RecordPlace, StreamingContext,
};

/// Settings for a table of a compacted topic, with [`kafka_table`](StreamingContext::kafka_table).
#[derive(Debug, Clone)]
pub struct KafkaTable {
    topic: String,
    bootstrap_servers: String,
    skip_poisoned: bool,
    properties: Vec<(String, String)>,
}

impl KafkaTable {
    /// The table of this topic, all partitions of it.
    pub fn topic(topic: impl Into<String>) -> Self {
        Self {
            topic: topic.into(),
            bootstrap_servers: String::new(),
            skip_poisoned: false,
            properties: Vec::new(),
        }
    }

    /// `bootstrap.servers`: `HOST:PORT`, or several separated by commas.
    #[must_use]
    pub fn bootstrap_servers(mut self, servers: impl Into<String>) -> Self {
        self.bootstrap_servers = servers.into();
        self
    }

    /// Goes on without records that cannot be decoded, with a warning in the log: their keys keep the values they had. By
    /// default the first of them fails the start or the batch.
    #[must_use]
    pub fn skip_poisoned(mut self, skip: bool) -> Self {
        self.skip_poisoned = skip;
        self
    }

    /// A consumer setting by its Kafka name. One that is unknown or invalid makes `start` fail. `isolation.level` is
    /// `read_committed` unless set.
    #[must_use]
    pub fn property(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.properties.push((name.into(), value.into()));
        self
    }

    fn consumer(&self) -> Result<ConsumerBuilder, kafka_client::Error> {
        Consumer::builder()
            .bootstrap_servers(&self.bootstrap_servers)
            .client_id("stream-engine")
            .enable_auto_commit(false)
            .allow_auto_create_topics(false)
            .auto_offset_reset(OffsetReset::Earliest)
            .isolation_level(Isolation::ReadCommitted)
            .properties(self.properties.clone())
    }
}

impl StreamingContext {
    /// The table of a compacted topic: for each key its newest value, for joins with streams by
    /// [`join_table`](crate::DStream::join_table).
    ///
    /// `decode` makes key and value of a record; a value `None` deletes the key, as tombstones (records whose value is null)
    /// are meant to. `start` reads the topic from its beginning to its end, which may take a while and is told in the log;
    /// then every batch reads on to the topic's end at the time it is planned (see [`Table`]). Both read all partitions;
    /// partitions that are added later are found when the client's metadata is renewed (`metadata.max.age.ms`).
    ///
    /// The table has every key that was written and not deleted: a topic with `cleanup.policy=compact,delete` drops records
    /// without telling, and the table keeps them until the next start.
    ///
    /// # Errors
    /// [`EngineError::State`] after the context was started. What is wrong with the settings, the cluster, the topic or its
    /// records is told by [`start`](Self::start), and by the batch where it comes up later.
    ///
    /// ```no_run
    /// use stream_engine::StreamingContext;
    /// use stream_engine::kafka::KafkaTable;
    ///
    /// # fn example(ssc: StreamingContext, orders: stream_engine::DStream<(String, u32)>) -> Result<(), stream_engine::EngineError> {
    /// let settings = KafkaTable::topic("customers").bootstrap_servers("localhost:9092");
    /// let customers = ssc.kafka_table(settings, |record| {
    ///     let key = record.key_str()?.ok_or("it has no key")?.to_owned();
    ///     let name = record.value_str()?.map(str::to_owned);
    ///     Ok::<_, stream_engine::BoxError>((key, name))
    /// })?;
    /// orders.join_table(&customers).print();
    /// # Ok(())
    /// # }
    /// ```
    #[track_caller]
    pub fn kafka_table<K: Key, V: Data, E: Into<BoxError> + 'static>(
        &self,
        settings: KafkaTable,
        decode: impl Fn(&KafkaRecord) -> Result<(K, Option<V>), E> + Send + Sync + 'static,
    ) -> Result<Table<K, V>, EngineError> {
        self.kafka_table_at(Operator::here("kafka_table"), settings, Closure(decode))
    }

    /// As [`kafka_table`](Self::kafka_table), with the formats of keys and values. Null values delete; `values` is not asked
    /// about them.
    ///
    /// ```no_run
    /// use stream_engine::StreamingContext;
    /// use stream_engine::kafka::KafkaTable;
    /// use stream_engine::serialization::Plain;
    ///
    /// # fn example(ssc: StreamingContext) -> Result<(), stream_engine::EngineError> {
    /// let settings = KafkaTable::topic("stock").bootstrap_servers("localhost:9092");
    /// let stock = ssc.kafka_table_of::<String, i64, _, _>(settings, Plain, Plain)?;
    /// # Ok(())
    /// # }
    /// ```
    #[track_caller]
    pub fn kafka_table_of<K, V, KD, VD>(
        &self,
        settings: KafkaTable,
        keys: KD,
        values: VD,
    ) -> Result<Table<K, V>, EngineError>
    where
        K: Key,
        V: Data,
        KD: for<'a> Deserializer<'a, K> + Send + Sync + 'static,
        VD: for<'a> Deserializer<'a, V> + Send + Sync + 'static,
    {
        self.kafka_table_at(
            Operator::here("kafka_table"),
            settings,
            Formats { keys, values },
        )
    }

    fn kafka_table_at<K: Key, V: Data>(
        &self,
        operator: Operator,
        settings: KafkaTable,
        decode: impl Decode<K, V>,
    ) -> Result<Table<K, V>, EngineError> {
        let source = TopicTable {
            operator,
            settings,
            decode: Arc::new(decode),
            running: None,
        };
        Table::create(self.shared(), operator, source)
    }
}

/// How a record becomes a change.
trait Decode<K, V>: Send + Sync + 'static {
    fn decode(&self, record: &KafkaRecord) -> Result<(K, Option<V>), PoisonCause>;
    /// Looks up what decoding needs, such as a schema.
    fn prepare(
        &self,
        _record: &KafkaRecord,
    ) -> impl Future<Output = kafka_client::Result<()>> + Send {
        ready(Ok(()))
    }
}

struct Closure<F>(F);

impl<K, V, F, E> Decode<K, V> for Closure<F>
where
    F: Fn(&KafkaRecord) -> Result<(K, Option<V>), E> + Send + Sync + 'static,
    E: Into<BoxError> + 'static,
{
    fn decode(&self, record: &KafkaRecord) -> Result<(K, Option<V>), PoisonCause> {
        let refused = |error: E| PoisonCause::error(std::any::type_name::<E>(), error.into());
        (self.0)(record).map_err(refused)
    }
}

struct Formats<KD, VD> {
    keys: KD,
    values: VD,
}

impl<K, V, KD, VD> Decode<K, V> for Formats<KD, VD>
where
    K: Key,
    V: Data,
    KD: for<'a> Deserializer<'a, K> + Send + Sync + 'static,
    VD: for<'a> Deserializer<'a, V> + Send + Sync + 'static,
{
    fn decode(&self, record: &KafkaRecord) -> Result<(K, Option<V>), PoisonCause> {
        let refused = |field: Field, kind, error| {
            PoisonCause::error(kind, format!("the {field} is refused: {error}").into())
        };
        let context = |field| Context::new(record.topic(), field);
        let key = self.keys.deserialize(&context(Field::Key), record.key());
        let key = key.map_err(|e| refused(Field::Key, std::any::type_name::<KD>(), e))?;
        let value = record.value().map(|value| {
            let value = self.values.deserialize(&context(Field::Value), Some(value));
            value.map_err(|e| refused(Field::Value, std::any::type_name::<VD>(), e))
        });
        Ok((key, value.transpose()?))
    }

    async fn prepare(&self, record: &KafkaRecord) -> kafka_client::Result<()> {
        let context = |field| Context::new(record.topic(), field);
        if let Some(preparing) = self.keys.prepare(&context(Field::Key), record.key()) {
            preparing.await?;
        }
        if record.value().is_some()
            && let Some(preparing) = self.values.prepare(&context(Field::Value), record.value())
        {
            preparing.await?;
        }
        Ok(())
    }
}

struct TopicTable<D> {
    operator: Operator,
    settings: KafkaTable,
    decode: Arc<D>,
    running: Option<Running>,
}

struct Running {
    io: Io,
    consumer: Arc<Consumer>,
    context: SourceContext,
}

impl<D> fmt::Debug for TopicTable<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TopicTable")
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}

/// How long a table that stops waits for its connections.
const CLOSE_LIMIT: Duration = Duration::from_secs(5);
/// How long one wait for records lasts, and so how soon a stop is noticed.
const POLL: Duration = Duration::from_millis(500);
/// How often a long load is told about.
const TELL_EVERY: Duration = Duration::from_secs(5);
/// How long it takes until a lookup that failed is tried again.
const LOOKUP_PAUSE: Duration = Duration::from_millis(100);
/// How long a batch waits for a table that gets nothing though there is more.
const PATIENCE: Duration = Duration::from_secs(60);

impl<K: Key, V: Data, D: Decode<K, V>> TableSource<K, V> for TopicTable<D> {
    fn start(
        &mut self,
        context: &SourceContext,
        changes: &mut Changes<'_, K, V>,
    ) -> Result<(), BoxError> {
        let io = Io::start()?;
        let builder = self.settings.consumer()?;
        let consumer = Arc::new(io.run(async move { builder.build().await })??);
        self.running = Some(Running {
            io,
            consumer,
            context: context.clone(),
        });
        let (topic, started) = (self.settings.topic.clone(), Instant::now());
        let records = self.catch_up_to_end(changes, |records, left| {
            tracing::info!(%topic, records, offsets_left = left, "loading a table");
        });
        if let Ok(records) = &records {
            tracing::info!(%topic, records, took = ?started.elapsed(), "a table is loaded");
        }
        records.map(drop)
    }

    fn catch_up(&mut self, changes: &mut Changes<'_, K, V>) -> Result<(), BoxError> {
        self.catch_up_to_end(changes, |_, _| {}).map(drop)
    }

    fn stop(&mut self) {
        if let Some(running) = self.running.take() {
            let consumer = running.consumer;
            running
                .io
                .close(async move { consumer.close(CLOSE_LIMIT).await });
        }
    }
}

impl<D> TopicTable<D> {
    /// Reads on to where the topic ends now. Returns how many records there were.
    fn catch_up_to_end<K: Key, V: Data>(
        &self,
        changes: &mut Changes<'_, K, V>,
        tell: impl Fn(u64, i64),
    ) -> Result<u64, BoxError>
    where
        D: Decode<K, V>,
    {
        let running = self.running.as_ref().ok_or("the table is not started")?;
        let (consumer, topic) = (running.consumer.clone(), self.settings.topic.clone());
        let ends = running
            .io
            .run(async move { ends_of(&consumer, &topic).await })??;
        let ends: Arc<[(TopicPartition, i64)]> = ends.into();
        let (mut total, mut told, mut moved) = (0, Instant::now(), Instant::now());
        loop {
            let (consumer, ends) = (running.consumer.clone(), ends.clone());
            let (decode, operator) = (self.decode.clone(), self.operator);
            let read = running.io.run(async move {
                let left = left_before(&consumer, &ends).await?;
                if left == 0 {
                    return Ok((Read::default(), 0));
                }
                let read = read::<K, V, D>(operator, &consumer, &*decode).await?;
                Ok::<_, kafka_client::Error>((read, left))
            });
            let (read, left) = match read? {
                Ok(read) => read,
                Err(error) if error.is_retriable() && moved.elapsed() <= PATIENCE => {
                    tracing::warn!(%error, "reading a table");
                    (Read::default(), i64::MAX)
                }
                Err(error) => return Err(error.into()),
            };
            if left == 0 {
                return Ok(total);
            }
            if running.context.is_stopping() {
                return Err(Box::new(EngineError::Cancelled));
            }
            if !read.changes.is_empty() || read.poisoned > 0 {
                (total, moved) = (
                    total + read.changes.len() as u64 + read.poisoned,
                    Instant::now(),
                );
            } else if moved.elapsed() > PATIENCE {
                let topic = &self.settings.topic;
                return Err(format!(
                    "table \"{topic}\" got no records for {PATIENCE:?}, {left} offsets before the topic's end: check the brokers that lead its partitions"
                )
                .into());
            }
            if let Some((place, cause)) = read.first_poisoned {
                if !self.settings.skip_poisoned {
                    return Err(Box::new(EngineError::Poisoned {
                        operator: self.operator,
                        place,
                        cause,
                    }));
                }
                tracing::warn!(
                    operator = %self.operator, records = read.poisoned, example = %format!("{place}: {cause}"),
                    "poisoned records of a table"
                );
            }
            changes.apply(read.changes);
            if told.elapsed() >= TELL_EVERY {
                told = Instant::now();
                tell(total, left);
            }
        }
    }
}

/// What one poll gave.
struct Read<K, V> {
    changes: Vec<(K, Option<V>)>,
    poisoned: u64,
    first_poisoned: Option<(RecordPlace, PoisonCause)>,
}

impl<K, V> Default for Read<K, V> {
    fn default() -> Self {
        Read {
            changes: Vec::new(),
            poisoned: 0,
            first_poisoned: None,
        }
    }
}

/// Where each of the topic's partitions ends now; those that the consumer does not read yet are read from their beginning.
async fn ends_of(
    consumer: &Consumer,
    topic: &str,
) -> kafka_client::Result<Vec<(TopicPartition, i64)>> {
    let partitions = consumer.partitions_for(topic).await?;
    let assigned = consumer.assignment();
    if assigned.len() < partitions.len() {
        let mut positions = Vec::with_capacity(partitions.len());
        for partition in &assigned {
            positions.push((partition.clone(), consumer.position(partition).await?));
        }
        let new = |partition: &&TopicPartition| !assigned.contains(partition);
        let new: Vec<TopicPartition> = partitions.iter().filter(new).cloned().collect();
        positions.extend(consumer.beginning_offsets(&new).await?);
        consumer.assign_at(positions)?;
    }
    let ends = consumer.end_offsets(&partitions).await?;
    Ok(ends.into_iter().collect())
}

/// How many offsets are before the ends, control records and such that were compacted away included.
async fn left_before(
    consumer: &Consumer,
    ends: &[(TopicPartition, i64)],
) -> kafka_client::Result<i64> {
    let mut left = 0;
    for (partition, end) in ends {
        left += (end - consumer.position(partition).await?).max(0);
    }
    Ok(left)
}

async fn read<K, V, D: Decode<K, V>>(
    operator: Operator,
    consumer: &Consumer,
    decode: &D,
) -> kafka_client::Result<Read<K, V>> {
    let batches = consumer.poll(POLL).await?.into_batches();
    let begins = batches
        .iter()
        .rev()
        .map(|batch| (batch.partition().clone(), batch.first_offset()));
    // Of a partition's batches the first one counts.
    let begins: BTreeMap<TopicPartition, i64> = begins.collect();
    let mut read = Read::default();
    for batch in batches {
        read.changes.reserve(batch.len());
        for record in batch {
            if let Err(error) = decode.prepare(&record).await {
                // Nothing of what was polled is applied: it is read again if the lookup is worth another try.
                for (partition, begin) in &begins {
                    consumer.seek(partition, *begin)?;
                }
                tokio::time::sleep(LOOKUP_PAUSE).await;
                return Err(error);
            }
            let change = match guard(operator, || decode.decode(&record)) {
                Ok(change) => change,
                Err(EngineError::Panicked { message, .. }) => Err(PoisonCause::panic(message)),
                Err(error) => Err(PoisonCause::error("EngineError", error.into())),
            };
            match change {
                Ok(change) => read.changes.push(change),
                Err(cause) => {
                    read.poisoned += 1;
                    read.first_poisoned
                        .get_or_insert_with(|| (RecordPlace::of(&record, 0, 0), cause));
                }
            }
        }
    }
    Ok(read)
}

#[cfg(all(test, feature = "embedded-broker"))]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;
    use crate::testkit::EmbeddedKafka;

    /// Cannot look up what it needs the first time it comes to the third record.
    #[derive(Default)]
    struct Flaky {
        prepared: AtomicUsize,
    }

    impl Decode<String, String> for Flaky {
        fn decode(&self, record: &KafkaRecord) -> Result<(String, Option<String>), PoisonCause> {
            let key = String::from_utf8_lossy(record.key().unwrap_or_default());
            Ok((
                key.into_owned(),
                Some(record.value_utf8_lossy().into_owned()),
            ))
        }

        async fn prepare(&self, _: &KafkaRecord) -> kafka_client::Result<()> {
            match self.prepared.fetch_add(1, Ordering::Relaxed) {
                2 => Err(kafka_client::Error::BufferFull { buffer: 0 }),
                _ => Ok(()),
            }
        }
    }

    #[tokio::test]
    async fn a_lookup_that_fails_and_is_tried_again_loses_no_change() {
        let kafka = EmbeddedKafka::start().unwrap();
        kafka.create_topic("table", 1).unwrap();
        let written = ["a", "b", "c", "d"];
        kafka.write("table", written.map(|key| (key, key))).unwrap();
        let settings = KafkaTable::topic("table").bootstrap_servers(kafka.bootstrap_servers());
        let consumer = settings.consumer().unwrap().build().await.unwrap();
        let ends = ends_of(&consumer, "table").await.unwrap();
        let (decode, operator) = (Flaky::default(), Operator::here("kafka_table"));
        let (mut keys, mut failures) = (Vec::new(), 0);
        while left_before(&consumer, &ends).await.unwrap() > 0 {
            match read(operator, &consumer, &decode).await {
                Ok(read) => keys.extend(read.changes.into_iter().map(|(key, _)| key)),
                Err(error) => {
                    assert!(error.is_retriable());
                    failures += 1;
                }
            }
        }
        assert_eq!(failures, 1);
        assert_eq!(keys, written);
    }
}
