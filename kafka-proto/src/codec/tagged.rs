//! Tagged fields (KIP-482): the optional fields at the end of every struct of a flexible version.

use std::ops::Deref;

use bytes::Bytes;

use super::encoder::Encoder;
use super::error::EncodeErrorKind;
use super::schema::Schema;
use super::value::Context;

/// A tagged field that the definition does not name, kept as it came so that it can be written again.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RawTaggedField {
    /// Its tag.
    pub tag: u32,
    /// Its value, undecoded.
    pub data: Bytes,
}

/// The tagged fields of a struct that its definition does not name; hardly ever any, so they take one word.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[expect(
    clippy::box_collection,
    reason = "one word instead of three, in every struct"
)]
pub struct UnknownTaggedFields(Option<Box<Vec<RawTaggedField>>>);

impl UnknownTaggedFields {
    /// Adds a field.
    pub fn push(&mut self, field: RawTaggedField) {
        self.0.get_or_insert_default().push(field);
    }
}

impl From<Vec<RawTaggedField>> for UnknownTaggedFields {
    fn from(fields: Vec<RawTaggedField>) -> Self {
        Self((!fields.is_empty()).then(|| Box::new(fields)))
    }
}

impl Deref for UnknownTaggedFields {
    type Target = [RawTaggedField];

    fn deref(&self) -> &[RawTaggedField] {
        self.0.as_deref().map_or(&[], Vec::as_slice)
    }
}

/// The tagged fields of one struct, in the making.
#[derive(Debug, Default)]
pub(crate) struct TaggedFields {
    known: Vec<(u32, Encoder)>,
}

impl TaggedFields {
    /// Adds the field `tag`, whose value `write` writes.
    pub(crate) fn add(&mut self, tag: u32, to: &mut Encoder, write: impl FnOnce(&mut Encoder)) {
        let mut value = Encoder::new();
        write(&mut value);
        to.take_error_of(&mut value);
        self.known.push((tag, value));
    }

    /// Writes the fields, and those that came with the struct undecoded, by ascending tag.
    #[inline(always)]
    pub(crate) fn finish(
        self,
        unknown: &[RawTaggedField],
        schema: &Schema,
        to: &mut Encoder,
        cx: Context,
    ) {
        if self.known.is_empty() && unknown.is_empty() {
            to.i8(0);
        } else {
            self.write(unknown, schema, to, cx);
        }
    }

    #[cold]
    #[inline(never)]
    fn write(mut self, unknown: &[RawTaggedField], schema: &Schema, to: &mut Encoder, cx: Context) {
        for field in unknown {
            if schema.tagged(field.tag, cx.version).is_some() {
                to.fail(None, EncodeErrorKind::TagTaken(field.tag));
            }
            let mut value = Encoder::new();
            value.bytes(&field.data);
            self.known.push((field.tag, value));
        }
        self.known.sort_by_key(|(tag, _)| *tag);
        to.unsigned_varint(self.known.len() as u32);
        let mut previous = None;
        for (tag, value) in self.known {
            if previous.replace(tag) == Some(tag) {
                to.fail(None, EncodeErrorKind::TagTaken(tag));
            }
            to.unsigned_varint(tag);
            to.unsigned_varint(value.len() as u32);
            to.append(value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::Message;
    use crate::messages::ApiVersionsResponse;

    #[test]
    fn a_tag_is_written_once() {
        let with = |tags: &[u32]| {
            let data = Bytes::from_static(b"x");
            let fields = tags.iter().map(|&tag| RawTaggedField {
                tag,
                data: data.clone(),
            });
            ApiVersionsResponse {
                unknown_tagged_fields: fields.collect::<Vec<_>>().into(),
                ..Default::default()
            }
        };
        assert!(with(&[9, 7]).encode(4).is_ok());
        for taken in [&[1][..], &[7, 9, 7]] {
            let error = with(taken).encode(4).unwrap_err();
            assert_eq!(error.kind, EncodeErrorKind::TagTaken(taken[0]), "{error}");
            assert_eq!(error.path, "ApiVersionsResponse");
        }
    }
}
