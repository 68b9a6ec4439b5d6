use serde::{Deserialize, Serialize};

use super::{Context, Deserializer, Payload, Refused, Serializer};

/// JSON, as serde has it: any `Serialize` is written, and any `Deserialize` read, which may borrow from the record.
///
/// ```
/// use kafka_client::producer::{Producer, TypedProducer, TypedRecord};
/// use kafka_client::serialization::{Json, Plain};
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Serialize, Deserialize)]
/// struct Order {
///     customer: String,
///     apples: u32,
/// }
///
/// # async fn example(producer: Producer, consumer: kafka_client::consumer::Consumer) -> kafka_client::Result<()> {
/// let orders: TypedProducer<str, Order, _, _> = TypedProducer::with(producer, Plain, Json);
/// let order = Order { customer: "c-7".to_owned(), apples: 3 };
/// orders.send(TypedRecord::to("orders").key("c-7").value(&order)).await?;
///
/// let records = consumer.poll(std::time::Duration::from_secs(1)).await?;
/// for record in records.typed::<&str, Order>(&Plain, &Json) {
///     let order = record?.value;
///     println!("{}: {} apples", order.customer, order.apples);
/// }
/// # Ok(())
/// # }
/// ```
///
/// Null is an error: tombstones are read as an `Option` by [`Nullable(Json)`](super::Nullable). (JSON's own `null` is four
/// bytes, and no tombstone.)
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Json;

impl<T: Serialize + ?Sized> Serializer<T> for Json {
    fn serialize(
        &self,
        _: &Context<'_>,
        value: &T,
        bytes: &mut Vec<u8>,
    ) -> Result<Payload, Refused> {
        serde_json::to_writer(bytes, value)?;
        Ok(Payload::Bytes)
    }
}

impl<'a, T: Deserialize<'a>> Deserializer<'a, T> for Json {
    fn deserialize(&self, _: &Context<'_>, bytes: Option<&'a [u8]>) -> Result<T, Refused> {
        let bytes = bytes.ok_or("it is null: read it by Nullable(Json), as an Option")?;
        serde_json::from_slice(bytes)
            .map_err(|error| format!("it is not the JSON expected: {error}").into())
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Field, Nullable};
    use super::*;

    const CONTEXT: Context<'_> = Context {
        topic: "t",
        field: Field::Value,
    };

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Order<'a> {
        customer: &'a str,
        apples: u32,
    }

    #[test]
    fn what_is_written_is_read_and_text_is_borrowed() {
        let order = Order {
            customer: "c-7",
            apples: 3,
        };
        let mut bytes = b"before ".to_vec();
        let payload = Json.serialize(&CONTEXT, &order, &mut bytes).unwrap();
        assert_eq!(payload, Payload::Bytes);
        assert_eq!(bytes, br#"before {"customer":"c-7","apples":3}"#);
        let read: Order<'_> = Json.deserialize(&CONTEXT, Some(&bytes[7..])).unwrap();
        assert_eq!(read, order);
        assert!(bytes.as_ptr_range().contains(&read.customer.as_ptr()));
    }

    #[test]
    fn what_is_something_else_is_refused_with_its_place() {
        let read = |bytes| -> Result<Order<'_>, Refused> { Json.deserialize(&CONTEXT, bytes) };
        let reason = |bytes| read(bytes).unwrap_err().to_string();
        assert_eq!(
            reason(None),
            "it is null: read it by Nullable(Json), as an Option"
        );
        for (bytes, expected) in [
            (&b"{\"customer\":1}"[..], "at line 1 column 13"),
            (b"{}", "missing field `customer`"),
            (
                b"{\"customer\":\"c\",\"apples\":1} x",
                "trailing characters",
            ),
            (b"", "EOF while parsing"),
        ] {
            let reason = reason(Some(bytes));
            assert!(
                reason.starts_with("it is not the JSON expected: "),
                "{reason}"
            );
            assert!(reason.contains(expected), "{reason}");
        }
        let absent: Option<Order<'_>> = Nullable(Json).deserialize(&CONTEXT, None).unwrap();
        assert_eq!(absent, None);
    }
}
