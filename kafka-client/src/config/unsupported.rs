//! Settings of Kafka's own clients that this one does not have, and why: who brings a file of settings along is told.

const TLS: &str = "TLS is not there yet";
const KERBEROS: &str = "Kerberos is not built in: give a SaslMechanism for GSSAPI to the builder";
const TOKENS: &str =
    "tokens are fetched by a function: give Sasl::oauth_bearer_from to the builder";
const CLASS: &str = "names a class of the JVM: give the object to the builder instead";
const METRICS: &str = "there are no metric reporters and no samples to set up";

/// Beginnings of names, a whole family each.
const FAMILIES: &[(&str, &str)] = &[
    ("sasl.kerberos.", KERBEROS),
    ("sasl.login.", TOKENS),
    ("sasl.oauthbearer.", TOKENS),
    ("ssl.", TLS),
    ("metrics.", METRICS),
    ("share.", "share groups are not there"),
];

const SETTINGS: &[(&str, &str)] = &[
    (
        "bootstrap.controllers",
        "only admin clients speak to controllers: set bootstrap.servers",
    ),
    ("compression.lz4.level", "the lz4 compressor has one level"),
    ("config.providers", CLASS),
    ("enable.metrics.push", "metrics are not pushed to brokers"),
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
    ("value.deserializer", CLASS),
    ("value.serializer", CLASS),
];

/// Whether a value of the setting must not be repeated in an error, which may end up in a log.
pub(super) fn is_secret(key: &str) -> bool {
    let secret = ["password", "passphrase", "secret", "jaas", "keystore.key"];
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
