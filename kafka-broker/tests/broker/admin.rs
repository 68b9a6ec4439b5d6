//! Settings: told, altered, and what comes of it.

use kafka_broker::{Broker, ClientMetricsSubscription};
use kafka_proto::error_code::ErrorCode;
use kafka_proto::messages::describe_configs::{
    DescribeConfigsResource, DescribeConfigsResourceResult, DescribeConfigsResult,
};
use kafka_proto::messages::incremental_alter_configs::{AlterConfigsResource, AlterableConfig};
use kafka_proto::messages::*;

use crate::connection::{Connection, batch, broker};

pub(crate) const TOPIC: i8 = 2;
const BROKER: i8 = 4;
const CLIENT_METRICS: i8 = 16;
const GROUP: i8 = 32;

pub(crate) async fn alter(
    connection: &mut Connection,
    kind: i8,
    name: &str,
    changes: &[(&str, i8, Option<&str>)],
    validate_only: bool,
) -> (ErrorCode, String) {
    let configs = changes
        .iter()
        .map(|(name, operation, value)| AlterableConfig {
            name: (*name).into(),
            config_operation: *operation,
            value: value.map(Into::into),
            ..Default::default()
        });
    let request = IncrementalAlterConfigsRequest {
        resources: vec![AlterConfigsResource {
            resource_type: kind,
            resource_name: name.into(),
            configs: configs.collect(),
            ..Default::default()
        }],
        validate_only,
        ..Default::default()
    };
    let altered = connection.call(&request, 1).await.responses.remove(0);
    let message = altered.error_message.unwrap_or_default();
    (altered.error_code.into(), message.to_string())
}

async fn describe(connection: &mut Connection, kind: i8, name: &str) -> DescribeConfigsResult {
    let request = DescribeConfigsRequest {
        resources: vec![DescribeConfigsResource {
            resource_type: kind,
            resource_name: name.into(),
            configuration_keys: None,
            ..Default::default()
        }],
        include_synonyms: true,
        include_documentation: true,
        ..Default::default()
    };
    connection.call(&request, 4).await.results.remove(0)
}

fn entry<'a>(found: &'a DescribeConfigsResult, name: &str) -> &'a DescribeConfigsResourceResult {
    let entry = found.configs.iter().find(|config| config.name == name);
    entry.unwrap_or_else(|| panic!("no {name}"))
}

fn value_and_source(found: &DescribeConfigsResult, name: &str) -> (String, i8) {
    let entry = entry(found, name);
    let value = entry.value.as_deref().unwrap_or("null");
    (value.to_owned(), entry.config_source)
}

#[tokio::test]
async fn settings_are_told_with_their_sources_and_synonyms() {
    let broker = broker().await;
    broker.create_topic("t", 1).unwrap();
    let c = &mut Connection::open(&broker).await;
    let ok = (ErrorCode::None, String::new());
    assert_eq!(
        alter(
            c,
            BROKER,
            "",
            &[("log.retention.ms", 0, Some("3000"))],
            false
        )
        .await,
        ok
    );
    assert_eq!(
        alter(
            c,
            BROKER,
            "1",
            &[("log.retention.ms", 0, Some("2000"))],
            false
        )
        .await,
        ok
    );
    let told = describe(c, TOPIC, "t").await;
    assert_eq!(
        value_and_source(&told, "retention.ms"),
        ("2000".to_owned(), 2)
    );
    assert_eq!(
        alter(c, TOPIC, "t", &[("retention.ms", 0, Some("1000"))], true).await,
        ok
    );
    let told = describe(c, TOPIC, "t").await;
    assert_eq!(
        value_and_source(&told, "retention.ms").0,
        "2000",
        "only looked at"
    );
    assert_eq!(
        alter(c, TOPIC, "t", &[("retention.ms", 0, Some("1000"))], false).await,
        ok
    );
    let told = describe(c, TOPIC, "t").await;
    let retention = entry(&told, "retention.ms");
    let synonyms = retention.synonyms.iter();
    let synonyms: Vec<_> = synonyms
        .map(|synonym| (&*synonym.name, synonym.source))
        .collect();
    assert_eq!(
        synonyms,
        [
            ("retention.ms", 1),
            ("log.retention.ms", 2),
            ("log.retention.ms", 3)
        ]
    );
    assert_eq!((retention.config_type, retention.read_only), (5, false));
    assert!(
        retention
            .documentation
            .as_deref()
            .is_some_and(|text| text.contains("milliseconds"))
    );
    let defaults = describe(c, BROKER, "").await;
    assert_eq!(defaults.configs.len(), 1, "only what was given to all");
    let told = describe(c, BROKER, "1").await;
    assert_eq!(value_and_source(&told, "node.id"), ("1".to_owned(), 4));
    assert!(entry(&told, "node.id").read_only);
}

#[tokio::test]
async fn what_cannot_be_altered_is_refused_as_by_kafka() {
    let broker = broker().await;
    broker.create_topic("t", 1).unwrap();
    let c = &mut Connection::open(&broker).await;
    for (kind, name, key, value, error, message) in [
        (
            TOPIC,
            "t",
            "nope",
            "1",
            ErrorCode::InvalidConfig,
            "Unknown topic config name: nope",
        ),
        (
            TOPIC,
            "t",
            "retention.ms",
            "soon",
            ErrorCode::InvalidConfig,
            "Invalid value soon for configuration retention.ms: Not a number of type LONG",
        ),
        (
            TOPIC,
            "absent",
            "retention.ms",
            "1",
            ErrorCode::UnknownTopicOrPartition,
            "The topic 'absent' does not exist.",
        ),
        (
            TOPIC,
            "",
            "retention.ms",
            "1",
            ErrorCode::InvalidRequest,
            "Default topic resources are not allowed.",
        ),
        (
            BROKER,
            "1",
            "broker.id",
            "4",
            ErrorCode::InvalidRequest,
            "Cannot update these configs dynamically: [broker.id]",
        ),
        (
            BROKER,
            "9",
            "message.max.bytes",
            "4",
            ErrorCode::InvalidRequest,
            "Unexpected broker id, expected 1 or empty string, but received 9",
        ),
        (
            GROUP,
            "g",
            "nope",
            "1",
            ErrorCode::InvalidConfig,
            "Unknown group config name: nope",
        ),
        (
            GROUP,
            "",
            "x",
            "1",
            ErrorCode::InvalidRequest,
            "Default group resources are not allowed.",
        ),
        (
            CLIENT_METRICS,
            "",
            "x",
            "1",
            ErrorCode::InvalidRequest,
            "Subscription name can't be empty",
        ),
    ] {
        let refused = alter(c, kind, name, &[(key, 0, Some(value))], false).await;
        assert_eq!(refused, (error, message.to_owned()), "{kind} {name} {key}");
    }
    let told = describe(c, TOPIC, "absent").await;
    assert_eq!(told.error_code, ErrorCode::UnknownTopicOrPartition.code());
}

#[tokio::test]
async fn all_settings_at_once_replace_those_before() {
    let broker = broker().await;
    broker.create_topic("t", 1).unwrap();
    let c = &mut Connection::open(&broker).await;
    alter(c, TOPIC, "t", &[("retention.ms", 0, Some("1000"))], false).await;
    let request = AlterConfigsRequest {
        resources: vec![alter_configs::AlterConfigsResource {
            resource_type: TOPIC,
            resource_name: "t".into(),
            configs: vec![alter_configs::AlterableConfig {
                name: "segment.ms".into(),
                value: Some("7".into()),
                ..Default::default()
            }],
            ..Default::default()
        }],
        ..Default::default()
    };
    assert_eq!(c.call(&request, 2).await.responses[0].error_code, 0);
    let told = describe(c, TOPIC, "t").await;
    assert_eq!(value_and_source(&told, "segment.ms"), ("7".to_owned(), 1));
    assert_eq!(entry(&told, "retention.ms").config_source, 5);
}

#[tokio::test]
async fn groups_and_subscriptions_to_metrics_are_listed_when_they_have_settings() {
    let broker = broker().await;
    broker.create_topic("t", 1).unwrap();
    let c = &mut Connection::open(&broker).await;
    alter(
        c,
        GROUP,
        "g",
        &[("consumer.session.timeout.ms", 0, Some("50000"))],
        false,
    )
    .await;
    alter(
        c,
        CLIENT_METRICS,
        "m",
        &[("interval.ms", 0, Some("1000"))],
        false,
    )
    .await;
    let list = |types: &[i8]| ListConfigResourcesRequest {
        resource_types: types.to_vec(),
        ..Default::default()
    };
    let all = c.call(&list(&[]), 1).await.config_resources;
    let all: Vec<_> = all
        .iter()
        .map(|found| (found.resource_type, &*found.resource_name))
        .collect();
    assert_eq!(
        all,
        [
            (GROUP, "g"),
            (CLIENT_METRICS, "m"),
            (8, "1"),
            (BROKER, "1"),
            (TOPIC, "t")
        ]
    );
    let old = c.call(&list(&[]), 0).await.config_resources;
    assert_eq!(
        old.len(),
        1,
        "before version 1 there are subscriptions only"
    );
    let told = describe(c, GROUP, "g").await;
    assert_eq!(
        value_and_source(&told, "consumer.session.timeout.ms"),
        ("50000".to_owned(), 8)
    );
    let change = [("consumer.heartbeat.interval.ms", 0, Some("7000"))];
    alter(c, GROUP, "g", &change, false).await;
    let joins = ConsumerGroupHeartbeatRequest {
        group_id: "g".into(),
        member_id: "m".into(),
        rebalance_timeout_ms: 1000,
        subscribed_topic_names: Some(vec!["t".into()]),
        topic_partitions: Some(Vec::new()),
        ..Default::default()
    };
    let joined = c.call(&joins, 1).await;
    assert_eq!((joined.error_code, joined.heartbeat_interval_ms), (0, 7000));
}

#[tokio::test]
async fn what_a_topic_is_given_acts_at_once() {
    let broker = broker().await;
    broker.create_topic("t", 1).unwrap();
    let c = &mut Connection::open(&broker).await;
    let produce = async |c: &mut Connection| {
        let answer = c.produce("t", 0, batch(&["some value"])).await;
        ErrorCode::from(answer.error_code)
    };
    assert_eq!(produce(c).await, ErrorCode::None);
    for (key, value, error) in [
        ("max.message.bytes", "10", ErrorCode::MessageTooLarge),
        (
            "message.timestamp.before.max.ms",
            "1000",
            ErrorCode::InvalidTimestamp,
        ),
        ("cleanup.policy", "compact", ErrorCode::InvalidRecord),
    ] {
        alter(c, TOPIC, "t", &[(key, 0, Some(value))], false).await;
        assert_eq!(produce(c).await, error, "{key}");
        alter(c, TOPIC, "t", &[(key, 1, None)], false).await;
        assert_eq!(produce(c).await, ErrorCode::None, "without {key}");
    }
    alter(
        c,
        BROKER,
        "",
        &[("message.max.bytes", 0, Some("10"))],
        false,
    )
    .await;
    assert_eq!(
        produce(c).await,
        ErrorCode::MessageTooLarge,
        "for all topics"
    );
    alter(c, BROKER, "", &[("message.max.bytes", 1, None)], false).await;
    alter(
        c,
        TOPIC,
        "t",
        &[("compression.type", 0, Some("zstd"))],
        false,
    )
    .await;
    let end = c.produce("t", 0, batch(&["some value"])).await.base_offset;
    let fetched = c.fetch("t", 0, end).await.records.unwrap();
    let stored = kafka_proto::records::RecordBatch::parse(fetched).unwrap();
    assert_eq!(stored.compression().unwrap().name(), "zstd");
    stored.verify_crc().unwrap();
}

#[tokio::test]
async fn a_share_group_goes_by_its_settings_whoever_gave_them() {
    let broker = broker().await;
    let c = &mut Connection::open(&broker).await;
    let lock = "share.record.lock.duration.ms";
    let member = ShareFetchRequest {
        group_id: Some("g".into()),
        member_id: Some("m".into()),
        ..Default::default()
    };
    let lock_of = async |c: &mut Connection| c.call(&member, 1).await.acquisition_lock_timeout_ms;
    assert_eq!(lock_of(c).await, 30_000);
    let (altered, message) = alter(c, GROUP, "g", &[(lock, 0, Some("20000"))], false).await;
    assert_eq!((altered, &*message), (ErrorCode::None, ""));
    assert_eq!(lock_of(c).await, 20_000);
    broker
        .set_share_group_config("g", lock, Some("25000"))
        .unwrap();
    assert_eq!(lock_of(c).await, 25_000);
    let told = describe(c, GROUP, "g").await;
    assert_eq!(value_and_source(&told, lock), ("25000".to_owned(), 8));
    alter(c, GROUP, "g", &[(lock, 1, None)], false).await;
    assert_eq!(lock_of(c).await, 30_000);
}

#[tokio::test]
async fn clients_are_asked_for_the_metrics_that_are_subscribed_to() {
    let broker = Broker::builder()
        .client_metrics(true)
        .start()
        .await
        .unwrap();
    let c = &mut Connection::open(&broker).await;
    let asked = async |c: &mut Connection| {
        let demand = c
            .call(&GetTelemetrySubscriptionsRequest::default(), 0)
            .await;
        assert_eq!(demand.error_code, 0);
        let metrics = demand.requested_metrics.iter().map(ToString::to_string);
        (demand.push_interval_ms, metrics.collect::<Vec<_>>())
    };
    assert_eq!(asked(c).await, (300_000, vec![]));
    let subscribe = [
        ("interval.ms", 0, Some("1000")),
        (
            "metrics",
            0,
            Some("org.apache.kafka.producer.,org.apache.kafka.consumer."),
        ),
        ("match", 0, Some("client_source_address=127.*")),
    ];
    let (altered, message) = alter(c, CLIENT_METRICS, "all", &subscribe, false).await;
    assert_eq!((altered, &*message), (ErrorCode::None, ""));
    let both = ["org.apache.kafka.consumer.", "org.apache.kafka.producer."];
    assert_eq!(asked(c).await, (1000, both.map(str::to_owned).to_vec()));
    let elsewhere = [("match", 0, Some("client_source_address=10.*"))];
    alter(c, CLIENT_METRICS, "all", &elsewhere, false).await;
    assert_eq!(asked(c).await, (300_000, vec![]));

    let wanted = ClientMetricsSubscription::new(["*"]).matching("client_id", ".*");
    broker.subscribe_client_metrics("own", wanted.unwrap());
    let told = describe(c, CLIENT_METRICS, "own").await;
    assert_eq!(value_and_source(&told, "metrics"), ("*".to_owned(), 7));
    assert_eq!(value_and_source(&told, "match").0, "client_id=.*");
    let listed = c.call(&ListConfigResourcesRequest::default(), 0).await;
    let names = listed
        .config_resources
        .iter()
        .map(|found| &*found.resource_name);
    assert_eq!(names.collect::<Vec<_>>(), ["all", "own"]);
    broker.unsubscribe_client_metrics("own");
    let gone: Vec<_> = subscribe.map(|(name, ..)| (name, 1, None)).to_vec();
    alter(c, CLIENT_METRICS, "all", &gone, false).await;
    let listed = c.call(&ListConfigResourcesRequest::default(), 0).await;
    assert_eq!(listed.config_resources.len(), 0);
}
