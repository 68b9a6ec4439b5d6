use kafka_client::serialization::{Context, Field, Payload, Serializer};

use super::lookup::Lookups;
use crate::rdd::Refusal;
use crate::stream::pushing;
use crate::{DStream, Data, Operator, PoisonPolicy};

impl<K: Data, V: Data> DStream<(K, V)> {
    /// The values as a format writes them for a topic, to be saved there by `save_to_kafka`; `None` is null. The first that
    /// the format refuses fails the batch.
    ///
    /// ```
    /// # use stream_engine::testkit::check;
    /// use stream_engine::serialization::Plain;
    ///
    /// check(
    ///     &[vec![("apples", 258i32)]],
    ///     |stock| stock.serialize_values("stock", Plain),
    ///     &[vec![("apples", Some(vec![0, 0, 1, 2]))]],
    /// );
    /// ```
    #[track_caller]
    pub fn serialize_values<S>(
        &self,
        topic: impl Into<String>,
        format: S,
    ) -> DStream<(K, Option<Vec<u8>>)>
    where
        S: Serializer<V> + Send + Sync + 'static,
    {
        let (topic, lookups) = (topic.into(), Lookups::default());
        let write = pushing(move |(key, value): &(K, V), out| {
            let context = Context::new(&topic, Field::Value);
            if let Some(preparing) = format.prepare(&context) {
                lookups.wait(preparing)?;
            }
            let mut bytes = Vec::new();
            let refused = |error| Refusal::named(std::any::type_name::<S>(), error);
            let payload = format.serialize(&context, value, &mut bytes);
            let bytes = match payload.map_err(refused)? {
                Payload::Bytes => Some(bytes),
                Payload::Null => None,
            };
            out.push((key.clone(), bytes));
            Ok(())
        });
        self.on_poison(PoisonPolicy::Fail)
            .judged(Operator::here("serialize_values"), write)
    }
}
