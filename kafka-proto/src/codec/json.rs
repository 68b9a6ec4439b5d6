//! Kafka's own JSON form of messages, as its tools print and read it.
//!
//! Names are in camel case; bytes are base64; a UUID is Kafka's text; a field that the version lacks, or a tagged field at
//! its default, is not there.
//!
//! The form follows from the [`Schema`] alone, so these functions work for any message, also one that is only known by
//! its API key:
//!
//! ```
//! use bytes::Bytes;
//! use kafka_proto::api::api_of;
//! use kafka_proto::codec::json;
//!
//! let heartbeat = api_of(12).expect("an API key");
//! let bytes = Bytes::from_static(b"\0\x01g\0\0\0\x07\0\x01m");
//! let json = json::read(heartbeat.request, &bytes, heartbeat.context(0)?)?;
//! assert_eq!(json.to_string(), r#"{"groupId":"g","generationId":7,"memberId":"m"}"#);
//! assert_eq!(json::write(heartbeat.request, &json, heartbeat.context(0)?)?, bytes);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use bytestring::ByteString;
use serde_json::{Map, Value as Json};

use super::decoder::Decoder;
use super::encoder::Encoder;
use super::error::{DecodeError, DecodeErrorKind};
use super::schema::{Field, Schema, Type};
use super::tagged::UnknownTaggedFields;
use super::uuid::Uuid;
use super::value::{Context, Nullable, Value};

/// The JSON form of a message's bytes.
///
/// # Errors
/// When the bytes are not the message.
pub fn read(schema: &'static Schema, bytes: &Bytes, cx: Context) -> Result<Json, DecodeError> {
    let mut from = Decoder::new(bytes);
    let json = read_struct(schema, &mut from, cx);
    from.finish().map_err(|error| error.within(schema.name))?;
    Ok(Json::Object(json))
}

fn read_struct(schema: &'static Schema, from: &mut Decoder<'_>, cx: Context) -> Map<String, Json> {
    // In the order of their declaration, which for tagged fields is not the one in which they come.
    let mut values = vec![None; schema.fields.len()];
    for (field, value) in schema.fields.iter().zip(&mut values) {
        if field.in_place(cx.version) {
            *value = Some(read_field(field, from, cx));
        }
    }
    let mut tags = from.tags(cx);
    let mut unknown = UnknownTaggedFields::default();
    while let Some(tag) = tags.next(from, schema, cx, &mut unknown) {
        for (field, value) in schema.fields.iter().zip(&mut values) {
            if field.tag_in(cx.version) == Some(tag) {
                *value = Some(read_field(field, from, cx));
            }
        }
    }
    let there = schema.fields.iter().zip(values);
    there
        .filter_map(|(field, value)| Some((json_name(field.name), value?)))
        .collect()
}

fn read_field(field: &'static Field, from: &mut Decoder<'_>, cx: Context) -> Json {
    let nullable = field.nullable.contains(cx.version);
    if nullable && matches!(field.ty, Type::Struct(_)) && !from.is_present(field, cx) {
        return Json::Null;
    }
    read_type(field.ty, nullable, field, from, cx)
}

fn read_type(
    ty: Type,
    nullable: bool,
    field: &'static Field,
    from: &mut Decoder<'_>,
    cx: Context,
) -> Json {
    match ty {
        Type::Bool => bool::read(from, field, cx).into(),
        Type::Int8 => i8::read(from, field, cx).into(),
        Type::Int16 => i16::read(from, field, cx).into(),
        Type::Uint16 => u16::read(from, field, cx).into(),
        Type::Int32 => i32::read(from, field, cx).into(),
        Type::Uint32 => u32::read(from, field, cx).into(),
        Type::Int64 => i64::read(from, field, cx).into(),
        Type::Float64 => float_json(f64::read(from, field, cx)),
        Type::Uuid => Uuid::read(from, field, cx).to_string().into(),
        Type::String => {
            let text = read_nullable::<ByteString>(nullable, field, from, cx);
            text.map_or(Json::Null, |text| Json::from(&*text))
        }
        Type::Bytes => {
            let bytes = read_nullable::<Bytes>(nullable, field, from, cx);
            bytes.map_or(Json::Null, |bytes| STANDARD.encode(bytes).into())
        }
        Type::Struct(schema) => {
            from.path.enter(field);
            let object = read_struct(schema, from, cx);
            from.path.leave();
            Json::Object(object)
        }
        Type::Array(element) => {
            let start = from.here();
            let Some(count) = from.long_len(field, cx.compact(field)) else {
                if !nullable {
                    from.fail_at(start, Some(field), DecodeErrorKind::UnexpectedNull);
                }
                return Json::Null;
            };
            let mut elements = Vec::new();
            for _ in 0..from.count(count, field) {
                elements.push(read_type(*element, false, field, from, cx));
                if from.failed() {
                    break;
                }
            }
            Json::Array(elements)
        }
    }
}

fn read_nullable<T: Nullable>(
    nullable: bool,
    field: &'static Field,
    from: &mut Decoder<'_>,
    cx: Context,
) -> Option<T> {
    if nullable {
        T::read_nullable(from, field, cx)
    } else {
        Some(T::read(from, field, cx))
    }
}

/// The bytes of a message's JSON form.
///
/// # Errors
/// When the JSON is not the form of this message.
pub fn write(schema: &'static Schema, json: &Json, cx: Context) -> Result<Bytes, DecodeError> {
    let mut to = Encoder::new();
    write_struct(schema, json, &mut to, cx).map_err(|error| error.within(schema.name))?;
    match to.finish() {
        Ok(encoded) => Ok(encoded.into_bytes()),
        Err(error) => Err(DecodeErrorKind::Json(error.to_string()).into()),
    }
}

fn write_struct(
    schema: &'static Schema,
    json: &Json,
    to: &mut Encoder,
    cx: Context,
) -> Result<(), DecodeError> {
    let object = json
        .as_object()
        .ok_or_else(|| expected(schema.name, json))?;
    for name in object.keys() {
        if !schema
            .fields
            .iter()
            .any(|field| json_name(field.name) == *name)
        {
            let what = format!("{} has no field \"{name}\"", schema.name);
            return Err(DecodeErrorKind::Json(what).into());
        }
    }
    for field in schema
        .fields
        .iter()
        .filter(|field| field.in_place(cx.version))
    {
        let json = object.get(&json_name(field.name));
        let missing = || DecodeErrorKind::Json("missing".to_owned()).into();
        let written = json
            .ok_or_else(missing)
            .and_then(|json| write_field(field, json, to, cx));
        written.map_err(|error| error.within(field.name))?;
    }
    if cx.flexible {
        let mut tags = super::tagged::TaggedFields::default();
        for field in schema.fields {
            let json = object.get(&json_name(field.name));
            if let (Some(tag), Some(json)) = (field.tag_in(cx.version), json) {
                let mut written = Ok(());
                tags.add(tag, to, |to| written = write_field(field, json, to, cx));
                written.map_err(|error| error.within(field.name))?;
            }
        }
        tags.finish(&[], schema, to, cx);
    }
    Ok(())
}

fn write_field(
    field: &'static Field,
    json: &Json,
    to: &mut Encoder,
    cx: Context,
) -> Result<(), DecodeError> {
    let nullable = field.nullable.contains(cx.version);
    match field.ty {
        Type::Struct(_) if nullable => to.present(!json.is_null(), field, cx),
        Type::String if nullable && json.is_null() => to.string_len(None, field, cx.compact(field)),
        _ if nullable && json.is_null() => to.long_len(None, field, cx.compact(field)),
        _ => {}
    }
    if nullable && json.is_null() {
        return Ok(());
    }
    write_type(field.ty, field, json, to, cx)
}

fn write_type(
    ty: Type,
    field: &'static Field,
    json: &Json,
    to: &mut Encoder,
    cx: Context,
) -> Result<(), DecodeError> {
    match ty {
        Type::Bool => {
            let value = json
                .as_bool()
                .ok_or_else(|| expected("true or false", json))?;
            value.write(to, field, cx);
        }
        Type::Int8 => integer::<i8>(json)?.write(to, field, cx),
        Type::Int16 => integer::<i16>(json)?.write(to, field, cx),
        Type::Uint16 => integer::<u16>(json)?.write(to, field, cx),
        Type::Int32 => integer::<i32>(json)?.write(to, field, cx),
        Type::Uint32 => integer::<u32>(json)?.write(to, field, cx),
        Type::Int64 => integer::<i64>(json)?.write(to, field, cx),
        Type::Float64 => {
            let value = float_of(json).ok_or_else(|| expected("a number", json))?;
            value.write(to, field, cx);
        }
        Type::Uuid => {
            let id = json.as_str().and_then(|text| text.parse::<Uuid>().ok());
            id.ok_or_else(|| expected("a UUID", json))?
                .write(to, field, cx);
        }
        Type::String => {
            let text = json.as_str().ok_or_else(|| expected("a text", json))?;
            ByteString::from(text).write(to, field, cx);
        }
        Type::Bytes => {
            let bytes = json.as_str().and_then(|text| STANDARD.decode(text).ok());
            let bytes = bytes.ok_or_else(|| expected("base64", json))?;
            Bytes::from(bytes).write(to, field, cx);
        }
        Type::Struct(schema) => write_struct(schema, json, to, cx)?,
        Type::Array(element) => {
            let elements = json.as_array().ok_or_else(|| expected("an array", json))?;
            to.long_len(Some(elements.len()), field, cx.compact(field));
            for (index, json) in elements.iter().enumerate() {
                write_type(*element, field, json, to, cx).map_err(|error| error.at(index))?;
            }
        }
    }
    Ok(())
}

/// What JSON has no number for is a text, as Kafka's JSON library writes it.
fn float_json(value: f64) -> Json {
    match value {
        f64::INFINITY => Json::from("Infinity"),
        f64::NEG_INFINITY => Json::from("-Infinity"),
        value if value.is_nan() => Json::from("NaN"),
        value => Json::from(value),
    }
}

fn float_of(json: &Json) -> Option<f64> {
    match json.as_str() {
        Some("Infinity") => Some(f64::INFINITY),
        Some("-Infinity") => Some(f64::NEG_INFINITY),
        Some("NaN") => Some(f64::NAN),
        Some(_) => None,
        None => json.as_f64(),
    }
}

fn integer<T: TryFrom<i64>>(json: &Json) -> Result<T, DecodeError> {
    let number = json.as_i64().and_then(|number| T::try_from(number).ok());
    number.ok_or_else(|| expected(std::any::type_name::<T>(), json))
}

fn expected(what: &str, json: &Json) -> DecodeError {
    let text: String = json.to_string().chars().take(60).collect();
    DecodeErrorKind::Json(format!("expected {what}, found {text}")).into()
}

/// `topic_data` as Kafka writes it: `topicData`.
fn json_name(name: &str) -> String {
    let mut words = name.split('_');
    let mut camel = words.next().unwrap_or_default().to_owned();
    for word in words {
        let (first, rest) = word.split_at(1.min(word.len()));
        camel.push_str(&first.to_ascii_uppercase());
        camel.push_str(rest);
    }
    camel
}
