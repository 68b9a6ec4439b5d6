//! Declarations as data: what a message's definition says of its structs and fields.

use super::versions::Versions;

/// A struct of the protocol, as its definition declares it.
#[derive(Debug, Clone, Copy)]
pub struct Schema {
    /// The struct's name.
    pub name: &'static str,
    /// Its fields, in the order in which they are written.
    pub fields: &'static [Field],
}

impl Schema {
    /// The field that has this tag in a version.
    pub fn tagged(&self, tag: u32, version: i16) -> Option<&'static Field> {
        let mut fields = self.fields.iter();
        fields.find(|field| field.tag_in(version) == Some(tag))
    }
}

/// A type of the protocol.
#[derive(Debug, Clone, Copy)]
pub enum Type {
    /// A byte, 0 or 1.
    Bool,
    /// A signed number of 8 bits.
    Int8,
    /// A signed number of 16 bits.
    Int16,
    /// An unsigned number of 16 bits.
    Uint16,
    /// A signed number of 32 bits.
    Int32,
    /// An unsigned number of 32 bits.
    Uint32,
    /// A signed number of 64 bits.
    Int64,
    /// A floating-point number of 64 bits.
    Float64,
    /// 16 bytes.
    Uuid,
    /// Text in UTF-8 behind its length.
    String,
    /// Bytes behind their length; record batches too.
    Bytes,
    /// Elements behind their count.
    Array(&'static Type),
    /// A struct: its fields one after another.
    Struct(&'static Schema),
}

/// A field of a message, as its definition declares it.
#[derive(Debug, Clone, Copy)]
pub struct Field {
    /// The field's name in Rust; Kafka's is the same in camel case.
    pub name: &'static str,
    /// Its type on the wire.
    pub ty: Type,
    /// Its type in Rust, as it is declared.
    pub rust_type: &'static str,
    /// Its default as it is declared, or nothing for the type's own (zero, empty).
    pub default: &'static str,
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
    /// A field of every version.
    pub(crate) const fn new(
        name: &'static str,
        ty: Type,
        rust_type: &'static str,
        default: &'static str,
    ) -> Self {
        Self {
            name: without_raw_mark(name),
            ty,
            rust_type,
            default,
            versions: Versions::ALL,
            nullable: Versions::NONE,
            tag: None,
            ignorable: false,
            rigid: false,
        }
    }

    /// The field's tag in this version, if it is a tagged field there.
    #[inline(always)]
    pub const fn tag_in(&self, version: i16) -> Option<u32> {
        match self.tag {
            Some((tag, versions))
                if versions.contains(version) && self.versions.contains(version) =>
            {
                Some(tag)
            }
            _ => None,
        }
    }

    /// Whether the field has a place of its own in this version, untagged.
    #[inline(always)]
    pub const fn in_place(&self, version: i16) -> bool {
        self.versions.contains(version) && self.tag_in(version).is_none()
    }

    /// Whether this version lacks the field, and its value must not be dropped silently.
    #[inline(always)]
    pub(crate) const fn refused(&self, version: i16) -> bool {
        !self.ignorable && !self.versions.contains(version)
    }
}

/// The name of a field that is written `r#type` in Rust.
const fn without_raw_mark(name: &'static str) -> &'static str {
    match name.as_bytes() {
        [b'r', b'#', ..] => name.split_at(2).1,
        _ => name,
    }
}
