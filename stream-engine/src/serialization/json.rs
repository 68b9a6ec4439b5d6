use kafka_client::serialization::Json;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::RecordBytes;
use crate::rdd::Refusal;
use crate::stream::pushing;
use crate::{DStream, Data, Fallible, Operator, PoisonPolicy};

impl<R: Data + RecordBytes> Fallible<R> {
    /// Each record read as JSON; what is none, or does not have the fields of `T`, is poisoned, and the cause says at which line
    /// and column, or which field. Tombstones are poisoned, too: read them by
    /// [`deserialize(Nullable(Json))`](Fallible::deserialize), as an `Option`.
    ///
    /// ```
    /// # use stream_engine::testkit::check;
    /// use stream_engine::PoisonPolicy;
    ///
    /// #[derive(Clone, Debug, PartialEq, serde::Deserialize)]
    /// struct Order { customer: String, apples: u32 }
    ///
    /// check(
    ///     &[vec![r#"{"customer": "c-7", "apples": 3}"#, r#"{"customer": "c-8"}"#]],
    ///     |lines| lines.on_poison(PoisonPolicy::Skip).from_json::<Order>(),
    ///     &[vec![Order { customer: "c-7".to_owned(), apples: 3 }]],
    /// );
    /// ```
    #[track_caller]
    #[allow(clippy::wrong_self_convention)] // Spark's `from_json`, which is a method of what is read.
    pub fn from_json<T: Data + DeserializeOwned>(self) -> DStream<T> {
        self.deserialize_at(Operator::here("from_json"), Json)
    }
}

impl<R: Data + RecordBytes> DStream<R> {
    /// Each record read as JSON; the first that cannot be read fails the batch. See [`Fallible::from_json`].
    #[track_caller]
    #[allow(clippy::wrong_self_convention)] // As there.
    pub fn from_json<T: Data + DeserializeOwned>(&self) -> DStream<T> {
        self.on_poison(PoisonPolicy::Fail).from_json()
    }
}

impl<T: Data + Serialize> DStream<T> {
    /// Each record as JSON. The first that is none (a map whose keys are no texts) fails the batch.
    ///
    /// ```
    /// # use stream_engine::testkit::check;
    /// check(&[vec![("apples", 3)]], |s| s.to_json(), &[vec![r#"["apples",3]"#.to_owned()]]);
    /// ```
    #[track_caller]
    pub fn to_json(&self) -> DStream<String> {
        let write = pushing(|record: &T, out| {
            out.push(serde_json::to_string(record).map_err(Refusal::of)?);
            Ok(())
        });
        self.on_poison(PoisonPolicy::Fail)
            .judged(Operator::here("to_json"), write)
    }
}

impl<K: Data, V: Data + Serialize> DStream<(K, V)> {
    /// Each value as JSON, to be saved by `save_to_kafka`. The first that is none fails the batch.
    ///
    /// ```
    /// # use stream_engine::testkit::check;
    /// check(
    ///     &[vec![("apples", vec![3, 4])]],
    ///     |s| s.values_to_json(),
    ///     &[vec![("apples", "[3,4]".to_owned())]],
    /// );
    /// ```
    #[track_caller]
    pub fn values_to_json(&self) -> DStream<(K, String)> {
        let write = pushing(|(key, value): &(K, V), out| {
            let value = serde_json::to_string(value).map_err(Refusal::of)?;
            out.push((key.clone(), value));
            Ok(())
        });
        self.on_poison(PoisonPolicy::Fail)
            .judged(Operator::here("values_to_json"), write)
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::super::{Json, Nullable};
    use crate::testkit::{TestKit, check};

    #[derive(Clone, Debug, PartialEq, Deserialize)]
    struct Order {
        customer: String,
        apples: u32,
    }

    #[test]
    fn a_poisoned_value_s_cause_names_line_and_column_or_the_field() {
        for (text, cause) in [
            ("{\"customer\": 1}", "expected a string at line 1 column 14"),
            (
                "{\n \"customer\": ",
                "EOF while parsing a value at line 2 column 13",
            ),
            (
                "{\"customer\": \"c\"}",
                "missing field `apples` at line 1 column 17",
            ),
        ] {
            let result = TestKit::default().run(&[vec![text]], |s| s.from_json::<Order>());
            let error = result.unwrap_err().to_string();
            assert!(error.contains("from_json at "), "{error}");
            assert!(
                error.contains("poisoned: it is not the JSON expected: "),
                "{error}"
            );
            assert!(error.contains(cause), "{error}");
        }
    }

    #[test]
    fn tombstones_are_read_as_an_option_and_json_s_own_null_is_none_of_them() {
        check(
            &[vec![Some("1"), None]],
            |s| s.deserialize::<Option<u32>, _>(Nullable(Json)),
            &[vec![Some(1), None]],
        );
        check(
            &[vec![Some("null"), None]],
            |s| s.deserialize::<Option<Option<u32>>, _>(Nullable(Json)),
            &[vec![Some(None), None]],
        );
    }

    #[test]
    fn what_cannot_be_json_fails_the_batch() {
        let odd: std::collections::BTreeMap<Vec<u8>, u8> = [(vec![1], 2)].into();
        let input = [vec![odd]];
        let result = TestKit::default().run(&input, |s| s.to_json());
        let error = result.unwrap_err().to_string();
        assert!(error.contains("key must be a string"), "{error}");
        let input = [input[0].iter().map(|odd| (1, odd.clone())).collect()];
        let result = TestKit::default().run(&input, |s| s.values_to_json());
        result.unwrap_err();
    }
}
