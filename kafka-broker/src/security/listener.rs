//! Listeners: where a broker listens, what it tells clients to connect to, and what is asked of who comes.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use crate::error::BrokerError;

/// What a listener asks of its clients.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SecurityProtocol {
    /// Nothing.
    Plaintext,
    /// TLS, with a certificate of the client's where that is asked for. Takes the cargo feature `tls`.
    Ssl,
    /// SASL in plain text.
    SaslPlaintext,
    /// SASL within TLS. Takes the cargo feature `tls`.
    SaslSsl,
}

impl SecurityProtocol {
    const ALL: [Self; 4] = [
        Self::Plaintext,
        Self::Ssl,
        Self::SaslPlaintext,
        Self::SaslSsl,
    ];

    /// Kafka's name for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Plaintext => "PLAINTEXT",
            Self::Ssl => "SSL",
            Self::SaslPlaintext => "SASL_PLAINTEXT",
            Self::SaslSsl => "SASL_SSL",
        }
    }

    /// Whether clients log in by SASL.
    pub fn has_sasl(self) -> bool {
        matches!(self, Self::SaslPlaintext | Self::SaslSsl)
    }

    /// Whether clients speak TLS.
    pub fn has_tls(self) -> bool {
        matches!(self, Self::Ssl | Self::SaslSsl)
    }
}

impl fmt::Display for SecurityProtocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for SecurityProtocol {
    type Err = BrokerError;

    fn from_str(name: &str) -> Result<Self, BrokerError> {
        let found = Self::ALL
            .into_iter()
            .find(|protocol| protocol.name().eq_ignore_ascii_case(name));
        found.ok_or_else(|| {
            let names = Self::ALL.map(Self::name).join(", ");
            wrong(format!(
                "there is no security protocol \"{name}\": expected one of {names}"
            ))
        })
    }
}

/// Where a broker listens, as an entry of Kafka's `listeners`.
///
/// ```
/// use kafka_broker::{Listener, SecurityProtocol};
///
/// let listener = Listener::new("CLIENTS", SecurityProtocol::SaslPlaintext)
///     .host("0.0.0.0")
///     .port(9094)
///     .advertised_host("kafka.example");
/// # let _ = listener;
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listener {
    pub(crate) name: String,
    pub(crate) protocol: SecurityProtocol,
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) advertised_host: Option<String>,
    pub(crate) advertised_port: Option<u16>,
}

impl Listener {
    /// A listener on a free port of the loopback interface. Its name is one of its own, such as `CLIENTS`.
    pub fn new(name: impl Into<String>, protocol: SecurityProtocol) -> Self {
        Self {
            name: name.into(),
            protocol,
            host: "127.0.0.1".to_owned(),
            port: 0,
            advertised_host: None,
            advertised_port: None,
        }
    }

    /// The host name or address to listen on (127.0.0.1).
    #[must_use]
    pub fn host(mut self, host: impl Into<String>) -> Self {
        self.host = host.into();
        self
    }

    /// The port to listen on; 0, the default, takes a free one. Further brokers listen on the ports after it.
    #[must_use]
    pub fn port(mut self, port: u16) -> Self {
        self.port = port;
        self
    }

    /// The host that clients are told to connect to (`advertised.listeners`); by default the address that is listened
    /// on, and the loopback address if that is all of them.
    #[must_use]
    pub fn advertised_host(mut self, host: impl Into<String>) -> Self {
        self.advertised_host = Some(host.into());
        self
    }

    /// The port that clients are told to connect to; by default the one that is listened on. Further brokers are told to
    /// have the ports after it.
    #[must_use]
    pub fn advertised_port(mut self, port: u16) -> Self {
        self.advertised_port = Some(port);
        self
    }

    /// Reads Kafka's settings: `listeners` (`CLIENTS://0.0.0.0:9094,PLAINTEXT://:9092`), `advertised.listeners` in the
    /// same form, and `listener.security.protocol.map` (`CLIENTS:SASL_PLAINTEXT`), in which names that are those of
    /// protocols need not stand.
    ///
    /// ```
    /// use kafka_broker::Listener;
    ///
    /// let listeners = Listener::parse(
    ///     "PLAINTEXT://127.0.0.1:0,CLIENTS://:0",
    ///     Some("CLIENTS://kafka.example:9094"),
    ///     Some("CLIENTS:SASL_PLAINTEXT"),
    /// )?;
    /// assert_eq!(listeners.len(), 2);
    /// # Ok::<(), kafka_broker::BrokerError>(())
    /// ```
    ///
    /// # Errors
    /// [`BrokerError::Listeners`], naming the entry that is wrong.
    pub fn parse(
        listeners: &str,
        advertised: Option<&str>,
        protocols: Option<&str>,
    ) -> Result<Vec<Self>, BrokerError> {
        let mut protocol_of = BTreeMap::new();
        for entry in entries(protocols.unwrap_or_default()) {
            let (name, protocol) = entry.split_once(':').ok_or_else(|| {
                wrong(format!(
                    "\"{entry}\" in listener.security.protocol.map: expected NAME:PROTOCOL"
                ))
            })?;
            protocol_of.insert(name.to_ascii_uppercase(), protocol.parse()?);
        }
        let mut parsed = Vec::new();
        for entry in entries(listeners) {
            let (name, host, port) = address("listeners", entry)?;
            let protocol = match protocol_of.get(&name) {
                Some(protocol) => *protocol,
                None => name.parse().map_err(|_| {
                    wrong(format!(
                        "listener \"{name}\" has no security protocol: name one in listener.security.protocol.map"
                    ))
                })?,
            };
            // Without a host all interfaces are meant.
            let host = if host.is_empty() { "0.0.0.0" } else { host };
            parsed.push(Self::new(name, protocol).host(host).port(port));
        }
        for entry in entries(advertised.unwrap_or_default()) {
            let (name, host, port) = address("advertised.listeners", entry)?;
            let listener = parsed.iter_mut().find(|listener| listener.name == name);
            let listener = listener.ok_or_else(|| {
                wrong(format!(
                    "advertised.listeners has \"{name}\", which listeners has not"
                ))
            })?;
            if !host.is_empty() {
                listener.advertised_host = Some(host.to_owned());
            }
            // A free port is not known before it is listened on.
            listener.advertised_port = Some(port).filter(|port| *port != 0);
        }
        check(&parsed)?;
        Ok(parsed)
    }
}

/// Whether these listeners can be had together.
///
/// # Errors
/// [`BrokerError::Listeners`].
pub(crate) fn check(listeners: &[Listener]) -> Result<(), BrokerError> {
    if listeners.is_empty() {
        return Err(wrong("there is no listener".to_owned()));
    }
    for (n, listener) in listeners.iter().enumerate() {
        if listener.name.is_empty() {
            return Err(wrong("a listener has no name".to_owned()));
        }
        if listeners[..n]
            .iter()
            .any(|other| other.name == listener.name)
        {
            return Err(wrong(format!(
                "listener \"{}\" is there twice",
                listener.name
            )));
        }
        if listener.protocol.has_tls() && cfg!(not(feature = "tls")) {
            return Err(wrong(format!(
                "listener \"{}\" is to speak {}: build kafka-broker with its cargo feature tls",
                listener.name, listener.protocol
            )));
        }
    }
    Ok(())
}

fn wrong(reason: String) -> BrokerError {
    BrokerError::Listeners { reason }
}

fn entries(list: &str) -> impl Iterator<Item = &str> {
    list.split(',')
        .map(str::trim)
        .filter(|entry| !entry.is_empty())
}

/// `NAME://HOST:PORT`.
fn address<'a>(setting: &str, entry: &'a str) -> Result<(String, &'a str, u16), BrokerError> {
    let parts = entry.split_once("://").and_then(|(name, address)| {
        let (host, port) = address.rsplit_once(':')?;
        let host = host
            .strip_prefix('[')
            .and_then(|host| host.strip_suffix(']'))
            .unwrap_or(host);
        Some((name.to_ascii_uppercase(), host, port.parse().ok()?))
    });
    parts.filter(|(name, ..)| !name.is_empty()).ok_or_else(|| {
        wrong(format!(
            "\"{entry}\" in {setting}: expected NAME://HOST:PORT"
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn listeners_are_read_as_kafka_writes_them() {
        let listeners = Listener::parse(
            "plaintext://localhost:9092, CLIENTS://:9094,SIX://[::1]:0",
            Some("CLIENTS://kafka.example:19094,SIX://six:0"),
            Some("CLIENTS:SASL_PLAINTEXT,SIX:PLAINTEXT"),
        );
        let expected = [
            Listener::new("PLAINTEXT", SecurityProtocol::Plaintext)
                .host("localhost")
                .port(9092),
            Listener::new("CLIENTS", SecurityProtocol::SaslPlaintext)
                .host("0.0.0.0")
                .port(9094)
                .advertised_host("kafka.example")
                .advertised_port(19094),
            Listener::new("SIX", SecurityProtocol::Plaintext)
                .host("::1")
                .advertised_host("six"),
        ];
        assert_eq!(listeners.unwrap(), expected);
    }

    #[test]
    fn what_is_wrong_with_listeners_is_named() {
        for (listeners, advertised, map, because) in [
            ("", None, None, "no listener"),
            ("PLAINTEXT", None, None, "\"PLAINTEXT\" in listeners"),
            ("PLAINTEXT://h", None, None, "NAME://HOST:PORT"),
            ("PLAINTEXT://h:x", None, None, "NAME://HOST:PORT"),
            ("://h:1", None, None, "NAME://HOST:PORT"),
            (
                "CLIENTS://h:1",
                None,
                None,
                "listener.security.protocol.map",
            ),
            ("C://h:1", None, Some("C"), "expected NAME:PROTOCOL"),
            ("C://h:1", None, Some("C:TLS"), "SASL_SSL"),
            ("PLAINTEXT://h:1,PLAINTEXT://h:2", None, None, "twice"),
            ("PLAINTEXT://h:1", Some("OTHER://h:1"), None, "\"OTHER\""),
        ] {
            let error = Listener::parse(listeners, advertised, map).unwrap_err();
            assert!(error.to_string().contains(because), "{listeners}: {error}");
        }
    }
}
