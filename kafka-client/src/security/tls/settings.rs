//! The settings of TLS by Kafka's names, and by librdkafka's where those are others.

use super::pem::FROM_JVM;
use super::source::Source;
use super::{Tls, TlsVersion};
use crate::security::Secret;

impl Tls {
    /// Applies a setting. Errors say what was expected.
    pub(crate) fn set(&mut self, key: &'static str, value: &str) -> Result<(), String> {
        match key {
            "ssl.truststore.location" | "ssl.ca.location" => {
                self.roots = Some(Source::file(key, value));
            }
            "ssl.truststore.certificates" | "ssl.ca.pem" => {
                self.roots = Some(Source::text(key, value));
            }
            "ssl.keystore.location" => {
                let source = Source::file(key, value);
                self.chain = Some(source.clone());
                self.key = Some(source);
            }
            "ssl.certificate.location" => self.chain = Some(Source::file(key, value)),
            "ssl.keystore.certificate.chain" | "ssl.certificate.pem" => {
                self.chain = Some(Source::text(key, value));
            }
            "ssl.key.location" => self.key = Some(Source::file(key, value)),
            "ssl.keystore.key" | "ssl.key.pem" => self.key = Some(Source::text(key, value)),
            "ssl.key.password" => self.key_password = Some(Secret::new(value)),
            "ssl.truststore.type" | "ssl.keystore.type" => {
                if !value.trim().eq_ignore_ascii_case("PEM") {
                    return Err(format!("expected PEM; {FROM_JVM}"));
                }
            }
            "ssl.endpoint.identification.algorithm" => {
                self.checks_host_name = match value.trim() {
                    "" | "none" => false,
                    https if https.eq_ignore_ascii_case("https") => true,
                    _ => return Err("expected https, or nothing to check no host name".to_owned()),
                };
            }
            "ssl.enabled.protocols" => {
                let names = value.split(',').map(str::trim);
                let names = names.filter(|name| !name.is_empty());
                self.versions = names.map(version).collect::<Result<_, _>>()?;
                if self.versions.is_empty() {
                    return Err("expected one or both of TLSv1.2, TLSv1.3".to_owned());
                }
            }
            "ssl.protocol" => {
                self.newest = match value.trim() {
                    "TLS" => TlsVersion::Tls13,
                    name => version(name)?,
                };
            }
            _ => return Err("there is no such setting".to_owned()),
        }
        Ok(())
    }
}

fn version(name: &str) -> Result<TlsVersion, String> {
    match name {
        "TLSv1.2" => Ok(TlsVersion::Tls12),
        "TLSv1.3" => Ok(TlsVersion::Tls13),
        "TLSv1" | "TLSv1.1" | "SSLv3" | "SSLv2" | "SSL" => Err(format!(
            "{name} is broken and not built in: expected TLSv1.2, TLSv1.3"
        )),
        _ => Err("expected TLSv1.2, TLSv1.3".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_by_name_are_those_of_the_builder() {
        for (settings, expected) in [
            (
                &[("ssl.truststore.location", "ca.pem")][..],
                Tls::new().roots_file("ca.pem"),
            ),
            (
                &[("ssl.truststore.certificates", "text")],
                Tls::new().roots_pem("text"),
            ),
            (
                &[
                    ("ssl.keystore.location", "me.pem"),
                    ("ssl.keystore.type", "pem"),
                ],
                Tls::new().keystore_file("me.pem"),
            ),
            (
                &[
                    ("ssl.keystore.certificate.chain", "chain"),
                    ("ssl.keystore.key", "key"),
                    ("ssl.key.password", "geheim"),
                ],
                Tls::new()
                    .certificate_pem("chain", "key")
                    .key_password("geheim"),
            ),
            (
                &[
                    ("ssl.certificate.location", "me.pem"),
                    ("ssl.key.location", "me.key"),
                ],
                Tls::new().certificate_files("me.pem", "me.key"),
            ),
            (
                &[("ssl.endpoint.identification.algorithm", "")],
                Tls::new().check_host_name(false),
            ),
            (
                &[("ssl.endpoint.identification.algorithm", "HTTPS")],
                Tls::new(),
            ),
            (
                &[("ssl.enabled.protocols", "TLSv1.3")],
                Tls::new().versions([TlsVersion::Tls13]),
            ),
            (
                &[
                    ("ssl.enabled.protocols", "TLSv1.2, TLSv1.3"),
                    ("ssl.protocol", "TLSv1.3"),
                ],
                Tls::new(),
            ),
        ] {
            let mut tls = Tls::new();
            for (key, value) in settings {
                tls.set(key, value)
                    .unwrap_or_else(|reason| panic!("{key}: {reason}"));
            }
            assert_eq!(tls, expected, "{settings:?}");
            assert!(!format!("{tls:?}").contains("geheim"), "{tls:?}");
        }
    }

    #[test]
    fn what_cannot_be_is_refused_with_what_can() {
        for (key, value, because) in [
            ("ssl.truststore.type", "JKS", "keytool"),
            ("ssl.keystore.type", "PKCS12", "openssl pkcs12"),
            (
                "ssl.endpoint.identification.algorithm",
                "http",
                "expected https",
            ),
            (
                "ssl.enabled.protocols",
                "TLSv1.2,TLSv1.1",
                "TLSv1.1 is broken",
            ),
            ("ssl.enabled.protocols", "", "expected one or both"),
            ("ssl.enabled.protocols", "TLSv1.4", "expected TLSv1.2"),
            ("ssl.protocol", "SSLv3", "SSLv3 is broken"),
        ] {
            let reason = Tls::new().set(key, value).expect_err(key);
            assert!(reason.contains(because), "{key}: {reason}");
        }
    }
}
