//! Kafka's own JSON form of messages, as its tools print and read it.
//!
//! Names are in camel case; bytes are base64; a UUID is Kafka's text; a field that the version lacks, or a tagged field at
//! its default, is not there.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use bytestring::ByteString;
use serde_json::{Map, Value as Json};

use super::error::{DecodeError, DecodeErrorKind};
use super::field::Field;
use super::message::Struct;
use super::uuid::Uuid;
use super::value::Context;

/// A type of the protocol that has a JSON form.
pub trait JsonValue: Sized {
    /// The value's JSON form.
    fn write_json(&self, cx: Context) -> Json;

    /// Reads a value.
    ///
    /// # Errors
    /// When the JSON is not the type's form.
    fn read_json(json: &Json, cx: Context) -> Result<Self, DecodeError>;
}

fn expected(what: &str, json: &Json) -> DecodeError {
    let text: String = json.to_string().chars().take(60).collect();
    DecodeErrorKind::Json(format!("expected {what}, found {text}")).into()
}

macro_rules! integer {
    ($($ty:ty),*) => {$(
        impl JsonValue for $ty {
            fn write_json(&self, _: Context) -> Json {
                Json::from(*self)
            }

            fn read_json(json: &Json, _: Context) -> Result<Self, DecodeError> {
                let number = json.as_i64().and_then(|number| Self::try_from(number).ok());
                number.ok_or_else(|| expected(stringify!($ty), json))
            }
        }
    )*};
}

integer!(i8, i16, u16, i32, u32, i64);

impl JsonValue for f64 {
    fn write_json(&self, _: Context) -> Json {
        Json::from(*self)
    }

    fn read_json(json: &Json, _: Context) -> Result<Self, DecodeError> {
        json.as_f64().ok_or_else(|| expected("a number", json))
    }
}

impl JsonValue for bool {
    fn write_json(&self, _: Context) -> Json {
        Json::from(*self)
    }

    fn read_json(json: &Json, _: Context) -> Result<Self, DecodeError> {
        json.as_bool()
            .ok_or_else(|| expected("true or false", json))
    }
}

impl JsonValue for Uuid {
    fn write_json(&self, _: Context) -> Json {
        Json::from(self.to_string())
    }

    fn read_json(json: &Json, _: Context) -> Result<Self, DecodeError> {
        json.as_str()
            .and_then(|text| text.parse().ok())
            .ok_or_else(|| expected("a UUID", json))
    }
}

impl JsonValue for ByteString {
    fn write_json(&self, _: Context) -> Json {
        Json::from(&**self)
    }

    fn read_json(json: &Json, _: Context) -> Result<Self, DecodeError> {
        json.as_str()
            .map(Self::from)
            .ok_or_else(|| expected("a text", json))
    }
}

impl JsonValue for Bytes {
    fn write_json(&self, _: Context) -> Json {
        Json::from(STANDARD.encode(self))
    }

    fn read_json(json: &Json, _: Context) -> Result<Self, DecodeError> {
        let bytes = json.as_str().and_then(|text| STANDARD.decode(text).ok());
        bytes
            .map(Self::from)
            .ok_or_else(|| expected("base64", json))
    }
}

impl<T: JsonValue> JsonValue for Vec<T> {
    fn write_json(&self, cx: Context) -> Json {
        self.iter().map(|element| element.write_json(cx)).collect()
    }

    fn read_json(json: &Json, cx: Context) -> Result<Self, DecodeError> {
        let elements = json.as_array().ok_or_else(|| expected("an array", json))?;
        elements
            .iter()
            .map(|element| T::read_json(element, cx))
            .collect()
    }
}

impl<T: JsonValue> JsonValue for Option<T> {
    fn write_json(&self, cx: Context) -> Json {
        self.as_ref()
            .map_or(Json::Null, |value| value.write_json(cx))
    }

    fn read_json(json: &Json, cx: Context) -> Result<Self, DecodeError> {
        if json.is_null() {
            Ok(None)
        } else {
            T::read_json(json, cx).map(Some)
        }
    }
}

/// The object that a struct's JSON form is.
pub(crate) fn object<T: Struct>(json: &Json) -> Result<&Map<String, Json>, DecodeError> {
    let object = json.as_object().ok_or_else(|| expected(T::NAME, json))?;
    for name in object.keys() {
        if !T::FIELDS.iter().any(|field| json_name(field.name) == *name) {
            return Err(
                DecodeErrorKind::Json(format!("{} has no field \"{name}\"", T::NAME)).into(),
            );
        }
    }
    Ok(object)
}

/// Puts a field into its struct's object.
pub(crate) fn write_field<T: JsonValue + PartialEq>(
    field: &Field,
    value: &T,
    default: impl FnOnce() -> T,
    object: &mut Map<String, Json>,
    cx: Context,
) {
    let left_out = !field.versions.contains(cx.version)
        || (field.tag_in(cx.version).is_some() && *value == default());
    if !left_out {
        object.insert(json_name(field.name), value.write_json(cx));
    }
}

/// Takes a field out of its struct's object.
pub(crate) fn read_field<T: JsonValue>(
    field: &Field,
    value: &mut T,
    object: &Map<String, Json>,
    cx: Context,
) -> Result<(), DecodeError> {
    if !field.versions.contains(cx.version) {
        return Ok(());
    }
    match object.get(&json_name(field.name)) {
        Some(json) => *value = T::read_json(json, cx).map_err(|error| error.within(field.name))?,
        None if field.tag_in(cx.version).is_some() => {}
        None => {
            return Err(
                DecodeError::from(DecodeErrorKind::Json("missing".to_owned())).within(field.name),
            );
        }
    }
    Ok(())
}

/// `topic_data` as Kafka writes it: `topicData`.
fn json_name(name: &str) -> String {
    let mut upper = false;
    let mut camel = String::with_capacity(name.len());
    for letter in name.chars() {
        if letter == '_' {
            upper = true;
        } else {
            camel.push(if upper {
                letter.to_ascii_uppercase()
            } else {
                letter
            });
            upper = false;
        }
    }
    camel
}
