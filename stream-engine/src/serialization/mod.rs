//! Formats of keys and values: how streams of bytes become streams of typed records, and the reverse.
//!
//! | format | reads | writes | feature |
//! | --- | --- | --- | --- |
//! | Kafka's own, [`Plain`] | [`deserialize`](crate::DStream::deserialize) | `save_to_kafka` | |
//! | JSON, `Json` | `from_json` | `to_json`, `values_to_json` | `json` |
//! | CSV, `Csv` | `from_csv` | `to_csv` | `csv` |
//! | Avro with a registry, `AvroDeserializer`, `AvroSerializer` | `deserialize` | `serialize_values` | `avro` |
//! | Avro with a schema that both sides know, `AvroDatum` | `deserialize` | `serialize_values` | `avro` |
//! | any [`Deserializer`], [`Serializer`] | `deserialize`, [`deserialize_pairs`](crate::DStream::deserialize_pairs) | `serialize_values` | |
//!
//! All read the value of a [`KafkaRecord`], a text, or bytes. What cannot be decoded is a poisoned record: on the stream itself
//! it fails the batch, and behind [`on_poison`](crate::DStream::on_poison) it goes the way that was chosen there. So is null,
//! unless the format is [`Nullable`], which reads tombstones as `None`.

#[cfg(feature = "csv")]
mod csv;
mod decode;
mod encode;
#[cfg(feature = "json")]
mod json;
mod lookup;

#[cfg(feature = "csv")]
pub use self::csv::Csv;
#[cfg(feature = "avro")]
pub use kafka_client::schema_registry::{
    AvroDatum, AvroDeserializer, AvroSchema, AvroSerializer, SchemaRegistry,
};
#[cfg(feature = "json")]
pub use kafka_client::serialization::Json;
pub use kafka_client::serialization::{
    Context, Deserializer, Field, Nullable, Payload, Plain, Refused, Serializer,
};

use crate::ShortString;
use crate::kafka::KafkaRecord;

/// What has bytes that can be decoded: the value of a Kafka record, a text, bytes.
pub trait RecordBytes {
    /// The bytes; `None` is null.
    fn bytes(&self) -> Option<&[u8]>;

    /// The topic that they come from, where there is one: formats with schemas may want to know.
    fn topic(&self) -> &str {
        ""
    }
}

impl RecordBytes for KafkaRecord {
    fn bytes(&self) -> Option<&[u8]> {
        self.value()
    }

    fn topic(&self) -> &str {
        self.topic()
    }
}

impl<T: RecordBytes> RecordBytes for Option<T> {
    fn bytes(&self) -> Option<&[u8]> {
        self.as_ref().and_then(RecordBytes::bytes)
    }
}

macro_rules! record_bytes {
    ($($ty:ty),*) => {$(
        impl RecordBytes for $ty {
            fn bytes(&self) -> Option<&[u8]> {
                Some(AsRef::<[u8]>::as_ref(self))
            }
        }
    )*};
}

record_bytes!(&'static str, String, Vec<u8>, bytes::Bytes, ShortString);
