use std::any::type_name;

use kafka_client::serialization::{Context, Deserializer, Field};

use super::RecordBytes;
use super::lookup::Lookups;
use crate::kafka::KafkaRecord;
use crate::rdd::Refusal;
use crate::stream::pushing;
use crate::{DStream, Data, Fallible, Operator, PoisonPolicy};

/// One field of a record, read by a format. Nothing is looked up and nothing allocated that the type does not need.
fn read<T, D>(
    format: &D,
    lookups: &Lookups,
    context: &Context<'_>,
    bytes: Option<&[u8]>,
) -> Result<T, Refusal>
where
    D: for<'a> Deserializer<'a, T>,
{
    if let Some(preparing) = format.prepare(context, bytes) {
        lookups.wait(preparing)?;
    }
    let refused = |error| Refusal::named(type_name::<D>(), error);
    format.deserialize(context, bytes).map_err(refused)
}

impl<R: Data + RecordBytes> Fallible<R> {
    /// What a format reads from each record; what it cannot read is poisoned.
    ///
    /// ```
    /// # use stream_engine::testkit::check;
    /// use stream_engine::PoisonPolicy;
    /// use stream_engine::serialization::Plain;
    ///
    /// check(
    ///     &[vec![vec![0, 0, 1, 2], vec![7]]],
    ///     |bytes| bytes.on_poison(PoisonPolicy::Skip).deserialize::<i32, _>(Plain),
    ///     &[vec![258]],
    /// );
    /// ```
    #[track_caller]
    pub fn deserialize<T, D>(self, format: D) -> DStream<T>
    where
        T: Data,
        D: for<'a> Deserializer<'a, T> + Send + Sync + 'static,
    {
        self.deserialize_at(Operator::here("deserialize"), format)
    }

    pub(super) fn deserialize_at<T, D>(self, operator: Operator, format: D) -> DStream<T>
    where
        T: Data,
        D: for<'a> Deserializer<'a, T> + Send + Sync + 'static,
    {
        let lookups = Lookups::default();
        let read = pushing(move |record: &R, out| {
            let context = Context::new(record.topic(), Field::Value);
            out.push(read(&format, &lookups, &context, record.bytes())?);
            Ok(())
        });
        self.judged(operator, read)
    }
}

impl Fallible<KafkaRecord> {
    /// Keys and values of records, each read by a format; what one of them cannot read is poisoned.
    ///
    /// ```no_run
    /// # use stream_engine::DStream;
    /// # fn example(records: DStream<stream_engine::kafka::KafkaRecord>) {
    /// use stream_engine::PoisonPolicy;
    /// use stream_engine::serialization::{Nullable, Plain};
    ///
    /// let policy = PoisonPolicy::Skip;
    /// let stock: DStream<(String, Option<i64>)> = records.on_poison(policy).deserialize_pairs(Plain, Nullable(Plain));
    /// # }
    /// ```
    #[track_caller]
    pub fn deserialize_pairs<K, V, KD, VD>(self, keys: KD, values: VD) -> DStream<(K, V)>
    where
        K: Data,
        V: Data,
        KD: for<'a> Deserializer<'a, K> + Send + Sync + 'static,
        VD: for<'a> Deserializer<'a, V> + Send + Sync + 'static,
    {
        let lookups = Lookups::default();
        let read = pushing(move |record: &KafkaRecord, out| {
            let context = |field| Context::new(record.topic(), field);
            let key = read(&keys, &lookups, &context(Field::Key), record.key())?;
            let value = read(&values, &lookups, &context(Field::Value), record.value())?;
            out.push((key, value));
            Ok(())
        });
        self.judged(Operator::here("deserialize_pairs"), read)
    }
}

impl<R: Data + RecordBytes> DStream<R> {
    /// What a format reads from each record; the first that it cannot read fails the batch.
    #[track_caller]
    pub fn deserialize<T, D>(&self, format: D) -> DStream<T>
    where
        T: Data,
        D: for<'a> Deserializer<'a, T> + Send + Sync + 'static,
    {
        self.on_poison(PoisonPolicy::Fail).deserialize(format)
    }
}

impl DStream<KafkaRecord> {
    /// Keys and values of records, each read by a format; the first that one of them cannot read fails the batch.
    #[track_caller]
    pub fn deserialize_pairs<K, V, KD, VD>(&self, keys: KD, values: VD) -> DStream<(K, V)>
    where
        K: Data,
        V: Data,
        KD: for<'a> Deserializer<'a, K> + Send + Sync + 'static,
        VD: for<'a> Deserializer<'a, V> + Send + Sync + 'static,
    {
        self.on_poison(PoisonPolicy::Fail)
            .deserialize_pairs(keys, values)
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Nullable, Plain};
    use crate::PoisonPolicy;
    use crate::testkit::{TestKit, check};

    #[test]
    fn null_is_poisoned_unless_the_format_knows_it() {
        let input = [vec![Some("a"), None, Some("b")], vec![None]];
        check(
            &input,
            |s| {
                s.on_poison(PoisonPolicy::Skip)
                    .deserialize::<String, _>(Plain)
            },
            &[vec!["a".to_owned(), "b".to_owned()], vec![]],
        );
        let (a, b) = (Some("a".to_owned()), Some("b".to_owned()));
        check(
            &input,
            |s| s.deserialize::<Option<String>, _>(Nullable(Plain)),
            &[vec![a, None, b], vec![None]],
        );
    }

    #[test]
    fn what_cannot_be_read_is_named_with_the_format_s_reason() {
        let result =
            TestKit::default().run(&[vec!["no number"]], |s| s.deserialize::<i64, _>(Plain));
        let error = result.unwrap_err().to_string();
        assert!(error.contains("deserialize at "), "{error}");
        let reason = "record 0 of partition 1 is poisoned: it has 9 bytes, expected 8; to go on";
        assert!(error.contains(reason), "{error}");
    }
}
