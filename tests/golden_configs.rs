//! The settings of Kafka's own clients: each is here with the same default and the same values, or is not, for a reason.

use kafka_client::admin::Admin;
use kafka_client::consumer::ConsumerConfig;
use kafka_client::producer::ProducerConfig;
use kafka_client::{Error, Result};
use serde_json::Value as Json;
use tests::golden;

/// Settings that have another default here: client, setting, why.
const OTHER_DEFAULT: &[(&str, &str, &str)] = &[
    (
        "*",
        "client.id",
        "a name that brokers can show is better than none",
    ),
    (
        "*",
        "receive.buffer.bytes",
        "the operating system finds the right size by itself",
    ),
    (
        "*",
        "send.buffer.bytes",
        "the operating system finds the right size by itself",
    ),
    (
        "*",
        "sasl.mechanism",
        "GSSAPI (Kerberos) has to be plugged in, so that one has to be chosen",
    ),
    (
        "*",
        "ssl.keystore.type",
        "PEM is read, and no store of the JVM",
    ),
    (
        "*",
        "ssl.truststore.type",
        "PEM is read, and no store of the JVM",
    ),
    (
        "consumer",
        "max.poll.records",
        "a poll hands out whole batches, which cost nothing to hand out",
    ),
    (
        "consumer",
        "partition.assignment.strategy",
        "the same, by names and not by classes of the JVM",
    ),
];

/// Values that Kafka takes and this client does not: client, setting, value, why.
const OTHER_VALUES: &[(&str, &str, &str, &str)] = &[
    (
        "*",
        "client.dns.lookup",
        "resolve_canonical_bootstrap_servers_only",
        "needs the resolver's reverse look-up, for Kerberos",
    ),
    (
        "producer",
        "compression.zstd.level",
        "-131072",
        "the compressor, in pure Rust, has the levels -7 to 4",
    ),
    (
        "producer",
        "compression.zstd.level",
        "22",
        "the compressor, in pure Rust, has the levels -7 to 4",
    ),
    (
        "producer",
        "retries",
        "0",
        "delivery.timeout.ms decides how long it is tried again",
    ),
    (
        "admin",
        "retries",
        "0",
        "default.api.timeout.ms decides how long it is tried again",
    ),
    (
        "consumer",
        "auto.offset.reset",
        "by_duration:PnDTnHnMn.nS",
        "where to begin by time is asked for by offsets_for_times and seek",
    ),
];

/// Settings that this client has and Kafka 4.3 does not.
const OURS: &[(&str, &str, &str)] = &[
    ("admin", "ssl.ca.location", "ca.pem"),
    ("admin", "ssl.ca.pem", "-----BEGIN CERTIFICATE-----"),
    ("admin", "ssl.certificate.location", "client.pem"),
    (
        "admin",
        "ssl.certificate.pem",
        "-----BEGIN CERTIFICATE-----",
    ),
    ("admin", "ssl.key.location", "client.key"),
    ("admin", "ssl.key.pem", "-----BEGIN PRIVATE KEY-----"),
    ("producer", "client.rack", "zone-a"),
    ("producer", "partitioner.rack.aware", "true"),
    ("consumer", "buffer.memory", "1000000"),
];

fn is_named(row: (&str, &str), client: &str, name: &str) -> bool {
    (row.0 == "*" || row.0 == client) && row.1 == name
}

/// Applies a setting to a client's defaults. Whether they are the same as before.
fn set(client: &str, name: &str, value: &str) -> Result<bool> {
    match client {
        "producer" => {
            let mut config = ProducerConfig::default();
            config.set([(name, value)])?;
            Ok(config == ProducerConfig::default())
        }
        "consumer" => {
            let mut config = ConsumerConfig::default();
            config.set([(name, value)])?;
            Ok(config == ConsumerConfig::default())
        }
        "admin" => Ok(Admin::builder().properties([(name, value)])? == Admin::builder()),
        other => panic!("no such client: {other}"),
    }
}

/// Why a setting is not there, if it is not.
fn unsupported(client: &str, name: &str) -> Option<String> {
    match set(client, name, "a value that nothing takes") {
        Err(Error::Config { key, reason, .. }) => {
            assert_eq!(key, name, "refused by its name");
            assert_ne!(reason, "there is no such setting", "{client}: {name}");
            reason.strip_prefix("not supported: ").map(str::to_owned)
        }
        _ => None,
    }
}

/// Values of a setting, and whether Kafka takes them, from the text that describes them.
fn probes(valid: &str) -> Vec<(String, bool)> {
    let text = valid.trim_start_matches("(case insensitive) ");
    if let Some(list) = text.strip_suffix(" or -1") {
        return [probes(list), vec![("-1".to_owned(), true)]].concat();
    }
    let inner = text.trim_start_matches('[').trim_end_matches(']');
    if let Some((from, until)) = inner.split_once(",...") {
        let mut probes = Vec::new();
        if let Ok(from) = from.parse::<i64>() {
            probes.extend([(from.to_string(), true), ((from - 1).to_string(), false)]);
        }
        if let Ok(until) = until.trim_start_matches(',').parse::<i64>() {
            probes.push((until.to_string(), true));
        }
        return probes;
    }
    if text.starts_with('[') {
        let names = inner.split(", ").map(|name| (name.to_owned(), true));
        return names.chain([("none of these".to_owned(), false)]).collect();
    }
    Vec::new()
}

#[test]
fn every_setting_of_kafka_is_here_with_its_default_and_values_or_is_not_for_a_reason() {
    let (mut checked, mut unsupported_ones) = (0, 0);
    let mut differences: Vec<&(&str, &str, &str)> = Vec::new();
    let mut wrong = Vec::new();
    for vector in golden::lines("configs") {
        let known = [
            "client",
            "name",
            "type",
            "importance",
            "default",
            "valid",
            "required",
        ];
        golden::check_fields(&vector, &known);
        let text = |field: &str| vector[field].as_str().unwrap_or_default();
        let (client, name) = (text("client"), text("name"));
        checked += 1;
        if unsupported(client, name).is_some() {
            unsupported_ones += 1;
            continue;
        }
        if let Json::String(default) = &vector["default"] {
            let is_same = set(client, name, default) == Ok(true);
            let row = OTHER_DEFAULT
                .iter()
                .find(|row| is_named((row.0, row.1), client, name));
            differences.extend(row);
            if is_same == row.is_some() {
                wrong.push(format!(
                    "{client}: {name} = {default} by default: {:?}, and in the table: {row:?}",
                    set(client, name, default)
                ));
            }
        }
        for (value, is_valid) in probes(text("valid")) {
            let found = set(client, name, &value);
            let row = OTHER_VALUES
                .iter()
                .find(|row| is_named((row.0, row.1), client, name) && row.2 == value);
            if found.is_ok() != (is_valid && row.is_none()) {
                wrong.push(format!(
                    "{client}: {name} = {value}: valid {is_valid}, and here {found:?}"
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    println!(
        "configs: {checked} vectors checked, {unsupported_ones} not supported, {} with another default",
        differences.len()
    );
    assert!(checked > 0, "no vectors");
}

#[test]
fn settings_that_nobody_has_are_refused_by_name() {
    for client in ["producer", "consumer", "admin"] {
        let error = set(client, "buffer.memry", "1").unwrap_err();
        let expected = "setting \"buffer.memry\" = \"1\": there is no such setting";
        assert_eq!(error.to_string(), expected, "{client}");
    }
    let error = set("producer", "sasl.jaas.config", "secret").unwrap_err();
    let expected = "setting \"sasl.jaas.config\" = \"[hidden]\": expected ";
    assert!(error.to_string().starts_with(expected), "{error}");
}

#[test]
fn settings_of_our_own_are_taken() {
    for (client, name, value) in OURS {
        assert_eq!(set(client, name, value), Ok(false), "{client}: {name}");
    }
}
