//! Settings as they are told: with where their values are from, and what would hold without those.

use super::broker::FIXED;
use super::definitions::{
    BROKER_CONFIGS, CLIENT_METRICS_CONFIGS, Definition, GROUP_CONFIGS, TOPIC_CONFIGS,
};
use super::{Configs, Given, State, TopicConfig};

/// Where a setting's value is from, as the protocol numbers it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ConfigSource {
    Topic = 1,
    Broker = 2,
    AllBrokers = 3,
    /// What the broker was started with.
    Fixed = 4,
    Default = 5,
    ClientMetrics = 7,
    Group = 8,
}

/// A setting of a resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) name: String,
    pub(crate) value: Option<String>,
    pub(crate) source: ConfigSource,
    pub(crate) is_read_only: bool,
    pub(crate) is_sensitive: bool,
    /// 0 where nobody knows.
    pub(crate) config_type: i8,
    pub(crate) documentation: &'static str,
    /// What holds, and would hold without it, the strongest first.
    pub(crate) synonyms: Vec<Synonym>,
}

/// One of several values that could hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Synonym {
    pub(crate) name: String,
    pub(crate) value: String,
    pub(crate) source: ConfigSource,
}

impl Configs {
    /// The settings of a topic, as a broker has them.
    pub(crate) fn describe_topic(&self, config: &TopicConfig, broker: Option<i32>) -> Vec<Entry> {
        self.read(|state| {
            let entry = |definition: &'static Definition| {
                let own = config.given().get(definition.name);
                self.entry(state, definition, own, ConfigSource::Topic, broker)
            };
            TOPIC_CONFIGS.iter().map(entry).collect()
        })
    }

    /// The settings of a group, whether there is such a group or not.
    pub(crate) fn describe_group(&self, group: &str, broker: Option<i32>) -> Vec<Entry> {
        self.read(|state| {
            let given = state.groups.get(group);
            let entry = |definition: &'static Definition| {
                let own = given.and_then(|given| given.get(definition.name));
                self.entry(state, definition, own, ConfigSource::Group, broker)
            };
            GROUP_CONFIGS.iter().map(entry).collect()
        })
    }

    /// The settings of a subscription to clients' metrics, whether there is such a one or not.
    pub(crate) fn describe_client_metrics(&self, name: &str) -> Vec<Entry> {
        self.read(|state| {
            let given = state.client_metrics.get(name);
            let entry = |definition: &'static Definition| {
                let own = given.and_then(|given| given.get(definition.name));
                self.entry(state, definition, own, ConfigSource::ClientMetrics, None)
            };
            CLIENT_METRICS_CONFIGS.iter().map(entry).collect()
        })
    }

    /// What all brokers were given.
    pub(crate) fn describe_all_brokers(&self) -> Vec<Entry> {
        self.read(|state| {
            let given = state.all_brokers.iter();
            let entries = given.map(|(name, value)| Synonym {
                name: name.clone(),
                value: value.clone(),
                source: ConfigSource::AllBrokers,
            });
            entries.map(|one| dynamic(vec![one])).collect()
        })
    }

    /// The settings of a broker. `own` are those that it does not share with the others.
    pub(crate) fn describe_broker(&self, broker: i32, own: &Given) -> Vec<Entry> {
        self.read(|state| {
            let known = BROKER_CONFIGS.iter().map(|definition| {
                let mut synonyms = self.layers(state, definition.name, Some(broker));
                synonyms.extend(definition.default.map(|value| Synonym {
                    name: definition.name.to_owned(),
                    value: value.to_owned(),
                    source: ConfigSource::Default,
                }));
                Entry {
                    config_type: definition.config_type as i8,
                    documentation: definition.documentation,
                    is_sensitive: false,
                    ..told(definition.name, synonyms)
                }
            });
            let fixed = FIXED.iter().map(|(name, config_type, default)| {
                let set = own.get(*name).or_else(|| self.fixed.get(*name));
                let set = set.map(|value| Synonym {
                    name: (*name).to_owned(),
                    value: value.clone(),
                    source: ConfigSource::Fixed,
                });
                let default = Some(*default).filter(|value| !value.is_empty());
                let default = default.map(|value| Synonym {
                    name: (*name).to_owned(),
                    value: value.to_owned(),
                    source: ConfigSource::Default,
                });
                Entry {
                    config_type: *config_type as i8,
                    is_read_only: true,
                    documentation: "A setting that the broker has from its start on.",
                    ..told(name, set.into_iter().chain(default).collect())
                }
            });
            let mut entries: Vec<Entry> = known.chain(fixed).collect();
            let of_all = state.all_brokers.keys();
            let of_one = state.brokers.get(&broker).into_iter().flat_map(Given::keys);
            let mut others: Vec<&String> = of_all
                .chain(of_one)
                .filter(|name| Definition::find(BROKER_CONFIGS, name).is_none())
                .collect();
            others.sort_unstable();
            others.dedup();
            entries.extend(
                others
                    .into_iter()
                    .map(|name| dynamic(self.layers(state, name, Some(broker)))),
            );
            entries.sort_by(|a, b| a.name.cmp(&b.name));
            entries
        })
    }

    /// What is set for a broker by a name.
    fn layers(&self, state: &State, name: &str, broker: Option<i32>) -> Vec<Synonym> {
        let fixed = self.fixed.get(name);
        let fixed = fixed.map(|value| (ConfigSource::Fixed, value.clone()));
        let all = state.layers(broker, name).into_iter().chain(fixed);
        all.map(|(source, value)| Synonym {
            name: name.to_owned(),
            value,
            source,
        })
        .collect()
    }

    fn entry(
        &self,
        state: &State,
        definition: &'static Definition,
        own: Option<&String>,
        own_source: ConfigSource,
        broker: Option<i32>,
    ) -> Entry {
        let own = own.map(|value| Synonym {
            name: definition.name.to_owned(),
            value: value.clone(),
            source: own_source,
        });
        let mut synonyms: Vec<Synonym> = own.into_iter().collect();
        if !definition.synonym.is_empty() {
            synonyms.extend(self.layers(state, definition.synonym, broker));
            let broker_default = match Definition::find(BROKER_CONFIGS, definition.synonym) {
                Some(stand_in) => stand_in.default,
                None => definition.default,
            };
            synonyms.extend(broker_default.map(|value| Synonym {
                name: definition.synonym.to_owned(),
                value: value.to_owned(),
                source: ConfigSource::Default,
            }));
        }
        let first = synonyms.first();
        Entry {
            name: definition.name.to_owned(),
            value: first
                .map(|first| first.value.clone())
                .or_else(|| definition.default.map(str::to_owned)),
            source: first.map_or(ConfigSource::Default, |first| first.source),
            is_read_only: false,
            is_sensitive: false,
            config_type: definition.config_type as i8,
            documentation: definition.documentation,
            synonyms,
        }
    }
}

/// A setting of a broker that was changed while it runs. What nobody knows may be a secret.
fn dynamic(synonyms: Vec<Synonym>) -> Entry {
    let name = synonyms.first().map_or("", |first| &first.name).to_owned();
    match Definition::find(BROKER_CONFIGS, &name) {
        Some(definition) => Entry {
            config_type: definition.config_type as i8,
            documentation: definition.documentation,
            ..told(&name, synonyms)
        },
        None => Entry {
            value: None,
            is_sensitive: true,
            synonyms: Vec::new(),
            ..told(&name, synonyms)
        },
    }
}

fn told(name: &str, synonyms: Vec<Synonym>) -> Entry {
    let first = synonyms.first();
    Entry {
        name: name.to_owned(),
        value: first.map(|first| first.value.clone()),
        source: first.map_or(ConfigSource::Default, |first| first.source),
        is_read_only: false,
        is_sensitive: false,
        config_type: 0,
        documentation: "",
        synonyms,
    }
}
