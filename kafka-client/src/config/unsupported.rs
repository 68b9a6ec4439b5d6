//! Settings of Kafka's own clients that this one does not have, and why: who brings a file of settings along is told.

#[cfg(not(feature = "tls"))]
const TLS: &str = "TLS is not built in: switch on the cargo feature \"tls\" of kafka-client";
#[cfg(feature = "tls")]
const TLS: &str = "there is nothing of the kind to choose: TLS 1.2 and 1.3 are built in, with the cipher suites that are safe";
const PEM: &str = "stores are PEM, which has no password of its own: a key that is encrypted has ssl.key.password";
const KERBEROS: &str = "Kerberos is not built in: give a SaslMechanism for GSSAPI to the builder";
#[cfg(feature = "oidc")]
const TOKENS: &str = "tokens are given out by a token endpoint to clients with a secret, or by a function: for others give Sasl::oauth_bearer_from to the builder";
#[cfg(not(feature = "oidc"))]
const TOKENS: &str = "tokens of an endpoint are not built in: switch on the cargo feature \"oidc\" of kafka-client, or give Sasl::oauth_bearer_from to the builder";
const CLASS: &str = "names a class of the JVM: give the object to the builder instead";
const METRICS: &str = "there are no metric reporters and no samples to set up";

/// Beginnings of names, a whole family each.
const FAMILIES: &[(&str, &str)] = &[
    ("sasl.kerberos.", KERBEROS),
    ("sasl.login.", TOKENS),
    ("sasl.oauthbearer.", TOKENS),
    ("ssl.", TLS),
    ("metrics.", METRICS),
    (
        "share.",
        "it is a setting of ShareConsumer, or of the group: Admin sets that of a group",
    ),
];

const SETTINGS: &[(&str, &str)] = &[
    (
        "bootstrap.controllers",
        "only admin clients speak to controllers: set bootstrap.servers",
    ),
    ("compression.lz4.level", "the lz4 compressor has one level"),
    ("config.providers", CLASS),
    ("interceptor.classes", CLASS),
    ("key.deserializer", CLASS),
    ("key.serializer", CLASS),
    (
        "metadata.max.idle.ms",
        "a topic that was written to is known for as long as the producer lives",
    ),
    ("metric.reporters", METRICS),
    ("partitioner.class", CLASS),
    ("sasl.client.callback.handler.class", CLASS),
    ("sasl.login.callback.handler.class", CLASS),
    ("sasl.login.class", CLASS),
    ("security.providers", CLASS),
    (
        "transaction.two.phase.commit.enable",
        "there is no two-phase commit by others (KIP-939)",
    ),
    ("ssl.engine.factory.class", CLASS),
    ("ssl.keystore.password", PEM),
    ("ssl.truststore.password", PEM),
    ("value.deserializer", CLASS),
    ("value.serializer", CLASS),
];

/// Whether a value of the setting must not be repeated in an error, which may end up in a log.
pub(super) fn is_secret(key: &str) -> bool {
    let secret = [
        "password",
        "passphrase",
        "secret",
        "jaas",
        // An address may have a password in it.
        "endpoint.url",
        "keystore.key",
        "key.pem",
    ];
    secret.iter().any(|part| key.contains(part))
}

/// Why there is no such setting.
pub(super) fn reason(key: &str) -> String {
    let family = FAMILIES.iter().find(|(family, _)| key.starts_with(family));
    match SETTINGS.iter().find(|(name, _)| *name == key).or(family) {
        Some((_, reason)) => format!("not supported: {reason}"),
        None => "there is no such setting".to_owned(),
    }
}
