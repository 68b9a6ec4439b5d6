//! How connections are secured, by typed methods or Kafka's names.

use super::jaas::Jaas;
use super::login::Mechanism;
#[cfg(feature = "oidc")]
use super::oidc::ClientCredentials;
use super::sasl::Sasl;
#[cfg(feature = "tls")]
use super::tls::{Tls, TlsClient};
use crate::error::{Error, Result};

/// `security.protocol`: what connections are made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum SecurityProtocol {
    /// Neither encrypted nor authenticated.
    #[default]
    Plaintext,
    /// Authenticated, and not encrypted.
    SaslPlaintext,
    /// Encrypted, and authenticated where a certificate is shown.
    Ssl,
    /// Encrypted, and authenticated.
    SaslSsl,
}

impl SecurityProtocol {
    /// Whether connections are encrypted by TLS.
    pub fn is_encrypted(self) -> bool {
        matches!(self, Self::Ssl | Self::SaslSsl)
    }

    /// Whether SASL says who we are.
    pub fn is_authenticated(self) -> bool {
        matches!(self, Self::SaslPlaintext | Self::SaslSsl)
    }

    fn of(is_encrypted: bool, is_authenticated: bool) -> Self {
        match (is_encrypted, is_authenticated) {
            (false, false) => Self::Plaintext,
            (false, true) => Self::SaslPlaintext,
            (true, false) => Self::Ssl,
            (true, true) => Self::SaslSsl,
        }
    }
}

/// Why there is no TLS where it was not built in.
#[cfg(not(feature = "tls"))]
const WITHOUT_TLS: &str =
    "TLS is not built in: switch on the cargo feature \"tls\" of kafka-client";

/// How connections are secured. What is set last counts: a [`Sasl`], or a mechanism and a login by their Kafka names.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Security {
    protocol: SecurityProtocol,
    given: Option<Sasl>,
    mechanism: Option<Mechanism>,
    login: Option<Jaas>,
    #[cfg(feature = "oidc")]
    oidc: ClientCredentials,
    #[cfg(feature = "tls")]
    tls: Tls,
    /// Made of the settings before the first connection.
    #[cfg(feature = "tls")]
    tls_client: Option<TlsClient>,
}

impl Security {
    /// `security.protocol`.
    pub fn protocol(&self) -> SecurityProtocol {
        self.protocol
    }

    /// Authenticates by SASL.
    pub fn set_sasl(&mut self, sasl: Sasl) {
        self.protocol = SecurityProtocol::of(self.protocol.is_encrypted(), true);
        self.given = Some(sasl);
    }

    /// Encrypts by TLS.
    #[cfg(feature = "tls")]
    pub fn set_tls(&mut self, tls: Tls) {
        self.protocol = SecurityProtocol::of(true, self.protocol.is_authenticated());
        self.tls = tls;
    }

    /// A setting of TLS by its name.
    #[cfg(feature = "tls")]
    pub(crate) fn set_tls_by_name(&mut self, key: &'static str, value: &str) -> Result<(), String> {
        self.tls.set(key, value)
    }

    pub(crate) fn set_protocol(&mut self, name: &str) -> Result<(), String> {
        self.protocol = match name.trim().to_ascii_uppercase().as_str() {
            "PLAINTEXT" => SecurityProtocol::Plaintext,
            "SASL_PLAINTEXT" => SecurityProtocol::SaslPlaintext,
            #[cfg(feature = "tls")]
            "SSL" => SecurityProtocol::Ssl,
            #[cfg(feature = "tls")]
            "SASL_SSL" => SecurityProtocol::SaslSsl,
            #[cfg(not(feature = "tls"))]
            "SSL" | "SASL_SSL" => return Err(WITHOUT_TLS.to_owned()),
            _ => {
                return Err("expected one of PLAINTEXT, SASL_PLAINTEXT, SSL, SASL_SSL".to_owned());
            }
        };
        Ok(())
    }

    pub(crate) fn set_mechanism(&mut self, name: &str) -> Result<(), String> {
        self.mechanism = Some(Mechanism::named(name)?);
        self.given = None;
        Ok(())
    }

    pub(crate) fn set_login(&mut self, jaas: &str) -> Result<(), String> {
        self.login = Some(Jaas::parse(jaas)?);
        self.given = None;
        Ok(())
    }

    /// What is set of a token endpoint by its Kafka names.
    #[cfg(feature = "oidc")]
    pub(crate) fn oidc(&mut self) -> &mut ClientCredentials {
        &mut self.oidc
    }

    /// Whether all that is needed is there and goes together. Makes a mechanism of what is known by name.
    ///
    /// # Errors
    /// [`Error::Config`] names the setting.
    pub(crate) fn resolve(&mut self) -> Result<()> {
        if !self.protocol.is_authenticated() || self.given.is_some() {
            return Ok(());
        }
        let refused = |key: &str, value: &str, reason: String| Error::Config {
            key: key.to_owned(),
            value: value.to_owned(),
            reason,
        };
        // Kafka's own default is GSSAPI.
        let mechanism = match self.mechanism {
            Some(mechanism) => mechanism,
            None => Mechanism::named("GSSAPI")
                .map_err(|reason| refused("sasl.mechanism", "GSSAPI", reason))?,
        };
        #[cfg(feature = "oidc")]
        if mechanism == Mechanism::OauthBearer && self.oidc.is_wanted() {
            let credentials = self.oidc.with_login(self.login.as_ref())?;
            self.given = Some(Sasl::oauth_bearer_oidc(credentials));
            return Ok(());
        }
        let login = self.login.as_ref().ok_or_else(|| {
            let reason = "expected a login, for security.protocol asks for SASL".to_owned();
            refused("sasl.jaas.config", "", reason)
        })?;
        let sasl = mechanism
            .login(login)
            .map_err(|reason| refused("sasl.jaas.config", "[hidden]", reason))?;
        self.given = Some(sasl);
        Ok(())
    }

    /// How to authenticate, once resolved.
    pub(crate) fn sasl(&self) -> Option<&Sasl> {
        let is_wanted = self.protocol.is_authenticated();
        self.given.as_ref().filter(|_| is_wanted)
    }

    /// Reads certificates and keys, where connections are to be encrypted.
    ///
    /// # Errors
    /// [`Error::Config`] names the setting.
    #[cfg(feature = "tls")]
    pub(crate) async fn load(&mut self) -> Result<()> {
        if self.protocol.is_encrypted() {
            self.tls_client = Some(TlsClient::load(self.tls.clone()).await?);
        }
        Ok(())
    }

    /// Whether brokers are shown a certificate; `None` where connections are not encrypted.
    #[cfg(feature = "tls")]
    pub(crate) fn shows_certificate(&self) -> Option<bool> {
        self.tls().map(TlsClient::shows_certificate)
    }

    #[cfg(not(feature = "tls"))]
    pub(crate) fn shows_certificate(&self) -> Option<bool> {
        None
    }

    /// What encrypts connections, once loaded.
    #[cfg(feature = "tls")]
    pub(crate) fn tls(&self) -> Option<&TlsClient> {
        self.tls_client.as_ref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOGIN: &str = r#"org.apache.kafka.common.security.scram.ScramLoginModule required username="alice" password="geheim";"#;

    fn resolved(set: impl FnOnce(&mut Security) -> Result<(), String>) -> Result<Security> {
        let mut security = Security::default();
        set(&mut security).expect("taken");
        security.resolve()?;
        Ok(security)
    }

    #[test]
    fn settings_by_name_come_in_any_order() {
        for mechanism_first in [true, false] {
            let security = resolved(|security| {
                if mechanism_first {
                    security.set_mechanism("SCRAM-SHA-512")?;
                }
                security.set_login(LOGIN)?;
                security.set_protocol("sasl_plaintext")?;
                security.set_mechanism("SCRAM-SHA-512")
            })
            .unwrap();
            let sasl = security.sasl().expect("a mechanism");
            assert_eq!(
                (sasl.mechanism(), sasl.principal()),
                ("SCRAM-SHA-512", "alice")
            );
            assert!(!format!("{security:?}").contains("geheim"));
        }
    }

    #[test]
    fn a_login_counts_only_where_the_protocol_asks_for_it() {
        let security = resolved(|security| {
            security.set_login(LOGIN)?;
            security.set_mechanism("SCRAM-SHA-256")
        });
        assert_eq!(security.unwrap().sasl(), None);
    }

    #[test]
    fn what_is_missing_is_named() {
        let error = resolved(|security| security.set_protocol("SASL_PLAINTEXT")).unwrap_err();
        assert!(error.to_string().contains("sasl.mechanism"), "{error}");
        let without_login = resolved(|security| {
            security.set_mechanism("PLAIN")?;
            security.set_protocol("SASL_PLAINTEXT")
        });
        let error = without_login.unwrap_err().to_string();
        assert!(error.contains("sasl.jaas.config"), "{error}");
        let other_module = resolved(|security| {
            security.set_login(LOGIN)?;
            security.set_mechanism("PLAIN")?;
            security.set_protocol("SASL_PLAINTEXT")
        });
        let error = other_module.unwrap_err().to_string();
        assert!(error.contains("PlainLoginModule"), "{error}");
        assert!(!error.contains("geheim"), "{error}");
    }

    #[cfg(not(feature = "tls"))]
    #[test]
    fn without_tls_its_settings_name_the_feature() {
        let mut security = Security::default();
        for protocol in ["SSL", "sasl_ssl"] {
            let reason = security.set_protocol(protocol).unwrap_err();
            assert!(reason.contains("cargo feature \"tls\""), "{reason}");
        }
        let config = crate::admin::Admin::builder().properties([("ssl.ca.location", "ca.pem")]);
        let told = config.unwrap_err().to_string();
        assert!(told.contains("cargo feature \"tls\""), "{told}");
    }

    #[cfg(feature = "tls")]
    #[test]
    fn tls_and_sasl_come_in_any_order() {
        for tls_first in [true, false] {
            let mut security = Security::default();
            if tls_first {
                security.set_tls(Tls::new());
                assert_eq!(security.protocol(), SecurityProtocol::Ssl);
            }
            security.set_sasl(Sasl::plain("bob", "geheim"));
            if !tls_first {
                security.set_tls(Tls::new());
            }
            assert_eq!(security.protocol(), SecurityProtocol::SaslSsl);
            assert_eq!(security.sasl().map(Sasl::principal), Some("bob"));
        }
    }

    #[test]
    fn what_is_set_last_counts() {
        let mut security = resolved(|security| {
            security.set_login(LOGIN)?;
            security.set_mechanism("SCRAM-SHA-256")?;
            security.set_sasl(Sasl::plain("bob", "geheim"));
            Ok(())
        })
        .unwrap();
        assert_eq!(security.sasl().map(Sasl::principal), Some("bob"));
        security.set_mechanism("SCRAM-SHA-256").unwrap();
        security.resolve().unwrap();
        assert_eq!(security.sasl().map(Sasl::principal), Some("alice"));
    }
}
