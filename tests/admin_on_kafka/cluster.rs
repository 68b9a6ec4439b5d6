//! The cluster: its quorum, its features, its brokers.

use crate::*;

pub(crate) async fn the_cluster_its_quorum_and_its_features_are_described(kafka: &Kafka) {
    let admin = kafka.admin().await;
    let brokers = within("brokers", admin.brokers()).await.unwrap();
    let cluster = within("the cluster", admin.describe_cluster())
        .await
        .unwrap();
    assert_eq!(cluster.brokers, brokers);
    assert!(cluster.fenced_brokers.is_empty());
    assert!(cluster.cluster_id.is_some());

    let quorum = within("the quorum", admin.describe_metadata_quorum())
        .await
        .unwrap();
    assert!(
        quorum
            .voters
            .iter()
            .any(|voter| voter.id == quorum.leader_id)
    );
    assert!(quorum.high_watermark > 0);
    let told = format!("LeaderEpoch:            {}", quorum.leader_epoch);
    kafka.shows("metadata-quorum", &["describe", "--status"], &[(&told, 1)]);

    let features = within("features", admin.describe_features()).await.unwrap();
    assert!(features.finalized_epoch.is_some());
    let level = features.finalized["transaction.version"].max;
    assert!(features.supported["transaction.version"].max >= level);
    let same =
        admin.validate_update_features([("transaction.version", FeatureUpdate::Upgrade(level))]);
    within("validating", same).await.unwrap();
    let unknown = admin.update_features([("no.such.feature", FeatureUpdate::Upgrade(1))]);
    let unknown = within("the refusal", unknown)
        .await
        .unwrap_err()
        .to_string();
    assert!(unknown.contains("no.such.feature"), "{unknown}");
}
