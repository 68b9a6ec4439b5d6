use super::*;

const ALL: &str = "*";

/// Permission, principal, operation, pattern and host of an ACL for topics.
type TopicAcl<'a> = (&'a str, &'a str, Operation, (PatternType, &'a str), &'a str);

fn authorization(settings: Authorizer, acls: &[TopicAcl<'_>]) -> Authorization {
    let authorization = Authorization::new(settings);
    for (permission, principal, operation, (pattern_type, name), host) in acls {
        let pattern = ResourcePattern {
            resource_type: ResourceType::Topic,
            pattern_type: *pattern_type,
            name: (*name).into(),
        };
        let acl = Acl {
            principal: (*principal).into(),
            host: (*host).into(),
            operation: *operation,
            permission: if *permission == "allow" {
                Permission::Allow
            } else {
                Permission::Deny
            },
        };
        authorization.acls.add(pattern, acl);
    }
    authorization
}

fn allows(authorization: &Authorization, name: &str, operation: Operation, topic: &str) -> bool {
    let principal = Principal::user(name);
    let subject = Subject {
        principal: &principal,
        host: "127.0.0.1",
    };
    authorization.allows(subject, operation, Resource::topic(topic))
}

#[test]
fn acls_are_read_as_kafka_reads_them() {
    use Operation::*;
    use PatternType::{Literal, Prefixed};
    let authorization = authorization(
        Authorizer::new().super_user("User:root"),
        &[
            ("allow", "User:alice", Read, (Literal, "orders"), ALL),
            ("allow", "User:alice", Write, (Prefixed, "ord"), ALL),
            ("deny", "User:alice", Write, (Literal, "orders-secret"), ALL),
            ("allow", "User:*", Describe, (Literal, "*"), ALL),
            ("deny", "User:mallory", All, (Literal, "*"), ALL),
            ("allow", "User:bob", All, (Literal, "orders"), "10.0.0.1"),
            (
                "allow",
                "User:carol",
                AlterConfigs,
                (Literal, "orders"),
                "127.0.0.1",
            ),
            ("allow", "Group:dave", Read, (Literal, "orders"), ALL),
        ],
    );
    for (name, operation, topic, allowed) in [
        ("alice", Read, "orders", true),
        ("alice", Read, "orders-2", false),
        ("alice", Write, "orders-2", true),
        ("alice", Write, "ord", true),
        ("alice", Write, "or", false),
        ("alice", Write, "orders-secret", false),
        ("alice", Delete, "orders", false),
        ("bob", Describe, "anything", true),
        ("bob", Read, "orders", false),
        ("mallory", Describe, "orders", false),
        ("carol", DescribeConfigs, "orders", true),
        ("carol", AlterConfigs, "orders", true),
        ("dave", Read, "orders", false),
        ("root", Delete, "orders-secret", true),
        ("root", ClusterAction, "unheard-of", true),
    ] {
        let is_allowed = allows(&authorization, name, operation, topic);
        assert_eq!(is_allowed, allowed, "{name} {operation:?} {topic}");
    }
}

#[test]
fn what_is_allowed_implies_that_it_may_be_looked_at() {
    use Operation::*;
    for (granted, implied) in [
        (Read, true),
        (Write, true),
        (Delete, true),
        (Alter, true),
        (Create, false),
        (DescribeConfigs, false),
        (AlterConfigs, false),
        (All, true),
    ] {
        assert_eq!(granted.implies(Describe), implied, "{granted:?}");
        let authorization = authorization(
            Authorizer::new(),
            &[
                ("allow", "User:*", All, (PatternType::Literal, "t"), ALL),
                ("deny", "User:a", granted, (PatternType::Literal, "t"), ALL),
            ],
        );
        let is_denied = !allows(&authorization, "a", Describe, "t");
        assert_eq!(
            is_denied,
            granted == All,
            "to deny {granted:?} denies no other"
        );
    }
}

#[test]
fn where_no_acl_is_everybody_may_if_that_is_set() {
    for everybody in [false, true] {
        let settings = Authorizer::new().allow_everyone_if_no_acl_found(everybody);
        let acl = (
            "allow",
            "User:a",
            Operation::Read,
            (PatternType::Prefixed, "t"),
            ALL,
        );
        let authorization = authorization(settings, &[acl]);
        assert_eq!(
            allows(&authorization, "b", Operation::Read, "other"),
            everybody
        );
        assert!(!allows(&authorization, "b", Operation::Read, "topic"));
        assert!(allows(&authorization, "a", Operation::Read, "topic"));
    }
}

#[test]
fn some_topic_may_be_written_unless_what_is_allowed_is_denied() {
    use PatternType::{Literal, Prefixed};
    let write = Operation::Write;
    let allow = |pattern| ("allow", "User:a", write, pattern, ALL);
    let deny = |pattern| ("deny", "User:a", write, pattern, ALL);
    for (acls, allowed) in [
        (vec![], false),
        (vec![allow((Literal, "t"))], true),
        (vec![allow((Literal, "t")), deny((Literal, "t"))], false),
        (vec![allow((Literal, "t")), deny((Prefixed, "t"))], false),
        (vec![allow((Prefixed, "t")), deny((Literal, "t"))], true),
        (
            vec![allow((Prefixed, "topic")), deny((Prefixed, "t"))],
            false,
        ),
        (vec![allow((Literal, "*")), deny((Prefixed, "hard"))], true),
        (vec![allow((Literal, "t")), deny((Literal, "*"))], false),
        (vec![("allow", "User:b", write, (Literal, "*"), ALL)], false),
        (
            vec![("allow", "User:a", write, (Literal, "*"), "10.0.0.1")],
            false,
        ),
    ] {
        let authorization = authorization(Authorizer::new(), &acls);
        let principal = Principal::user("a");
        let subject = Subject {
            principal: &principal,
            host: "127.0.0.1",
        };
        let any = authorization.allows_any(subject, write, ResourceType::Topic);
        assert_eq!(any, allowed, "{acls:?}");
    }
}
