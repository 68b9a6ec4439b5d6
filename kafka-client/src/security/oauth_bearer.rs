//! OAUTHBEARER (RFC 7628, KIP-255): a token that somebody else has given out.

use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::Secret;
use super::mechanism::{SaslError, SaslExchange, SaslStep};

/// What stands between the parts of a message.
const SEPARATOR: char = '\x01';

/// A token with its extensions (KIP-342).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BearerToken {
    token: Secret,
    extensions: Vec<(String, String)>,
}

impl BearerToken {
    /// A token as it was given out, in most cases a signed JWT.
    pub fn new(token: impl Into<Secret>) -> Self {
        Self {
            token: token.into(),
            extensions: Vec::new(),
        }
    }

    /// Tells the broker something besides. Names are letters; values are visible text.
    #[must_use]
    pub fn extension(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.extensions.push((name.into(), value.into()));
        self
    }

    /// A token that nobody has signed, which brokers believe that were told to in a test (RFC 7515, appendix A.5).
    pub(super) fn unsecured(claims: &[(String, String)], lifetime_seconds: u64) -> Self {
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default()
            .as_secs();
        let mut json = String::from("{");
        for (name, value) in claims {
            json.push_str(&format!("{}:{},", quoted(name), quoted(value)));
        }
        json.push_str(&format!(
            "\"iat\":{now},\"exp\":{}}}",
            now.saturating_add(lifetime_seconds)
        ));
        let header = URL_SAFE_NO_PAD.encode(r#"{"alg":"none"}"#);
        Self::new(format!("{header}.{}.", URL_SAFE_NO_PAD.encode(json)))
    }

    fn check(&self) -> Result<(), SaslError> {
        let is_visible = |text: &str| text.chars().all(|char| !char.is_control());
        if self.token.expose().is_empty() || !is_visible(self.token.expose()) {
            return Err(SaslError::refused("the token is empty, or no visible text"));
        }
        for (name, value) in &self.extensions {
            let is_name = !name.is_empty() && name.chars().all(|char| char.is_ascii_alphabetic());
            if !is_name || name == "auth" || !is_visible(value) {
                return Err(SaslError::refused(format!(
                    "the extension \"{name}\" needs a name of letters other than \"auth\", and a value of visible text"
                )));
            }
        }
        Ok(())
    }
}

/// A text in JSON.
fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for char in text.chars() {
        match char {
            '"' | '\\' => quoted.extend(['\\', char]),
            char if char.is_control() => quoted.push_str(&format!("\\u{:04x}", u32::from(char))),
            char => quoted.push(char),
        }
    }
    quoted.push('"');
    quoted
}

/// The client's side of an exchange.
pub(super) struct BearerExchange {
    token: BearerToken,
    state: State,
}

enum State {
    Beginning,
    TokenSent,
    /// The broker has said what is wrong, and only fails the exchange once that was acknowledged.
    Acknowledged(String),
}

impl BearerExchange {
    pub(super) fn new(token: BearerToken) -> Self {
        Self {
            token,
            state: State::Beginning,
        }
    }
}

impl SaslExchange for BearerExchange {
    fn step(&mut self, challenge: &[u8]) -> Result<SaslStep, SaslError> {
        match &self.state {
            State::Beginning => {
                self.token.check()?;
                let token = self.token.token.expose();
                let mut first = format!("n,,{SEPARATOR}auth=Bearer {token}{SEPARATOR}");
                for (name, value) in &self.token.extensions {
                    first.push_str(&format!("{name}={value}{SEPARATOR}"));
                }
                first.push(SEPARATOR);
                self.state = State::TokenSent;
                Ok(SaslStep::Send(first.into_bytes()))
            }
            State::TokenSent if challenge.is_empty() => Ok(SaslStep::Done),
            State::TokenSent => {
                let refusal = String::from_utf8_lossy(challenge).into_owned();
                self.state = State::Acknowledged(refusal);
                Ok(SaslStep::Send(vec![SEPARATOR as u8]))
            }
            State::Acknowledged(refusal) => Err(SaslError::refused(format!(
                "the broker refused the token: {refusal}"
            ))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn send(text: &str) -> Result<SaslStep, SaslError> {
        Ok(SaslStep::Send(text.as_bytes().to_vec()))
    }

    #[test]
    fn a_token_is_sent_with_its_extensions() {
        for (token, expected) in [
            (BearerToken::new("abc"), "n,,\x01auth=Bearer abc\x01\x01"),
            (
                BearerToken::new("abc").extension("logicalCluster", "lkc-1"),
                "n,,\x01auth=Bearer abc\x01logicalCluster=lkc-1\x01\x01",
            ),
        ] {
            let mut exchange = BearerExchange::new(token);
            assert_eq!(exchange.step(b""), send(expected));
            assert_eq!(exchange.step(b""), Ok(SaslStep::Done));
        }
    }

    #[test]
    fn a_refusal_is_acknowledged_so_that_the_broker_ends_the_exchange() {
        let mut exchange = BearerExchange::new(BearerToken::new("abc"));
        exchange.step(b"").unwrap();
        let refusal = br#"{"status":"invalid_token"}"#;
        assert_eq!(exchange.step(refusal), send("\x01"));
        let error = exchange.step(b"").unwrap_err().to_string();
        assert!(error.contains("invalid_token"), "{error}");
    }

    #[test]
    fn a_token_cannot_bring_parts_of_its_own_along() {
        for token in [
            BearerToken::new(""),
            BearerToken::new("abc\x01auth=Bearer other"),
            BearerToken::new("abc").extension("auth", "x"),
            BearerToken::new("abc").extension("a=b", "x"),
            BearerToken::new("abc").extension("a", "x\x01b=c"),
        ] {
            BearerExchange::new(token.clone())
                .step(b"")
                .expect_err(&format!("{token:?}"));
        }
    }

    #[test]
    fn an_unsecured_token_holds_its_claims() {
        let claims = [("sub".to_owned(), "a \"b\" \n".to_owned())];
        let token = BearerToken::unsecured(&claims, 60);
        let mut parts = token.token.expose().split('.');
        let mut decoded = || {
            let part = URL_SAFE_NO_PAD.decode(parts.next().unwrap()).unwrap();
            String::from_utf8(part).unwrap()
        };
        assert_eq!(decoded(), r#"{"alg":"none"}"#);
        let claims = decoded();
        assert!(
            claims.starts_with(r#"{"sub":"a \"b\" \u000a","iat":"#),
            "{claims}"
        );
        assert_eq!(decoded(), "");
    }
}
