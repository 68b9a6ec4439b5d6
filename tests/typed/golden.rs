//! Bytes that other implementations have written.

use std::collections::BTreeMap;

use kafka_client::schema_registry::{AvroDeserializer, AvroSchema, AvroSerializer};
use kafka_client::serialization::{Context, Deserializer, Field, Serializer};
use serde::{Deserialize, Serialize};
use tests::registry::Registry;

use crate::client;

/// Every kind of type, and a name that is used again.
const SCHEMA: &str = r#"{"type": "record", "name": "Everything", "namespace": "golden", "fields": [
    {"name": "nothing", "type": "null"}, {"name": "yes", "type": "boolean"},
    {"name": "small", "type": "int"}, {"name": "big", "type": "long"},
    {"name": "half", "type": "float"}, {"name": "pi", "type": "double"},
    {"name": "raw", "type": "bytes"}, {"name": "text", "type": "string"},
    {"name": "color", "type": {"type": "enum", "name": "Color", "symbols": ["RED", "GREEN"]}},
    {"name": "list", "type": {"type": "array", "items": "long"}},
    {"name": "map", "type": {"type": "map", "values": "string"}},
    {"name": "maybe", "type": ["null", "string"]}, {"name": "absent", "type": ["null", "string"]},
    {"name": "inner", "type": {"type": "record", "name": "Inner", "fields": [{"name": "n", "type": "int"}]}},
    {"name": "again", "type": "Inner"}]}"#;

/// What Java's `org.apache.avro` 1.12.0 writes (`GenericDatumWriter` with a `directBinaryEncoder`), and Python's `fastavro`
/// 1.13.1 as well, behind the prefix of schema 1.
const BYTES: &str = "000000000101058080808080400000c03f0000000000000a400400ff0a6772c3bc6e\
    02060201d8040002026b027600020a7468657265000e0f";

#[derive(Debug, PartialEq, Serialize, Deserialize)]
enum Color {
    #[serde(rename = "RED")]
    Red,
    #[serde(rename = "GREEN")]
    Green,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Inner {
    n: i32,
}

/// As bytes are had without a crate for it.
mod raw {
    use serde::de::{Error, Visitor};
    use serde::{Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(bytes: &[u8], to: S) -> Result<S::Ok, S::Error> {
        to.serialize_bytes(bytes)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<u8>, D::Error> {
        struct Raw;
        impl Visitor<'_> for Raw {
            type Value = Vec<u8>;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("bytes")
            }

            fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<Vec<u8>, E> {
                Ok(bytes.to_vec())
            }
        }
        from.deserialize_bytes(Raw)
    }
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Everything {
    nothing: (),
    yes: bool,
    small: i32,
    big: i64,
    half: f32,
    pi: f64,
    #[serde(with = "raw")]
    raw: Vec<u8>,
    text: String,
    color: Color,
    list: Vec<i64>,
    map: BTreeMap<String, String>,
    maybe: Option<String>,
    absent: Option<String>,
    inner: Inner,
    again: Inner,
}

fn everything() -> Everything {
    Everything {
        nothing: (),
        yes: true,
        small: -3,
        big: 1 << 40,
        half: 1.5,
        pi: 3.25,
        raw: vec![0, 255],
        text: "grün".to_owned(),
        color: Color::Green,
        list: vec![1, -1, 300],
        map: BTreeMap::from([("k".to_owned(), "v".to_owned())]),
        maybe: Some("there".to_owned()),
        absent: None,
        inner: Inner { n: 7 },
        again: Inner { n: -8 },
    }
}

fn bytes() -> Vec<u8> {
    let digits = BYTES.as_bytes().chunks_exact(2);
    digits
        .map(|two| u8::from_str_radix(std::str::from_utf8(two).unwrap(), 16).unwrap())
        .collect()
}

#[tokio::test]
async fn avro_is_written_and_read_as_java_and_python_do() {
    let registry = Registry::start().await;
    let schema = AvroSchema::parse(SCHEMA).unwrap();
    let writer = AvroSerializer::new(client(&registry), schema.clone());
    let context = Context::new("golden", Field::Value);
    let prepare = Serializer::<Everything>::prepare(&writer, &context);
    prepare.expect("a lookup").await.unwrap();
    let mut written = Vec::new();
    writer
        .serialize(&context, &everything(), &mut written)
        .unwrap();
    assert_eq!(written, bytes());

    let bytes = bytes();
    // Another text, so that the values are resolved.
    let text = SCHEMA.replace("\"long\"", "\"double\"");
    let reader = AvroDeserializer::new(client(&registry));
    let prepare = Deserializer::<Everything>::prepare(&reader, &context, Some(&bytes));
    prepare.expect("a lookup").await.unwrap();
    let read: Everything = reader.deserialize(&context, Some(&bytes)).unwrap();
    assert_eq!(read, everything());
    let same = reader.clone().reader_schema(schema);
    let read: Everything = same.deserialize(&context, Some(&bytes)).unwrap();
    assert_eq!(read, everything());
    #[derive(Debug, PartialEq, Deserialize)]
    struct Wider {
        big: f64,
        list: Vec<f64>,
        color: Color,
    }
    let wider = reader.reader_schema(AvroSchema::parse(&text).unwrap());
    let read: Wider = wider.deserialize(&context, Some(&bytes)).unwrap();
    let expected = Wider {
        big: (1u64 << 40) as f64,
        list: vec![1.0, -1.0, 300.0],
        color: Color::Green,
    };
    assert_eq!(read, expected);
}
