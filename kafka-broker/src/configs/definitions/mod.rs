//! What a setting is: its type, default, and which values it takes. The settings of each kind of resource are in a table of
//! their own.

mod broker;
mod client_metrics;
mod group;
mod topic;

pub(crate) use broker::BROKER_CONFIGS;
pub(crate) use client_metrics::CLIENT_METRICS_CONFIGS;
pub(crate) use group::GROUP_CONFIGS;
pub(crate) use topic::TOPIC_CONFIGS;

use super::ConfigError;
use crate::share::Reset;

/// The type of a setting, as the protocol numbers it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ConfigType {
    Boolean = 1,
    String = 2,
    Int = 3,
    Long = 5,
    Double = 6,
    List = 7,
}

/// Which values of its type a setting takes.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Valid {
    Any,
    AtLeast(i64),
    Between(i64, i64),
    /// The same, or this one.
    BetweenOr(i64, i64, i64),
    /// From 0 to 1.
    Ratio,
    /// One of these, or a list of them.
    Words(&'static [&'static str]),
    /// `*`, or pairs of a partition and a broker: `0:1`.
    Replicas,
    /// `earliest`, `latest` or `by_duration:PT1H`.
    OffsetReset,
}

/// A setting of some kind of resource.
#[derive(Debug)]
pub(crate) struct Definition {
    pub(crate) name: &'static str,
    pub(crate) config_type: ConfigType,
    /// Some have none: what is in force then depends on others.
    pub(crate) default: Option<&'static str>,
    pub(crate) valid: Valid,
    /// The broker's setting that stands in for it, "" if there is none.
    pub(crate) synonym: &'static str,
    pub(crate) documentation: &'static str,
}

impl Definition {
    /// The one of a name, in a table that is sorted by name.
    pub(crate) fn find(table: &'static [Self], name: &str) -> Option<&'static Self> {
        let at = table.binary_search_by(|definition| definition.name.cmp(name));
        at.ok().map(|at| &table[at])
    }

    /// Whether it takes a value.
    ///
    /// # Errors
    /// What Kafka says, which names setting, value, and what was expected.
    pub(crate) fn check(&self, value: &str) -> Result<(), ConfigError> {
        let invalid = |expected: String| ConfigError::Invalid {
            name: self.name.to_owned(),
            value: value.to_owned(),
            expected,
        };
        let value = value.trim();
        match self.config_type {
            ConfigType::Boolean => match value.to_ascii_lowercase().as_str() {
                "true" | "false" => Ok(()),
                _ => Err(invalid(
                    "Expected value to be either true or false".to_owned(),
                )),
            },
            ConfigType::String => self.check_word(value).map_err(invalid),
            ConfigType::List => list(value)
                .try_for_each(|element| self.check_word(element))
                .map_err(|expected| match self.valid {
                    Valid::Replicas => ConfigError::Invalid {
                        name: self.name.to_owned(),
                        value: format!("[{}]", list(value).collect::<Vec<_>>().join(", ")),
                        expected,
                    },
                    _ => invalid(expected),
                }),
            ConfigType::Int => number(value, i32::MIN.into(), i32::MAX.into())
                .ok_or_else(|| invalid("Not a number of type INT".to_owned()))
                .and_then(|number| self.valid.check_number(number as f64).map_err(invalid)),
            ConfigType::Long => number(value, i64::MIN, i64::MAX)
                .ok_or_else(|| invalid("Not a number of type LONG".to_owned()))
                .and_then(|number| self.valid.check_number(number as f64).map_err(invalid)),
            ConfigType::Double => value
                .parse()
                .ok()
                .filter(|number: &f64| !number.is_nan())
                .ok_or_else(|| invalid("Not a number of type DOUBLE".to_owned()))
                .and_then(|number| self.valid.check_number(number).map_err(invalid)),
        }
    }

    fn check_word(&self, word: &str) -> Result<(), String> {
        match self.valid {
            Valid::Words(words) if !words.contains(&word) => {
                Err(format!("String must be one of: {}", words.join(", ")))
            }
            Valid::Replicas if word != "*" && !is_replica(word) => Err(format!(
                "{} must be the literal '*' or a list of replicas in the following format: \
                 [partitionId]:[brokerId],[partitionId]:[brokerId],...",
                self.name
            )),
            Valid::OffsetReset if Reset::parse(word).is_none() => Err(format!(
                "The value must be either 'earliest', 'latest' or of the format 'by_duration:<PnDTnHnMn.nS>', not '{word}'."
            )),
            _ => Ok(()),
        }
    }
}

impl Valid {
    fn check_number(self, number: f64) -> Result<(), String> {
        let (min, max) = match self {
            Self::AtLeast(min) => (min as f64, f64::INFINITY),
            Self::Between(min, max) => (min as f64, max as f64),
            Self::BetweenOr(min, max, other) => {
                return if (min as f64..=max as f64).contains(&number) || number == other as f64 {
                    Ok(())
                } else {
                    Err(format!(
                        "Value must be between {min} and {max} or equal to {other}"
                    ))
                };
            }
            Self::Ratio => (0.0, 1.0),
            Self::Any | Self::Words(_) | Self::Replicas | Self::OffsetReset => return Ok(()),
        };
        if number < min {
            Err(format!("Value must be at least {min}"))
        } else if number > max {
            Err(format!("Value must be no more than {max}"))
        } else {
            Ok(())
        }
    }
}

/// The elements of a list as it is written: separated by commas, none in an empty text.
pub(crate) fn list(value: &str) -> impl Iterator<Item = &str> {
    let is_empty = value.trim().is_empty();
    value
        .split(',')
        .map(str::trim)
        .take(if is_empty { 0 } else { usize::MAX })
}

fn number(value: &str, min: i64, max: i64) -> Option<i64> {
    value
        .parse()
        .ok()
        .filter(|number| (min..=max).contains(number))
}

fn is_replica(word: &str) -> bool {
    let numbers = word.split_once(':');
    numbers.is_some_and(|(partition, broker)| {
        partition.parse::<u32>().is_ok() && broker.parse::<u32>().is_ok()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_sorted_and_their_defaults_valid() {
        for table in [
            TOPIC_CONFIGS,
            BROKER_CONFIGS,
            GROUP_CONFIGS,
            CLIENT_METRICS_CONFIGS,
        ] {
            assert!(table.is_sorted_by_key(|definition| definition.name));
            for definition in table {
                if let Some(default) = definition.default {
                    assert_eq!(definition.check(default), Ok(()), "{}", definition.name);
                }
            }
        }
    }

    #[test]
    fn what_stands_in_for_a_topics_setting_is_a_brokers() {
        for definition in TOPIC_CONFIGS
            .iter()
            .filter(|found| !found.synonym.is_empty())
        {
            let stand_in = Definition::find(BROKER_CONFIGS, definition.synonym);
            assert!(stand_in.is_some(), "{}", definition.synonym);
        }
    }

    /// The messages are those of Kafka 4.3.
    #[test]
    fn a_value_is_taken_or_refused_by_name() {
        for (name, value, refused) in [
            ("retention.ms", "1000", None),
            ("retention.ms", " 1000 ", None),
            ("cleanup.policy", "compact,delete", None),
            ("cleanup.policy", "", None),
            ("preallocate", "TRUE", None),
            ("compression.gzip.level", "-1", None),
            ("leader.replication.throttled.replicas", "0:1,1:2", None),
            ("leader.replication.throttled.replicas", "*", None),
            (
                "retention.ms",
                "soon",
                Some(
                    "Invalid value soon for configuration retention.ms: Not a number of type LONG",
                ),
            ),
            (
                "retention.ms",
                "-5",
                Some("Invalid value -5 for configuration retention.ms: Value must be at least -1"),
            ),
            (
                "segment.bytes",
                "99999999999",
                Some(
                    "Invalid value 99999999999 for configuration segment.bytes: Not a number of type INT",
                ),
            ),
            (
                "cleanup.policy",
                "shred",
                Some(
                    "Invalid value shred for configuration cleanup.policy: String must be one of: compact, delete",
                ),
            ),
            (
                "min.cleanable.dirty.ratio",
                "1.5",
                Some(
                    "Invalid value 1.5 for configuration min.cleanable.dirty.ratio: Value must be no more than 1",
                ),
            ),
            (
                "compression.gzip.level",
                "0",
                Some(
                    "Invalid value 0 for configuration compression.gzip.level: Value must be between 1 and 9 or equal to -1",
                ),
            ),
            (
                "preallocate",
                "maybe",
                Some(
                    "Invalid value maybe for configuration preallocate: Expected value to be either true or false",
                ),
            ),
            (
                "leader.replication.throttled.replicas",
                "x",
                Some(
                    "Invalid value [x] for configuration leader.replication.throttled.replicas: \
                      leader.replication.throttled.replicas must be the literal '*' or a list of replicas in the \
                      following format: [partitionId]:[brokerId],[partitionId]:[brokerId],...",
                ),
            ),
        ] {
            let definition = Definition::find(TOPIC_CONFIGS, name).unwrap();
            let error = definition.check(value).err().map(|error| error.to_string());
            assert_eq!(error.as_deref(), refused, "{name}={value}");
        }
        let reset = Definition::find(GROUP_CONFIGS, "share.auto.offset.reset").unwrap();
        for (value, is_valid) in [
            ("earliest", true),
            ("by_duration:PT1H", true),
            ("by_duration:x", false),
            ("by_duration:P", false),
            ("first", false),
        ] {
            assert_eq!(reset.check(value).is_ok(), is_valid, "{value}");
        }
    }
}
