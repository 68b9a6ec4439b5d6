use apache_avro::reader::datum::GenericDatumReader;
use apache_avro::writer::datum::GenericDatumWriter;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::schema::AvroSchema;
use crate::serialization::{Context, Deserializer, Payload, Refused, Serializer};

/// Writes and reads Avro without a registry: bytes without a prefix, whose schema both sides know.
///
/// ```
/// use kafka_client::schema_registry::{AvroDatum, AvroSchema};
/// use kafka_client::serialization::{Context, Deserializer, Field, Serializer};
///
/// let colors = AvroDatum::new(AvroSchema::parse(r#"{"type": "enum", "name": "Color", "symbols": ["RED", "BLUE"]}"#)?);
/// let (context, mut bytes) = (Context::new("paint", Field::Value), Vec::new());
/// #[derive(Debug, PartialEq, serde::Serialize, serde::Deserialize)]
/// enum Color { #[serde(rename = "RED")] Red, #[serde(rename = "BLUE")] Blue }
/// colors.serialize(&context, &Color::Blue, &mut bytes).unwrap();
/// assert_eq!(bytes, [2]);
/// let color: Color = colors.deserialize(&context, Some(&bytes)).unwrap();
/// assert_eq!(color, Color::Blue);
/// # Ok::<(), kafka_client::schema_registry::RegistryError>(())
/// ```
#[derive(Debug, Clone)]
pub struct AvroDatum {
    schema: AvroSchema,
}

impl AvroDatum {
    /// Values of this schema.
    pub fn new(schema: AvroSchema) -> Self {
        Self { schema }
    }
}

impl<T: Serialize> Serializer<T> for AvroDatum {
    fn serialize(
        &self,
        _: &Context<'_>,
        value: &T,
        bytes: &mut Vec<u8>,
    ) -> Result<Payload, Refused> {
        let refused = |error: apache_avro::Error| -> Refused {
            format!("it does not go with the schema: {error}").into()
        };
        let writer = GenericDatumWriter::builder(self.schema.main())
            .resolved_schemata(self.schema.resolved().map_err(refused)?)
            .build()
            .map_err(refused)?;
        writer.write_ser(bytes, value).map_err(refused)?;
        Ok(Payload::Bytes)
    }
}

impl<'a, T: DeserializeOwned> Deserializer<'a, T> for AvroDatum {
    fn deserialize(&self, _: &Context<'_>, bytes: Option<&'a [u8]>) -> Result<T, Refused> {
        let mut datum = bytes.ok_or("it is null: read it by Nullable, as an Option")?;
        let refused = |error: apache_avro::Error| -> Refused {
            format!("it is not what the schema says: {error}").into()
        };
        let reader = GenericDatumReader::builder(self.schema.main())
            .resolved_writer_schemata(self.schema.resolved().map_err(refused)?)
            .build()
            .map_err(refused)?;
        let value = reader.read_deser(&mut datum).map_err(refused)?;
        if datum.is_empty() {
            Ok(value)
        } else {
            let left = datum.len();
            Err(format!("it is not what the schema says: {left} bytes are left over").into())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::super::serialization::{Field, Nullable};
    use super::*;

    const CONTEXT: Context<'_> = Context {
        topic: "t",
        field: Field::Value,
    };

    #[derive(Debug, PartialEq, serde::Serialize, serde::Deserialize)]
    struct Order {
        customer: String,
        apples: i32,
    }

    fn orders() -> AvroDatum {
        let text = r#"{"type": "record", "name": "Order", "fields": [
            {"name": "customer", "type": "string"}, {"name": "apples", "type": "int"}]}"#;
        AvroDatum::new(AvroSchema::parse(text).unwrap())
    }

    #[test]
    fn what_is_written_is_read_and_has_no_prefix() {
        let order = Order {
            customer: "c-7".to_owned(),
            apples: -2,
        };
        let mut bytes = Vec::new();
        orders().serialize(&CONTEXT, &order, &mut bytes).unwrap();
        assert_eq!(bytes, b"\x06c-7\x03");
        let read: Order = orders().deserialize(&CONTEXT, Some(&bytes)).unwrap();
        assert_eq!(read, order);
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let read = |bytes| -> Result<Order, Refused> { orders().deserialize(&CONTEXT, bytes) };
        for bytes in [None, Some(&b""[..]), Some(b"\x06c"), Some(b"\x06c-7\x03!")] {
            let reason = read(bytes).unwrap_err().to_string();
            assert!(reason.starts_with("it is "), "{reason}");
        }
        let absent: Option<Order> = Nullable(orders()).deserialize(&CONTEXT, None).unwrap();
        assert_eq!(absent, None);
        let refused = Serializer::<&str>::serialize(&orders(), &CONTEXT, &"no order", &mut vec![]);
        refused.unwrap_err();
    }
}
