//! What takes a cluster of its own, whose nodes die or whose settings are special.

use std::sync::Arc;

use tests::nodes::Nodes;
use tokio::sync::Mutex;

use crate::*;

/// Two clusters would look for ports at the same time.
static ONE_AT_A_TIME: Mutex<()> = Mutex::const_new(());

/// Calls of a cluster's script take seconds.
async fn blocking<T: Send + 'static>(call: impl FnOnce() -> T + Send + 'static) -> T {
    tokio::task::spawn_blocking(call).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka: tests/kafka/kafka.sh"]
async fn a_controller_leaves_the_quorum_and_a_dead_broker_its_registration() {
    let _alone = ONE_AT_A_TIME.lock().await;
    let nodes = Arc::new(blocking(Nodes::start).await);
    let kafka = Kafka {
        servers: nodes.bootstrap.clone(),
        is_looked_at: true,
    };
    let admin = kafka.admin().await;

    // The controllers themselves are asked, by an admin who knows no broker.
    let quorum = within("the quorum at first", admin.describe_metadata_quorum()).await;
    let quorum = quorum.unwrap();
    let addresses: Vec<String> = quorum
        .nodes
        .iter()
        .flat_map(|node| &node.endpoints)
        .map(|endpoint| format!("{}:{}", endpoint.host, endpoint.port))
        .collect();
    assert_eq!(addresses.len(), 3);
    let builder = Admin::builder()
        .properties([("bootstrap.controllers", addresses.join(","))])
        .unwrap();
    let controllers = within("an admin of controllers", builder.build()).await;
    let controllers = controllers.unwrap();
    let described = within("the controllers", controllers.describe_cluster()).await;
    let described = described.unwrap();
    assert_eq!(described.brokers.len(), 3);
    assert_eq!(described.controller, Some(quorum.leader_id));
    let ports: Vec<String> = described
        .brokers
        .iter()
        .map(|node| node.port.to_string())
        .collect();
    assert!(
        addresses
            .iter()
            .zip(&ports)
            .all(|(address, port)| address.ends_with(port))
    );
    let same = within(
        "the quorum that controllers tell",
        controllers.describe_metadata_quorum(),
    )
    .await;
    assert_eq!(same.unwrap().leader_id, quorum.leader_id);
    let refused = within("the refusal", controllers.list_topics())
        .await
        .unwrap_err();
    let unsupported = matches!(
        &refused,
        Error::UnsupportedVersion {
            api: "Metadata",
            ..
        }
    );
    assert!(unsupported, "{refused}");
    let at_brokers = Admin::builder().bootstrap_controllers(&kafka.servers);
    let refused = within("the refusal", at_brokers.build()).await.unwrap_err();
    assert!(
        refused.to_string().contains("MISMATCHED_ENDPOINT_TYPE"),
        "{refused}"
    );

    // Voters can come and go once the quorum is told of in the log, and that can be once all voters have said that they
    // know how.
    becomes("the quorum is told of in the log", true, async || {
        let dynamic = controllers.update_features([("kraft.version", FeatureUpdate::Upgrade(1))]);
        let done = within("the new quorum", dynamic).await;
        match code(&done) {
            ErrorCode::None => true,
            ErrorCode::InvalidUpdateVersion => false,
            _ => panic!("{done:?}"),
        }
    })
    .await;
    let voter = quorum
        .voters
        .iter()
        .find(|voter| voter.id != quorum.leader_id);
    let id = voter.unwrap().id;
    let voters = async || {
        let quorum = within("the quorum", admin.describe_metadata_quorum()).await;
        let mut voters: Vec<_> = quorum
            .unwrap()
            .voters
            .iter()
            .map(|voter| voter.id)
            .collect();
        voters.sort_unstable();
        voters
    };
    let directory = async || {
        let quorum = within("the quorum", admin.describe_metadata_quorum()).await;
        let quorum = quorum.unwrap();
        let voter = quorum
            .voters
            .iter()
            .chain(&quorum.observers)
            .find(|voter| voter.id == id);
        voter.is_some_and(|voter| !voter.directory_id.is_zero())
    };
    becomes("directories are known", true, directory).await;
    let quorum = within(
        "the quorum with directories",
        admin.describe_metadata_quorum(),
    )
    .await
    .unwrap();
    let voter = quorum
        .voters
        .iter()
        .find(|voter| voter.id == id)
        .unwrap()
        .clone();
    let removed = admin.remove_raft_voter(id, voter.directory_id);
    within("removing", removed).await.unwrap();
    let left: Vec<i32> = [1, 2, 3].into_iter().filter(|node| *node != id).collect();
    becomes("the voters", left.clone(), voters).await;
    kafka.java_sees(&[("voters", &format!("{left:?} of {left:?}"))]);
    let again = within("removing", admin.remove_raft_voter(id, voter.directory_id)).await;
    assert_eq!(code(&again), ErrorCode::VoterNotFound);
    let node = quorum.nodes.iter().find(|node| node.id == id).unwrap();
    becomes("it is back", true, async || {
        let endpoints = node.endpoints.clone();
        let added = admin.add_raft_voter(id, voter.directory_id, endpoints);
        let added = within("adding", added).await;
        matches!(code(&added), ErrorCode::None | ErrorCode::DuplicateVoter)
    })
    .await;
    becomes("the voters", vec![1, 2, 3], voters).await;

    let dead = if id == 3 { 2 } else { 3 };
    let (killing, broker) = (nodes.clone(), dead);
    blocking(move || killing.kill(broker)).await;
    let fenced = async || {
        let cluster = within("the cluster", admin.describe_cluster()).await;
        let cluster = cluster.unwrap();
        (cluster.brokers.len(), cluster.fenced_brokers)
    };
    becomes("it is fenced", (2, vec![dead]), fenced).await;
    within("unregistering", admin.unregister_broker(dead))
        .await
        .unwrap();
    becomes("it is forgotten", (2, Vec::new()), fenced).await;
    blocking(move || drop(nodes)).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka: tests/kafka/kafka.sh"]
async fn denials_tokens_and_moves_between_disks_on_a_node_that_has_them() {
    let _alone = ONE_AT_A_TIME.lock().await;
    let folder = std::env::temp_dir().join(unique("log-dirs"));
    let paths = ["a", "b"].map(|path| folder.join(path));
    let dirs = format!("log.dirs={},{}", paths[0].display(), paths[1].display());
    let node = blocking(move || {
        let token = "delegation.token.secret.key=geheim";
        let options = ["--sasl", "--acl", "--conf", token, "--conf", &dirs];
        Nodes::start_one(&options)
    })
    .await;
    let kafka = Kafka {
        servers: node.bootstrap.clone(),
        is_looked_at: true,
    };
    let sasl = node.sasl();
    acls::a_denial_names_who_was_denied_what_and_by_which_broker(&kafka, &sasl).await;
    users::a_token_stands_for_its_owner_until_it_is_expired(&kafka, &sasl).await;
    users::a_user_can_log_in_once_its_password_is_set_and_no_more_once_it_is_removed(
        &kafka,
        Some(&sasl),
    )
    .await;
    log_dirs::a_replica_moves_to_another_log_directory(&kafka, &paths).await;
    blocking(move || drop(node)).await;
    std::fs::remove_dir_all(folder).unwrap();
}
