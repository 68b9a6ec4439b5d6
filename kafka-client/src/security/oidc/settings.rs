//! Client credentials by Kafka's names, and by the options of a login.

use std::time::Duration;

use super::{CLIENT_ID, CLIENT_SECRET, ClientCredentials, ENDPOINT};
use crate::config::{CLIENT_SETTINGS, Setting, boolean, parse, parse_millis};
use crate::error::{Error, Result};
use crate::http::{HttpError, Url};
use crate::security::Secret;
use crate::security::jaas::Jaas;
use crate::security::login::Mechanism;

/// Before the name of an extension among the options of a login.
const EXTENSION: &str = "extension_";

/// The settings by their Kafka names.
pub(crate) const OIDC_SETTINGS: &[Setting<ClientCredentials>] = &[
    Setting {
        name: ENDPOINT,
        apply: |set, value| {
            let url = Url::parse(value).map_err(|error| match error {
                HttpError::Url { reason, .. } => reason,
                other => other.to_string(),
            });
            url.map(|url| set.endpoint = Some(url))
        },
    },
    Setting {
        name: CLIENT_ID,
        apply: |set, value| text(value).map(|id| set.client_id = id),
    },
    Setting {
        name: CLIENT_SECRET,
        apply: |set, value| text(value).map(|secret| set.client_secret = Secret::new(secret)),
    },
    Setting {
        name: "sasl.oauthbearer.scope",
        apply: |set, value| text(value).map(|scope| set.scope = scope),
    },
    Setting {
        name: "sasl.oauthbearer.header.urlencode",
        apply: |set, value| boolean(value).map(|encode| set.encodes_header = encode),
    },
    Setting {
        name: "sasl.oauthbearer.scope.claim.name",
        apply: |set, value| text(value).map(|claim| set.scope_claim = claim),
    },
    Setting {
        name: "sasl.oauthbearer.sub.claim.name",
        apply: |set, value| text(value).map(|claim| set.subject_claim = claim),
    },
    Setting {
        name: "sasl.login.connect.timeout.ms",
        apply: |set, value| parse_millis(value).map(|time| set.connect_timeout = time),
    },
    Setting {
        name: "sasl.login.read.timeout.ms",
        apply: |set, value| parse_millis(value).map(|time| set.read_timeout = time),
    },
    Setting {
        name: "sasl.login.retry.backoff.ms",
        apply: |set, value| parse_millis(value).map(|time| set.retry_backoff = time),
    },
    Setting {
        name: "sasl.login.retry.backoff.max.ms",
        apply: |set, value| parse_millis(value).map(|time| set.retry_backoff_max = time),
    },
    Setting {
        name: "sasl.login.refresh.window.factor",
        apply: |set, value| part(value, 0.5, 1.0).map(|part| set.window_factor = part),
    },
    Setting {
        name: "sasl.login.refresh.window.jitter",
        apply: |set, value| part(value, 0.0, 0.25).map(|part| set.window_jitter = part),
    },
    Setting {
        name: "sasl.login.refresh.min.period.seconds",
        apply: |set, value| seconds(value, 900).map(|time| set.min_period = time),
    },
    Setting {
        name: "sasl.login.refresh.buffer.seconds",
        apply: |set, value| seconds(value, 3600).map(|time| set.buffer = time),
    },
];

fn text(value: &str) -> Result<String, String> {
    match value.trim() {
        "" => Err("expected a text that is not empty".to_owned()),
        text => Ok(text.to_owned()),
    }
}

fn part(value: &str, from: f64, to: f64) -> Result<f64, String> {
    let expected = format!("a number from {from} to {to}");
    let part: f64 = parse(value, &expected)?;
    match (from..=to).contains(&part) {
        true => Ok(part),
        false => Err(format!("expected {expected}")),
    }
}

fn seconds(value: &str, most: u64) -> Result<Duration, String> {
    let expected = format!("a number of seconds from 0 to {most}");
    let seconds: u64 = parse(value, &expected)?;
    match seconds <= most {
        true => Ok(Duration::from_secs(seconds)),
        false => Err(format!("expected {expected}")),
    }
}

impl ClientCredentials {
    /// Whether tokens are to be fetched, and not to be made without a signature.
    pub(in crate::security) fn is_wanted(&self) -> bool {
        self.endpoint.is_some() || !self.client_id.is_empty()
    }

    /// These with what a login has besides. What is set by a name of its own counts before an option of the login.
    ///
    /// # Errors
    /// [`Error::Config`] names the setting, without any value.
    pub(in crate::security) fn with_login(&self, login: Option<&Jaas>) -> Result<Self> {
        let mut all = self.clone();
        let refused = |reason: String| Error::Config {
            key: "sasl.jaas.config".to_owned(),
            value: "[hidden]".to_owned(),
            reason,
        };
        if let Some(login) = login {
            Mechanism::OauthBearer.check(login).map_err(refused)?;
            for (name, value) in &login.options {
                all.set_option(name, value).map_err(refused)?;
            }
        }
        all.checked()
    }

    fn set_option(&mut self, name: &str, value: &Secret) -> Result<(), String> {
        let text = value.expose();
        match name {
            "clientId" if self.client_id.is_empty() => self.client_id = text.to_owned(),
            "clientSecret" if self.client_secret.expose().is_empty() => {
                self.client_secret = value.clone();
            }
            "scope" if self.scope.is_empty() => self.scope = text.to_owned(),
            "clientId" | "clientSecret" | "scope" => {}
            _ => {
                if let Some(extension) = name.strip_prefix(EXTENSION) {
                    self.extensions
                        .push((extension.to_owned(), text.to_owned()));
                    return Ok(());
                }
                let known = CLIENT_SETTINGS.iter().map(|setting| setting.name);
                let mut of_tls = known.filter(|known| known.starts_with("ssl."));
                let of_tls = of_tls.find(|known| *known == name).ok_or_else(|| {
                    format!(
                        "the option \"{name}\" is none of clientId, clientSecret, scope, {EXTENSION}NAME, ssl.*"
                    )
                })?;
                let set = self.tls.set(of_tls, text);
                return set.map_err(|reason| format!("the option {name}: {reason}"));
            }
        }
        Ok(())
    }
}
