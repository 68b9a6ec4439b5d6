use super::*;

fn set(properties: &[(&str, &str)]) -> Result<ConsumerConfig> {
    let mut config = ConsumerConfig::default();
    config.set([("bootstrap.servers", "localhost:9092")])?;
    config.set(properties.iter().copied())?;
    config.validate()?;
    Ok(config)
}

#[test]
fn settings_go_by_their_kafka_names() {
    let config = set(&[
        ("client.id", "me"),
        ("group.id", "g"),
        ("auto.offset.reset", "earliest"),
        ("enable.auto.commit", "false"),
        ("isolation.level", "read_committed"),
        ("max.partition.fetch.bytes", "1000"),
        ("partition.assignment.strategy", "cooperative-sticky"),
        ("session.timeout.ms", "6000"),
    ])
    .unwrap();
    assert_eq!(
        (config.client.client_id.as_str(), config.group_id.as_deref()),
        ("me", Some("g"))
    );
    assert_eq!(config.auto_offset_reset, OffsetReset::Earliest);
    assert_eq!(config.isolation_level, Isolation::ReadCommitted);
    assert!(!config.enable_auto_commit);
    assert_eq!(config.max_partition_fetch_bytes, 1000);
    assert_eq!(config.session_timeout, Duration::from_secs(6));
    assert_eq!(config.rebalance_protocol(), RebalanceProtocol::Cooperative);
    let upgrading = set(&[("partition.assignment.strategy", "cooperative-sticky,range")]);
    assert_eq!(
        upgrading.unwrap().rebalance_protocol(),
        RebalanceProtocol::Eager,
        "as long as the group may take the other"
    );
}

#[test]
fn a_protocol_refuses_the_settings_of_the_other_by_name() {
    let consumer = ("group.protocol", "CONSUMER");
    assert_eq!(set(&[]).unwrap().group_protocol, GroupProtocol::Classic);
    let config = set(&[consumer, ("group.remote.assignor", "range")]).unwrap();
    assert_eq!(config.group_remote_assignor.as_deref(), Some("range"));
    for (key, value, usual) in [
        ("session.timeout.ms", "6000", "45000"),
        ("heartbeat.interval.ms", "1000", "3000"),
        (
            "partition.assignment.strategy",
            "range",
            "range,cooperative-sticky",
        ),
    ] {
        // Named together they are refused even with the value that they have anyway, in any order.
        for properties in [&[consumer, (key, usual)], &[(key, value), consumer]] {
            let reason = set(properties).unwrap_err().to_string();
            assert!(
                reason.contains(key) && reason.contains("group.protocol=consumer"),
                "{reason}"
            );
        }
        let mut apart = ConsumerConfig::default();
        apart
            .set([("bootstrap.servers", "b:1"), (key, value)])
            .unwrap();
        apart.set([consumer]).unwrap();
        assert!(matches!(apart.validate(), Err(Error::Config { key: named, .. }) if named == key));
    }
    let reason = set(&[("group.remote.assignor", "uniform")])
        .unwrap_err()
        .to_string();
    assert!(reason.contains("group.protocol=classic"), "{reason}");
}

#[test]
fn what_is_unknown_or_invalid_is_refused_by_name() {
    for (key, value) in [
        ("auto.offset.rest", "earliest"),
        ("auto.offset.reset", "first"),
        ("fetch.max.bytes", "-1"),
        ("fetch.min.bytes", "many"),
        ("max.poll.records", "0"),
        ("group.id", ""),
        ("partition.assignment.strategy", "stickiest"),
        ("partition.assignment.strategy", ""),
        ("partition.assignment.strategy", "range,range"),
        ("heartbeat.interval.ms", "45000"),
    ] {
        match set(&[(key, value)]) {
            Err(Error::Config { key: named, .. }) => assert_eq!(named, key),
            other => panic!("{key} = {value}: {other:?}"),
        }
    }
}
