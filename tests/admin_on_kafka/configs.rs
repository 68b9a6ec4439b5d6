//! Settings and quotas.

use crate::*;

pub(crate) async fn settings_that_were_altered_are_what_kafkas_tool_shows(kafka: &Kafka) {
    let admin = kafka.admin().await;
    let name = topic(&admin, 1).await;
    let resource = ConfigResource::Topic(name.clone());
    let set = |name: &str, value: &str| AlterConfig::Set(name.to_owned(), value.to_owned());
    let alter = async |changes: Vec<AlterConfig>| {
        let altered = admin.incremental_alter_configs([(resource.clone(), changes)]);
        only(within("altering", altered).await.unwrap())
    };
    let value = async |name: &str| {
        let described = admin.describe_configs([resource.clone()]);
        let entries = only(within("describing", described).await.unwrap()).unwrap();
        let entry = entries.into_iter().find(|entry| entry.name == name);
        let entry = entry.unwrap_or_else(|| panic!("no {name}"));
        (entry.value.unwrap_or_default(), entry.source)
    };

    let validated =
        admin.validate_alter_configs([(resource.clone(), vec![set("retention.ms", "1")])]);
    only(within("validating", validated).await.unwrap()).unwrap();
    assert_ne!(value("retention.ms").await.0, "1");
    alter(vec![
        set("retention.ms", "86400000"),
        set("cleanup.policy", "delete"),
        AlterConfig::Append("cleanup.policy".to_owned(), "compact".to_owned()),
    ])
    .await
    .unwrap_err();
    alter(vec![
        set("retention.ms", "86400000"),
        set("cleanup.policy", "delete"),
    ])
    .await
    .unwrap();
    let append = AlterConfig::Append("cleanup.policy".to_owned(), "compact".to_owned());
    alter(vec![append]).await.unwrap();
    within("the settings", async {
        while value("cleanup.policy").await.0 != "delete,compact" {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
    assert_eq!(
        value("retention.ms").await,
        ("86400000".to_owned(), ConfigSource::Topic)
    );
    kafka.shows(
        "configs",
        &["--describe", "--topic", &name],
        &[
            (" retention.ms=86400000", 1),
            (" cleanup.policy=delete,compact", 1),
        ],
    );
    alter(vec![AlterConfig::Delete("retention.ms".to_owned())])
        .await
        .unwrap();

    let refused = alter(vec![set("retention.ms", "long")]).await;
    assert_eq!(code(&refused), ErrorCode::InvalidConfig);
    let missing = ConfigResource::Topic("admin-missing".to_owned());
    let brokers = within("brokers", admin.brokers()).await.unwrap();
    let all = brokers
        .iter()
        .map(|broker| ConfigResource::Broker(broker.id));
    let described = admin.describe_configs(all.chain([missing, ConfigResource::Broker(4711)]));
    let described = within("describing", described).await.unwrap();
    for (resource, entries) in described {
        match resource {
            ConfigResource::Topic(_) => {
                assert_eq!(code(&entries), ErrorCode::UnknownTopicOrPartition);
            }
            ConfigResource::Broker(4711) => {
                assert_eq!(code(&entries), ErrorCode::BrokerNotAvailable);
            }
            ConfigResource::Broker(id) => {
                let entries = entries.unwrap();
                let own = entries.iter().find(|entry| entry.name == "node.id");
                assert_eq!(own.unwrap().value, Some(id.to_string()));
                assert!(own.unwrap().is_read_only);
            }
            other => panic!("{other:?} was not asked for"),
        }
    }
    let listed = within("listing", admin.list_config_resources()).await;
    let listed = listed.unwrap();
    // Before Kafka 4.1 only client metrics are named.
    let names_topics = listed
        .iter()
        .any(|listed| matches!(listed, ConfigResource::Topic(_)));
    assert_eq!(listed.contains(&resource), names_topics);
}

pub(crate) async fn quotas_that_were_set_are_what_kafkas_tool_shows(kafka: &Kafka) {
    let admin = kafka.admin().await;
    let user = unique("admin");
    let entity = QuotaEntity::user(&user).and("client-id", Some("reports".to_owned()));
    let set = |key: &str, value| BTreeMap::from([(key.to_owned(), value)]);
    let altered = admin.alter_client_quotas([
        (entity.clone(), set("consumer_byte_rate", Some(1024.0))),
        (QuotaEntity::user(&user), set("no_such_quota", Some(1.0))),
    ]);
    for (of, altered) in within("altering", altered).await.unwrap() {
        let expected = if of == entity {
            ErrorCode::None
        } else {
            ErrorCode::InvalidRequest
        };
        assert_eq!(code(&altered), expected, "{of:?}");
    }
    let filter = QuotaFilter {
        components: BTreeMap::from([
            ("user".to_owned(), QuotaMatch::Exact(user.clone())),
            ("client-id".to_owned(), QuotaMatch::Any),
        ]),
        is_strict: true,
    };
    let quota = async || {
        let found = within("describing", admin.describe_client_quotas(&filter)).await;
        let found = found.unwrap();
        found
            .get(&entity)
            .and_then(|quotas| quotas.get("consumer_byte_rate").copied())
    };
    let becomes = async |expected: Option<f64>| {
        within("the quota", async {
            while quota().await != expected {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        })
        .await;
    };
    becomes(Some(1024.0)).await;
    let entity_arguments = ["--entity-type", "users", "--entity-name", &user];
    let client_arguments = ["--entity-type", "clients", "--entity-name", "reports"];
    let arguments = [&["--describe"][..], &entity_arguments, &client_arguments].concat();
    kafka.shows("configs", &arguments, &[("consumer_byte_rate=1024", 1)]);
    let removed = admin.alter_client_quotas([(entity.clone(), set("consumer_byte_rate", None))]);
    only(within("removing", removed).await.unwrap()).unwrap();
    becomes(None).await;
}
