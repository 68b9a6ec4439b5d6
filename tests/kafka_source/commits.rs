//! Offsets that the program commits itself.

use std::sync::mpsc;

use kafka_client::admin::NewTopic;
use kafka_client::consumer::Consumer;
use stream_engine::kafka::{CommitMode, OffsetCommits, OffsetRange};
use tests::kafka::{WAIT, unique};

use crate::program::{at, create, refused, run, source, write};

/// What the group has committed for the first two partitions.
async fn committed(servers: &str, topic: &str, group: &str) -> [Option<i64>; 2] {
    let consumer = Consumer::builder()
        .bootstrap_servers(servers)
        .group_id(group);
    let consumer = consumer.build().await.unwrap();
    let partitions = [at(topic, 0), at(topic, 1)];
    let found = consumer.committed(&partitions).await.unwrap();
    partitions.map(|partition| found[&partition].as_ref().map(|committed| committed.offset))
}

fn range(topic: &str, from: i64, until: i64) -> OffsetRange {
    OffsetRange {
        partition: at(topic, 0),
        from,
        until,
    }
}

pub(crate) async fn offsets_are_committed_when_the_program_says_so(servers: &str) {
    let (topic, group, commits) = (unique("manual"), unique("group"), OffsetCommits::new());
    create(servers, NewTopic::new(&topic).partitions(2)).await;
    write(servers, &topic, 0, &["a", "b", "c"]).await;
    let manual = || source(servers, &topic, &group).commit(CommitMode::Manual(commits.clone()));
    let error = commits
        .commit_sync(&[range(&topic, 0, 2)])
        .unwrap_err()
        .to_string();
    assert!(error.contains("the source is not running"), "{error}");

    let mut program = run(manual());
    program.records(3).await;
    assert_eq!(committed(servers, &topic, &group).await, [None, None]);
    let ranges = [range(&topic, 1, 2), range(&topic, 0, 1)];
    commits.commit_sync(&ranges).unwrap();
    // Of two ranges of a partition the later counts; with the first commit goes where the others began.
    assert_eq!(committed(servers, &topic, &group).await, [Some(2), Some(0)]);
    program.stop().await;
    assert_eq!(committed(servers, &topic, &group).await, [Some(2), Some(0)]);

    let mut program = run(manual());
    let seen = program.records(1).await;
    assert_eq!(seen.values(), ["c"], "what was not committed comes again");
    let (done, result) = mpsc::channel();
    let batch = seen.batches[0].0.clone();
    commits.commit_async_with(&batch, move |result| drop(done.send(result)));
    let told = tokio::task::spawn_blocking(move || result.recv_timeout(WAIT))
        .await
        .unwrap();
    assert_eq!(told, Ok(Ok(())));
    assert_eq!(committed(servers, &topic, &group).await, [Some(3), Some(0)]);
    program.stop().await;
}

pub(crate) async fn a_context_that_stops_waits_for_commits_under_way(servers: &str) {
    let (topic, group, commits) = (unique("manual"), unique("group"), OffsetCommits::new());
    create(servers, NewTopic::new(&topic).partitions(2)).await;
    let values: Vec<String> = (0..50).map(|n| n.to_string()).collect();
    let values: Vec<&str> = values.iter().map(String::as_str).collect();
    write(servers, &topic, 0, &values).await;
    let mut program =
        run(source(servers, &topic, &group).commit(CommitMode::Manual(commits.clone())));
    program.records(50).await;
    for until in 1..=50 {
        commits.commit_async(&[range(&topic, 0, until)]);
    }
    program.stop().await;
    assert_eq!(
        committed(servers, &topic, &group).await,
        [Some(50), Some(0)]
    );
    let error = commits
        .commit_sync(&[range(&topic, 0, 50)])
        .unwrap_err()
        .to_string();
    assert!(error.contains("the source is not running"), "{error}");
}

pub(crate) async fn a_handle_is_for_one_running_source(servers: &str) {
    let (topic, commits) = (unique("manual"), OffsetCommits::new());
    create(servers, NewTopic::new(&topic).partitions(2)).await;
    let manual = || {
        let source = source(servers, &topic, &unique("group"));
        source.commit(CommitMode::Manual(commits.clone()))
    };
    let program = run(manual());
    let error = refused(manual());
    assert!(
        error.contains("belongs to another source that is running"),
        "{error}"
    );
    program.stop().await;
    run(manual()).stop().await;
}
