//! What is particular about the settings of brokers, groups and subscriptions to clients' metrics.

use kafka_proto::error_code::ErrorCode;

use super::Given;
use super::definitions::{ConfigType, list};
use crate::client_metrics::Selector;
use crate::refusal::Refusal;
use crate::settings::Settings;

/// Settings that a broker has from its start on: names as Kafka's, types, and Kafka's defaults.
pub(super) const FIXED: &[(&str, ConfigType, &str)] = &[
    ("advertised.listeners", ConfigType::List, ""),
    ("auto.create.topics.enable", ConfigType::Boolean, "true"),
    ("broker.id", ConfigType::Int, "-1"),
    ("broker.rack", ConfigType::String, ""),
    ("controlled.shutdown.enable", ConfigType::Boolean, "true"),
    ("default.replication.factor", ConfigType::Int, "1"),
    ("delete.topic.enable", ConfigType::Boolean, "true"),
    ("fetch.max.bytes", ConfigType::Int, "57671680"),
    (
        "group.consumer.heartbeat.interval.ms",
        ConfigType::Int,
        "5000",
    ),
    ("group.consumer.max.size", ConfigType::Int, "2147483647"),
    (
        "group.consumer.max.heartbeat.interval.ms",
        ConfigType::Int,
        "15000",
    ),
    (
        "group.consumer.max.session.timeout.ms",
        ConfigType::Int,
        "60000",
    ),
    (
        "group.consumer.min.heartbeat.interval.ms",
        ConfigType::Int,
        "5000",
    ),
    (
        "group.consumer.min.session.timeout.ms",
        ConfigType::Int,
        "45000",
    ),
    (
        "group.consumer.session.timeout.ms",
        ConfigType::Int,
        "45000",
    ),
    ("group.initial.rebalance.delay.ms", ConfigType::Int, "3000"),
    ("group.max.session.timeout.ms", ConfigType::Int, "1800000"),
    ("group.min.session.timeout.ms", ConfigType::Int, "6000"),
    ("group.share.delivery.count.limit", ConfigType::Int, "5"),
    ("group.share.heartbeat.interval.ms", ConfigType::Int, "5000"),
    ("group.share.max.share.sessions", ConfigType::Int, "2000"),
    ("group.share.max.size", ConfigType::Int, "200"),
    (
        "group.share.partition.max.record.locks",
        ConfigType::Int,
        "2000",
    ),
    (
        "group.share.record.lock.duration.ms",
        ConfigType::Int,
        "30000",
    ),
    ("group.share.session.timeout.ms", ConfigType::Int, "45000"),
    ("listeners", ConfigType::List, "PLAINTEXT://:9092"),
    ("log.dirs", ConfigType::List, "/tmp/kafka-logs"),
    (
        "log.retention.check.interval.ms",
        ConfigType::Long,
        "300000",
    ),
    ("log.retention.hours", ConfigType::Int, "168"),
    (
        "max.incremental.fetch.session.cache.slots",
        ConfigType::Int,
        "1000",
    ),
    ("node.id", ConfigType::Int, "-1"),
    ("num.partitions", ConfigType::Int, "1"),
    ("offset.metadata.max.bytes", ConfigType::Int, "4096"),
    ("process.roles", ConfigType::List, ""),
    ("quota.window.num", ConfigType::Int, "11"),
    ("quota.window.size.seconds", ConfigType::Int, "1"),
    ("socket.request.max.bytes", ConfigType::Int, "104857600"),
    ("transaction.max.timeout.ms", ConfigType::Int, "900000"),
];

pub(super) fn is_fixed(name: &str) -> bool {
    FIXED.iter().any(|(known, ..)| *known == name)
}

/// What all brokers were started with, where that is not Kafka's default.
pub(super) fn fixed(settings: &Settings) -> Given {
    let millis = |duration: std::time::Duration| duration.as_millis().to_string();
    let (consumer, share) = (&settings.consumer_groups, &settings.share_groups);
    let all = [
        (
            "auto.create.topics.enable",
            settings.auto_create_topics.to_string(),
        ),
        ("fetch.max.bytes", settings.fetch_max_bytes.to_string()),
        (
            "group.consumer.assignment.interval.ms",
            millis(consumer.assignment_interval),
        ),
        (
            "group.consumer.heartbeat.interval.ms",
            millis(consumer.heartbeat_interval),
        ),
        (
            "group.consumer.max.size",
            consumer.max_size.min(i32::MAX as usize).to_string(),
        ),
        // A group may be given any value: tests want short ones.
        ("group.consumer.min.heartbeat.interval.ms", "1".to_owned()),
        ("group.consumer.min.session.timeout.ms", "1".to_owned()),
        (
            "group.consumer.session.timeout.ms",
            millis(consumer.session_timeout),
        ),
        (
            "group.initial.rebalance.delay.ms",
            millis(settings.group_initial_rebalance_delay),
        ),
        (
            "group.max.session.timeout.ms",
            millis(settings.group_max_session_timeout),
        ),
        (
            "group.min.session.timeout.ms",
            millis(settings.group_min_session_timeout),
        ),
        (
            "group.share.delivery.count.limit",
            share.delivery_count_limit.to_string(),
        ),
        (
            "group.share.heartbeat.interval.ms",
            millis(share.heartbeat_interval),
        ),
        (
            "group.share.max.share.sessions",
            share.max_sessions.to_string(),
        ),
        ("group.share.max.size", share.max_size.to_string()),
        (
            "group.share.partition.max.record.locks",
            share.partition_max_record_locks.to_string(),
        ),
        (
            "group.share.record.lock.duration.ms",
            millis(share.record_lock_duration),
        ),
        (
            "group.share.session.timeout.ms",
            millis(share.session_timeout),
        ),
        (
            "log.cleaner.backoff.ms",
            millis(settings.log_cleaner_backoff),
        ),
        (
            "log.retention.bytes",
            settings
                .retention_bytes
                .map_or_else(|| "-1".to_owned(), |bytes| bytes.to_string()),
        ),
        (
            "log.retention.check.interval.ms",
            millis(settings.log_retention_check_interval),
        ),
        (
            "max.incremental.fetch.session.cache.slots",
            settings.fetch_session_slots.to_string(),
        ),
        ("message.max.bytes", settings.max_message_bytes.to_string()),
        ("num.partitions", settings.num_partitions.to_string()),
        (
            "offset.metadata.max.bytes",
            settings.offset_metadata_max_bytes.to_string(),
        ),
        ("process.roles", "broker,controller".to_owned()),
        (
            "socket.request.max.bytes",
            settings.max_request_bytes.to_string(),
        ),
        (
            "transaction.max.timeout.ms",
            millis(settings.transaction_max_timeout),
        ),
    ];
    let is_other = |name: &str, value: &str| {
        let default = FIXED
            .iter()
            .find(|(known, ..)| *known == name)
            .map(|(.., default)| *default);
        let dynamic = || {
            super::definitions::Definition::find(super::definitions::BROKER_CONFIGS, name)?.default
        };
        default.or_else(dynamic) != Some(value)
    };
    all.into_iter()
        .filter(|(name, value)| is_other(name, value))
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
}

/// What a group was given has to lie within the bounds that the brokers set.
pub(super) fn check_group(given: &Given, fixed: &Given) -> Result<(), Refusal> {
    let bound = |name: &str| -> Option<i64> {
        let default = || {
            let known = FIXED.iter().find(|(known, ..)| *known == name);
            known.map(|(.., default)| (*default).to_owned())
        };
        fixed.get(name).cloned().or_else(default)?.parse().ok()
    };
    for (name, value) in given {
        let Some(setting) = name.strip_prefix("consumer.") else {
            continue;
        };
        let Ok(value) = value.trim().parse::<i64>() else {
            continue;
        };
        for (end, is_bad, word) in [
            ("min", i64::lt as fn(&i64, &i64) -> bool, "greater"),
            ("max", i64::gt, "less"),
        ] {
            let limit = format!("group.consumer.{end}.{setting}");
            if bound(&limit).is_some_and(|bound| is_bad(&value, &bound)) {
                return Err(Refusal::new(
                    ErrorCode::InvalidConfig,
                    format!("{name} must be {word} than or equal to {limit}"),
                ));
            }
        }
    }
    Ok(())
}

pub(super) fn check_client_metrics(name: &str, value: &str) -> Result<(), Refusal> {
    match name {
        "interval.ms" => match value.trim().parse() {
            Ok(100..=3_600_000) => Ok(()),
            _ => Err(Refusal::new(
                ErrorCode::InvalidRequest,
                format!(
                    "Invalid value {value} for interval.ms, interval must be between 100 and 3600000 (1 hour)"
                ),
            )),
        },
        "match" => {
            let is_bad = |element: &&str| Selector::parse(element).is_none();
            match list(value).find(is_bad) {
                Some(bad) => Err(Refusal::new(
                    ErrorCode::InvalidConfig,
                    format!("Illegal client matching pattern: {bad}"),
                )),
                None => Ok(()),
            }
        }
        _ => Ok(()),
    }
}
