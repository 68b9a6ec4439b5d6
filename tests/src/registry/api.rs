//! From requests to the store, and back.

use hyper::Method;
use serde_json::{Value, json};

use super::store::{Entry, Refused, Store, Stored};

pub(super) fn refusal(code: i32, message: &str) -> Value {
    json!({"error_code": code, "message": message})
}

/// The status and the body of an answer.
pub(super) fn route(
    store: &mut Store,
    method: &Method,
    path: &str,
    query: &str,
    body: &[u8],
) -> (u16, Value) {
    let segments: Vec<String> = path.split('/').skip(1).map(decoded).collect();
    let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
    match answer(store, method, &segments, query, body) {
        Ok(answer) => (200, answer),
        Err((code, message)) => {
            // The first three digits are the status.
            let status = if code >= 1000 { code / 100 } else { code };
            (status as u16, refusal(code, &message))
        }
    }
}

fn answer(
    store: &mut Store,
    method: &Method,
    path: &[&str],
    query: &str,
    body: &[u8],
) -> Result<Value, Refused> {
    let permanent = query.contains("permanent=true");
    match (method.as_str(), path) {
        ("GET", ["schemas", "ids", id]) => {
            let id = id.parse().map_err(|_| (404, "HTTP 404".to_owned()))?;
            Ok(told(store.schema(id)?))
        }
        ("GET", ["schemas", "ids", id, "versions"]) => {
            let id = id.parse().map_err(|_| (404, "HTTP 404".to_owned()))?;
            store.schema(id)?;
            let places = store.places(id).into_iter();
            let places =
                places.map(|(subject, version)| json!({"subject": subject, "version": version}));
            Ok(places.collect())
        }
        ("GET", ["subjects"]) => Ok(json!(store.subjects())),
        ("POST", ["subjects", subject]) => {
            let schema = given(body)?;
            store.entries(subject)?;
            store.check(&schema)?;
            let entry = store.find(subject, &schema)?;
            registered(store, subject, &entry)
        }
        ("DELETE", ["subjects", subject]) => Ok(json!(store.delete_subject(subject, permanent)?)),
        ("GET", ["subjects", subject, "versions"]) => {
            let entries = store.entries(subject)?.into_iter();
            Ok(entries.map(|entry| entry.version).collect())
        }
        ("POST", ["subjects", subject, "versions"]) => {
            let entry = store.register(subject, given(body)?)?;
            Ok(json!({"id": entry.id}))
        }
        ("GET", ["subjects", subject, "versions", version]) => {
            let entry = store.entry(subject, version)?;
            registered(store, subject, &entry)
        }
        ("GET", ["subjects", subject, "versions", version, "schema"]) => {
            let entry = store.entry(subject, version)?;
            let text = &store.schema(entry.id)?.text;
            Ok(serde_json::from_str(text).unwrap_or_default())
        }
        ("GET", ["subjects", subject, "versions", version, "referencedby"]) => {
            let version = store.entry(subject, version)?.version;
            Ok(json!(store.referring(subject, version)))
        }
        ("DELETE", ["subjects", subject, "versions", version]) => {
            Ok(json!(store.delete_version(subject, version)?))
        }
        ("POST", ["compatibility", "subjects", subject, "versions", version]) => {
            let entry = store.entry(subject, version)?;
            let level = store.levels.get(*subject).unwrap_or(&store.level);
            let reasons = store.incompatible(subject, Some(&entry), &given(body)?, level)?;
            Ok(json!({"is_compatible": reasons.is_empty(), "messages": reasons}))
        }
        ("GET", ["config"]) => Ok(json!({"compatibilityLevel": store.level})),
        ("GET", ["config", subject]) => match store.levels.get(*subject) {
            Some(level) => Ok(json!({"compatibilityLevel": level})),
            None if query.contains("defaultToGlobal=true") => {
                Ok(json!({"compatibilityLevel": store.level}))
            }
            None => Err(no_level(subject)),
        },
        ("PUT", ["config", subject @ ..]) => {
            let wanted: Value = serde_json::from_slice(body).unwrap_or_default();
            let level = wanted["compatibility"].as_str().unwrap_or_default();
            let known = ["NONE", "BACKWARD", "FORWARD", "FULL"];
            if !known.contains(&level.trim_end_matches("_TRANSITIVE")) {
                return Err((42203, format!("Invalid compatibility level: {level}")));
            }
            match subject {
                [] => store.level = level.to_owned(),
                [subject, ..] => {
                    store.levels.insert((*subject).to_owned(), level.to_owned());
                }
            }
            Ok(json!({"compatibility": level}))
        }
        ("DELETE", ["config", subject]) => {
            let level = store.levels.remove(*subject);
            let level = level.ok_or_else(|| no_level(subject))?;
            Ok(json!({"compatibilityLevel": level}))
        }
        _ => Err((404, "HTTP 404 Not Found".to_owned())),
    }
}

fn no_level(subject: &str) -> Refused {
    let why = "does not have subject-level compatibility configured";
    (40408, format!("Subject '{subject}' {why}"))
}

/// The schema of a request. A text is kept without the blanks between its parts.
fn given(body: &[u8]) -> Result<Stored, Refused> {
    let body: Value =
        serde_json::from_slice(body).map_err(|error| (422, format!("no JSON: {error}")))?;
    let text = body["schema"].as_str().unwrap_or_default();
    let compact: Result<Value, _> = serde_json::from_str(text);
    Ok(Stored {
        text: compact.map_or_else(|_| text.to_owned(), |json| json.to_string()),
        kind: body["schemaType"].as_str().unwrap_or("AVRO").to_owned(),
        references: body["references"].as_array().cloned().unwrap_or_default(),
    })
}

fn told(schema: &Stored) -> Value {
    let mut told = json!({"schema": schema.text});
    if schema.kind != "AVRO" {
        told["schemaType"] = json!(schema.kind);
    }
    if !schema.references.is_empty() {
        told["references"] = json!(schema.references);
    }
    told
}

fn registered(store: &Store, subject: &str, entry: &Entry) -> Result<Value, Refused> {
    let mut told = told(store.schema(entry.id)?);
    told["subject"] = json!(subject);
    told["version"] = json!(entry.version);
    told["id"] = json!(entry.id);
    Ok(told)
}

fn decoded(segment: &str) -> String {
    let mut parts = segment.split('%');
    let mut bytes = parts.next().unwrap_or_default().as_bytes().to_vec();
    for part in parts {
        let (digits, rest) = part.split_at_checked(2).unwrap_or(("", part));
        bytes.extend(u8::from_str_radix(digits, 16));
        bytes.extend_from_slice(rest.as_bytes());
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
