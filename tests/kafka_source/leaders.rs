//! Leaders that change, on the embedded broker, which moves them when it is told to.

use kafka_broker::Broker;
use stream_engine::LossReason;
use stream_engine::kafka::OutOfRange;
use tests::kafka::unique;

use crate::program::{at, run, source, write};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_partition_whose_leader_moves_is_read_on() {
    let broker = Broker::builder().nodes(2).start().await.unwrap();
    let (servers, topic) = (broker.bootstrap_servers(), unique("moves"));
    broker.create_topic(&topic, 1).unwrap();
    let mut program = run(source(&servers, &topic, &unique("group")));
    for round in 1..=4 {
        write(&servers, &topic, 0, &["a", "b"]).await;
        let seen = program.records(2 * round).await;
        let offsets: Vec<i64> = seen.records.iter().map(|(_, offset, _)| *offset).collect();
        assert_eq!(offsets, (0..2 * round as i64).collect::<Vec<_>>());
        let (leader, _) = broker.leader(&topic, 0).unwrap();
        let other = if leader == 1 { 2 } else { 1 };
        broker.move_leader(&topic, 0, other).unwrap();
    }
    program.stop().await;
    broker.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_that_lost_what_was_read_is_told() {
    for policy in [OutOfRange::Fail, OutOfRange::Earliest] {
        let broker = Broker::builder().start().await.unwrap();
        let (servers, topic) = (broker.bootstrap_servers(), unique("truncated"));
        broker.create_topic(&topic, 1).unwrap();
        write(&servers, &topic, 0, &["a", "b", "c", "d", "e"]).await;
        let mut program = run(source(&servers, &topic, &unique("group")).on_out_of_range(policy));
        program.records(5).await;
        broker.lose_records(&topic, 0, 3).unwrap();
        write(&servers, &topic, 0, &["D"]).await;
        if policy == OutOfRange::Fail {
            let error = program.failure().await;
            let expected = format!("records of {topic}-0 that were read are gone");
            assert!(error.contains(&expected), "{error}");
        } else {
            let seen = program.records(6).await;
            assert_eq!(seen.records[5], (at(&topic, 0), 3, "D".to_owned()));
            let [lost] = &seen.lost[..] else {
                panic!("{:?}", seen.lost)
            };
            assert_eq!(lost.reason, LossReason::Truncated);
            assert_eq!((lost.wanted, lost.resumed_at, lost.count()), (5, 3, 0));
            program.stop().await;
        }
        broker.shutdown().await;
    }
}
