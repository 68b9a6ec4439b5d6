//! The promises that the embedded broker serves, kept on it.

use kafka_broker::{Authorizer, Broker, Listener, SecurityProtocol};

use crate::*;

/// Brokers of its own for a promise; nobody needs Java for them.
async fn embedded() -> (Broker, Kafka) {
    let builder = Broker::builder()
        .nodes(3)
        .auto_create_topics(false)
        .group_initial_rebalance_delay(Duration::ZERO);
    let broker = builder.start().await.unwrap();
    let kafka = Kafka {
        servers: broker.bootstrap_servers(),
        is_looked_at: false,
    };
    (broker, kafka)
}

#[tokio::test]
async fn many_topics_are_described_page_by_page_as_in_one_go() {
    let (_broker, kafka) = embedded().await;
    topics::many_topics_are_described_page_by_page_as_in_one_go(&kafka).await;
}

#[tokio::test]
async fn a_hundred_groups_are_asked_about_at_once_and_one_that_is_missing_hides_none() {
    let (_broker, kafka) = embedded().await;
    batches::a_hundred_groups_are_asked_about_at_once_and_one_that_is_missing_hides_none(&kafka)
        .await;
}

#[tokio::test]
async fn transactions_are_described_and_ended_by_fencing() {
    let (_broker, kafka) = embedded().await;
    transactions::transactions_are_described_and_ended_by_fencing(&kafka).await;
}

#[tokio::test]
async fn settings_that_were_altered_are_what_kafkas_tool_shows() {
    let (_broker, kafka) = embedded().await;
    configs::settings_that_were_altered_are_what_kafkas_tool_shows(&kafka).await;
}

#[tokio::test]
async fn quotas_that_were_set_are_what_kafkas_tool_shows() {
    let (_broker, kafka) = embedded().await;
    configs::quotas_that_were_set_are_what_kafkas_tool_shows(&kafka).await;
}

#[tokio::test]
async fn partitions_are_added_move_and_have_their_preferred_leaders() {
    let (_broker, kafka) = embedded().await;
    topics::partitions_are_added_move_and_have_their_preferred_leaders(&kafka).await;
}

#[tokio::test]
async fn a_created_topic_is_told_as_java_sees_it_and_is_known_by_its_id() {
    let (_broker, kafka) = embedded().await;
    topics::a_created_topic_is_told_as_java_sees_it_and_is_known_by_its_id(&kafka).await;
}

#[tokio::test]
async fn offsets_of_every_kind_are_found_each_for_itself() {
    let (_broker, kafka) = embedded().await;
    records::offsets_of_every_kind_are_found_each_for_itself(&kafka).await;
}

#[tokio::test]
async fn groups_of_both_protocols_are_looked_after() {
    let (_broker, kafka) = embedded().await;
    groups::groups_of_both_protocols_are_looked_after(&kafka).await;
}

#[tokio::test]
async fn where_a_share_group_begins_can_be_set_and_forgotten() {
    let (_broker, kafka) = embedded().await;
    share_groups::where_a_share_group_begins_can_be_set_and_forgotten(&kafka).await;
}

#[tokio::test]
async fn acls_are_created_listed_and_deleted_where_there_is_an_authorizer() {
    let (_broker, kafka) = embedded().await;
    acls::acls_are_created_listed_and_deleted_where_there_is_an_authorizer(&kafka).await;
}

#[tokio::test]
async fn records_that_were_deleted_are_gone_and_log_directories_tell_the_rest() {
    let (_broker, kafka) = embedded().await;
    records::records_that_were_deleted_are_gone_and_log_directories_tell_the_rest(&kafka).await;
}

#[tokio::test]
async fn the_cluster_its_quorum_and_its_features_are_described() {
    let (_broker, kafka) = embedded().await;
    cluster::the_cluster_its_quorum_and_its_features_are_described(&kafka).await;
}

#[tokio::test]
async fn what_cannot_be_done_is_said_in_one_clear_sentence() {
    let (_broker, kafka) = embedded().await;
    refusals::what_cannot_be_done_is_said_in_one_clear_sentence(&kafka).await;
}

/// A broker where nobody who logs in may do anything without an ACL, and who does not log in may do all.
async fn guarded() -> (Broker, Kafka, String) {
    let authorizer = Authorizer::new().super_user("User:ANONYMOUS");
    let broker = Broker::builder()
        .listeners([
            Listener::new("PLAIN", SecurityProtocol::Plaintext),
            Listener::new("SASL", SecurityProtocol::SaslPlaintext),
        ])
        .user("alice", "alice-secret")
        .user("bob", "bob-secret")
        .authorizer(authorizer.super_user("User:admin"))
        .user("admin", "admin-secret")
        .delegation_tokens("geheim")
        .auto_create_topics(false)
        .start()
        .await
        .unwrap();
    let kafka = Kafka {
        servers: broker.bootstrap_servers_of("PLAIN").unwrap(),
        is_looked_at: false,
    };
    let sasl = broker.bootstrap_servers_of("SASL").unwrap();
    (broker, kafka, sasl)
}

#[tokio::test]
async fn a_user_can_log_in_once_its_password_is_set_and_no_more_once_it_is_removed() {
    let (_broker, kafka, sasl) = guarded().await;
    users::a_user_can_log_in_once_its_password_is_set_and_no_more_once_it_is_removed(
        &kafka,
        Some(&sasl),
    )
    .await;
}

#[tokio::test]
async fn a_token_stands_for_its_owner_until_it_is_expired() {
    let (_broker, kafka, sasl) = guarded().await;
    users::a_token_stands_for_its_owner_until_it_is_expired(&kafka, &sasl).await;
}

#[tokio::test]
async fn a_denial_names_who_was_denied_what_and_by_which_broker() {
    let (_broker, kafka, sasl) = guarded().await;
    acls::a_denial_names_who_was_denied_what_and_by_which_broker(&kafka, &sasl).await;
}
