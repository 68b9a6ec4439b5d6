//! ACLs, and what those are told whom they deny.

use kafka_client::security::Sasl;

use crate::*;

pub(crate) async fn acls_are_created_listed_and_deleted_where_there_is_an_authorizer(
    kafka: &Kafka,
) {
    let admin = kafka.admin().await;
    let name = unique("admin");
    let rule = |operation| {
        let principal = "User:carol";
        AclBinding::allow(principal, operation, ResourceType::Topic, &name)
    };
    let rules = || [rule(AclOperation::Read), rule(AclOperation::Write)];
    let of_topic = AclBindingFilter {
        resource_type: ResourceType::Topic,
        resource_name: Some(name.clone()),
        ..AclBindingFilter::default()
    };
    let created = within("creating", admin.create_acls(rules()))
        .await
        .unwrap();
    if created
        .iter()
        .all(|(_, created)| code(created) == ErrorCode::SecurityDisabled)
    {
        let refused = within("describing", admin.describe_acls(&of_topic)).await;
        assert_eq!(code(&refused), ErrorCode::SecurityDisabled);
        return;
    }
    for (rule, created) in created {
        assert!(created.is_ok(), "{rule:?}: {created:?}");
    }
    let listed = async || {
        let listed = within("listing", admin.describe_acls(&of_topic)).await;
        let mut operations: Vec<_> = listed
            .unwrap()
            .iter()
            .map(|rule| rule.operation.name())
            .collect();
        operations.sort_unstable();
        operations
    };
    within("the rules", async {
        while listed().await != ["READ", "WRITE"] {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
    let arguments = ["--list", "--topic", &name];
    kafka.shows("acls", &arguments, &[("principal=User:carol", 2)]);
    let reading = rule(AclOperation::Read);
    let deleted = admin.delete_acls([reading.clone().into(), of_topic.clone()]);
    let deleted = within("deleting", deleted).await.unwrap();
    let removed = deleted
        .iter()
        .flat_map(|(_, rules)| rules.as_ref().unwrap());
    assert!(removed.into_iter().any(|rule| *rule == reading));
    within("no rules", async {
        while !listed().await.is_empty() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
    let wrong = AclBinding {
        resource_name: String::new(),
        ..reading
    };
    let refused = within("the refusal", admin.create_acls([wrong]))
        .await
        .unwrap();
    assert!(only(refused).is_err());
}

/// On a cluster whose SASL listener knows alice, to whom nothing is allowed.
pub(crate) async fn a_denial_names_who_was_denied_what_and_by_which_broker(
    kafka: &Kafka,
    sasl: &str,
) {
    let admin = kafka.admin().await;
    let name = topic(&admin, 1).await;
    let at = TopicPartition::new(&*name, 0);
    let login = Sasl::plain("alice", "alice-secret");
    let builder = Admin::builder().bootstrap_servers(sasl).sasl(login);
    let alice = within("logging in", builder.build()).await.unwrap();
    let broker = within("brokers", alice.brokers()).await.unwrap().remove(0);
    let denied = |what: &str, code: &str| {
        let BrokerInfo { id, host, port, .. } = &broker;
        format!("{what}, asked for by \"alice\" at broker {id} ({host}:{port}): {code}")
    };
    let user = KafkaPrincipal::user("carol");
    let topic_denied = denied(&format!("topic \"{name}\""), "TOPIC_AUTHORIZATION_FAILED");
    let cluster = |what| denied(what, "CLUSTER_AUTHORIZATION_FAILED");
    let config = ConfigResource::Topic(name.clone());
    let rule = AclBinding::allow("User:alice", AclOperation::Read, ResourceType::Topic, &name);
    let for_carol = NewDelegationToken {
        owner: Some(user),
        ..NewDelegationToken::default()
    };
    let quota = (
        QuotaEntity::user("alice"),
        BTreeMap::from([("producer_byte_rate".to_owned(), Some(1.0))]),
    );
    let scram = AlterScramCredential::Delete(ScramMechanism::Sha256);
    let new = [NewTopic::new("admin-new").partitions(1)];
    let grown = [(&*name, NewPartitions::increase_to(2))];
    let none = || Vec::new();
    let told: Vec<(String, String)> = vec![
        (
            text(&only(
                within("1", alice.describe_topics([&name])).await.unwrap(),
            )),
            topic_denied.clone(),
        ),
        (
            text(&only(
                within("2", alice.delete_topics([&name])).await.unwrap(),
            )),
            topic_denied.clone(),
        ),
        (
            text(&only(within("3", alice.create_topics(new)).await.unwrap())),
            denied("topic \"admin-new\"", "TOPIC_AUTHORIZATION_FAILED"),
        ),
        (
            text(&only(
                within("4", alice.create_partitions(grown)).await.unwrap(),
            )),
            topic_denied,
        ),
        (
            text(&only(
                within("5", alice.describe_configs([config.clone()]))
                    .await
                    .unwrap(),
            )),
            denied(
                &format!("configs of topic \"{name}\""),
                "TOPIC_AUTHORIZATION_FAILED",
            ),
        ),
        (
            text(&only(
                within("6", alice.incremental_alter_configs([(config, none())]))
                    .await
                    .unwrap(),
            )),
            denied(
                &format!("configs of topic \"{name}\""),
                "TOPIC_AUTHORIZATION_FAILED",
            ),
        ),
        (
            text(&only(
                within("7", alice.describe_groups(["g"])).await.unwrap(),
            )),
            "coordinator of group \"g\", asked for by \"alice\": GROUP_AUTHORIZATION_FAILED"
                .to_owned(),
        ),
        (
            text(&only(
                within("8", alice.list_offsets([(at, OffsetSpec::Latest)]))
                    .await
                    .unwrap(),
            )),
            "asked for by \"alice\": TOPIC_AUTHORIZATION_FAILED".to_owned(),
        ),
        (
            text(&only(within("9", alice.create_acls([rule])).await.unwrap())),
            "asked for by \"alice\" at broker".to_owned(),
        ),
        (
            text(&within("10", alice.describe_acls(&AclBindingFilter::default())).await),
            cluster("ACLs"),
        ),
        (
            text(&only(
                within("11", alice.alter_client_quotas([quota]))
                    .await
                    .unwrap(),
            )),
            "asked for by \"alice\" at broker".to_owned(),
        ),
        (
            text(&only(
                within("12", alice.alter_user_scram_credentials([("bob", scram)]))
                    .await
                    .unwrap(),
            )),
            "asked for by \"alice\" at broker".to_owned(),
        ),
        (
            text(&within("13", alice.create_delegation_token(for_carol)).await),
            denied(
                "delegation token for User:carol",
                "DELEGATION_TOKEN_AUTHORIZATION_FAILED",
            ),
        ),
        (
            text(&within("14", alice.describe_metadata_quorum()).await),
            cluster("the quorum"),
        ),
        (
            text(&within("15", alice.unregister_broker(4711)).await),
            cluster("registration of broker 4711"),
        ),
        (
            text(&only(
                within("16", alice.describe_log_dirs([broker.id]))
                    .await
                    .unwrap(),
            )),
            cluster(&format!("log directories of broker {}", broker.id)),
        ),
        (
            text(&only(
                within("17", alice.fence_producers(["t"])).await.unwrap(),
            )),
            "transactional id \"t\", asked for by \"alice\": TRANSACTIONAL_ID_AUTHORIZATION_FAILED"
                .to_owned(),
        ),
    ];
    for (number, (said, expected)) in (1..).zip(&told) {
        println!("{number}: {said}");
        assert!(
            said.contains(expected),
            "{number}: {said}\nwithout {expected}"
        );
        assert!(
            !said.contains("alice-secret") && !said.contains("Request("),
            "{said}"
        );
    }
    // What is allowed is shown as that.
    let may = within(
        "describing",
        alice.with_authorized_operations().describe_cluster(),
    )
    .await;
    assert_eq!(may.unwrap().authorized_operations, Some(Vec::new()));
}
