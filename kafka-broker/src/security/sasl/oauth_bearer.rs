//! OAUTHBEARER (RFC 7628) with unsecured tokens, as Kafka's default for development checks them: their claims have to make
//! sense, and nobody has to have signed them.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;

use super::exchange::{Disbelief, Login, Step};
use crate::security::Principal;

/// What ends each part of a message, and what a client says alone to have an error ended.
const SEPARATOR: char = '\u{1}';
/// What is wrong with a token, as the client is told before it says that it has understood.
const INVALID_TOKEN: &str = r#"{"status":"invalid_token"}"#;

#[derive(Debug, Default)]
pub(super) struct OAuthBearer {
    /// Whether the client was told that its token is invalid.
    is_refused: bool,
}

impl OAuthBearer {
    pub(super) fn step(&mut self, message: &[u8], unix_millis: i64) -> Result<Step, Disbelief> {
        if self.is_refused && message == [SEPARATOR as u8] {
            return Err(Disbelief::Told(INVALID_TOKEN.to_owned()));
        }
        self.is_refused = false;
        let text = std::str::from_utf8(message).unwrap_or_default();
        let first = ClientFirst::parse(text)
            .ok_or_else(|| Disbelief::hidden("Invalid OAUTHBEARER client first message"))?;
        let claims = match Claims::read(first.token, unix_millis) {
            Ok(claims) => claims,
            Err(reason) => {
                tracing::debug!(reason, "a token is refused");
                self.is_refused = true;
                return Ok(Step::Challenge(INVALID_TOKEN.into()));
            }
        };
        if !first.authorization_id.is_empty() && first.authorization_id != claims.subject {
            return Err(Disbelief::Told(format!(
                "Authentication failed: Client requested an authorization id ({}) that is different from the token's principal name ({})",
                first.authorization_id, claims.subject
            )));
        }
        let login = Login {
            principal: Principal::user(&claims.subject),
            by_token: false,
            expires: Some(claims.expires),
        };
        Ok(Step::Done(Vec::new(), login))
    }
}

/// `n,[a=AUTHORIZATION ID],^Aauth=Bearer TOKEN^A[NAME=VALUE^A]...^A`, where `^A` is a byte of value 1.
struct ClientFirst<'a> {
    authorization_id: &'a str,
    token: &'a str,
}

impl<'a> ClientFirst<'a> {
    fn parse(text: &'a str) -> Option<Self> {
        let (header, pairs) = text.split_once(SEPARATOR)?;
        let authorization_id = match header.strip_prefix("n,")?.strip_suffix(',')? {
            "" => "",
            given => given.strip_prefix("a=")?,
        };
        let pairs = pairs.strip_suffix("\u{1}\u{1}")?;
        let mut token = None;
        for pair in pairs.split(SEPARATOR) {
            let (name, value) = pair.split_once('=')?;
            if !name.bytes().all(|c| c.is_ascii_alphabetic()) || name.is_empty() {
                return None;
            }
            if name == "auth" {
                let (scheme, value) = value.split_once(' ')?;
                let value = value.trim_start_matches(' ');
                token = scheme.eq_ignore_ascii_case("bearer").then_some(value);
            }
        }
        Some(Self {
            authorization_id,
            token: token.filter(|token| !token.is_empty())?,
        })
    }
}

/// What a token claims.
#[derive(Debug, PartialEq)]
struct Claims {
    subject: String,
    /// In milliseconds since 1970.
    expires: i64,
}

impl Claims {
    fn read(token: &str, unix_millis: i64) -> Result<Self, &'static str> {
        let parts: Vec<&str> = token.split('.').collect();
        let [header, claims, ""] = parts[..] else {
            return Err("it has not two parts, and no signature behind them");
        };
        let [header, claims] = [json(header)?, json(claims)?];
        if header.get("alg").and_then(Value::as_str) != Some("none") {
            return Err("its algorithm is not \"none\"");
        }
        let subject = claims.get("sub").and_then(Value::as_str);
        let subject = subject.filter(|subject| !subject.trim().is_empty());
        let subject = subject.ok_or("it names nobody (sub)")?;
        let expires = seconds(&claims, "exp")?.ok_or("it never expires (exp)")?;
        let now = unix_millis as f64 / 1000.0;
        if expires <= now {
            return Err("it has expired");
        }
        if let Some(issued) = seconds(&claims, "iat")?
            && (issued > now || issued >= expires)
        {
            return Err("it was not issued yet (iat)");
        }
        Ok(Self {
            subject: subject.to_owned(),
            expires: (expires * 1000.0) as i64,
        })
    }
}

fn json(part: &str) -> Result<Value, &'static str> {
    let bytes = URL_SAFE_NO_PAD.decode(part.trim_end_matches('='));
    let bytes = bytes.map_err(|_| "it is not Base64")?;
    serde_json::from_slice(&bytes).map_err(|_| "it is not JSON")
}

fn seconds(claims: &Value, name: &str) -> Result<Option<f64>, &'static str> {
    match claims.get(name) {
        None => Ok(None),
        Some(claim) => claim
            .as_f64()
            .map(Some)
            .ok_or("a time in it is not a number"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_700_000_000_000;

    fn token(header: &str, claims: &str) -> String {
        let [header, claims] = [header, claims].map(|part| URL_SAFE_NO_PAD.encode(part));
        format!("{header}.{claims}.")
    }

    fn said(token: &str) -> String {
        format!("n,,\u{1}auth=Bearer {token}\u{1}traceId=7\u{1}\u{1}")
    }

    #[test]
    fn a_token_that_makes_sense_is_believed_until_it_expires() {
        let token = token(
            r#"{"alg":"none"}"#,
            r#"{"sub":"alice","iat":1700000000,"exp":1700000060.5}"#,
        );
        let step = OAuthBearer::default().step(said(&token).as_bytes(), NOW);
        let Ok(Step::Done(last, login)) = step else {
            panic!("{step:?}");
        };
        assert_eq!((last.len(), login.expires), (0, Some(1_700_000_060_500)));
        assert_eq!(login.principal, Principal::user("alice"));
        let other = format!("n,a=bob,\u{1}auth=Bearer {token}\u{1}\u{1}");
        let told = OAuthBearer::default().step(other.as_bytes(), NOW);
        assert!(matches!(told, Err(Disbelief::Told(_))), "{told:?}");
    }

    #[test]
    fn an_invalid_token_is_answered_first_and_refused_when_that_was_understood() {
        let none = r#"{"alg":"none"}"#;
        for (header, claims) in [
            (none, r#"{"sub":"alice","exp":1700000000}"#),
            (none, r#"{"sub":"alice"}"#),
            (none, r#"{"exp":1800000000}"#),
            (none, r#"{"sub":" ","exp":1800000000}"#),
            (none, r#"{"sub":"a","exp":1800000000,"iat":1700000001}"#),
            (none, r#"{"sub":"a","exp":"soon"}"#),
            (none, "[]"),
            (none, "{"),
            (r#"{"alg":"HS256"}"#, r#"{"sub":"alice","exp":1800000000}"#),
            ("{}", r#"{"sub":"alice","exp":1800000000}"#),
        ] {
            let mut bearer = OAuthBearer::default();
            let step = bearer.step(said(&token(header, claims)).as_bytes(), NOW);
            assert!(matches!(step, Ok(Step::Challenge(_))), "{claims}: {step:?}");
            let told = bearer.step(b"\x01", NOW).unwrap_err();
            assert_eq!(told, Disbelief::Told(INVALID_TOKEN.to_owned()));
        }
        for token in ["geheim", "a.b", "a.b.c", "..", "?.?."] {
            let step = OAuthBearer::default().step(said(token).as_bytes(), NOW);
            assert!(matches!(step, Ok(Step::Challenge(_))), "{token}: {step:?}");
        }
        for malformed in [
            "",
            "\u{1}",
            "n,,",
            "n,,\u{1}\u{1}\u{1}",
            "n,,\u{1}auth=Basic x\u{1}\u{1}",
            "y,,\u{1}auth=Bearer x\u{1}\u{1}",
        ] {
            let error = OAuthBearer::default().step(malformed.as_bytes(), NOW);
            assert!(matches!(error, Err(Disbelief::Hidden(_))), "{malformed:?}");
        }
    }
}
