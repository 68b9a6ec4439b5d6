use super::definitions::TOPIC_CONFIGS;
use super::*;

fn set(pairs: &[(&str, &str)]) -> Change {
    let operations = pairs.iter().map(|(name, value)| (*name, 0, Some(*value)));
    Change::incremental(operations).unwrap()
}

fn one(name: &str, operation: i8, value: &str) -> Change {
    Change::incremental([(name, operation, Some(value))].into_iter()).unwrap()
}

fn message<T: std::fmt::Debug>(result: Result<T, Refusal>) -> String {
    result.unwrap_err().message
}

#[test]
fn lists_grow_and_shrink_by_their_elements() {
    let mut config = TopicConfig::default();
    for (operation, value, expected) in [
        (2, "compact", "delete,compact"),
        (2, "compact", "delete,compact"),
        (3, "delete", "compact"),
        (3, "nowhere", "compact"),
        (3, "compact", ""),
        (2, "delete,compact", "delete,compact"),
    ] {
        config = config
            .altered(&one("cleanup.policy", operation, value))
            .unwrap();
        assert_eq!(config.given()["cleanup.policy"], expected);
    }
    config = config.altered(&one("cleanup.policy", 1, "")).unwrap();
    assert!(config.given().is_empty());
}

#[test]
fn a_change_of_a_topic_is_taken_as_a_whole_or_refused_in_kafkas_words() {
    let config = TopicConfig::default()
        .altered(&set(&[("retention.ms", "1000")]))
        .unwrap();
    for (change, error) in [
        (set(&[("nope", "1")]), "Unknown topic config name: nope"),
        (
            set(&[("retention.ms", "5"), ("nope", "2")]),
            "Unknown topic config name: nope",
        ),
        (
            one("retention.ms", 2, "5"),
            "Can't APPEND to key retention.ms because its type is not LIST.",
        ),
        (
            set(&[
                ("max.compaction.lag.ms", "1"),
                ("min.compaction.lag.ms", "5"),
            ]),
            "conflict topic config setting min.compaction.lag.ms (5) > max.compaction.lag.ms (1)",
        ),
        (
            set(&[("remote.storage.enable", "true")]),
            "Tiered Storage functionality is disabled in the broker. Topic cannot be configured with remote log storage.",
        ),
    ] {
        assert_eq!(message(config.altered(&change)), error);
    }
    for (operations, error) in [
        (
            vec![("a", 0, Some("1")), ("a", 0, Some("2"))],
            "Error due to duplicate config keys",
        ),
        (vec![("a", 0, None)], "Null value not supported for : a"),
        (
            vec![("a", 9, Some("1"))],
            "Unknown operation type 9 for config a",
        ),
    ] {
        assert_eq!(message(Change::incremental(operations.into_iter())), error);
    }
    // What is not known can be taken away all the same.
    assert_eq!(config.altered(&one("nope", 1, "")), Ok(config.clone()));
    let all = Change::all([("segment.ms", Some("7"))].into_iter()).unwrap();
    let replaced = config.altered(&all).unwrap();
    assert_eq!(replaced.given().keys().collect::<Vec<_>>(), ["segment.ms"]);
}

#[test]
fn a_topic_goes_before_its_broker_and_that_before_all_of_them() {
    let configs = Configs::new(&Settings::default());
    let retention = |config: &TopicConfig| {
        let settings = configs.topic_settings(config, Some(1));
        let told = configs.describe_topic(config, Some(1));
        let told = told.into_iter().find(|entry| entry.name == "retention.ms");
        let told = told.unwrap();
        assert_eq!(
            told.value,
            settings
                .log
                .retention_millis
                .map(|millis| millis.to_string())
        );
        let sources = told.synonyms.iter().map(|synonym| synonym.source);
        (told.value.unwrap(), sources.collect::<Vec<_>>())
    };
    let none = TopicConfig::default();
    assert_eq!(retention(&none), ("604800000".to_owned(), vec![]));
    let alter = |broker, value: &str| {
        configs
            .alter_broker(broker, &set(&[("log.retention.ms", value)]), false)
            .unwrap();
    };
    alter(None, "3000");
    assert_eq!(
        retention(&none),
        ("3000".to_owned(), vec![ConfigSource::AllBrokers])
    );
    alter(Some(1), "2000");
    alter(Some(2), "9000");
    let by_broker = vec![ConfigSource::Broker, ConfigSource::AllBrokers];
    assert_eq!(retention(&none), ("2000".to_owned(), by_broker.clone()));
    let own = none.altered(&set(&[("retention.ms", "1000")])).unwrap();
    let all = [vec![ConfigSource::Topic], by_broker].concat();
    assert_eq!(retention(&own), ("1000".to_owned(), all));
}

#[test]
fn a_broker_takes_what_can_change_while_it_runs() {
    let configs = Configs::new(&Settings::default());
    for (change, error, message) in [
        (
            set(&[("num.partitions", "4")]),
            ErrorCode::InvalidRequest,
            "Cannot update these configs dynamically: [num.partitions]",
        ),
        (
            set(&[("log.retention.ms", "x")]),
            ErrorCode::InvalidRequest,
            "Invalid value x for configuration log.retention.ms: Not a number of type LONG",
        ),
        (
            one("log.cleaner.threads", 2, "2"),
            ErrorCode::InvalidConfig,
            "Config value append is not allowed for config key: log.cleaner.threads",
        ),
    ] {
        let refused = configs.alter_broker(None, &change, false);
        assert_eq!(refused, Err(Refusal::new(error, message)));
    }
    configs
        .alter_broker(None, &set(&[("plug.in.secret", "s3cret")]), false)
        .unwrap();
    configs
        .alter_broker(Some(1), &set(&[("message.max.bytes", "7")]), true)
        .unwrap();
    let told = configs.describe_broker(1, &Given::new());
    let secret = told.iter().find(|entry| entry.name == "plug.in.secret");
    let secret = secret.unwrap();
    assert!(secret.is_sensitive && secret.value.is_none());
    assert!(!format!("{told:?}").contains("s3cret"));
    assert_eq!(
        configs.broker_number(Some(1), "message.max.bytes"),
        Some(1_048_588)
    );
    assert!(told.is_sorted_by_key(|entry| entry.name.clone()));
}

#[test]
fn groups_and_subscriptions_are_checked_as_kafka_does() {
    let configs = Configs::new(&Settings::default());
    let group = |name: &str, value: &str| {
        let altered = configs.alter_group("g", &set(&[(name, value)]), false);
        altered.map(drop).map_err(|refusal| refusal.message)
    };
    assert_eq!(group("consumer.session.timeout.ms", "50000"), Ok(()));
    assert_eq!(
        group("consumer.session.timeout.ms", "99999999"),
        Err(
            "consumer.session.timeout.ms must be less than or equal to group.consumer.max.session.timeout.ms"
                .to_owned()
        )
    );
    assert_eq!(
        group("nope", "1"),
        Err("Unknown group config name: nope".to_owned())
    );
    assert_eq!(configs.groups(), ["g"]);

    let metrics = |name: &str, value: &str| {
        let altered = configs.alter_client_metrics("m", &set(&[(name, value)]), false);
        altered.map_err(|refusal| (refusal.error, refusal.message))
    };
    for (name, value, error, message) in [
        (
            "nope",
            "1",
            ErrorCode::InvalidRequest,
            "Unknown client metrics configuration: nope",
        ),
        (
            "interval.ms",
            "1",
            ErrorCode::InvalidRequest,
            "Invalid value 1 for interval.ms, interval must be between 100 and 3600000 (1 hour)",
        ),
        (
            "match",
            "client_id=[",
            ErrorCode::InvalidConfig,
            "Illegal client matching pattern: client_id=[",
        ),
        (
            "match",
            "foo=bar",
            ErrorCode::InvalidConfig,
            "Illegal client matching pattern: foo=bar",
        ),
    ] {
        assert_eq!(metrics(name, value), Err((error, message.to_owned())));
    }
    assert_eq!(
        metrics("match", "client_id=a.*,client_software_name=x").map(|given| given.len()),
        Ok(1)
    );
    assert_eq!(configs.client_metrics().len(), 1);
    let gone = configs.alter_client_metrics("m", &one("match", 1, ""), false);
    assert_eq!(
        (gone, configs.client_metrics().len()),
        (Ok(Given::new()), 0)
    );
}

#[test]
fn defaults_are_kafkas() {
    let settings = TopicSettings::default();
    assert_eq!(
        settings,
        Configs::default().topic_settings(&TopicConfig::default(), None)
    );
    assert!(settings.log.delete && !settings.log.compact);
    assert_eq!(settings.max_message_bytes, 1_048_588);
    assert_eq!(settings.log.retention_bytes, None);
    assert_eq!(settings.codec, None);
    assert_eq!(TOPIC_CONFIGS.len(), 33);
}
