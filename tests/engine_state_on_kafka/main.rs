//! State and event time over topics: the same promises with each trigger, on the embedded broker and on a real Kafka.

mod duplicates;
mod event_time;
mod plain;
mod program;
mod totals;

/// Each promise is kept with both triggers, on the embedded broker and on the Kafka that `KAFKA_BOOTSTRAP` names.
macro_rules! promises {
    ($($file:ident: $($name:ident),* $(,)?;)*) => {
        mod on_the_embedded_broker {
            $($(mod $name {
                use stream_engine::Trigger;

                async fn keep(trigger: Trigger) {
                    let broker = kafka_broker::Broker::builder().start().await.unwrap();
                    crate::$file::$name(&broker.bootstrap_servers(), trigger).await;
                    broker.shutdown().await;
                }

                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn continuously() {
                    keep(Trigger::Continuous).await;
                }

                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn every_interval() {
                    keep(Trigger::Interval).await;
                }
            })*)*
        }

        mod on_a_real_kafka {
            $($(mod $name {
                use stream_engine::Trigger;

                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                #[ignore = "needs Kafka: tests/kafka/kafka.sh"]
                async fn continuously() {
                    crate::$file::$name(&tests::kafka::bootstrap(), Trigger::Continuous).await;
                }

                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                #[ignore = "needs Kafka: tests/kafka/kafka.sh"]
                async fn every_interval() {
                    crate::$file::$name(&tests::kafka::bootstrap(), Trigger::Interval).await;
                }
            })*)*
        }
    };
}

promises!(
    totals: running_counts_by_map_with_state_are_exact,
        running_counts_by_update_state_by_key_are_exact;
    event_time: tumbling_windows_hold_the_records_of_their_time,
        sessions_hold_the_records_of_their_time;
    duplicates: a_record_written_twice_comes_out_once;
);
