//! The cluster's view of brokers that are there, and of some that are not.

use kafka_broker::Broker;
use tokio::time::timeout;

use super::*;
use crate::metrics::ClientKind;
use crate::telemetry::Telemetry;

const LIMIT: Duration = Duration::from_secs(20);

async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    timeout(LIMIT, future)
        .await
        .unwrap_or_else(|_| panic!("{what}: not within {LIMIT:?}"))
}

async fn connect(broker: &Broker, set: impl FnOnce(&mut ClientConfig)) -> Cluster {
    let mut config = ClientConfig {
        bootstrap_servers: broker
            .bootstrap_servers()
            .split(',')
            .map(str::to_owned)
            .collect(),
        ..Default::default()
    };
    set(&mut config);
    within(
        "the cluster",
        Cluster::connect_to_look(config, ClientKind::Admin),
    )
    .await
    .unwrap()
}

/// Waits until the view of the cluster is newer than that.
async fn newer_than(cluster: &Cluster, version: u64) -> Arc<Metadata> {
    within("a newer view of the cluster", async {
        loop {
            let metadata = cluster.metadata();
            if metadata.version > version {
                return metadata;
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    })
    .await
}

#[tokio::test]
async fn topics_asked_for_at_the_same_time_are_all_answered() {
    let broker = Broker::builder()
        .auto_create_topics(false)
        .start()
        .await
        .unwrap();
    let cluster = connect(&broker, |_| {}).await;
    let mut names: Vec<Arc<str>> = Vec::new();
    for n in 0..50 {
        let name = format!("t{n}");
        broker.create_topic(&name, 1).unwrap();
        names.push(name.into());
    }
    let asked = names.iter().cloned().map(|name| {
        let cluster = cluster.clone();
        tokio::spawn(async move {
            cluster
                .add_topics([name.clone()])
                .await
                .unwrap()
                .topics
                .contains_key(&name)
        })
    });
    for asked in asked.collect::<Vec<_>>() {
        assert!(within("an answer", asked).await.unwrap());
    }
    assert!(
        cluster.metadata().version < 30,
        "who waits is served by the next answer: {}",
        cluster.metadata().version
    );
}

#[tokio::test]
async fn a_topic_that_is_forgotten_is_asked_for_again() {
    let broker = Broker::builder()
        .auto_create_topics(false)
        .start()
        .await
        .unwrap();
    let cluster = connect(&broker, |_| {}).await;
    let name: Arc<str> = "t".into();
    let before = within("an answer", cluster.add_topics([name.clone()]))
        .await
        .unwrap();
    assert_eq!(
        before.topics[&name].error,
        Some(kafka_proto::error_code::ErrorCode::UnknownTopicOrPartition)
    );
    broker.create_topic("t", 2).unwrap();
    cluster.forget_topics(["t"]);
    let after = within("an answer", cluster.add_topics([name.clone()]))
        .await
        .unwrap();
    assert_eq!(after.topics[&name].partitions.len(), 2);
}

#[tokio::test]
async fn brokers_in_turn_are_all_of_them_one_after_another() {
    let broker = Broker::builder().nodes(3).start().await.unwrap();
    let cluster = connect(&broker, |_| {}).await;
    let mut asked = Vec::new();
    for attempt in 1..=6 {
        let connection = cluster.connection(Node::InTurn(attempt), Lane::Main);
        let connection = within("a connection", connection).await.unwrap();
        asked.push(connection.broker().to_owned());
    }
    assert_eq!(asked[..3], asked[3..]);
    asked.sort();
    asked.dedup();
    assert_eq!(asked.len(), 3, "{asked:?}");
}

#[tokio::test]
async fn the_cluster_is_looked_at_again_when_the_view_of_it_is_old() {
    let broker = Broker::builder().start().await.unwrap();
    let age = Duration::from_millis(20);
    let cluster = connect(&broker, |config| {
        (config.metadata_max_age, config.retry_backoff) = (age, age)
    })
    .await;
    let first = cluster.metadata().version;
    let second = newer_than(&cluster, first).await.version;
    newer_than(&cluster, second).await;
}

#[tokio::test]
async fn the_cluster_is_looked_at_again_when_a_connection_was_lost() {
    let broker = Broker::builder().start().await.unwrap();
    let cluster = connect(&broker, |config| {
        config.retry_backoff = Duration::from_millis(1)
    })
    .await;
    let connection = within("a connection", cluster.connection(Node::Any, Lane::Fetch))
        .await
        .unwrap();
    let port = broker.local_addr().port();
    broker.shutdown().await;
    let _broker = Broker::builder().port(port).start().await.unwrap();
    within("the loss of the connection", async {
        while !connection.is_closed() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    })
    .await;
    let version = cluster.metadata().version;
    within(
        "a new connection",
        cluster.connection(Node::Any, Lane::Fetch),
    )
    .await
    .unwrap();
    newer_than(&cluster, version).await;
}

#[tokio::test]
async fn nothing_keeps_a_cluster_that_nobody_uses() {
    let broker = Broker::builder().start().await.unwrap();
    let cluster = connect(&broker, |_| {}).await;
    let inner = Arc::downgrade(&cluster.0);
    drop(cluster);
    assert!(inner.upgrade().is_none());
}

#[tokio::test]
async fn who_waits_for_a_connection_that_fails_fails_with_it() {
    let silent = tokio::net::TcpListener::bind(("127.0.0.1", 0))
        .await
        .unwrap();
    let limit = Duration::from_millis(200);
    let config = ClientConfig {
        connection_setup_timeout: limit,
        ..Default::default()
    };
    let port = silent.local_addr().unwrap().port();
    let broker = BrokerInfo {
        id: 1,
        host: "127.0.0.1".to_owned(),
        port,
        rack: None,
    };
    let connections = Arc::new(Connections::new(Telemetry::new(ClientKind::Admin, "it")));
    let begun = std::time::Instant::now();
    let mut waiting = tokio::task::JoinSet::new();
    for _ in 0..20 {
        let (connections, broker, config) = (connections.clone(), broker.clone(), config.clone());
        waiting.spawn(async move {
            connections
                .get(&broker, Lane::Main, &config)
                .await
                .map(drop)
        });
    }
    for outcome in within("the failures", waiting.join_all()).await {
        assert!(matches!(outcome, Err(Error::Disconnected { .. })));
    }
    assert!(
        begun.elapsed() < limit * 10,
        "each waited for the others: {:?}",
        begun.elapsed()
    );
}

#[tokio::test]
async fn each_address_that_was_tried_is_named() {
    let free = tokio::net::TcpListener::bind(("127.0.0.1", 0))
        .await
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let config = ClientConfig {
        bootstrap_servers: vec![format!("[::1]:{free}"), format!("127.0.0.1:{free}")],
        ..Default::default()
    };
    let Error::Connect { tried } =
        within("the refusal", Cluster::connect(config, ClientKind::Admin))
            .await
            .unwrap_err()
    else {
        panic!("another error")
    };
    let addresses: Vec<_> = tried.iter().map(|(address, _)| address.clone()).collect();
    assert_eq!(
        addresses,
        [format!("[::1]:{free}"), format!("127.0.0.1:{free}")]
    );
}

/// A client of the first of two clusters that has the addresses of both.
async fn of_two(set: impl FnOnce(&mut ClientConfig)) -> (Broker, Broker, Cluster) {
    let (first, second) = (
        Broker::builder().start().await.unwrap(),
        Broker::builder().start().await.unwrap(),
    );
    let cluster = connect(&first, |config| {
        config.retry_backoff = Duration::from_millis(1);
        config.bootstrap_servers.push(second.bootstrap_servers());
        set(config);
    })
    .await;
    assert_eq!(port_of(&cluster), first.local_addr().port());
    (first, second, cluster)
}

/// Where broker 1 is believed to be.
fn port_of(cluster: &Cluster) -> u16 {
    cluster.metadata().brokers[&1].port
}

#[tokio::test]
async fn a_cluster_of_which_no_broker_is_left_is_learnt_anew_from_the_bootstrap_addresses() {
    let (first, second, cluster) = of_two(|_| {}).await;
    first.shutdown().await;
    let version = cluster.metadata().version;
    within("another view", cluster.refresh(version))
        .await
        .unwrap();
    assert_eq!(port_of(&cluster), second.local_addr().port());
    // Brokers are known by their ids: the same one is elsewhere now.
    let connection = cluster.connection(Node::Broker(1), Lane::Main);
    within("a connection", connection).await.unwrap();
}

#[tokio::test]
async fn who_is_told_to_bootstrap_again_does_so_although_the_broker_is_there() {
    let (first, second, cluster) = of_two(|_| {}).await;
    first.require_rebootstrap(true);
    let version = cluster.metadata().version;
    within("another view", cluster.refresh(version))
        .await
        .unwrap();
    assert_eq!(port_of(&cluster), second.local_addr().port());
}

#[tokio::test]
async fn without_recovery_the_known_brokers_are_all_that_is_tried() {
    let (first, _second, cluster) =
        of_two(|config| config.metadata_recovery = crate::MetadataRecovery::None).await;
    let address = first.bootstrap_servers();
    first.shutdown().await;
    let version = cluster.metadata().version;
    let refused = within("the refusal", cluster.refresh(version)).await;
    let Err(Error::Connect { tried }) = refused else {
        panic!("{refused:?}")
    };
    let tried: Vec<_> = tried.into_iter().map(|(address, _)| address).collect();
    assert_eq!(tried, [address]);
}

#[tokio::test]
async fn an_idle_connection_is_closed_and_made_anew_and_nobody_notices() {
    let broker = Broker::builder().start().await.unwrap();
    let cluster = connect(&broker, |config| {
        config.connections_max_idle = Some(Duration::from_millis(20));
        config.retry_backoff = Duration::from_millis(1);
    })
    .await;
    let version = cluster.metadata().version;
    for _ in 0..3 {
        let connection = cluster.connection(Node::Any, Lane::Main);
        let connection = Arc::downgrade(&within("a connection", connection).await.unwrap());
        within("its end", async {
            while connection.strong_count() > 0 {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        })
        .await;
    }
    assert_eq!(
        cluster.metadata().version,
        version,
        "a closed connection says nothing about the cluster"
    );
}

#[tokio::test]
async fn a_broker_that_cannot_be_connected_to_is_tried_less_and_less_often() {
    let free = tokio::net::TcpListener::bind(("127.0.0.1", 0))
        .await
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let config = ClientConfig {
        reconnect_backoff: Duration::from_millis(50),
        reconnect_backoff_max: Duration::from_millis(100),
        ..Default::default()
    };
    let broker = BrokerInfo::named(1, "127.0.0.1", i32::from(free), None);
    let connections = Connections::new(Telemetry::new(ClientKind::Admin, "it"));
    let begun = std::time::Instant::now();
    for _ in 0..4 {
        let refused = connections.get(&broker, Lane::Main, &config);
        within("the refusal", refused).await.unwrap_err();
    }
    // 50, 100 and 100 ms, each less a fifth at most.
    assert!(begun.elapsed() >= Duration::from_millis(200));
}
