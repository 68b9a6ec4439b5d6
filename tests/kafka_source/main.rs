//! The engine's Kafka source where things are not as usual: the same promises on the embedded broker and on a real Kafka.

mod batch_jobs;
mod changes;
mod commits;
mod gaps;
mod leaders;
mod limits;
mod losses;
mod positions;
mod program;

/// Each promise is kept on the embedded broker, and on the Kafka that `KAFKA_BOOTSTRAP` names.
macro_rules! promises {
    ($($file:ident: $($name:ident),* $(,)?;)*) => {
        mod on_the_embedded_broker {
            $($(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                let broker = kafka_broker::Broker::builder().log_cleaner_backoff(std::time::Duration::from_millis(100));
                let broker = broker.start().await.unwrap();
                super::$file::$name(&broker.bootstrap_servers()).await;
                broker.shutdown().await;
            })*)*
        }

        mod on_a_real_kafka {
            $($(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            #[ignore = "needs Kafka: tests/kafka/kafka.sh"]
            async fn $name() {
                super::$file::$name(&tests::kafka::bootstrap()).await;
            })*)*
        }
    };
}

promises!(
    positions: where_a_program_begins_is_where_it_was_told_to,
        explicit_offsets_that_cannot_be_are_refused_at_the_start,
        without_committed_offsets_a_program_that_asks_for_them_does_not_start,
        what_is_written_while_a_program_is_down_is_not_passed_over,
        a_partition_added_while_a_program_is_down_is_read_from_its_beginning,
        only_assigned_partitions_are_read,
        partitions_and_topics_that_are_not_there_are_named_at_the_start;
    changes: partitions_added_while_running_are_read_from_their_beginning,
        a_topic_that_comes_to_match_a_pattern_is_read_from_its_beginning,
        a_deleted_topic_ends_the_program_that_names_it,
        a_deleted_topic_is_dropped_from_a_pattern,
        a_topic_that_is_made_anew_goes_on_under_a_pattern;
    losses: what_retention_took_before_the_start_is_told,
        what_retention_takes_from_a_reader_is_told;
    gaps: a_compacted_topic_has_fewer_records_than_offsets,
        transactions_leave_gaps_that_are_told_honestly,
        an_empty_topic_has_empty_batches;
    limits: a_backlog_of_a_million_is_read_within_the_limits,
        a_continuous_program_keeps_to_the_rate,
        the_bytes_of_a_batch_are_bounded;
    commits: offsets_are_committed_when_the_program_says_so,
        a_context_that_stops_waits_for_commits_under_way,
        a_handle_is_for_one_running_source;
    batch_jobs: a_batch_job_reads_its_ranges_and_again_with_each_action,
        ranges_by_time_have_what_was_written_then,
        a_batch_job_reads_past_the_marks_of_transactions,
        a_range_that_cannot_be_read_is_named,
        a_batch_job_reads_more_than_memory_may_have;
);
