//! Users with SCRAM credentials.

use kafka_client::security::Sasl;

use crate::*;

pub(crate) async fn a_user_can_log_in_once_its_password_is_set_and_no_more_once_it_is_removed(
    kafka: &Kafka,
    sasl: Option<&str>,
) {
    let admin = kafka.admin().await;
    let user = unique("user");
    let password = format!("{user}-geheim");
    let credential = |mechanism| ScramCredential::new(mechanism, &*password);
    let stronger = credential(ScramMechanism::Sha512).iterations(8192);
    let altered = within(
        "altering",
        admin.alter_user_scram_credentials([
            (
                &*user,
                AlterScramCredential::Upsert(credential(ScramMechanism::Sha256)),
            ),
            (
                "admin-missing",
                AlterScramCredential::Delete(ScramMechanism::Sha256),
            ),
            (
                "too-weak",
                AlterScramCredential::Upsert(credential(ScramMechanism::Sha256).iterations(1)),
            ),
            (
                "unknown",
                AlterScramCredential::Upsert(credential(ScramMechanism::Unknown(9))),
            ),
        ]),
    );
    let altered = altered.await.unwrap();
    let said = format!("{altered:?}");
    assert!(!said.contains(&password), "{said}");
    assert_eq!(code(&altered[0].1), ErrorCode::None);
    let stronger = [(&*user, AlterScramCredential::Upsert(stronger))];
    let set = within("altering", admin.alter_user_scram_credentials(stronger));
    only(set.await.unwrap()).unwrap();
    assert_eq!(code(&altered[1].1), ErrorCode::ResourceNotFound);
    assert_eq!(code(&altered[2].1), ErrorCode::UnacceptableCredential);
    assert!(text(&altered[3].1).contains("user \"unknown\""));

    let infos = async || {
        let named = [&*user];
        let described = admin.describe_user_scram_credentials(Some(&named));
        let described = within("describing", described).await.unwrap();
        only(described).map_or(Vec::new(), |infos| {
            let info = |info: &ScramCredentialInfo| (info.mechanism.name(), info.iterations);
            infos.iter().map(info).collect()
        })
    };
    let both = vec![("SCRAM-SHA-256", 4096), ("SCRAM-SHA-512", 8192)];
    becomes("both credentials", both, infos).await;
    let seen = "{SCRAM-SHA-256=4096, SCRAM-SHA-512=8192}";
    kafka.java_sees(&[(&format!("scram {user}"), seen)]);
    let all = within("describing", admin.describe_user_scram_credentials(None)).await;
    assert!(all.unwrap().iter().any(|(known, _)| *known == user));

    let log_in = async |login: Sasl, servers: &str| {
        let builder = Admin::builder().bootstrap_servers(servers).sasl(login);
        within("logging in", builder.build()).await
    };
    if let Some(servers) = sasl {
        for login in [
            Sasl::scram_sha_256(&user, &*password),
            Sasl::scram_sha_512(&user, &*password),
        ] {
            log_in(login, servers).await.unwrap();
        }
    }
    for mechanism in [ScramMechanism::Sha256, ScramMechanism::Sha512] {
        let removed = [(&*user, AlterScramCredential::Delete(mechanism))];
        let removed = within("removing", admin.alter_user_scram_credentials(removed));
        only(removed.await.unwrap()).unwrap();
    }
    becomes("no credentials", Vec::new(), infos).await;
    kafka.java_sees(&[(&format!("scram {user}"), "ResourceNotFoundException")]);
    if let Some(servers) = sasl {
        let refused = log_in(Sasl::scram_sha_256(&user, &*password), servers).await;
        let refused = refused.unwrap_err();
        assert!(matches!(refused, Error::Authentication { .. }), "{refused}");
        assert!(!refused.to_string().contains(&password));
    }
}

/// On a cluster with `delegation.token.secret.key`, whose SASL listener knows alice and bob.
pub(crate) async fn a_token_stands_for_its_owner_until_it_is_expired(kafka: &Kafka, sasl: &str) {
    let log_in = async |login: Sasl| {
        let builder = Admin::builder().bootstrap_servers(sasl).sasl(login);
        within("logging in", builder.build()).await
    };
    let alice = log_in(Sasl::plain("alice", "alice-secret")).await.unwrap();
    let created = alice.create_delegation_token(NewDelegationToken {
        renewers: vec![KafkaPrincipal::user("bob")],
        max_lifetime: Some(Duration::from_secs(3600)),
        ..NewDelegationToken::default()
    });
    let token = within("a token", created).await.unwrap();
    assert_eq!(token.owner, KafkaPrincipal::user("alice"));
    assert_eq!(token.ends_at - token.issued_at, 3_600_000);
    let shown = format!("{token:?}");
    let secret = token.hmac.password();
    assert!(
        !shown.contains(secret.expose()) && shown.contains("[hidden]"),
        "{shown}"
    );
    becomes("the token", true, async || {
        let tokens = within("tokens", alice.describe_delegation_tokens(None)).await;
        tokens.unwrap().contains(&DelegationToken {
            requester: Some(KafkaPrincipal::user("alice")),
            ..token.clone()
        })
    })
    .await;

    let bob = log_in(Sasl::plain("bob", "bob-secret")).await.unwrap();
    let period = Some(Duration::from_secs(600));
    let renewed = bob.renew_delegation_token(&token.hmac, period);
    let renewed = within("renewing", renewed).await.unwrap();
    assert!((token.issued_at..token.expires_at).contains(&renewed));
    let question = format!("token {}", token.token_id);
    becomes("the new end", Some(renewed), async || {
        let tokens = within("tokens", alice.describe_delegation_tokens(None)).await;
        let tokens = tokens.unwrap();
        let found = tokens.iter().find(|known| known.token_id == token.token_id);
        found.map(|token| token.expires_at)
    })
    .await;
    let seen = format!("User:alice [User:bob] {renewed} {}", secret.expose());
    kafka.java_sees_as("alice:alice-secret", sasl, &[(&question, &seen)]);

    // By the token one is alice, and may not ask for another one.
    for login in [token.sasl_sha_256(), token.sasl_sha_512()] {
        let by_token = log_in(login).await.unwrap();
        let refused = by_token.create_delegation_token(NewDelegationToken::default());
        let refused = within("the refusal", refused).await;
        assert_eq!(code(&refused), ErrorCode::DelegationTokenRequestNotAllowed);
    }
    let unknown = TokenHmac::new(vec![1, 2, 3]);
    let refused = within("renewing", alice.renew_delegation_token(&unknown, None)).await;
    assert_eq!(code(&refused), ErrorCode::DelegationTokenNotFound);
    let refused = kafka.admin().await;
    let refused = refused.create_delegation_token(NewDelegationToken::default());
    let refused = within("the refusal", refused).await;
    assert_eq!(code(&refused), ErrorCode::DelegationTokenRequestNotAllowed);

    let expired = within("expiring", alice.expire_delegation_token(&token.hmac, None));
    expired.await.unwrap();
    becomes("no token", true, async || {
        let own = [KafkaPrincipal::user("alice")];
        let tokens = within("tokens", alice.describe_delegation_tokens(Some(&own)));
        tokens.await.unwrap().is_empty()
    })
    .await;
    kafka.java_sees_as("alice:alice-secret", sasl, &[(&question, "no token")]);
    becomes("nobody believes the token", true, async || {
        let refused = log_in(token.sasl_sha_256()).await;
        matches!(refused, Err(Error::Authentication { .. }))
    })
    .await;
}
