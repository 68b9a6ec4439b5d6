//! Configs: settings of topics, brokers, groups and client metrics.

use std::collections::HashMap;

use kafka_proto::messages::describe_configs::{
    DescribeConfigsResource, DescribeConfigsResourceResult,
};
use kafka_proto::messages::incremental_alter_configs::{AlterConfigsResource, AlterableConfig};
use kafka_proto::messages::{
    DescribeConfigsRequest, IncrementalAlterConfigsRequest, ListConfigResourcesRequest,
    ListConfigResourcesResponse,
};

use super::Admin;
use super::asking::Operation;
use super::fan_out::{Item, To};
use crate::error::{Error, Result, check, check_told};

/// Something that has settings.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ConfigResource {
    /// A topic.
    Topic(String),
    /// A broker.
    Broker(i32),
    /// What holds for all brokers that do not say otherwise (KIP-226).
    BrokerDefaults,
    /// A broker's loggers, with their levels (KIP-412).
    BrokerLoggers(i32),
    /// A subscription of client metrics (KIP-714).
    ClientMetrics(String),
    /// A group (KIP-848).
    Group(String),
}

impl ConfigResource {
    fn wire(&self) -> (i8, String) {
        match self {
            Self::Topic(name) => (2, name.clone()),
            Self::Broker(id) => (4, id.to_string()),
            Self::BrokerDefaults => (4, String::new()),
            Self::BrokerLoggers(id) => (8, id.to_string()),
            Self::ClientMetrics(name) => (16, name.clone()),
            Self::Group(name) => (32, name.clone()),
        }
    }

    fn from_wire(kind: i8, name: &str) -> Result<Self> {
        let broker = |id: &str| id.parse::<i32>().ok();
        let resource = match kind {
            2 => Some(Self::Topic(name.to_owned())),
            4 if name.is_empty() => Some(Self::BrokerDefaults),
            4 => broker(name).map(Self::Broker),
            8 => broker(name).map(Self::BrokerLoggers),
            16 => Some(Self::ClientMetrics(name.to_owned())),
            32 => Some(Self::Group(name.to_owned())),
            _ => None,
        };
        resource.ok_or_else(|| Error::Protocol {
            what: "an answer about settings".to_owned(),
            reason: format!("names resource \"{name}\" of type {kind}"),
        })
    }

    /// A broker alone knows its file and its loggers.
    fn broker(&self) -> Option<i32> {
        match self {
            Self::Broker(id) | Self::BrokerLoggers(id) => Some(*id),
            _ => None,
        }
    }
}

impl Item for ConfigResource {
    fn name(&self) -> String {
        match self {
            Self::Topic(name) => format!("topic \"{name}\""),
            Self::Broker(id) => format!("broker {id}"),
            Self::BrokerDefaults => "defaults of all brokers".to_owned(),
            Self::BrokerLoggers(id) => format!("loggers of broker {id}"),
            Self::ClientMetrics(name) => format!("client metrics \"{name}\""),
            Self::Group(name) => format!("group \"{name}\""),
        }
    }
}

/// Where the value of a setting comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ConfigSource {
    /// Set for this topic.
    Topic,
    /// Set for this broker while it runs.
    Broker,
    /// Set for all brokers while they run.
    BrokerDefaults,
    /// The broker's file.
    BrokerFile,
    /// Kafka's default.
    Default,
    /// Set for this logger.
    BrokerLogger,
    /// Set for these client metrics.
    ClientMetrics,
    /// Set for this group.
    Group,
    /// One that this client does not know, by its number.
    Unknown(i8),
}

impl From<i8> for ConfigSource {
    fn from(number: i8) -> Self {
        match number {
            1 => Self::Topic,
            2 => Self::Broker,
            3 => Self::BrokerDefaults,
            4 => Self::BrokerFile,
            5 => Self::Default,
            6 => Self::BrokerLogger,
            7 => Self::ClientMetrics,
            8 => Self::Group,
            other => Self::Unknown(other),
        }
    }
}

/// A setting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigEntry {
    /// Its name, such as `retention.ms`.
    pub name: String,
    /// Its value; `None` for one that is not set, and for every sensitive one.
    pub value: Option<String>,
    /// Where the value comes from.
    pub source: ConfigSource,
    /// Whether it cannot be changed while the broker runs.
    pub is_read_only: bool,
    /// Whether it is a secret, which is never told.
    pub is_sensitive: bool,
    /// What sets it, the value that holds first (KIP-226).
    pub synonyms: Vec<ConfigSynonym>,
    /// What its value is; `Unknown(0)` before Kafka 2.6 (KIP-569).
    pub config_type: ConfigType,
    /// What it is for, if that was [asked for](Admin::with_documentation).
    pub documentation: Option<String>,
}

/// What the value of a setting is (KIP-569).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ConfigType {
    /// `true` or `false`.
    Boolean,
    /// A text.
    String,
    /// A number of 32 bits.
    Int,
    /// A number of 16 bits.
    Short,
    /// A number of 64 bits.
    Long,
    /// A number with a fraction.
    Double,
    /// Texts separated by commas.
    List,
    /// The name of a Java class.
    Class,
    /// A secret.
    Password,
    /// One that this client does not know, by its number.
    Unknown(i8),
}

impl From<i8> for ConfigType {
    fn from(number: i8) -> Self {
        match number {
            1 => Self::Boolean,
            2 => Self::String,
            3 => Self::Int,
            4 => Self::Short,
            5 => Self::Long,
            6 => Self::Double,
            7 => Self::List,
            8 => Self::Class,
            9 => Self::Password,
            other => Self::Unknown(other),
        }
    }
}

/// A setting that would hold if those before it were not set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigSynonym {
    /// Its name, such as `log.retention.ms`.
    pub name: String,
    /// Its value.
    pub value: Option<String>,
    /// Where it is set.
    pub source: ConfigSource,
}

/// A change of one setting (KIP-339).
#[derive(Clone, PartialEq, Eq)]
pub enum AlterConfig {
    /// Gives it this value.
    Set(String, String),
    /// Takes it back to its default.
    Delete(String),
    /// Adds to a list.
    Append(String, String),
    /// Takes from a list.
    Subtract(String, String),
}

impl AlterConfig {
    fn name(&self) -> &str {
        match self {
            Self::Set(name, _)
            | Self::Delete(name)
            | Self::Append(name, _)
            | Self::Subtract(name, _) => name,
        }
    }
}

/// Without the value, which may be a secret.
impl std::fmt::Debug for AlterConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let what = match self {
            Self::Set(..) => "Set",
            Self::Delete(..) => "Delete",
            Self::Append(..) => "Append",
            Self::Subtract(..) => "Subtract",
        };
        f.debug_tuple(what)
            .field(&self.name())
            .finish_non_exhaustive()
    }
}

impl Admin {
    /// The settings of topics, brokers and others, by name (KIP-133, `Admin.describeConfigs`). A broker's are asked of that
    /// broker. Cancel-safe.
    ///
    /// # Errors
    /// When no broker could be asked. What is wrong with a single resource is told with it.
    pub async fn describe_configs(
        &self,
        resources: impl IntoIterator<Item = ConfigResource>,
    ) -> Result<Vec<(ConfigResource, Result<Vec<ConfigEntry>>)>> {
        let include_documentation = self.options.asks_for_documentation;
        self.each(
            Operation::new("describing configs").needing(3, include_documentation),
            resources,
            |resource| resource.broker().map_or(To::Any, To::Broker),
            |_, resources| {
                let described = |resource: &ConfigResource| {
                    let (resource_type, name) = resource.wire();
                    DescribeConfigsResource {
                        resource_type,
                        resource_name: name.into(),
                        configuration_keys: None,
                        ..Default::default()
                    }
                };
                DescribeConfigsRequest {
                    resources: resources.iter().map(described).collect(),
                    include_synonyms: true,
                    include_documentation,
                    ..Default::default()
                }
            },
            |answer, _| {
                let mut each = Vec::new();
                for result in answer.results {
                    let resource =
                        ConfigResource::from_wire(result.resource_type, &result.resource_name)?;
                    let what = || format!("configs of {}", resource.name());
                    let message = result.error_message.as_deref();
                    let entries = check_told(result.error_code, message, what).map(|()| {
                        let mut entries: Vec<_> = result.configs.into_iter().map(entry).collect();
                        entries.sort_by(|a, b| a.name.cmp(&b.name));
                        entries
                    });
                    each.push((resource, entries));
                }
                Ok(each)
            },
        )
        .await
    }

    /// Changes single settings and leaves the others as they are; for each resource whether all its changes were made, or
    /// none (KIP-339, `Admin.incrementalAlterConfigs`). A broker's are sent to that broker. Cancel-safe, except that they
    /// may be made all the same.
    ///
    /// ```no_run
    /// # use kafka_client::admin::{Admin, AlterConfig, ConfigResource};
    /// # async fn example(admin: Admin) -> kafka_client::Result<()> {
    /// let orders = ConfigResource::Topic("orders".into());
    /// let keep_a_day = AlterConfig::Set("retention.ms".into(), "86400000".into());
    /// for (resource, altered) in admin.incremental_alter_configs([(orders, vec![keep_a_day])]).await? {
    ///     println!("{resource:?}: {altered:?}");
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// When no broker could be asked. What is wrong with a single resource is told with it.
    pub async fn incremental_alter_configs(
        &self,
        changes: impl IntoIterator<Item = (ConfigResource, Vec<AlterConfig>)>,
    ) -> Result<Vec<(ConfigResource, Result<()>)>> {
        let changes = changes.into_iter().collect();
        self.alter("altering configs", changes, false).await
    }

    /// Says whether settings could be changed, and changes nothing. Cancel-safe.
    ///
    /// # Errors
    /// As [`incremental_alter_configs`](Self::incremental_alter_configs).
    pub async fn validate_alter_configs(
        &self,
        changes: impl IntoIterator<Item = (ConfigResource, Vec<AlterConfig>)>,
    ) -> Result<Vec<(ConfigResource, Result<()>)>> {
        let changes = changes.into_iter().collect();
        self.alter("validating configs", changes, true).await
    }

    async fn alter(
        &self,
        what: &str,
        changes: HashMap<ConfigResource, Vec<AlterConfig>>,
        validate_only: bool,
    ) -> Result<Vec<(ConfigResource, Result<()>)>> {
        self.each(
            Operation::new(what),
            changes.keys().cloned(),
            |resource| resource.broker().map_or(To::Controller, To::Broker),
            |_, resources| {
                let altered = |resource: &ConfigResource| {
                    let (resource_type, name) = resource.wire();
                    AlterConfigsResource {
                        resource_type,
                        resource_name: name.into(),
                        configs: changes[resource].iter().map(alterable).collect(),
                        ..Default::default()
                    }
                };
                IncrementalAlterConfigsRequest {
                    resources: resources.iter().map(altered).collect(),
                    validate_only,
                    ..Default::default()
                }
            },
            |answer, _| {
                let mut each = Vec::new();
                for result in answer.responses {
                    let resource =
                        ConfigResource::from_wire(result.resource_type, &result.resource_name)?;
                    let what = || format!("configs of {}", resource.name());
                    let message = result.error_message.as_deref();
                    let altered = check_told(result.error_code, message, what);
                    each.push((resource, altered));
                }
                Ok(each)
            },
        )
        .await
    }

    /// What has settings, in order (KIP-1142, `Admin.listConfigResources`; brokers before Kafka 4.1 name client metrics
    /// only). Cancel-safe.
    ///
    /// # Errors
    /// When no broker could be asked.
    pub async fn list_config_resources(&self) -> Result<Vec<ConfigResource>> {
        self.list_resources(None).await
    }

    /// The subscriptions of client metrics, by name (KIP-714, `Admin.listClientMetricsResources`). Cancel-safe.
    ///
    /// # Errors
    /// When no broker could be asked.
    pub async fn list_client_metrics_resources(&self) -> Result<Vec<String>> {
        let (kind, _) = ConfigResource::ClientMetrics(String::new()).wire();
        let listed = self.list_resources(Some(kind)).await?.into_iter();
        let names = listed.filter_map(|resource| match resource {
            ConfigResource::ClientMetrics(name) => Some(name),
            _ => None,
        });
        Ok(names.collect())
    }

    /// Those of one type, or all.
    async fn list_resources(&self, kind: Option<i8>) -> Result<Vec<ConfigResource>> {
        let make = |version| ListConfigResourcesRequest {
            // The first version named client metrics only.
            resource_types: kind.into_iter().filter(|_| version > 0).collect(),
            ..Default::default()
        };
        let read = |answer: ListConfigResourcesResponse| {
            check(answer.error_code, || "config resources".to_owned())?;
            let named = answer.config_resources.iter().map(|resource| {
                ConfigResource::from_wire(resource.resource_type, &resource.resource_name)
            });
            let mut resources = named.collect::<Result<Vec<_>>>()?;
            resources.sort();
            Ok(resources)
        };
        let listing = Operation::new("listing config resources");
        self.ask(listing, To::Any, make, read).await
    }
}

pub(super) fn entry(config: DescribeConfigsResourceResult) -> ConfigEntry {
    let synonyms = config.synonyms.into_iter().map(|synonym| ConfigSynonym {
        name: synonym.name.to_string(),
        value: synonym.value.map(String::from),
        source: synonym.source.into(),
    });
    ConfigEntry {
        name: config.name.to_string(),
        value: config.value.map(String::from),
        source: config.config_source.into(),
        is_read_only: config.read_only,
        is_sensitive: config.is_sensitive,
        synonyms: synonyms.collect(),
        config_type: config.config_type.into(),
        documentation: config
            .documentation
            .filter(|text| !text.is_empty())
            .map(String::from),
    }
}

fn alterable(change: &AlterConfig) -> AlterableConfig {
    let (config_operation, value) = match change {
        AlterConfig::Set(_, value) => (0, Some(value)),
        AlterConfig::Delete(_) => (1, None),
        AlterConfig::Append(_, value) => (2, Some(value)),
        AlterConfig::Subtract(_, value) => (3, Some(value)),
    };
    AlterableConfig {
        name: change.name().into(),
        config_operation,
        value: value.map(|value| value.as_str().into()),
        ..Default::default()
    }
}
