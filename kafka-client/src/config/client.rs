//! Settings that producers, consumers and admins have in common.

use std::time::Duration;

use super::properties::{Setting, parse_millis};
use crate::error::{Error, Result};

/// How to find the cluster, and how patient to be with it.
///
/// Defaults are those of the Java client.
#[derive(Debug, Clone, PartialEq)]
pub struct ClientConfig {
    /// `bootstrap.servers`: addresses (`HOST:PORT`, an IPv6 address in brackets) to learn the cluster from.
    pub bootstrap_servers: Vec<String>,
    /// `client.id`: what the brokers call this client in their logs and quotas.
    pub client_id: String,
    /// `request.timeout.ms`: a request that is not answered in this time costs the connection.
    pub request_timeout: Duration,
    /// `socket.connection.setup.timeout.ms`: for connecting to one address.
    pub connection_setup_timeout: Duration,
    /// `metadata.max.age.ms`: the cluster is looked at again after this time even if nothing is wrong.
    pub metadata_max_age: Duration,
    /// `retry.backoff.ms`: the wait before the first retry; it doubles from one to the next.
    pub retry_backoff: Duration,
    /// `retry.backoff.max.ms`: the longest wait between retries.
    pub retry_backoff_max: Duration,
    /// `default.api.timeout.ms`: how long an operation that needs an answer goes on trying.
    pub api_timeout: Duration,
    /// Largest answer that is taken from a broker, in bytes (`receive.message.max.bytes` of librdkafka).
    pub max_response_bytes: usize,
}

impl Default for ClientConfig {
    fn default() -> Self {
        Self {
            bootstrap_servers: Vec::new(),
            client_id: "kafka-client".to_owned(),
            request_timeout: Duration::from_secs(30),
            connection_setup_timeout: Duration::from_secs(10),
            metadata_max_age: Duration::from_secs(300),
            retry_backoff: Duration::from_millis(100),
            retry_backoff_max: Duration::from_secs(1),
            api_timeout: Duration::from_secs(60),
            max_response_bytes: 256 << 20,
        }
    }
}

impl ClientConfig {
    /// Sets the bootstrap addresses from Kafka's comma-separated form.
    pub(crate) fn set_bootstrap_servers(&mut self, servers: &str) {
        let each = servers
            .split(',')
            .map(str::trim)
            .filter(|server| !server.is_empty());
        self.bootstrap_servers = each.map(str::to_owned).collect();
    }

    /// Checks what can be checked without a network.
    ///
    /// # Errors
    /// [`Error::Config`] names the setting.
    pub(crate) fn validate(&self) -> Result<()> {
        let refused = |value: String, reason: &str| Error::Config {
            key: "bootstrap.servers".to_owned(),
            value,
            reason: reason.to_owned(),
        };
        if self.bootstrap_servers.is_empty() {
            return Err(refused(
                String::new(),
                "expected HOST:PORT, or several separated by commas",
            ));
        }
        for server in &self.bootstrap_servers {
            let port = server.rsplit_once(':').and_then(|(host, port)| {
                let bracketed = host.starts_with('[') && host.ends_with(']');
                let host_is_plain = !host.is_empty() && (bracketed || !host.contains(':'));
                port.parse::<u16>().ok().filter(|_| host_is_plain)
            });
            if port.is_none() {
                return Err(refused(
                    server.clone(),
                    "expected HOST:PORT (an IPv6 address in brackets)",
                ));
            }
        }
        Ok(())
    }
}

/// The settings of [`ClientConfig`] by their Kafka names.
pub(crate) const CLIENT_SETTINGS: &[Setting<ClientConfig>] = &[
    Setting {
        name: "bootstrap.servers",
        apply: |config, value| {
            config.set_bootstrap_servers(value);
            Ok(())
        },
    },
    Setting {
        name: "client.id",
        apply: |config, value| {
            config.client_id = value.to_owned();
            Ok(())
        },
    },
    Setting {
        name: "request.timeout.ms",
        apply: |config, value| parse_millis(value).map(|time| config.request_timeout = time),
    },
    Setting {
        name: "socket.connection.setup.timeout.ms",
        apply: |config, value| {
            parse_millis(value).map(|time| config.connection_setup_timeout = time)
        },
    },
    Setting {
        name: "metadata.max.age.ms",
        apply: |config, value| parse_millis(value).map(|time| config.metadata_max_age = time),
    },
    Setting {
        name: "retry.backoff.ms",
        apply: |config, value| parse_millis(value).map(|time| config.retry_backoff = time),
    },
    Setting {
        name: "retry.backoff.max.ms",
        apply: |config, value| parse_millis(value).map(|time| config.retry_backoff_max = time),
    },
    Setting {
        name: "default.api.timeout.ms",
        apply: |config, value| parse_millis(value).map(|time| config.api_timeout = time),
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_host_and_port() {
        for (servers, valid) in [
            ("localhost:9092", true),
            ("a:1, b:2,", true),
            ("[::1]:9092", true),
            ("", false),
            ("localhost", false),
            ("localhost:http", false),
            ("::1:9092", false),
            (":9092", false),
            ("host:70000", false),
        ] {
            let mut config = ClientConfig::default();
            config.set_bootstrap_servers(servers);
            assert_eq!(config.validate().is_ok(), valid, "{servers}");
        }
    }
}
