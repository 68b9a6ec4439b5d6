//! Our definitions, and what they say in Kafka's words.

use kafka_proto::api::APIS;
use kafka_proto::codec::{Field, Message, Schema, Type, Versions};
use kafka_proto::messages::*;
use kafka_proto::payloads::control::*;

use crate::official::plain;

/// A message as we define it.
pub(crate) struct Definition {
    pub(crate) name: String,
    pub(crate) key: Option<i16>,
    pub(crate) versions: Versions,
    pub(crate) stable: Versions,
    pub(crate) flexible: Versions,
    pub(crate) fields: &'static [Field],
}

pub(crate) fn definitions() -> Vec<Definition> {
    fn data<M: Message>() -> Definition {
        Definition {
            name: M::NAME.to_owned(),
            key: None,
            versions: M::VERSIONS,
            stable: M::VERSIONS,
            flexible: M::FLEXIBLE,
            fields: M::SCHEMA.fields,
        }
    }
    let apis = APIS.iter().flat_map(|api| {
        let messages = [
            ("Request", api.request.fields),
            ("Response", api.response.fields),
        ];
        messages.map(|(kind, fields)| Definition {
            name: format!("{}{kind}", api.name),
            key: Some(api.key),
            versions: api.versions,
            stable: api.stable,
            flexible: api.flexible,
            fields,
        })
    });
    let data = [
        data::<RequestHeader>(),
        data::<ResponseHeader>(),
        data::<ConsumerProtocolAssignment>(),
        data::<ConsumerProtocolSubscription>(),
        data::<DefaultPrincipalData>(),
        data::<ControlRecordTypeSchema>(),
        data::<EndTxnMarker>(),
        data::<KRaftVersionRecord>(),
        data::<LeaderChangeMessage>(),
        data::<SnapshotFooterRecord>(),
        data::<SnapshotHeaderRecord>(),
        data::<VotersRecord>(),
    ];
    apis.chain(data).collect()
}

/// The struct that a type is made of.
pub(crate) fn schema_of(ty: &Type) -> Option<&'static Schema> {
    match ty {
        Type::Struct(schema) => Some(schema),
        Type::Array(element) => schema_of(element),
        _ => None,
    }
}

pub(crate) fn camel_case(name: &str) -> String {
    let mut words = name.split('_');
    let first = words.next().unwrap_or_default().to_owned();
    words.fold(first, |camel, word| {
        camel + &word[..1].to_uppercase() + &word[1..]
    })
}

/// What Kafka calls the type of a field of ours.
pub(crate) fn kafka_type(field: &Field) -> String {
    fn name(ty: &Type, bytes: &str) -> String {
        let name = match ty {
            Type::Bool => "bool",
            Type::Int8 => "int8",
            Type::Int16 => "int16",
            Type::Uint16 => "uint16",
            Type::Int32 => "int32",
            Type::Uint32 => "uint32",
            Type::Int64 => "int64",
            Type::Float64 => "float64",
            Type::Uuid => "uuid",
            Type::String => "string",
            Type::Bytes => bytes,
            Type::Array(element) => return "[]".to_owned() + &name(element, bytes),
            Type::Struct(schema) => schema.name,
        };
        name.to_owned()
    }
    // On the wire they are the same.
    let is_records = field.rust_type.contains("Records");
    name(&field.ty, if is_records { "records" } else { "bytes" })
}

/// A default of ours, written as an official one is.
pub(crate) fn our_default(ours: &Field) -> String {
    let declared = ours.default.replace(char::is_whitespace, "");
    let mut value = declared.as_str();
    if ours.rust_type.starts_with("Option") {
        match value
            .strip_prefix("Some(")
            .and_then(|some| some.strip_suffix(')'))
        {
            Some(some) => value = some,
            None => return "null".to_owned(),
        }
    }
    let text = value.strip_prefix("ByteString::from_static(\"");
    let value = match text.and_then(|text| text.strip_suffix("\")")) {
        Some(text) => text,
        None if value.ends_with("::new()") || value.ends_with("::default()") => "",
        None => value,
    };
    plain(value, &kafka_type(ours))
}
