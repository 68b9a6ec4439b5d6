//! Kafka's definitions beside ours.

use std::collections::BTreeMap;
use std::path::Path;

use kafka_proto::codec::{Field, Versions};
use serde_json::Value as Json;
use tests::jar;

use crate::OURS;
use crate::definition::{Definition, camel_case, definitions, kafka_type, our_default, schema_of};
use crate::official::{json_name, list, text, their_default, versions, without_comments};

/// One release's definitions beside ours.
pub(crate) struct Comparison {
    pub(crate) release: String,
    /// Place and aspect of each difference, and what stands there: officially and with us.
    pub(crate) differences: BTreeMap<(String, &'static str), (String, String)>,
    pub(crate) messages: usize,
    pub(crate) fields: usize,
}

impl Comparison {
    pub(crate) fn of(jar: &Path) -> Self {
        let name = jar.file_name().unwrap_or_default().to_string_lossy();
        let release = name.strip_prefix("kafka-clients-").and_then(|version| {
            let (major, rest) = version.split_once('.')?;
            Some(format!("{major}.{}", rest.split('.').next()?))
        });
        let mut comparison = Self {
            release: release.unwrap_or_else(|| panic!("{name}: expected kafka-clients-V.jar")),
            differences: BTreeMap::new(),
            messages: 0,
            fields: 0,
        };
        comparison.messages(jar);
        comparison
    }

    fn messages(&mut self, jar: &Path) {
        let mut officials = Vec::new();
        for (path, text) in jar::texts(jar, "common/message/") {
            if path.ends_with(".json") {
                let json = serde_json::from_str::<Json>(&without_comments(&text));
                officials.push(json.unwrap_or_else(|error| panic!("{path}: {error}")));
            }
        }
        // A response has no listeners of its own. What no broker listens for is among controllers, or is gone.
        let listened: Vec<_> = officials
            .iter()
            .filter(|json| list(json, "listeners").iter().any(|name| name == "broker"))
            .map(|json| json["apiKey"].clone())
            .collect();
        let definitions = definitions();
        let mut seen = Vec::new();
        for official in &officials {
            let key = &official["apiKey"];
            let kind = text(official, "type");
            let ours = definitions.iter().find(|ours| match ours.key {
                Some(ours_key) => *key == ours_key && ours.name.to_lowercase().ends_with(kind),
                None => ours.name == text(official, "name"),
            });
            if let Some(ours) = ours {
                seen.push(&ours.name);
                self.message(official, ours);
            } else if key.is_null() || listened.contains(key) {
                self.differ(text(official, "name"), "message", "there", "not there");
            }
        }
        if self.release == OURS {
            for ours in definitions
                .iter()
                .filter(|ours| !seen.contains(&&ours.name))
            {
                self.differ(&ours.name, "message", "not there", "there");
            }
        }
    }

    fn message(&mut self, official: &Json, ours: &Definition) {
        self.messages += 1;
        let place = &ours.name;
        self.compare(place, "name", text(official, "name"), place);
        let their_versions = versions(official, "validVersions");
        let common = ours.versions.intersect(their_versions);
        if self.release == OURS {
            self.compare(place, "versions", their_versions, ours.versions);
            if text(official, "type") == "request" {
                let unstable = ours.stable.max < ours.versions.max;
                let official = official["latestVersionUnstable"] == true;
                self.compare(place, "latest version unstable", official, unstable);
            }
        } else if common.max != their_versions.max {
            self.differ(
                place,
                "versions",
                &their_versions.to_string(),
                &ours.versions.to_string(),
            );
        }
        let flexible = versions(official, "flexibleVersions").intersect(common);
        self.compare(place, "flexible", flexible, ours.flexible.intersect(common));
        let commons = list(official, "commonStructs");
        self.fields(
            place,
            list(official, "fields"),
            commons,
            ours.fields,
            common,
        );
    }

    /// Compares the fields that a struct has in some of the versions.
    fn fields(
        &mut self,
        place: &str,
        official: &[Json],
        commons: &[Json],
        ours: &[Field],
        common: Versions,
    ) {
        let official = official
            .iter()
            .filter(|json| !versions(json, "versions").intersect(common).is_empty());
        let ours: Vec<_> = ours
            .iter()
            .filter(|field| !field.versions.intersect(common).is_empty())
            .collect();
        let their_names: Vec<_> = official.clone().map(json_name).collect();
        let our_names: Vec<_> = ours.iter().map(|field| camel_case(field.name)).collect();
        self.compare(
            place,
            "fields",
            their_names.join(", "),
            our_names.join(", "),
        );
        for official in official {
            let name = json_name(official);
            if let Some(at) = our_names.iter().position(|ours| *ours == name) {
                self.field(
                    &format!("{place}.{name}"),
                    official,
                    commons,
                    ours[at],
                    common,
                );
            }
        }
    }

    fn field(
        &mut self,
        place: &str,
        official: &Json,
        commons: &[Json],
        ours: &Field,
        common: Versions,
    ) {
        self.fields += 1;
        let their_type = text(official, "type");
        self.compare(place, "type", their_type, kafka_type(ours));
        let present = ours.versions.intersect(common);
        let their_versions = versions(official, "versions").intersect(common);
        self.compare(place, "versions", their_versions, present);
        let nullable = versions(official, "nullableVersions").intersect(their_versions);
        self.compare(
            place,
            "nullable",
            nullable,
            ours.nullable.intersect(present),
        );
        let tag = |tag: Option<(u64, Versions)>, present: Versions| {
            let tag = tag.map(|(tag, versions)| (tag, versions.intersect(present)));
            tag.filter(|(_, versions)| !versions.is_empty())
                .map_or("none".to_owned(), |(tag, versions)| {
                    format!("{tag} in {versions}")
                })
        };
        let their_tag = official["tag"]
            .as_u64()
            .map(|tag| (tag, versions(official, "taggedVersions")));
        let our_tag = ours.tag.map(|(tag, versions)| (u64::from(tag), versions));
        self.compare(
            place,
            "tag",
            tag(their_tag, their_versions),
            tag(our_tag, present),
        );
        self.compare(place, "default", their_default(official), our_default(ours));
        // A field that all versions have is never left out: it may become ignorable when a newer version drops it.
        if self.release == OURS || present != common {
            let ignorable = official["ignorable"] == true || official["ignorable"] == "true";
            self.compare(place, "ignorable", ignorable, ours.ignorable);
        }
        let rigid = text(official, "flexibleVersions") == "none";
        self.compare(place, "rigid", rigid, ours.rigid);

        let name = their_type.trim_start_matches("[]");
        let own = list(official, "fields");
        let shared = commons.iter().find(|json| text(json, "name") == name);
        let fields = shared.map_or(own, |json| list(json, "fields"));
        let schema = schema_of(&ours.ty);
        self.compare(place, "struct", !fields.is_empty(), schema.is_some());
        if let Some(schema) = schema {
            let common = present.intersect(their_versions);
            self.fields(place, fields, commons, schema.fields, common);
        }
    }

    fn compare<T: ToString, O: ToString>(
        &mut self,
        place: &str,
        what: &'static str,
        official: T,
        ours: O,
    ) {
        let (official, ours) = (official.to_string(), ours.to_string());
        if official != ours {
            self.differ(place, what, &official, &ours);
        }
    }

    fn differ(&mut self, place: &str, what: &'static str, official: &str, ours: &str) {
        let stands = (official.to_owned(), ours.to_owned());
        self.differences.insert((place.to_owned(), what), stands);
    }
}
