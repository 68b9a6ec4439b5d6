//! Log directories of brokers, and moving replicas between them.

use std::path::PathBuf;

use crate::*;

/// On a broker with these two log directories.
pub(crate) async fn a_replica_moves_to_another_log_directory(kafka: &Kafka, paths: &[PathBuf; 2]) {
    let admin = kafka.admin().await;
    let brokers = within("brokers", admin.brokers()).await.unwrap();
    let broker = brokers[0].id;
    let name = topic(&admin, 1).await;
    let at = TopicPartition::new(&*name, 0);
    write(kafka, &at, 10).await;
    let replica = Replica::new(at.clone(), broker);
    let place = async || {
        let described = admin.describe_replica_log_dirs([replica.clone()]);
        let place = only(within("describing", described).await.unwrap()).unwrap();
        let is_moving = place.future.is_some();
        (place.current.map(|place| place.path), is_moving)
    };
    let (before, _) = place().await;
    let paths = paths.each_ref().map(|path| path.display().to_string());
    let other = paths.iter().find(|path| Some(*path) != before.as_ref());
    let other = other.unwrap();
    let missing = Replica::new(TopicPartition::new("admin-missing", 0), broker);
    let moved = admin.alter_replica_log_dirs([
        (replica.clone(), other.clone()),
        (Replica::new(at.clone(), 4711), other.clone()),
        (missing, "/no/such/folder".to_owned()),
    ]);
    for (replica, moved) in within("moving", moved).await.unwrap() {
        let expected = match (&*replica.partition.topic, replica.broker) {
            ("admin-missing", _) => ErrorCode::LogDirNotFound,
            (_, 4711) => ErrorCode::BrokerNotAvailable,
            _ => ErrorCode::None,
        };
        assert_eq!(code(&moved), expected, "{replica}");
    }
    becomes("the move", (Some(other.clone()), false), place).await;
    kafka.java_sees(&[(&format!("log-dir {name} 0 {broker}"), other)]);
    let arguments = ["--describe", "--topic-list", &name];
    kafka.shows("log-dirs", &arguments, &[(other, 1)]);
    let nowhere = Replica::new(TopicPartition::new("admin-missing", 0), broker);
    let described = admin.describe_replica_log_dirs([nowhere]);
    let nowhere = only(within("describing", described).await.unwrap());
    assert_eq!(nowhere.unwrap(), ReplicaLogDir::default());
}
