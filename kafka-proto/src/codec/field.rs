//! What a definition says of a field, and what follows from it for writing and reading.

use super::decoder::Decoder;
use super::encoder::Encoder;
use super::error::{DecodeError, EncodeError, EncodeErrorKind};
use super::tagged::TaggedFields;
use super::value::{Context, Value};
use super::versions::Versions;

/// A field of a message, as its definition declares it.
#[derive(Debug, Clone, Copy)]
pub struct Field {
    /// The field's name in Rust; Kafka's is the same in camel case.
    pub name: &'static str,
    /// The field's type in Rust.
    pub ty: &'static str,
    /// The versions that have the field.
    pub versions: Versions,
    /// The versions in which it may be null.
    pub nullable: Versions,
    /// Its tag, and the versions in which it is a tagged field.
    pub tag: Option<(u32, Versions)>,
    /// Whether a value is dropped silently in a version that lacks the field.
    pub ignorable: bool,
    /// Whether the field keeps the old form of lengths in flexible versions.
    pub rigid: bool,
}

impl Field {
    pub(crate) const fn new(name: &'static str, ty: &'static str) -> Self {
        Self {
            name,
            ty,
            versions: Versions::ALL,
            nullable: Versions::NONE,
            tag: None,
            ignorable: false,
            rigid: false,
        }
    }

    /// The field's tag in this version, if it is a tagged field there.
    pub fn tag_in(&self, version: i16) -> Option<u32> {
        match self.tag {
            Some((tag, versions))
                if versions.contains(version) && self.versions.contains(version) =>
            {
                Some(tag)
            }
            _ => None,
        }
    }

    fn context(&self, cx: Context) -> Context {
        Context {
            version: cx.version,
            flexible: cx.flexible && !self.rigid,
            nullable: self.nullable.contains(cx.version),
        }
    }

    /// Writes the field in its place: here, among the tagged fields, or nowhere.
    pub(crate) fn write<T: Value + PartialEq>(
        &self,
        value: &T,
        default: impl FnOnce() -> T,
        to: &mut Encoder,
        tagged: &mut TaggedFields,
        cx: Context,
    ) -> Result<(), EncodeError> {
        let written = if !self.versions.contains(cx.version) {
            if self.ignorable || *value == default() {
                return Ok(());
            }
            Err(EncodeErrorKind::FieldNotInVersion {
                version: cx.version,
                versions: self.versions,
            }
            .into())
        } else if let Some(tag) = self.tag_in(cx.version) {
            if *value == default() {
                return Ok(());
            }
            tagged.add(tag, |to| value.write(to, self.context(cx)))
        } else {
            value.write(to, self.context(cx))
        };
        written.map_err(|error: EncodeError| error.within(self.name))
    }

    /// Reads the field if it has a place of its own in this version.
    pub(crate) fn read<T: Value>(
        &self,
        value: &mut T,
        from: &mut Decoder,
        cx: Context,
    ) -> Result<(), DecodeError> {
        if self.versions.contains(cx.version) && self.tag_in(cx.version).is_none() {
            self.read_tagged(value, from, cx)?;
        }
        Ok(())
    }

    /// Reads the value of the field.
    pub(crate) fn read_tagged<T: Value>(
        &self,
        value: &mut T,
        from: &mut Decoder,
        cx: Context,
    ) -> Result<(), DecodeError> {
        *value = T::read(from, self.context(cx)).map_err(|error| error.within(self.name))?;
        Ok(())
    }
}
