//! Subjects, versions and schemas.

use std::collections::BTreeMap;

use apache_avro::Schema as Avro;
use apache_avro::schema_compatibility::SchemaCompatibility;
use serde_json::Value;

/// A refusal: its code, and why.
pub(super) type Refused = (i32, String);

/// A schema as clients send it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Stored {
    pub(super) text: String,
    pub(super) kind: String,
    pub(super) references: Vec<Value>,
}

/// A version of a subject.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub(super) version: i32,
    pub(super) id: i32,
    pub(super) deleted: bool,
}

#[derive(Debug)]
pub(super) struct Store {
    /// The id is the place, counted from 1.
    schemas: Vec<Stored>,
    subjects: BTreeMap<String, Vec<Entry>>,
    pub(super) level: String,
    pub(super) levels: BTreeMap<String, String>,
}

impl Default for Store {
    fn default() -> Self {
        Self {
            schemas: Vec::new(),
            subjects: BTreeMap::new(),
            level: "BACKWARD".to_owned(),
            levels: BTreeMap::new(),
        }
    }
}

impl Store {
    pub(super) fn schema(&self, id: i32) -> Result<&Stored, Refused> {
        let at = usize::try_from(id - 1).ok();
        at.and_then(|at| self.schemas.get(at))
            .ok_or_else(|| (40403, format!("Schema {id} not found")))
    }

    pub(super) fn subjects(&self) -> Vec<&str> {
        let alive = |entries: &[Entry]| entries.iter().any(|entry| !entry.deleted);
        let subjects = self.subjects.iter();
        subjects
            .filter(|(_, entries)| alive(entries))
            .map(|(subject, _)| subject.as_str())
            .collect()
    }

    /// The versions of a subject that are not deleted.
    pub(super) fn entries(&self, subject: &str) -> Result<Vec<&Entry>, Refused> {
        let entries = self.subjects.get(subject).into_iter().flatten();
        let entries: Vec<&Entry> = entries.filter(|entry| !entry.deleted).collect();
        if entries.is_empty() {
            return Err((40401, format!("Subject '{subject}' not found.")));
        }
        Ok(entries)
    }

    pub(super) fn entry(&self, subject: &str, version: &str) -> Result<Entry, Refused> {
        let entries = self.entries(subject)?;
        let found = match version {
            "latest" | "-1" => entries.last(),
            number => {
                let wanted: i32 = number.parse().map_err(|_| {
                    let why = "The specified version is not a valid version id";
                    (42202, format!("{why}: {number}"))
                })?;
                entries.iter().find(|entry| entry.version == wanted)
            }
        };
        found
            .map(|entry| (*entry).clone())
            .ok_or_else(|| (40402, format!("Version {version} not found.")))
    }

    /// Every place of a schema: subject and version.
    pub(super) fn places(&self, id: i32) -> Vec<(&str, i32)> {
        let places = self.subjects.iter().flat_map(|(subject, entries)| {
            let entries = entries.iter();
            entries.map(move |entry| (subject.as_str(), entry))
        });
        places
            .filter(|(_, entry)| entry.id == id && !entry.deleted)
            .map(|(subject, entry)| (subject, entry.version))
            .collect()
    }

    /// The schemas that refer to a version.
    pub(super) fn referring(&self, subject: &str, version: i32) -> Vec<i32> {
        let refers = |schema: &Stored| {
            let mut references = schema.references.iter();
            references.any(|to| to["subject"] == subject && to["version"] == version)
        };
        let schemas = (1..).zip(&self.schemas);
        schemas
            .filter(|(id, schema)| refers(schema) && !self.places(*id).is_empty())
            .map(|(id, _)| id)
            .collect()
    }

    /// The same schema among the versions of a subject.
    pub(super) fn find(&self, subject: &str, schema: &Stored) -> Result<Entry, Refused> {
        let entries = self.entries(subject)?;
        let found = entries
            .into_iter()
            .find(|entry| self.schema(entry.id) == Ok(schema));
        found
            .cloned()
            .ok_or_else(|| (40403, "Schema not found".to_owned()))
    }

    pub(super) fn register(&mut self, subject: &str, schema: Stored) -> Result<Entry, Refused> {
        self.check(&schema)?;
        if let Ok(entry) = self.find(subject, &schema) {
            return Ok(entry);
        }
        let level = self.levels.get(subject).unwrap_or(&self.level).clone();
        let reasons = self.incompatible(subject, None, &schema, &level)?;
        if let Some(reason) = reasons.first() {
            let why = "Schema being registered is incompatible with an earlier schema";
            return Err((409, format!("{why} for subject \"{subject}\": {reason}")));
        }
        let known = self.schemas.iter().position(|known| *known == schema);
        let at = known.unwrap_or_else(|| {
            self.schemas.push(schema);
            self.schemas.len() - 1
        });
        let entries = self.subjects.entry(subject.to_owned()).or_default();
        let entry = Entry {
            version: entries.last().map_or(1, |last| last.version + 1),
            id: at as i32 + 1,
            deleted: false,
        };
        entries.push(entry.clone());
        Ok(entry)
    }

    /// Why a schema does not go with the versions that the level names, or with this one.
    pub(super) fn incompatible(
        &self,
        subject: &str,
        version: Option<&Entry>,
        schema: &Stored,
        level: &str,
    ) -> Result<Vec<String>, Refused> {
        let all = self.entries(subject).unwrap_or_default();
        let against: Vec<&Entry> = match version {
            Some(version) => vec![version],
            None if level.ends_with("_TRANSITIVE") => all,
            None => all.last().copied().into_iter().collect(),
        };
        if schema.kind != "AVRO" || level == "NONE" {
            return Ok(Vec::new());
        }
        let new = self.check(schema)?;
        let mut reasons = Vec::new();
        for entry in against {
            let old = self.schema(entry.id)?;
            if old.kind != "AVRO" {
                reasons.push("it is of another kind".to_owned());
                continue;
            }
            let old = self.check(old)?;
            let (backward, forward) = (
                SchemaCompatibility::can_read(&old, &new),
                SchemaCompatibility::can_read(&new, &old),
            );
            let mut both = Vec::new();
            if !level.starts_with("FORWARD") {
                both.push(backward);
            }
            if !level.starts_with("BACKWARD") {
                both.push(forward);
            }
            let errors = both.into_iter().filter_map(Result::err);
            reasons.extend(errors.map(|error| error.to_string()));
        }
        Ok(reasons)
    }

    /// The schema, if it is one; what it refers to is there.
    pub(super) fn check(&self, schema: &Stored) -> Result<Avro, Refused> {
        let invalid = |why: String| (42201, format!("Invalid schema: {why}"));
        let mut texts = Vec::new();
        self.referred(schema, &mut texts)?;
        if schema.kind == "AVRO" {
            let parsed = Avro::parse_str_with_list(&schema.text, &texts);
            return parsed
                .map(|(main, _)| main)
                .map_err(|error| invalid(error.to_string()));
        }
        let json: Result<Value, _> = serde_json::from_str(&schema.text);
        json.map(|_| Avro::Null)
            .map_err(|error| invalid(error.to_string()))
    }

    fn referred(&self, schema: &Stored, texts: &mut Vec<String>) -> Result<(), Refused> {
        for to in &schema.references {
            let subject = to["subject"].as_str().unwrap_or_default();
            let missing = || (42201, format!("Invalid schema: no reference \"{subject}\""));
            let entry = self.entry(subject, &to["version"].to_string());
            let schema = self.schema(entry.map_err(|_| missing())?.id)?;
            self.referred(schema, texts)?;
            if !texts.contains(&schema.text) {
                texts.push(schema.text.clone());
            }
        }
        Ok(())
    }

    pub(super) fn delete_subject(
        &mut self,
        subject: &str,
        permanent: bool,
    ) -> Result<Vec<i32>, Refused> {
        let entries = match self.entries(subject) {
            Ok(entries) if permanent && !entries.is_empty() => {
                let why = "was not deleted first before being permanently deleted";
                return Err((40405, format!("Subject '{subject}' {why}")));
            }
            Ok(entries) => entries,
            Err(_) if permanent && self.subjects.contains_key(subject) => {
                let gone = self.subjects.remove(subject).unwrap_or_default();
                return Ok(gone.iter().map(|entry| entry.version).collect());
            }
            Err(refused) => return Err(refused),
        };
        let versions: Vec<i32> = entries.iter().map(|entry| entry.version).collect();
        for version in &versions {
            self.check_unreferenced(subject, *version)?;
        }
        for entry in self.subjects.get_mut(subject).into_iter().flatten() {
            entry.deleted = true;
        }
        Ok(versions)
    }

    pub(super) fn delete_version(&mut self, subject: &str, version: &str) -> Result<i32, Refused> {
        let version = self.entry(subject, version)?.version;
        self.check_unreferenced(subject, version)?;
        for entry in self.subjects.get_mut(subject).into_iter().flatten() {
            entry.deleted |= entry.version == version;
        }
        Ok(version)
    }

    fn check_unreferenced(&self, subject: &str, version: i32) -> Result<(), Refused> {
        if self.referring(subject, version).is_empty() {
            return Ok(());
        }
        let why = "One or more references exist to the schema";
        Err((42206, format!("{why} {subject} version {version}")))
    }
}
