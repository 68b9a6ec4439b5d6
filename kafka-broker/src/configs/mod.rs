//! The settings that can be changed while the brokers run: of topics, brokers, groups, and subscriptions to clients'
//! metrics. What a topic was given stays with the topic, the others are kept here.

mod alter;
mod broker;
mod definitions;
mod describe;
mod topic;
mod topic_settings;

use std::collections::BTreeMap;
use std::sync::{PoisonError, RwLock};

use bytestring::ByteString;
use kafka_proto::error_code::ErrorCode;

pub(crate) use alter::Change;
pub(crate) use definitions::list;
pub(crate) use describe::{ConfigSource, Entry};
pub(crate) use topic::TopicConfig;
pub(crate) use topic_settings::{LogSettings, TopicSettings};

use crate::refusal::Refusal;
use crate::settings::Settings;
use definitions::{CLIENT_METRICS_CONFIGS, GROUP_CONFIGS};

/// What a resource was given, by the names of its settings.
pub(crate) type Given = BTreeMap<String, String>;

/// Why a setting is refused, in Kafka's words.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ConfigError {
    #[error("Unknown {kind} config name: {name}")]
    Unknown { kind: &'static str, name: String },
    #[error("Invalid value {value} for configuration {name}: {expected}")]
    Invalid {
        name: String,
        value: String,
        expected: String,
    },
    #[error("Null value not supported for topic configs: {0}")]
    Null(String),
    #[error(
        "conflict topic config setting min.compaction.lag.ms ({min}) > max.compaction.lag.ms ({max})"
    )]
    CompactionLag { min: i64, max: i64 },
    #[error(
        "Tiered Storage functionality is disabled in the broker. Topic cannot be configured with remote log storage."
    )]
    NoTiers,
}

impl From<ConfigError> for Refusal {
    fn from(error: ConfigError) -> Self {
        Self::new(ErrorCode::InvalidConfig, error.to_string())
    }
}

/// The settings that can be changed, but for those of topics.
#[derive(Debug, Default)]
pub(crate) struct Configs {
    /// What the brokers were started with, by the names of Kafka.
    fixed: Given,
    state: RwLock<State>,
}

#[derive(Debug, Default)]
struct State {
    /// What all brokers were given.
    all_brokers: Given,
    brokers: BTreeMap<i32, Given>,
    groups: BTreeMap<ByteString, Given>,
    client_metrics: BTreeMap<ByteString, Given>,
}

impl State {
    /// What holds for a broker's setting and those that would hold without it, the strongest first.
    fn layers(&self, broker: Option<i32>, name: &str) -> Vec<(ConfigSource, String)> {
        let own = broker.and_then(|id| self.brokers.get(&id));
        let layers = [
            (ConfigSource::Broker, own),
            (ConfigSource::AllBrokers, Some(&self.all_brokers)),
        ];
        let given = layers
            .into_iter()
            .filter_map(|(source, given)| Some((source, given?.get(name)?.clone())));
        given.collect()
    }
}

impl Configs {
    pub(crate) fn new(settings: &Settings) -> Self {
        Self {
            fixed: broker::fixed(settings),
            state: RwLock::default(),
        }
    }

    fn read<T>(&self, look: impl FnOnce(&State) -> T) -> T {
        look(&self.state.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn write<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        change(&mut self.state.write().unwrap_or_else(PoisonError::into_inner))
    }

    /// What holds for a topic. Settings of a single broker count if there is no other (`broker`): the brokers of a
    /// cluster share the logs.
    pub(crate) fn topic_settings(
        &self,
        config: &TopicConfig,
        broker: Option<i32>,
    ) -> TopicSettings {
        self.read(|state| {
            TopicSettings::read(|definition| {
                if let Some(value) = config.given().get(definition.name) {
                    return Some(value.clone());
                }
                let name = definition.synonym;
                let mut layers = state.layers(broker, name).into_iter();
                let value = layers.next().map(|(_, value)| value);
                value
                    .or_else(|| self.fixed.get(name).cloned())
                    .or_else(|| definition.default.map(str::to_owned))
            })
        })
    }

    /// A number that is in force for a broker.
    pub(crate) fn broker_number(&self, broker: Option<i32>, name: &str) -> Option<i64> {
        let layers = self.read(|state| state.layers(broker, name));
        let given = layers.into_iter().next().map(|(_, value)| value);
        let fixed = given.or_else(|| self.fixed.get(name).cloned());
        let default = || {
            let definition = definitions::Definition::find(definitions::BROKER_CONFIGS, name);
            Some(definition?.default?.to_owned())
        };
        fixed.or_else(default)?.trim().parse().ok()
    }

    /// Changes what a broker was given, or (`None`) all of them.
    pub(crate) fn alter_broker(
        &self,
        broker: Option<i32>,
        change: &Change,
        validate_only: bool,
    ) -> Result<(), Refusal> {
        self.write(|state| {
            let given = match broker {
                Some(id) => state.brokers.entry(id).or_default(),
                None => &mut state.all_brokers,
            };
            let altered = change.apply_to_broker(given)?;
            if !validate_only {
                *given = altered;
            }
            Ok(())
        })
    }

    /// Changes what a group was given. Answers what it has now.
    pub(crate) fn alter_group(
        &self,
        group: &str,
        change: &Change,
        validate_only: bool,
    ) -> Result<Given, Refusal> {
        self.write(|state| {
            let given = state.groups.get(group).cloned().unwrap_or_default();
            let altered = change.apply("group", GROUP_CONFIGS, &given)?;
            broker::check_group(&altered, &self.fixed)?;
            if !validate_only {
                put(&mut state.groups, group, altered.clone());
            }
            Ok(altered)
        })
    }

    /// Changes a subscription to clients' metrics, which is there as long as it has a setting. Answers what it has now.
    pub(crate) fn alter_client_metrics(
        &self,
        name: &str,
        change: &Change,
        validate_only: bool,
    ) -> Result<Given, Refusal> {
        self.write(|state| {
            let given = state.client_metrics.get(name).cloned().unwrap_or_default();
            let altered = change.apply_to_client_metrics(CLIENT_METRICS_CONFIGS, &given)?;
            if !validate_only {
                put(&mut state.client_metrics, name, altered.clone());
            }
            Ok(altered)
        })
    }

    /// The groups that were given settings.
    pub(crate) fn groups(&self) -> Vec<ByteString> {
        self.read(|state| state.groups.keys().cloned().collect())
    }

    /// Says what a subscription to clients' metrics is, nothing if there is none.
    pub(crate) fn set_client_metrics(&self, name: &str, given: Given) {
        self.write(|state| put(&mut state.client_metrics, name, given));
    }

    /// The names of the subscriptions to clients' metrics.
    pub(crate) fn client_metrics(&self) -> Vec<ByteString> {
        self.read(|state| state.client_metrics.keys().cloned().collect())
    }
}

fn put(resources: &mut BTreeMap<ByteString, Given>, name: &str, given: Given) {
    if given.is_empty() {
        resources.remove(name);
    } else {
        // The key is a copy, so that it does not keep a whole request in memory.
        resources.insert(ByteString::from(name), given);
    }
}

#[cfg(test)]
mod tests;
