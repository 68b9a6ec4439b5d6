//! Changes to settings: of single ones (KIP-339), or of all at once.

use kafka_proto::error_code::ErrorCode;

use super::broker;
use super::definitions::{BROKER_CONFIGS, ConfigType, Definition, list};
use super::{ConfigError, Given};
use crate::refusal::Refusal;

/// What to do with a setting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Operation {
    Set(String),
    Delete,
    /// Adds what a list does not have.
    Append(String),
    /// Takes away what a list has.
    Subtract(String),
}

/// A change to the settings of a resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Change {
    /// The other settings stay.
    Some(Vec<(String, Operation)>),
    /// The resource has these, and no others.
    All(Given),
}

impl Change {
    /// The single settings of IncrementalAlterConfigs.
    pub(crate) fn incremental<'a>(
        operations: impl Iterator<Item = (&'a str, i8, Option<&'a str>)>,
    ) -> Result<Self, Refusal> {
        let mut changes: Vec<(String, Operation)> = Vec::new();
        for (name, operation, value) in operations {
            if name.is_empty() {
                return Err(invalid_request("The configuration name cannot be empty"));
            }
            if changes.iter().any(|(known, _)| known == name) {
                return Err(invalid_request("Error due to duplicate config keys"));
            }
            let value = match (operation, value) {
                (1, _) => String::new(),
                (_, Some(value)) => value.to_owned(),
                (_, None) => {
                    return Err(invalid_request(format!(
                        "Null value not supported for : {name}"
                    )));
                }
            };
            let operation = match operation {
                0 => Operation::Set(value),
                1 => Operation::Delete,
                2 => Operation::Append(value),
                3 => Operation::Subtract(value),
                unknown => {
                    return Err(invalid_request(format!(
                        "Unknown operation type {unknown} for config {name}"
                    )));
                }
            };
            changes.push((name.to_owned(), operation));
        }
        Ok(Self::Some(changes))
    }

    /// Gives a single setting a value, or (`None`) takes it away.
    pub(crate) fn one(name: &str, value: Option<&str>) -> Self {
        let operation = match value {
            Some(value) => Operation::Set(value.to_owned()),
            None => Operation::Delete,
        };
        Self::Some(vec![(name.to_owned(), operation)])
    }

    /// All settings, as AlterConfigs has them.
    pub(crate) fn all<'a>(
        settings: impl Iterator<Item = (&'a str, Option<&'a str>)>,
    ) -> Result<Self, Refusal> {
        let mut all = Given::new();
        for (name, value) in settings {
            let value = value
                .ok_or_else(|| invalid_request(format!("Null value not supported for : {name}")))?;
            if all.insert(name.to_owned(), value.to_owned()).is_some() {
                return Err(invalid_request("Error due to duplicate config keys"));
            }
        }
        Ok(Self::All(all))
    }

    /// What a resource has after the change. What it had already is not checked again.
    pub(super) fn apply(
        &self,
        kind: &'static str,
        table: &'static [Definition],
        given: &Given,
    ) -> Result<Given, Refusal> {
        let (altered, touched) = self.merge(given, |name| Definition::find(table, name))?;
        for name in touched {
            let unknown = || ConfigError::Unknown {
                kind,
                name: name.clone(),
            };
            let definition = Definition::find(table, &name).ok_or_else(unknown)?;
            definition.check(&altered[&name])?;
        }
        Ok(altered)
    }

    /// The same for a broker: what is wrong is called otherwise, and settings that are not known belong to somebody's
    /// plug-in.
    pub(super) fn apply_to_broker(&self, given: &Given) -> Result<Given, Refusal> {
        let find = |name: &str| Definition::find(BROKER_CONFIGS, name);
        let fixed: Vec<&str> = self.names().filter(|name| broker::is_fixed(name)).collect();
        if !fixed.is_empty() {
            return Err(invalid_request(format!(
                "Cannot update these configs dynamically: [{}]",
                fixed.join(", ")
            )));
        }
        if let Self::Some(changes) = self {
            for (name, operation) in changes {
                let is_list = find(name).is_some_and(|found| found.config_type == ConfigType::List);
                let word = match operation {
                    Operation::Append(_) if !is_list => "append",
                    Operation::Subtract(_) if !is_list => "subtract",
                    _ => continue,
                };
                return Err(Refusal::new(
                    ErrorCode::InvalidConfig,
                    format!("Config value {word} is not allowed for config key: {name}"),
                ));
            }
        }
        let (altered, touched) = self.merge(given, find)?;
        for name in touched {
            if let Some(definition) = find(&name) {
                let checked = definition.check(&altered[&name]);
                checked.map_err(|error| invalid_request(error.to_string()))?;
            }
        }
        Ok(altered)
    }

    /// The same for a subscription to clients' metrics.
    pub(super) fn apply_to_client_metrics(
        &self,
        table: &'static [Definition],
        given: &Given,
    ) -> Result<Given, Refusal> {
        let is_unknown = |name: &&str| Definition::find(table, name).is_none();
        if let Some(name) = self.names().find(is_unknown) {
            return Err(invalid_request(format!(
                "Unknown client metrics configuration: {name}"
            )));
        }
        if let Self::Some(changes) = self {
            for (name, operation) in changes {
                let word = match operation {
                    Operation::Append(_) => "APPEND",
                    Operation::Subtract(_) => "SUBTRACT",
                    _ => continue,
                };
                return Err(not_a_list(word, name));
            }
        }
        let (altered, touched) = self.merge(given, |name| Definition::find(table, name))?;
        for name in touched {
            broker::check_client_metrics(&name, &altered[&name])?;
        }
        Ok(altered)
    }

    fn names(&self) -> Box<dyn Iterator<Item = &str> + '_> {
        match self {
            Self::Some(changes) => Box::new(changes.iter().map(|(name, _)| name.as_str())),
            Self::All(all) => Box::new(all.keys().map(String::as_str)),
        }
    }

    /// What there is after the change, and which of it is new.
    fn merge(
        &self,
        given: &Given,
        find: impl Fn(&str) -> Option<&'static Definition>,
    ) -> Result<(Given, Vec<String>), Refusal> {
        let changes = match self {
            Self::All(all) => return Ok((all.clone(), all.keys().cloned().collect())),
            Self::Some(changes) => changes,
        };
        let (mut altered, mut touched) = (given.clone(), Vec::new());
        for (name, operation) in changes {
            let value = match operation {
                Operation::Delete => {
                    altered.remove(name);
                    continue;
                }
                Operation::Set(value) => value.clone(),
                Operation::Append(added) => {
                    let mut elements = elements(&altered, name, find(name), "APPEND")?;
                    for element in list(added) {
                        if !elements.iter().any(|known| known == element) {
                            elements.push(element.to_owned());
                        }
                    }
                    elements.join(",")
                }
                Operation::Subtract(taken) => {
                    let mut elements = elements(&altered, name, find(name), "SUBTRACT")?;
                    elements.retain(|known| list(taken).all(|element| element != known));
                    elements.join(",")
                }
            };
            altered.insert(name.clone(), value);
            touched.push(name.clone());
        }
        Ok((altered, touched))
    }
}

/// The elements of a list as it is, or by default.
fn elements(
    given: &Given,
    name: &str,
    definition: Option<&'static Definition>,
    word: &str,
) -> Result<Vec<String>, Refusal> {
    let definition = definition
        .filter(|definition| definition.config_type == ConfigType::List)
        .ok_or_else(|| not_a_list(word, name))?;
    let value = given.get(name).map(String::as_str);
    let value = value.or(definition.default).unwrap_or_default();
    Ok(list(value).map(str::to_owned).collect())
}

fn not_a_list(word: &str, name: &str) -> Refusal {
    Refusal::new(
        ErrorCode::InvalidConfig,
        format!("Can't {word} to key {name} because its type is not LIST."),
    )
}

fn invalid_request(message: impl Into<String>) -> Refusal {
    Refusal::new(ErrorCode::InvalidRequest, message)
}
