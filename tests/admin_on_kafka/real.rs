//! The promises, kept on the real Kafka.

use crate::*;

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka: tests/kafka/kafka.sh"]
async fn settings_that_were_altered_are_what_kafkas_tool_shows() {
    configs::settings_that_were_altered_are_what_kafkas_tool_shows(&Kafka::real()).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka: tests/kafka/kafka.sh"]
async fn quotas_that_were_set_are_what_kafkas_tool_shows() {
    configs::quotas_that_were_set_are_what_kafkas_tool_shows(&Kafka::real()).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka: tests/kafka/kafka.sh"]
async fn partitions_are_added_move_and_have_their_preferred_leaders() {
    topics::partitions_are_added_move_and_have_their_preferred_leaders(&Kafka::real()).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka: tests/kafka/kafka.sh"]
async fn a_created_topic_is_told_as_java_sees_it_and_is_known_by_its_id() {
    topics::a_created_topic_is_told_as_java_sees_it_and_is_known_by_its_id(&Kafka::real()).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka: tests/kafka/kafka.sh"]
async fn many_topics_are_described_page_by_page_as_in_one_go() {
    topics::many_topics_are_described_page_by_page_as_in_one_go(&Kafka::real()).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka: tests/kafka/kafka.sh"]
async fn records_that_were_deleted_are_gone_and_log_directories_tell_the_rest() {
    records::records_that_were_deleted_are_gone_and_log_directories_tell_the_rest(&Kafka::real())
        .await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka: tests/kafka/kafka.sh"]
async fn offsets_of_every_kind_are_found_each_for_itself() {
    records::offsets_of_every_kind_are_found_each_for_itself(&Kafka::real()).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka: tests/kafka/kafka.sh"]
async fn the_cluster_its_quorum_and_its_features_are_described() {
    cluster::the_cluster_its_quorum_and_its_features_are_described(&Kafka::real()).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka: tests/kafka/kafka.sh"]
async fn groups_of_both_protocols_are_looked_after() {
    groups::groups_of_both_protocols_are_looked_after(&Kafka::real()).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka: tests/kafka/kafka.sh"]
async fn a_hundred_groups_are_asked_about_at_once_and_one_that_is_missing_hides_none() {
    batches::a_hundred_groups_are_asked_about_at_once_and_one_that_is_missing_hides_none(
        &Kafka::real(),
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka: tests/kafka/kafka.sh"]
async fn where_a_share_group_begins_can_be_set_and_forgotten() {
    share_groups::where_a_share_group_begins_can_be_set_and_forgotten(&Kafka::real()).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka: tests/kafka/kafka.sh"]
async fn a_streams_group_is_described_with_topology_and_members() {
    share_groups::a_streams_group_is_described_with_topology_and_members(&Kafka::real()).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka: tests/kafka/kafka.sh"]
async fn transactions_are_described_and_ended_by_fencing() {
    transactions::transactions_are_described_and_ended_by_fencing(&Kafka::real()).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka: tests/kafka/kafka.sh"]
async fn acls_are_created_listed_and_deleted_where_there_is_an_authorizer() {
    acls::acls_are_created_listed_and_deleted_where_there_is_an_authorizer(&Kafka::real()).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka: tests/kafka/kafka.sh"]
async fn what_cannot_be_done_is_said_in_one_clear_sentence() {
    refusals::what_cannot_be_done_is_said_in_one_clear_sentence(&Kafka::real()).await;
}
