use std::fmt;

use serde::{Deserialize, Serialize};

/// The language of a schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub enum SchemaKind {
    /// Avro.
    #[default]
    #[serde(rename = "AVRO")]
    Avro,
    /// JSON Schema.
    #[serde(rename = "JSON")]
    Json,
    /// Protocol buffers.
    #[serde(rename = "PROTOBUF")]
    Protobuf,
}

impl SchemaKind {
    fn is_avro(&self) -> bool {
        *self == Self::Avro
    }
}

/// A schema as a registry has it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Schema {
    /// The schema itself.
    #[serde(rename = "schema")]
    pub text: String,
    /// Its language.
    #[serde(
        rename = "schemaType",
        default,
        skip_serializing_if = "SchemaKind::is_avro"
    )]
    pub kind: SchemaKind,
    /// Schemas of the registry that it makes use of.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub references: Vec<Reference>,
}

impl Schema {
    /// An Avro schema, without references.
    pub fn avro(text: impl Into<String>) -> Self {
        Self::new(SchemaKind::Avro, text)
    }

    /// A JSON schema, without references.
    pub fn json(text: impl Into<String>) -> Self {
        Self::new(SchemaKind::Json, text)
    }

    /// A schema without references.
    pub fn new(kind: SchemaKind, text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            kind,
            references: Vec::new(),
        }
    }

    /// Adds a schema that this one makes use of.
    #[must_use]
    pub fn reference(
        mut self,
        name: impl Into<String>,
        subject: impl Into<String>,
        version: i32,
    ) -> Self {
        self.references.push(Reference {
            name: name.into(),
            subject: subject.into(),
            version,
        });
        self
    }
}

/// What a schema calls another one, and where that is.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Reference {
    /// The name in the schema: for Avro, the full name of a type.
    pub name: String,
    /// The other schema's subject.
    pub subject: String,
    /// Its version there.
    pub version: i32,
}

/// A schema with its places in a registry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RegisteredSchema {
    /// The subject.
    pub subject: String,
    /// Its version there, from 1 on.
    pub version: i32,
    /// The id in the whole registry: records are written with it.
    pub id: i32,
    /// The schema.
    #[serde(flatten)]
    pub schema: Schema,
}

/// A version of a subject.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Version {
    /// The newest.
    Latest,
    /// This one, from 1 on.
    Number(i32),
}

impl From<i32> for Version {
    fn from(number: i32) -> Self {
        Self::Number(number)
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Latest => f.write_str("latest"),
            Self::Number(number) => number.fmt(f),
        }
    }
}

/// What a new version of a schema has to be able to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Compatibility {
    /// Nothing.
    None,
    /// Read what the version before it has written.
    Backward,
    /// Read what any version before it has written.
    BackwardTransitive,
    /// Be read by the version before it.
    Forward,
    /// Be read by any version before it.
    ForwardTransitive,
    /// Both ways with the version before it.
    Full,
    /// Both ways with any version before it.
    FullTransitive,
}

/// Whether a schema might be a version of a subject.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CompatibilityCheck {
    /// Whether it might.
    pub is_compatible: bool,
    /// Why not, in the registry's words.
    pub messages: Vec<String>,
}
