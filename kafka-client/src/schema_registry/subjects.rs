//! What can be asked of a registry.

use std::sync::Arc;

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::client::{Question, SchemaRegistry};
use super::error::RegistryError;
use super::schema::{Compatibility, CompatibilityCheck, RegisteredSchema, Schema, Version};
use crate::http::Method;

type Result<T> = std::result::Result<T, RegistryError>;

#[derive(Deserialize)]
struct Id {
    id: i32,
}

#[derive(Deserialize)]
struct Place {
    subject: String,
    version: i32,
}

#[derive(Deserialize)]
struct Level {
    #[serde(rename = "compatibilityLevel", alias = "compatibility")]
    level: Compatibility,
}

#[derive(Deserialize)]
struct Check {
    is_compatible: bool,
    #[serde(default)]
    messages: Vec<String>,
}

fn get(what: String) -> Question<'static> {
    Question {
        what,
        method: Method::GET,
        path: &[],
        query: "",
        body: None,
    }
}

fn body(what: &str, value: &impl serde::Serialize) -> Result<Option<Vec<u8>>> {
    match serde_json::to_vec(value) {
        Ok(body) => Ok(Some(body)),
        Err(error) => Err(RegistryError::Schema {
            what: what.to_owned(),
            reason: error.to_string(),
        }),
    }
}

impl SchemaRegistry {
    /// The schema with this id. Asked for once: it never changes. Cancel-safe.
    ///
    /// # Errors
    /// [`RegistryError::Refused`] with [`SchemaNotFound`](super::RegistryCode::SchemaNotFound) where there is none.
    pub async fn schema(&self, id: i32) -> Result<Arc<Schema>> {
        let ask = async {
            let question = Question {
                path: &["schemas", "ids", &id.to_string()],
                ..get(format!("looking up schema {id}"))
            };
            self.ask(question).await.map(Arc::new)
        };
        self.cache().by_id.get(id, ask).await
    }

    /// The subjects and versions that have this schema. Cancel-safe.
    ///
    /// # Errors
    /// As [`schema`](Self::schema).
    pub async fn schema_versions(&self, id: i32) -> Result<Vec<(String, i32)>> {
        let question = Question {
            path: &["schemas", "ids", &id.to_string(), "versions"],
            ..get(format!("looking up the versions of schema {id}"))
        };
        let places: Vec<Place> = self.ask(question).await?;
        let places = places.into_iter();
        Ok(places.map(|place| (place.subject, place.version)).collect())
    }

    /// Makes a schema a version of a subject, unless it is one, and returns its id. Asked for once for each schema.
    ///
    /// Cancel-safe in so far as registering again gives the same id; whether it is registered is not known then.
    ///
    /// # Errors
    /// [`RegistryError::Refused`] with [`Incompatible`](super::RegistryCode::Incompatible) for one that does not go with the
    /// versions before it, with [`InvalidSchema`](super::RegistryCode::InvalidSchema) for one that is none.
    pub async fn register(&self, subject: &str, schema: &Schema) -> Result<i32> {
        self.id_of(subject, schema, true, false).await
    }

    /// The same, or [`lookup`](Self::lookup) where it is not to be registered.
    pub(super) async fn id_of(
        &self,
        subject: &str,
        schema: &Schema,
        register: bool,
        normalize: bool,
    ) -> Result<i32> {
        let ask = async {
            let what = if register {
                format!("registering a schema for subject \"{subject}\"")
            } else {
                format!("looking up a schema of subject \"{subject}\"")
            };
            let path: &[&str] = if register {
                &["subjects", subject, "versions"]
            } else {
                &["subjects", subject]
            };
            let question = Question {
                method: Method::POST,
                path,
                query: if normalize { "normalize=true" } else { "" },
                body: body(&what, schema)?,
                ..get(what)
            };
            let Id { id } = self.ask(question).await?;
            Ok(id)
        };
        let key = (subject.to_owned(), normalize, schema.clone());
        self.cache().ids.get(key, ask).await
    }

    /// Where a schema is among the versions of a subject. Cancel-safe.
    ///
    /// # Errors
    /// [`RegistryError::Refused`] with [`SubjectNotFound`](super::RegistryCode::SubjectNotFound) or
    /// [`SchemaNotFound`](super::RegistryCode::SchemaNotFound).
    pub async fn lookup(&self, subject: &str, schema: &Schema) -> Result<RegisteredSchema> {
        let what = format!("looking up a schema of subject \"{subject}\"");
        self.ask(Question {
            method: Method::POST,
            path: &["subjects", subject],
            body: body(&what, schema)?,
            ..get(what)
        })
        .await
    }

    /// The names of all subjects. Cancel-safe.
    ///
    /// # Errors
    /// When no registry answered.
    pub async fn subjects(&self) -> Result<Vec<String>> {
        self.ask(Question {
            path: &["subjects"],
            ..get("listing the subjects".to_owned())
        })
        .await
    }

    /// The numbers of a subject's versions. Cancel-safe.
    ///
    /// # Errors
    /// [`RegistryError::Refused`] with [`SubjectNotFound`](super::RegistryCode::SubjectNotFound).
    pub async fn versions(&self, subject: &str) -> Result<Vec<i32>> {
        self.ask(Question {
            path: &["subjects", subject, "versions"],
            ..get(format!("listing the versions of subject \"{subject}\""))
        })
        .await
    }

    /// A version of a subject. Cancel-safe.
    ///
    /// # Errors
    /// [`RegistryError::Refused`] with [`SubjectNotFound`](super::RegistryCode::SubjectNotFound) or
    /// [`VersionNotFound`](super::RegistryCode::VersionNotFound).
    pub async fn version(
        &self,
        subject: &str,
        version: impl Into<Version>,
    ) -> Result<RegisteredSchema> {
        let version = version.into();
        self.ask(Question {
            path: &["subjects", subject, "versions", &version.to_string()],
            ..get(format!(
                "looking up version {version} of subject \"{subject}\""
            ))
        })
        .await
    }

    /// The ids of the schemas that refer to this version. Cancel-safe.
    ///
    /// # Errors
    /// As [`version`](Self::version).
    pub async fn referenced_by(
        &self,
        subject: &str,
        version: impl Into<Version>,
    ) -> Result<Vec<i32>> {
        let version = version.into();
        let number = version.to_string();
        let path = ["subjects", subject, "versions", &number, "referencedby"];
        let what = format!("who refers to version {version} of subject \"{subject}\"");
        self.ask(Question {
            path: &path,
            ..get(what)
        })
        .await
    }

    /// Deletes a subject, and returns its versions: no new records are written with them, and old ones can still be read.
    /// `permanent` deletes for good one that was deleted before.
    ///
    /// Not cancel-safe: it may have been deleted.
    ///
    /// # Errors
    /// [`RegistryError::Refused`] with [`SubjectNotFound`](super::RegistryCode::SubjectNotFound),
    /// [`SubjectNotSoftDeleted`](super::RegistryCode::SubjectNotSoftDeleted) or
    /// [`ReferenceExists`](super::RegistryCode::ReferenceExists).
    pub async fn delete_subject(&self, subject: &str, permanent: bool) -> Result<Vec<i32>> {
        self.forget(subject);
        self.ask(Question {
            method: Method::DELETE,
            path: &["subjects", subject],
            query: permanently(permanent),
            ..get(format!("deleting subject \"{subject}\""))
        })
        .await
    }

    /// Deletes a version of a subject, and returns its number; as [`delete_subject`](Self::delete_subject).
    ///
    /// Not cancel-safe: it may have been deleted.
    ///
    /// # Errors
    /// As [`version`](Self::version), and those of [`delete_subject`](Self::delete_subject).
    pub async fn delete_version(
        &self,
        subject: &str,
        version: impl Into<Version>,
        permanent: bool,
    ) -> Result<i32> {
        self.forget(subject);
        let version = version.into();
        self.ask(Question {
            method: Method::DELETE,
            path: &["subjects", subject, "versions", &version.to_string()],
            query: permanently(permanent),
            ..get(format!(
                "deleting version {version} of subject \"{subject}\""
            ))
        })
        .await
    }

    /// Ids of a subject of which something is deleted: registering the same schema again may give another one.
    fn forget(&self, subject: &str) {
        self.cache().ids.forget(|(of, ..)| of == subject);
    }

    /// Whether a schema would go with a version of a subject, by the subject's compatibility level. Cancel-safe.
    ///
    /// # Errors
    /// As [`version`](Self::version), and [`InvalidSchema`](super::RegistryCode::InvalidSchema).
    pub async fn check_compatibility(
        &self,
        subject: &str,
        version: impl Into<Version>,
        schema: &Schema,
    ) -> Result<CompatibilityCheck> {
        let version = version.into().to_string();
        let what = format!("comparing a schema with version {version} of subject \"{subject}\"");
        let path = ["compatibility", "subjects", subject, "versions", &version];
        let question = Question {
            method: Method::POST,
            path: &path,
            query: "verbose=true",
            body: body(&what, schema)?,
            ..get(what)
        };
        let check: Check = self.ask(question).await?;
        Ok(CompatibilityCheck {
            is_compatible: check.is_compatible,
            messages: check.messages,
        })
    }

    /// The compatibility level of a subject, which is the registry's where it has none of its own; without a subject, the
    /// registry's. Cancel-safe.
    ///
    /// # Errors
    /// When no registry answered.
    pub async fn compatibility(&self, subject: Option<&str>) -> Result<Compatibility> {
        let level: Level = self
            .ask(Question {
                path: &config_path(subject),
                query: subject.map_or("", |_| "defaultToGlobal=true"),
                ..get(format!("the compatibility level of {}", whose(subject)))
            })
            .await?;
        Ok(level.level)
    }

    /// Sets the compatibility level of a subject, or of the registry. Not cancel-safe: it may have been set.
    ///
    /// # Errors
    /// [`RegistryError::Refused`] with [`NotPermitted`](super::RegistryCode::NotPermitted), among others.
    pub async fn set_compatibility(
        &self,
        subject: Option<&str>,
        level: Compatibility,
    ) -> Result<()> {
        #[derive(serde::Serialize)]
        struct Wanted {
            compatibility: Compatibility,
        }
        let what = format!("setting the compatibility level of {}", whose(subject));
        let wanted = Wanted {
            compatibility: level,
        };
        let question = Question {
            method: Method::PUT,
            path: &config_path(subject),
            body: body(&what, &wanted)?,
            ..get(what)
        };
        self.ask::<IgnoredAny>(question).await.map(drop)
    }

    /// Takes a subject's own compatibility level away, so that it has the registry's. Not cancel-safe: it may have been
    /// taken.
    ///
    /// # Errors
    /// [`RegistryError::Refused`] with [`SubjectNotFound`](super::RegistryCode::SubjectNotFound) or
    /// [`SubjectLevelNotFound`](super::RegistryCode::SubjectLevelNotFound).
    pub async fn delete_compatibility(&self, subject: &str) -> Result<()> {
        let question = Question {
            method: Method::DELETE,
            path: &["config", subject],
            ..get(format!(
                "deleting the compatibility level of subject \"{subject}\""
            ))
        };
        self.ask::<IgnoredAny>(question).await.map(drop)
    }
}

fn permanently(permanent: bool) -> &'static str {
    if permanent { "permanent=true" } else { "" }
}

fn config_path(subject: Option<&str>) -> Vec<&str> {
    std::iter::once("config").chain(subject).collect()
}

fn whose(subject: Option<&str>) -> String {
    subject.map_or_else(
        || "the registry".to_owned(),
        |subject| format!("subject \"{subject}\""),
    )
}
