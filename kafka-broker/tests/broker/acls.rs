//! Who may not do something is told so, API by API, and may do it when an ACL says so.

mod admin_calls;
mod calls;
mod needed;
mod share_calls;

use std::time::Duration;

use bytes::Bytes;
use kafka_broker::{Authorizer, Broker, Listener, SecurityProtocol};
use kafka_proto::codec::{Request, Uuid};
use kafka_proto::error_code::ErrorCode;
use kafka_proto::messages::*;

use crate::connection::{Connection, batch, fetch_request, produce_request};
use needed::{APIS, OPEN};

const TOPIC: i8 = 2;
const GROUP: i8 = 3;
const CLUSTER: i8 = 4;
const TRANSACTIONAL_ID: i8 = 5;
const USER: i8 = 7;

const READ: i8 = 3;
const WRITE: i8 = 4;
const CREATE: i8 = 5;
const DELETE: i8 = 6;
const ALTER: i8 = 7;
const DESCRIBE: i8 = 8;
const CLUSTER_ACTION: i8 = 9;
const DESCRIBE_CONFIGS: i8 = 10;
const ALTER_CONFIGS: i8 = 11;
const IDEMPOTENT_WRITE: i8 = 12;
const CREATE_TOKENS: i8 = 13;

/// What an API says to who has not got this.
fn denied_by(key: i16, acl: (i8, &str, i8)) -> i16 {
    match (key, acl.0) {
        // Each is content with one of two, and has one thing to say.
        (CreateTopicsRequest::KEY, _) => denied(TOPIC),
        (InitProducerIdRequest::KEY, TOPIC) => denied(CLUSTER),
        (_, resource_type) => denied(resource_type),
    }
}

/// What is said to who may not do something with that.
fn denied(resource_type: i8) -> i16 {
    match resource_type {
        TOPIC => ErrorCode::TopicAuthorizationFailed,
        GROUP => ErrorCode::GroupAuthorizationFailed,
        CLUSTER => ErrorCode::ClusterAuthorizationFailed,
        TRANSACTIONAL_ID => ErrorCode::TransactionalIdAuthorizationFailed,
        _ => ErrorCode::DelegationTokenAuthorizationFailed,
    }
    .code()
}

async fn secured(authorizer: Authorizer) -> Broker {
    Broker::builder()
        .listener(Listener::new("CLIENTS", SecurityProtocol::SaslPlaintext))
        .plain_user("root", "secret")
        .plain_user("alice", "secret")
        .delegation_tokens("key")
        .authorizer(authorizer.super_user("User:root"))
        .start()
        .await
        .unwrap()
}

async fn log_in(broker: &Broker, name: &str) -> Connection {
    let mut c = Connection::open(broker).await;
    let handshake = SaslHandshakeRequest {
        mechanism: "PLAIN".into(),
        ..Default::default()
    };
    assert_eq!(c.call(&handshake, 1).await.error_code, 0);
    let token = SaslAuthenticateRequest {
        auth_bytes: format!("\0{name}\0secret").into(),
        ..Default::default()
    };
    assert_eq!(c.call(&token, 2).await.error_code, 0);
    c
}

fn allowing((resource_type, name, operation): (i8, &'static str, i8)) -> CreateAclsRequest {
    let creation = create_acls::AclCreation {
        resource_type,
        resource_name: name.into(),
        resource_pattern_type: 3,
        principal: "User:alice".into(),
        host: "127.0.0.1".into(),
        operation,
        permission_type: 3,
        ..Default::default()
    };
    CreateAclsRequest {
        creations: vec![creation],
        ..Default::default()
    }
}

fn all_of_alice() -> delete_acls::DeleteAclsFilter {
    delete_acls::DeleteAclsFilter {
        resource_type_filter: 1,
        resource_name_filter: None,
        pattern_type_filter: 1,
        principal_filter: Some("User:alice".into()),
        host_filter: None,
        operation: 1,
        permission_type: 1,
        ..Default::default()
    }
}

async fn forget(root: &mut Connection) -> usize {
    let request = DeleteAclsRequest {
        filters: vec![all_of_alice()],
        ..Default::default()
    };
    let response = root.call(&request, 3).await;
    assert_eq!(response.filter_results[0].error_code, 0);
    response.filter_results[0].matching_acls.len()
}

#[tokio::test]
async fn each_api_takes_what_kafka_takes_for_it() {
    let broker = secured(Authorizer::new()).await;
    let mut root = log_in(&broker, "root").await;
    for &(key, version, needed) in APIS {
        // One of the rows deletes it.
        let _ = broker.create_topic("t", 1);
        let known = root.call(&calls::metadata("t", false), 12).await;
        let topic_id = known.topics[0].topic_id;
        let mut alice = log_in(&broker, "alice").await;
        for &acl in needed {
            let told = calls::errors(&mut alice, key, version, topic_id).await;
            assert_eq!(
                told,
                denied_by(key, acl),
                "API {key}, version {version}: without {acl:?}"
            );
            let created = root.call(&allowing(acl), 3).await;
            assert_eq!(created.results[0].error_code, 0);
        }
        let told = calls::errors(&mut alice, key, version, topic_id).await;
        let denials = [TOPIC, GROUP, CLUSTER, TRANSACTIONAL_ID, USER].map(denied);
        assert!(
            !denials.contains(&told),
            "API {key}, version {version}: {told} with {needed:?}"
        );
        forget(&mut root).await;
    }
}

#[tokio::test]
async fn no_api_is_forgotten() {
    let broker = secured(Authorizer::new()).await;
    let mut versions = Connection::open(&broker).await;
    let served = versions.call(&ApiVersionsRequest::default(), 0).await;
    for api in served.api_keys {
        let is_known = OPEN.contains(&api.api_key) || APIS.iter().any(|row| row.0 == api.api_key);
        assert!(is_known, "API {} takes nothing: say so", api.api_key);
    }
}

#[tokio::test]
async fn what_somebody_may_not_know_of_is_not_shown() {
    let broker = secured(Authorizer::new()).await;
    broker.create_topic("t", 1).unwrap();
    broker.create_topic("u", 1).unwrap();
    let (mut root, mut alice) = (
        log_in(&broker, "root").await,
        log_in(&broker, "alice").await,
    );
    let all = MetadataRequest {
        topics: None,
        include_topic_authorized_operations: true,
        ..Default::default()
    };
    assert_eq!(root.call(&all, 12).await.topics.len(), 2);
    assert_eq!(alice.call(&all, 12).await.topics.len(), 0);
    root.call(&allowing((TOPIC, "t", READ)), 3).await;
    let shown = alice.call(&all, 12).await;
    assert_eq!(shown.topics.len(), 1);
    let may = 1 << READ | 1 << DESCRIBE;
    assert_eq!(shown.topics[0].topic_authorized_operations, may);
    let ids = root.call(&all, 12).await;
    let by_id = |n: usize| {
        let topic = metadata::MetadataRequestTopic {
            topic_id: ids.topics[n].topic_id,
            name: None,
            ..Default::default()
        };
        MetadataRequest {
            topics: Some(vec![topic]),
            ..Default::default()
        }
    };
    let found = alice.call(&by_id(0), 12).await;
    assert_eq!(found.topics[0].name.as_deref(), Some("t"));
    let hidden = alice.call(&by_id(1), 12).await;
    let unknown = ErrorCode::UnknownTopicId.code();
    assert_eq!(
        (hidden.topics[0].error_code, hidden.topics[0].name.as_ref()),
        (unknown, None)
    );

    // What is not there comes into being for who may create it.
    let wanted = calls::metadata("new", true);
    let denied = denied(TOPIC);
    root.call(&allowing((TOPIC, "new", DESCRIBE)), 3).await;
    assert_eq!(alice.call(&wanted, 12).await.topics[0].error_code, denied);
    root.call(&allowing((TOPIC, "new", CREATE)), 3).await;
    assert_eq!(alice.call(&wanted, 12).await.topics[0].error_code, 0);

    for name in ["t", "x"] {
        root.call(&calls::commit(name), 8).await;
    }
    let groups = ListGroupsRequest::default();
    assert_eq!(root.call(&groups, 5).await.groups.len(), 2);
    assert_eq!(alice.call(&groups, 5).await.groups.len(), 0);
    root.call(&allowing((GROUP, "x", DESCRIBE)), 3).await;
    assert_eq!(alice.call(&groups, 5).await.groups.len(), 1);
    root.call(&allowing((CLUSTER, "kafka-cluster", DESCRIBE)), 3)
        .await;
    assert_eq!(alice.call(&groups, 5).await.groups.len(), 2);
}

#[tokio::test]
async fn acls_are_described_and_deleted_by_filters() {
    let broker = secured(Authorizer::new()).await;
    let mut root = log_in(&broker, "root").await;
    for acl in [(TOPIC, "t", READ), (TOPIC, "t", WRITE), (GROUP, "g", READ)] {
        assert_eq!(root.call(&allowing(acl), 3).await.results[0].error_code, 0);
    }
    let describe = |pattern_type_filter, resource_type_filter, name: Option<&'static str>| {
        DescribeAclsRequest {
            resource_type_filter,
            resource_name_filter: name.map(Into::into),
            pattern_type_filter,
            principal_filter: None,
            host_filter: None,
            operation: 1,
            permission_type: 1,
            ..Default::default()
        }
    };
    let (any, matching, literal, prefixed) = (1, 2, 3, 4);
    for (filter, resources, acls) in [
        (describe(any, 1, None), 2, 3),
        (describe(any, TOPIC, None), 1, 2),
        (describe(matching, TOPIC, Some("t")), 1, 2),
        (describe(literal, GROUP, Some("g")), 1, 1),
        (describe(prefixed, GROUP, Some("g")), 0, 0),
        (describe(literal, GROUP, Some("t")), 0, 0),
    ] {
        let described = root.call(&filter, 3).await;
        let count = described
            .resources
            .iter()
            .map(|of| of.acls.len())
            .sum::<usize>();
        assert_eq!(
            (described.error_code, described.resources.len(), count),
            (0, resources, acls),
            "{filter:?}"
        );
    }
    assert_eq!(forget(&mut root).await, 3);
    let nonsense = root.call(&describe(9, 1, None), 3).await;
    assert_eq!(nonsense.error_code, ErrorCode::InvalidRequest.code());
    for (what, wrong) in [
        ("name", (TOPIC, "", READ)),
        ("type", (9, "t", READ)),
        ("operation", (TOPIC, "t", 1)),
        ("CLUSTER", (CLUSTER, "other", READ)),
    ] {
        let refused = root.call(&allowing(wrong), 3).await;
        let result = &refused.results[0];
        assert_eq!(result.error_code, ErrorCode::InvalidRequest.code());
        let message = result.error_message.as_deref().unwrap();
        assert!(
            message.to_lowercase().contains(&what.to_lowercase()),
            "{message}"
        );
    }

    let broker = crate::connection::broker().await;
    let mut anybody = Connection::open(&broker).await;
    let disabled = anybody.call(&describe(any, 1, None), 3).await;
    assert_eq!(disabled.error_code, ErrorCode::SecurityDisabled.code());
}

#[tokio::test]
async fn a_token_is_lent_by_who_logged_in_and_lends_no_other() {
    let broker = secured(Authorizer::new().allow_everyone_if_no_acl_found(true)).await;
    let mut alice = log_in(&broker, "alice").await;
    let create = CreateDelegationTokenRequest {
        owner_principal_type: None,
        owner_principal_name: None,
        max_lifetime_ms: -1,
        ..Default::default()
    };
    let token = alice.call(&create, 3).await;
    assert_eq!((token.error_code, &*token.principal_name), (0, "alice"));
    let day = Duration::from_secs(24 * 3600).as_millis() as i64;
    assert_eq!(token.expiry_timestamp_ms - token.issue_timestamp_ms, day);
    let describe = DescribeDelegationTokenRequest {
        owners: None,
        ..Default::default()
    };
    let described = alice.call(&describe, 3).await;
    assert_eq!(described.tokens[0].hmac, token.hmac);
    let expire = ExpireDelegationTokenRequest {
        hmac: token.hmac.clone(),
        expiry_time_period_ms: -1,
        ..Default::default()
    };
    let mut root = log_in(&broker, "root").await;
    let mismatch = ErrorCode::DelegationTokenOwnerMismatch.code();
    assert_eq!(root.call(&expire, 2).await.error_code, mismatch);
    assert_eq!(alice.call(&expire, 2).await.error_code, 0);
    assert_eq!(alice.call(&describe, 3).await.tokens, []);

    let broker = crate::connection::broker().await;
    let mut anybody = Connection::open(&broker).await;
    let refused = anybody.call(&create, 3).await.error_code;
    assert_eq!(refused, ErrorCode::DelegationTokenRequestNotAllowed.code());
}

#[tokio::test]
async fn a_quota_is_of_the_user_who_logged_in() {
    let broker = secured(Authorizer::new()).await;
    broker.create_topic("t", 1).unwrap();
    let mut root = log_in(&broker, "root").await;
    root.call(&allowing((TOPIC, "t", WRITE)), 3).await;
    let user = alter_client_quotas::EntityData {
        entity_type: "user".into(),
        entity_name: Some("alice".into()),
        ..Default::default()
    };
    let rate = alter_client_quotas::OpData {
        key: "producer_byte_rate".into(),
        value: 1000.0,
        ..Default::default()
    };
    let entry = alter_client_quotas::EntryData {
        entity: vec![user],
        ops: vec![rate],
        ..Default::default()
    };
    let request = AlterClientQuotasRequest {
        entries: vec![entry],
        ..Default::default()
    };
    assert_eq!(root.call(&request, 1).await.entries[0].error_code, 0);
    let large = produce_request("t", 0, batch(&["x".repeat(12_000).as_str()]));
    let of_root = root.call(&large, 12).await;
    let mut alice = log_in(&broker, "alice").await;
    let of_alice = alice.call(&large, 12).await;
    for response in [&of_root, &of_alice] {
        assert_eq!(response.responses[0].partition_responses[0].error_code, 0);
    }
    assert_eq!(of_root.throttle_time_ms, 0);
    assert!(of_alice.throttle_time_ms > 0);
}
