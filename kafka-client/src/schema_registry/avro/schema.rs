use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;

use apache_avro::schema::ResolvedSchema;

use super::super::client::SchemaRegistry;
use super::super::error::RegistryError;
use super::super::schema::{Schema, SchemaKind, Version};

/// An Avro schema that was parsed: a cheap handle.
///
/// ```
/// use kafka_client::schema_registry::AvroSchema;
///
/// let schema = AvroSchema::parse(r#"{"type": "enum", "name": "a.Color", "symbols": ["RED", "BLUE"]}"#)?;
/// assert_eq!(schema.name(), Some("a.Color"));
/// # Ok::<(), kafka_client::schema_registry::RegistryError>(())
/// ```
///
/// The text may come from a file, from the registry, or from `apache_avro::AvroSchema`, which derives it from a type:
/// `serde_json::to_string(&Order::get_schema())`.
#[derive(Clone)]
pub struct AvroSchema(Arc<Parsed>);

struct Parsed {
    /// As a registry has it.
    schema: Arc<Schema>,
    name: Option<String>,
    main: apache_avro::Schema,
    /// What it refers to, each behind what it refers to itself.
    others: Vec<apache_avro::Schema>,
}

impl AvroSchema {
    /// Reads a schema that refers to no other.
    ///
    /// # Errors
    /// [`RegistryError::Schema`] for a text that is no Avro schema.
    pub fn parse(text: &str) -> Result<Self, RegistryError> {
        Self::read("an Avro schema", Arc::new(Schema::avro(text)), &[])
    }

    /// Reads a schema of the registry, with those that it refers to, which are looked up. Cancel-safe.
    ///
    /// # Errors
    /// [`RegistryError::Schema`] for a schema that is not Avro, and those of [`SchemaRegistry::version`].
    pub async fn resolve(
        registry: &SchemaRegistry,
        schema: &Schema,
    ) -> Result<Self, RegistryError> {
        Self::resolve_named("an Avro schema", registry, Arc::new(schema.clone())).await
    }

    pub(super) async fn resolve_named(
        what: &str,
        registry: &SchemaRegistry,
        schema: Arc<Schema>,
    ) -> Result<Self, RegistryError> {
        let others = references(registry, &schema).await?;
        Self::read(what, schema, &others)
    }

    fn read(what: &str, schema: Arc<Schema>, others: &[String]) -> Result<Self, RegistryError> {
        let refused = |reason: String| RegistryError::Schema {
            what: what.to_owned(),
            reason,
        };
        if schema.kind != SchemaKind::Avro {
            return Err(refused(format!("it is {:?}, not Avro", schema.kind)));
        }
        let parsed = apache_avro::Schema::parse_str_with_list(&schema.text, others);
        let (main, others) =
            parsed.map_err(|error| refused(format!("it is no Avro schema: {error}")))?;
        let name = main.name().map(|name| name.fullname(None).to_string());
        let parsed = Parsed {
            schema,
            name,
            main,
            others,
        };
        // So that later nothing but the bytes can be wrong.
        parsed
            .resolved()
            .map_err(|error| refused(format!("it is no Avro schema: {error}")))?;
        Ok(Self(Arc::new(parsed)))
    }

    /// The full name of what it describes: a record, an enum or a fixed.
    pub fn name(&self) -> Option<&str> {
        self.0.name.as_deref()
    }

    /// The schema as a registry has it.
    pub fn schema(&self) -> &Schema {
        &self.0.schema
    }

    pub(super) fn shared(&self) -> &Arc<Schema> {
        &self.0.schema
    }

    pub(super) fn main(&self) -> &apache_avro::Schema {
        &self.0.main
    }

    /// All names in it and in those that it refers to.
    pub(super) fn resolved(&self) -> Result<ResolvedSchema<'_>, apache_avro::Error> {
        self.0.resolved()
    }
}

impl Parsed {
    fn resolved(&self) -> Result<ResolvedSchema<'_>, apache_avro::Error> {
        let all = self.others.iter().chain([&self.main]);
        ResolvedSchema::new_with_schemata(all.collect())
    }
}

/// The texts of what a schema refers to, over any number of steps, each behind what it refers to itself.
async fn references(
    registry: &SchemaRegistry,
    schema: &Schema,
) -> Result<Vec<String>, RegistryError> {
    enum Step {
        Enter(String, i32),
        Leave(String),
    }
    let enter = |schema: &Schema| -> Vec<Step> {
        let references = schema.references.iter().rev();
        references
            .map(|to| Step::Enter(to.subject.clone(), to.version))
            .collect()
    };
    let (mut seen, mut texts) = (HashSet::new(), Vec::new());
    let mut steps = enter(schema);
    while let Some(step) = steps.pop() {
        match step {
            Step::Leave(text) => texts.push(text),
            Step::Enter(subject, version) => {
                if seen.insert((subject.clone(), version)) {
                    let found = registry.version(&subject, Version::Number(version)).await?;
                    let inner = enter(&found.schema);
                    steps.push(Step::Leave(found.schema.text));
                    steps.extend(inner);
                }
            }
        }
    }
    Ok(texts)
}

/// Schemas are the same when their texts are.
impl PartialEq for AvroSchema {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || self.0.schema == other.0.schema
    }
}

impl fmt::Debug for AvroSchema {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("AvroSchema").field(&self.0.schema).finish()
    }
}
