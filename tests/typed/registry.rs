//! The client of schema registries against the test kit's.

use kafka_client::schema_registry::{
    Compatibility, RegistryCode, RegistryError, Schema, SchemaKind, SchemaRegistry, Version,
};
use tests::registry::Registry;

use crate::{client, quick, within};

const STRING: &str = r#""string""#;

fn record(fields: &str) -> Schema {
    Schema::avro(format!(
        r#"{{"type":"record","name":"Order","fields":[{fields}]}}"#
    ))
}

fn one_field() -> Schema {
    record(r#"{"name":"n","type":"int"}"#)
}

fn refused<T>(result: Result<T, RegistryError>) -> RegistryCode {
    let error = result.err().expect("a refusal");
    error.code().unwrap_or_else(|| panic!("{error}"))
}

#[tokio::test]
async fn subjects_have_versions_which_have_ids() {
    let server = Registry::start().await;
    let registry = client(&server);
    let (subject, schema) = ("a/b c?-value", one_field());
    let id = registry.register(subject, &schema).await.unwrap();
    assert_eq!(registry.register(subject, &schema).await.unwrap(), id);
    assert_eq!(registry.subjects().await.unwrap(), [subject]);
    let more = record(r#"{"name":"n","type":"int"},{"name":"m","type":"int","default":1}"#);
    let second = registry.register(subject, &more).await.unwrap();
    assert_ne!(second, id);
    assert_eq!(registry.versions(subject).await.unwrap(), [1, 2]);
    let latest = registry.version(subject, Version::Latest).await.unwrap();
    assert_eq!((latest.version, latest.id), (2, second));
    assert_eq!(registry.version(subject, 1).await.unwrap().schema, schema);
    assert_eq!(registry.lookup(subject, &schema).await.unwrap().version, 1);
    assert_eq!(*registry.schema(id).await.unwrap(), schema);
    // The same schema has one id in all subjects.
    assert_eq!(registry.register("other", &schema).await.unwrap(), id);
    let places = registry.schema_versions(id).await.unwrap();
    assert_eq!(places, [(subject.to_owned(), 1), ("other".to_owned(), 1)]);
}

#[tokio::test]
async fn what_is_not_there_and_what_is_wrong_is_told_by_its_code() {
    let server = Registry::start().await;
    let registry = client(&server);
    let (subject, schema) = ("orders-value", one_field());
    registry.register(subject, &schema).await.unwrap();
    let code = refused(registry.versions("none").await);
    assert_eq!(code, RegistryCode::SubjectNotFound);
    let code = refused(registry.version(subject, 7).await);
    assert_eq!(code, RegistryCode::VersionNotFound);
    let code = refused(registry.version(subject, -7).await);
    assert_eq!(code, RegistryCode::VersionNotFound);
    assert_eq!(
        refused(registry.schema(99).await),
        RegistryCode::SchemaNotFound
    );
    let unknown = registry.lookup(subject, &Schema::avro(STRING)).await;
    assert_eq!(refused(unknown), RegistryCode::SchemaNotFound);
    let invalid = registry.register(subject, &Schema::avro("{")).await;
    assert_eq!(refused(invalid), RegistryCode::InvalidSchema);
    let error = registry
        .register(subject, &Schema::avro(STRING))
        .await
        .unwrap_err();
    assert_eq!(error.code(), Some(RegistryCode::Incompatible));
    let text = error.to_string();
    let expected = format!(
        "registering a schema for subject \"orders-value\": the schema registry at {}/ refused it (409): ",
        server.url()
    );
    assert!(text.starts_with(&expected), "{text}");
    assert!(!error.is_retriable());
}

#[tokio::test]
async fn compatibility_is_checked_at_the_level_of_the_subject_or_of_the_registry() {
    let server = Registry::start().await;
    let registry = client(&server);
    let (subject, schema) = ("orders-value", one_field());
    registry.register(subject, &schema).await.unwrap();
    let level = |subject| registry.compatibility(subject);
    assert_eq!(level(None).await.unwrap(), Compatibility::Backward);
    assert_eq!(level(Some(subject)).await.unwrap(), Compatibility::Backward);
    // Old records lack the field, and it has no default.
    let breaking = record(r#"{"name":"n","type":"int"},{"name":"m","type":"int"}"#);
    let check = registry.check_compatibility(subject, Version::Latest, &breaking);
    let check = check.await.unwrap();
    assert!(!check.is_compatible && !check.messages.is_empty());
    let wanted = Compatibility::ForwardTransitive;
    let set = registry.set_compatibility(Some(subject), wanted);
    set.await.unwrap();
    assert_eq!(level(Some(subject)).await.unwrap(), wanted);
    let check = registry.check_compatibility(subject, 1, &breaking);
    assert!(check.await.unwrap().is_compatible);
    registry.register(subject, &breaking).await.unwrap();
    registry.delete_compatibility(subject).await.unwrap();
    let again = registry.delete_compatibility(subject).await;
    assert_eq!(refused(again), RegistryCode::SubjectLevelNotFound);
    let set = registry.set_compatibility(None, Compatibility::None);
    set.await.unwrap();
    assert_eq!(level(Some(subject)).await.unwrap(), Compatibility::None);
    let anything = Schema::avro(STRING);
    registry.register(subject, &anything).await.unwrap();
}

#[tokio::test]
async fn deleted_subjects_and_versions_are_gone_in_two_steps() {
    let server = Registry::start().await;
    let registry = client(&server);
    let subject = "orders-value";
    let id = registry.register(subject, &one_field()).await.unwrap();
    let early = registry.delete_subject(subject, true).await;
    assert_eq!(refused(early), RegistryCode::SubjectNotSoftDeleted);
    let deleted = registry.delete_version(subject, 1, false).await;
    assert_eq!(deleted.unwrap(), 1);
    let code = refused(registry.versions(subject).await);
    assert_eq!(code, RegistryCode::SubjectNotFound);
    // What was written with it can be read for ever, and registering it again is asked for anew.
    registry.schema(id).await.unwrap();
    registry.register(subject, &one_field()).await.unwrap();
    assert_eq!(registry.versions(subject).await.unwrap(), [2]);
    let deleted = registry.delete_subject(subject, false).await;
    assert_eq!(deleted.unwrap(), [2]);
    let deleted = registry.delete_subject(subject, true).await;
    assert_eq!(deleted.unwrap(), [1, 2]);
}

#[tokio::test]
async fn schemas_that_others_refer_to_stay() {
    let server = Registry::start().await;
    let registry = client(&server);
    let inner = Schema::avro(r#"{"type":"record","name":"a.Inner","fields":[]}"#);
    registry.register("inner", &inner).await.unwrap();
    let outer = r#"{"type":"record","name":"Outer","fields":[{"name":"i","type":"a.Inner"}]}"#;
    let outer = Schema::avro(outer).reference("a.Inner", "inner", 1);
    let id = registry.register("outer", &outer).await.unwrap();
    assert_eq!(registry.schema(id).await.unwrap().references.len(), 1);
    assert_eq!(registry.referenced_by("inner", 1).await.unwrap(), [id]);
    let code = refused(registry.delete_subject("inner", false).await);
    assert_eq!(code, RegistryCode::ReferenceExists);
    let json = Schema::json(r#"{"type":"object"}"#);
    let id = registry.register("json", &json).await.unwrap();
    assert_eq!(registry.schema(id).await.unwrap().kind, SchemaKind::Json);
}

#[tokio::test]
async fn a_schema_is_asked_for_once_however_many_want_it() {
    let server = Registry::start().await;
    let id = client(&server).register("s", &one_field()).await.unwrap();
    server.take_asked();
    let registry = client(&server);
    let mut waiting = tokio::task::JoinSet::new();
    for _ in 0..50 {
        let registry = registry.clone();
        waiting.spawn(async move {
            registry.schema(id).await.unwrap();
            registry.register("s", &one_field()).await.unwrap()
        });
    }
    assert_eq!(waiting.join_all().await, [id; 50]);
    assert_eq!(
        server.take_asked(),
        ["GET /schemas/ids/1", "POST /subjects/s/versions"]
    );
    // What failed is not kept.
    for _ in 0..2 {
        registry.schema(99).await.unwrap_err();
    }
    assert_eq!(server.take_asked().len(), 2);
}

#[tokio::test]
async fn registries_with_trouble_are_passed_over_and_tried_again() {
    let (server, gone) = (Registry::start().await, Registry::start().await);
    let urls = format!("{},{}", gone.url(), server.url());
    drop(gone);
    let registry = quick(SchemaRegistry::builder(urls));
    let subjects = within("an answer", registry.subjects()).await;
    assert_eq!(subjects.unwrap(), [""; 0]);
    server.fail_next([500, 503, 429]);
    let registry = client(&server);
    within("an answer", registry.subjects()).await.unwrap();
    server.take_asked();
    server.fail_next([500; 4]);
    let error = within("an error", registry.subjects()).await.unwrap_err();
    assert_eq!(error.code(), Some(RegistryCode::Backend(500)));
    assert!(error.is_retriable());
    assert_eq!(server.take_asked().len(), 4);
    drop(server);
    let error = within("an error", registry.subjects()).await.unwrap_err();
    assert!(
        matches!(error, RegistryError::Unreachable { .. }),
        "{error}"
    );
    assert!(error.is_retriable());
}

#[tokio::test]
async fn who_is_not_known_is_told_so_and_no_secret_is_shown() {
    let server = Registry::start().await;
    // alice:alice-secret
    server.require("Basic YWxpY2U6YWxpY2Utc2VjcmV0");
    let builder = SchemaRegistry::builder(server.url());
    let wrong = quick(builder.clone().basic_auth("alice", "wrong-secret"));
    let error = wrong.subjects().await.unwrap_err();
    assert_eq!(error.code(), Some(RegistryCode::Unauthorized));
    assert!(!format!("{error} {error:?} {wrong:?}").contains("secret"));
    let right = builder.basic_auth("alice", "alice-secret");
    assert!(!format!("{right:?}").contains("secret"));
    quick(right).subjects().await.unwrap();
    let url = server.url().replace("//", "//alice:alice-secret@");
    quick(SchemaRegistry::builder(url))
        .subjects()
        .await
        .unwrap();
    server.require("Bearer token");
    let bearer = SchemaRegistry::builder(server.url()).bearer_auth("token");
    quick(bearer).subjects().await.unwrap();
}

#[tokio::test]
async fn what_is_no_registry_is_told_apart() {
    let server = Registry::start().await;
    let registry = client(&server);
    server.fail_next([302, 200]);
    for expected in ["redirects are not followed", "expected"] {
        let error = registry.subjects().await.unwrap_err();
        let is_protocol = matches!(error, RegistryError::Protocol { .. });
        assert!(
            is_protocol && error.to_string().contains(expected),
            "{error}"
        );
    }
    for urls in ["", "localhost:8081", "http://a, ftp://b"] {
        let error = SchemaRegistry::builder(urls).build().unwrap_err();
        assert!(matches!(error, RegistryError::Setting { .. }), "{error}");
    }
}
