//! Tagged fields (KIP-482): the optional fields at the end of every struct of a flexible version.

use bytes::Bytes;

use super::encoder::Encoder;
use super::error::EncodeError;

/// A tagged field that the definition does not name, kept as it came so that it can be written again.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RawTaggedField {
    /// Its tag.
    pub tag: u32,
    /// Its value, undecoded.
    pub data: Bytes,
}

/// The tagged fields of one struct, in the making.
#[derive(Debug, Default)]
pub(crate) struct TaggedFields {
    known: Vec<(u32, Encoder)>,
}

impl TaggedFields {
    /// Adds the field `tag`, whose value `write` writes.
    pub(crate) fn add(
        &mut self,
        tag: u32,
        write: impl FnOnce(&mut Encoder) -> Result<(), EncodeError>,
    ) -> Result<(), EncodeError> {
        let mut value = Encoder::new();
        write(&mut value)?;
        self.known.push((tag, value));
        Ok(())
    }

    /// Writes the fields, and those that came with the struct undecoded, by ascending tag.
    pub(crate) fn finish(mut self, unknown: &[RawTaggedField], to: &mut Encoder) {
        for field in unknown {
            let mut value = Encoder::new();
            value.bytes(&field.data);
            self.known.push((field.tag, value));
        }
        self.known.sort_by_key(|(tag, _)| *tag);
        to.unsigned_varint(self.known.len() as u32);
        for (tag, value) in self.known {
            to.unsigned_varint(tag);
            to.unsigned_varint(value.len() as u32);
            to.append(value);
        }
    }
}
