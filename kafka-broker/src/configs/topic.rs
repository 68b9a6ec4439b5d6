use super::alter::Change;
use super::definitions::{Definition, TOPIC_CONFIGS};
use super::{ConfigError, Given};
use crate::refusal::Refusal;

/// What a topic was given.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct TopicConfig {
    given: Given,
}

impl TopicConfig {
    /// Sets a value.
    pub(crate) fn set(&mut self, name: &str, value: Option<&str>) -> Result<(), ConfigError> {
        let unknown = || ConfigError::Unknown {
            kind: "topic",
            name: name.to_owned(),
        };
        let definition = Definition::find(TOPIC_CONFIGS, name).ok_or_else(unknown)?;
        let value = value.ok_or_else(|| ConfigError::Null(name.to_owned()))?;
        definition.check(value)?;
        self.given.insert(name.to_owned(), value.to_owned());
        Ok(())
    }

    /// Whether its settings go together.
    pub(crate) fn check(&self) -> Result<(), ConfigError> {
        let number = |name: &str, default: i64| -> i64 {
            let given = self.given.get(name);
            given
                .and_then(|value| value.trim().parse().ok())
                .unwrap_or(default)
        };
        let is_tiered = self.given.get("remote.storage.enable");
        if is_tiered.is_some_and(|value| value.trim().eq_ignore_ascii_case("true")) {
            return Err(ConfigError::NoTiers);
        }
        let (min, max) = (
            number("min.compaction.lag.ms", 0),
            number("max.compaction.lag.ms", i64::MAX),
        );
        if min > max {
            return Err(ConfigError::CompactionLag { min, max });
        }
        Ok(())
    }

    /// What it has after a change.
    pub(crate) fn altered(&self, change: &Change) -> Result<Self, Refusal> {
        let altered = Self {
            given: change.apply("topic", TOPIC_CONFIGS, &self.given)?,
        };
        altered.check()?;
        Ok(altered)
    }

    /// The settings by name.
    pub(crate) fn given(&self) -> &Given {
        &self.given
    }
}
