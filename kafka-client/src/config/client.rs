//! Settings that producers, consumers and admins have in common.

use std::time::Duration;

use super::properties::{Setting, boolean, one_of, parse_millis, parse_size};
use crate::error::{Error, Result};
use crate::net::Network;
use crate::security::Security;

/// How to find the cluster, and how patient to be with it.
///
/// Defaults are those of the Java client.
#[derive(Debug, Clone, PartialEq)]
pub struct ClientConfig {
    /// `bootstrap.servers`: addresses (`HOST:PORT`, an IPv6 address in brackets) to learn the cluster from.
    pub bootstrap_servers: Vec<String>,
    /// `bootstrap.controllers`: controllers to learn the cluster from, and to speak to instead of its brokers (KIP-919); of
    /// admin clients only. Either these or `bootstrap.servers` are given.
    pub bootstrap_controllers: Vec<String>,
    /// `client.id`: what the brokers call this client in their logs and quotas.
    pub client_id: String,
    /// `request.timeout.ms`: a request that is not answered in this time costs the connection.
    pub request_timeout: Duration,
    /// `socket.connection.setup.timeout.ms`: for connecting to one address. It doubles from one failure of a broker to the
    /// next (KIP-601).
    pub connection_setup_timeout: Duration,
    /// `socket.connection.setup.timeout.max.ms`: the longest that it gets, give or take a fifth.
    pub connection_setup_timeout_max: Duration,
    /// `send.buffer.bytes` (-1): the size of a socket's buffer for what is sent; `None` leaves it to the operating system,
    /// which finds the right one by itself.
    pub send_buffer: Option<usize>,
    /// `receive.buffer.bytes` (-1): the same for what is received.
    pub receive_buffer: Option<usize>,
    /// `reconnect.backoff.ms`: the wait after a broker could not be connected to; it doubles from one failure to the next.
    pub reconnect_backoff: Duration,
    /// `reconnect.backoff.max.ms`: the longest wait between attempts to connect to a broker.
    pub reconnect_backoff_max: Duration,
    /// `connections.max.idle.ms` (-1: never): a connection that was not used for this long is closed, and made anew when
    /// it is needed. Below the brokers' own 10 minutes, so that it is not they who close it.
    pub connections_max_idle: Option<Duration>,
    /// `metadata.recovery.strategy`: what to do when none of the known brokers can be reached.
    pub metadata_recovery: MetadataRecovery,
    /// `metadata.recovery.rebootstrap.trigger.ms`: when the known brokers have not said for this long what the cluster
    /// looks like, the bootstrap addresses are asked first (KIP-1102).
    pub rebootstrap_trigger: Duration,
    /// `metadata.max.age.ms`: the cluster is looked at again after this time even if nothing is wrong.
    pub metadata_max_age: Duration,
    /// `retry.backoff.ms`: the wait before the first retry; it doubles from one to the next.
    pub retry_backoff: Duration,
    /// `retry.backoff.max.ms`: the longest wait between retries.
    pub retry_backoff_max: Duration,
    /// `default.api.timeout.ms`: how long an operation that needs an answer goes on trying.
    pub api_timeout: Duration,
    /// `enable.metrics.push`: whether brokers that ask for metrics of their clients (KIP-714) get them. Not those of admins,
    /// unless they say so.
    pub enable_metrics_push: bool,
    /// Largest answer that is taken from a broker, in bytes (`receive.message.max.bytes` of librdkafka).
    pub max_response_bytes: usize,
    /// `security.protocol`, `sasl.*`, `ssl.*`: how connections are secured.
    pub security: Security,
    /// How connections are made; no setting of Kafka.
    pub network: Network,
}

/// What to do when the cluster cannot be asked any more (KIP-899).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum MetadataRecovery {
    /// Learn it anew from the bootstrap addresses: its brokers may all have moved.
    #[default]
    Rebootstrap,
    /// Go on with the brokers that were known last.
    None,
}

impl Default for ClientConfig {
    fn default() -> Self {
        Self {
            bootstrap_servers: Vec::new(),
            bootstrap_controllers: Vec::new(),
            client_id: "kafka-client".to_owned(),
            request_timeout: Duration::from_secs(30),
            connection_setup_timeout: Duration::from_secs(10),
            connection_setup_timeout_max: Duration::from_secs(30),
            send_buffer: None,
            receive_buffer: None,
            reconnect_backoff: Duration::from_millis(50),
            reconnect_backoff_max: Duration::from_secs(1),
            connections_max_idle: Some(Duration::from_secs(540)),
            metadata_recovery: MetadataRecovery::default(),
            rebootstrap_trigger: Duration::from_secs(300),
            metadata_max_age: Duration::from_secs(300),
            retry_backoff: Duration::from_millis(100),
            retry_backoff_max: Duration::from_secs(1),
            api_timeout: Duration::from_secs(60),
            enable_metrics_push: true,
            max_response_bytes: 256 << 20,
            security: Security::default(),
            network: Network::default(),
        }
    }
}

impl ClientConfig {
    /// Sets the bootstrap addresses from Kafka's comma-separated form.
    pub(crate) fn set_bootstrap_servers(&mut self, servers: &str) {
        self.bootstrap_servers = addresses(servers);
    }

    /// The same for controllers.
    pub(crate) fn set_bootstrap_controllers(&mut self, controllers: &str) {
        self.bootstrap_controllers = addresses(controllers);
    }

    /// Applies a setting by its Kafka name, if there is one of this name.
    pub(crate) fn set(&mut self, key: &str, value: &str) -> Option<Result<(), String>> {
        let set = Setting::find(CLIENT_SETTINGS, self, key, value);
        #[cfg(feature = "oidc")]
        let set = set.or_else(|| {
            let settings = crate::security::OIDC_SETTINGS;
            Setting::find(settings, self.security.oidc(), key, value)
        });
        set
    }

    /// Where the cluster is learnt from.
    pub(crate) fn bootstrap_addresses(&self) -> &[String] {
        if self.bootstrap_controllers.is_empty() {
            &self.bootstrap_servers
        } else {
            &self.bootstrap_controllers
        }
    }

    /// Checks what can be checked without a network.
    ///
    /// # Errors
    /// [`Error::Config`] names the setting.
    pub(crate) fn validate(&self) -> Result<()> {
        let by_controllers = !self.bootstrap_controllers.is_empty();
        let key = match by_controllers {
            true => "bootstrap.controllers",
            false => "bootstrap.servers",
        };
        let refused = |value: String, reason: &str| Error::Config {
            key: key.to_owned(),
            value,
            reason: reason.to_owned(),
        };
        if by_controllers && !self.bootstrap_servers.is_empty() {
            return Err(refused(
                self.bootstrap_controllers.join(","),
                "bootstrap.servers is set as well: set one of them",
            ));
        }
        if self.bootstrap_addresses().is_empty() {
            return Err(refused(
                String::new(),
                "expected HOST:PORT, or several separated by commas",
            ));
        }
        for server in self.bootstrap_addresses() {
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
        if self.connections_max_idle.is_some_and(|time| time.is_zero()) {
            return Err(Error::Config {
                key: "connections.max.idle.ms".to_owned(),
                value: "0".to_owned(),
                reason: "expected a positive number of milliseconds, or -1 for never".to_owned(),
            });
        }
        Ok(())
    }
}

/// Addresses in Kafka's comma-separated form.
fn addresses(all: &str) -> Vec<String> {
    let each = all.split(',').map(str::trim);
    let each = each.filter(|address| !address.is_empty());
    each.map(str::to_owned).collect()
}

/// The settings that admin clients have beside [`CLIENT_SETTINGS`].
pub(crate) const ADMIN_SETTINGS: &[Setting<ClientConfig>] = &[Setting {
    name: "bootstrap.controllers",
    apply: |config, value| {
        config.set_bootstrap_controllers(value);
        Ok(())
    },
}];

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
        name: "socket.connection.setup.timeout.max.ms",
        apply: |config, value| {
            parse_millis(value).map(|time| config.connection_setup_timeout_max = time)
        },
    },
    Setting {
        name: "send.buffer.bytes",
        apply: |config, value| parse_size(value).map(|size| config.send_buffer = size),
    },
    Setting {
        name: "receive.buffer.bytes",
        apply: |config, value| parse_size(value).map(|size| config.receive_buffer = size),
    },
    Setting {
        name: "security.protocol",
        apply: |config, value| config.security.set_protocol(value),
    },
    Setting {
        name: "sasl.mechanism",
        apply: |config, value| config.security.set_mechanism(value),
    },
    Setting {
        name: "sasl.jaas.config",
        apply: |config, value| config.security.set_login(value),
    },
    #[cfg(feature = "tls")]
    Setting {
        name: "ssl.ca.location",
        apply: |config, value| config.security.set_tls_by_name("ssl.ca.location", value),
    },
    #[cfg(feature = "tls")]
    Setting {
        name: "ssl.ca.pem",
        apply: |config, value| config.security.set_tls_by_name("ssl.ca.pem", value),
    },
    #[cfg(feature = "tls")]
    Setting {
        name: "ssl.certificate.location",
        apply: |config, value| {
            config
                .security
                .set_tls_by_name("ssl.certificate.location", value)
        },
    },
    #[cfg(feature = "tls")]
    Setting {
        name: "ssl.certificate.pem",
        apply: |config, value| {
            config
                .security
                .set_tls_by_name("ssl.certificate.pem", value)
        },
    },
    #[cfg(feature = "tls")]
    Setting {
        name: "ssl.enabled.protocols",
        apply: |config, value| {
            config
                .security
                .set_tls_by_name("ssl.enabled.protocols", value)
        },
    },
    #[cfg(feature = "tls")]
    Setting {
        name: "ssl.endpoint.identification.algorithm",
        apply: |config, value| {
            config
                .security
                .set_tls_by_name("ssl.endpoint.identification.algorithm", value)
        },
    },
    #[cfg(feature = "tls")]
    Setting {
        name: "ssl.key.location",
        apply: |config, value| config.security.set_tls_by_name("ssl.key.location", value),
    },
    #[cfg(feature = "tls")]
    Setting {
        name: "ssl.key.password",
        apply: |config, value| config.security.set_tls_by_name("ssl.key.password", value),
    },
    #[cfg(feature = "tls")]
    Setting {
        name: "ssl.key.pem",
        apply: |config, value| config.security.set_tls_by_name("ssl.key.pem", value),
    },
    #[cfg(feature = "tls")]
    Setting {
        name: "ssl.keystore.certificate.chain",
        apply: |config, value| {
            config
                .security
                .set_tls_by_name("ssl.keystore.certificate.chain", value)
        },
    },
    #[cfg(feature = "tls")]
    Setting {
        name: "ssl.keystore.key",
        apply: |config, value| config.security.set_tls_by_name("ssl.keystore.key", value),
    },
    #[cfg(feature = "tls")]
    Setting {
        name: "ssl.keystore.location",
        apply: |config, value| {
            config
                .security
                .set_tls_by_name("ssl.keystore.location", value)
        },
    },
    #[cfg(feature = "tls")]
    Setting {
        name: "ssl.keystore.type",
        apply: |config, value| config.security.set_tls_by_name("ssl.keystore.type", value),
    },
    #[cfg(feature = "tls")]
    Setting {
        name: "ssl.protocol",
        apply: |config, value| config.security.set_tls_by_name("ssl.protocol", value),
    },
    #[cfg(feature = "tls")]
    Setting {
        name: "ssl.truststore.certificates",
        apply: |config, value| {
            config
                .security
                .set_tls_by_name("ssl.truststore.certificates", value)
        },
    },
    #[cfg(feature = "tls")]
    Setting {
        name: "ssl.truststore.location",
        apply: |config, value| {
            config
                .security
                .set_tls_by_name("ssl.truststore.location", value)
        },
    },
    #[cfg(feature = "tls")]
    Setting {
        name: "ssl.truststore.type",
        apply: |config, value| {
            config
                .security
                .set_tls_by_name("ssl.truststore.type", value)
        },
    },
    Setting {
        name: "reconnect.backoff.ms",
        apply: |config, value| parse_millis(value).map(|time| config.reconnect_backoff = time),
    },
    Setting {
        name: "reconnect.backoff.max.ms",
        apply: |config, value| parse_millis(value).map(|time| config.reconnect_backoff_max = time),
    },
    Setting {
        name: "connections.max.idle.ms",
        apply: |config, value| {
            config.connections_max_idle = match value.trim() {
                "-1" => None,
                time => Some(parse_millis(time)?),
            };
            Ok(())
        },
    },
    Setting {
        name: "metadata.recovery.strategy",
        apply: |config, value| {
            let names = [
                ("rebootstrap", MetadataRecovery::Rebootstrap),
                ("none", MetadataRecovery::None),
            ];
            one_of(value, &names).map(|strategy| config.metadata_recovery = strategy)
        },
    },
    Setting {
        name: "metadata.recovery.rebootstrap.trigger.ms",
        apply: |config, value| parse_millis(value).map(|time| config.rebootstrap_trigger = time),
    },
    // All addresses of a name are tried in any case.
    Setting {
        name: "client.dns.lookup",
        apply: |_, value| one_of(value, &[("use_all_dns_ips", ())]),
    },
    Setting {
        name: "enable.metrics.push",
        apply: |config, value| boolean(value).map(|on| config.enable_metrics_push = on),
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

/// What producers and admins have besides.
pub(crate) const RETRIES: &[Setting<ClientConfig>] = &[Setting {
    name: "retries",
    apply: |_, value| {
        let reason = "2147483647: it is tried again until delivery.timeout.ms or default.api.timeout.ms is over";
        one_of(value, &[("2147483647", ())]).map_err(|_| format!("expected {reason}"))
    },
}];

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

    #[test]
    fn settings_of_the_network_go_by_their_kafka_names() {
        let mut config = ClientConfig::default();
        let mut set = |name: &str, value: &str| config.set(name, value).expect("a setting");
        for (name, value) in [
            ("reconnect.backoff.ms", "7"),
            ("reconnect.backoff.max.ms", "70"),
            ("connections.max.idle.ms", "-1"),
            ("metadata.recovery.strategy", "none"),
            ("metadata.recovery.rebootstrap.trigger.ms", "9"),
            ("client.dns.lookup", "use_all_dns_ips"),
            ("enable.metrics.push", "false"),
        ] {
            set(name, value).unwrap_or_else(|reason| panic!("{name}: {reason}"));
        }
        set("connections.max.idle.ms", "-2").unwrap_err();
        set("metadata.recovery.strategy", "maybe").unwrap_err();
        let millis = Duration::from_millis;
        let expected = ClientConfig {
            reconnect_backoff: millis(7),
            reconnect_backoff_max: millis(70),
            connections_max_idle: None,
            metadata_recovery: MetadataRecovery::None,
            rebootstrap_trigger: millis(9),
            enable_metrics_push: false,
            ..ClientConfig::default()
        };
        assert_eq!(config, expected);
    }
}
