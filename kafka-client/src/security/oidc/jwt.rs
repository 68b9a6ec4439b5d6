//! What a token says of itself (RFC 7519). Nobody's signature is checked: that is for the brokers to do.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;

/// What there is to know of a token.
#[derive(Debug, PartialEq)]
pub(super) struct Claims {
    pub(super) subject: String,
    /// Since 1970.
    pub(super) expires: Duration,
}

impl Claims {
    /// Reads a token. Errors say what is wrong with it, and never repeat a part of it.
    pub(super) fn read(
        token: &str,
        scope_claim: &str,
        subject_claim: &str,
    ) -> Result<Self, String> {
        let mut parts = token.split('.');
        let (Some(_), Some(claims), Some(_), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err("it is no JWT, which has three parts with dots between them".to_owned());
        };
        let claims = URL_SAFE_NO_PAD.decode(claims.trim_end_matches('='));
        let claims: Option<Value> = claims
            .ok()
            .and_then(|json| serde_json::from_slice(&json).ok());
        let claims = claims
            .as_ref()
            .and_then(Value::as_object)
            .ok_or("it is no JWT, whose second part is JSON in Base64")?;
        let expires = claims.get("exp").and_then(Value::as_f64);
        let expires = expires.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
        let expires = expires.ok_or("it does not say when it expires (claim exp)")?;
        let subject = claims.get(subject_claim).and_then(Value::as_str);
        let subject = subject.filter(|subject| !subject.trim().is_empty());
        let subject = subject.ok_or_else(|| {
            format!(
                "it does not say whose it is (claim {subject_claim}): see sasl.oauthbearer.sub.claim.name"
            )
        })?;
        let is_scope = match claims.get(scope_claim) {
            None | Some(Value::String(_)) => true,
            Some(Value::Array(scopes)) => scopes.iter().all(Value::is_string),
            Some(_) => false,
        };
        if !is_scope {
            return Err(format!(
                "its scope (claim {scope_claim}) is neither a text nor a list of texts: see sasl.oauthbearer.scope.claim.name"
            ));
        }
        Ok(Self {
            subject: subject.to_owned(),
            expires,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(claims: &str) -> Result<Claims, String> {
        let claims = URL_SAFE_NO_PAD.encode(claims);
        Claims::read(&format!("e30.{claims}.c2ln"), "scope", "sub")
    }

    #[test]
    fn claims_are_read() {
        let expected = Claims {
            subject: "alice".to_owned(),
            expires: Duration::from_secs(1_700_000_000),
        };
        for claims in [
            r#"{"sub":"alice","exp":1700000000}"#,
            r#"{"sub":"alice","exp":1700000000.0,"scope":"a b"}"#,
            r#"{"exp":1.7e9,"sub":"alice","scope":["a","b"],"x":{}}"#,
        ] {
            assert_eq!(read(claims).as_ref(), Ok(&expected), "{claims}");
        }
    }

    #[test]
    fn what_is_no_token_is_told_by_what_is_wrong_and_never_repeated() {
        for (token, because) in [
            ("geheim", "three parts"),
            ("a.geheim.c.d", "three parts"),
            ("a.geheim!.c", "JSON in Base64"),
            ("a.W10.c", "JSON in Base64"),
        ] {
            let reason = Claims::read(token, "scope", "sub").unwrap_err();
            assert!(reason.contains(because), "{token}: {reason}");
            assert!(!reason.contains("geheim"), "{reason}");
        }
        for (claims, because) in [
            (r#"{"sub":"geheim"}"#, "exp"),
            (r#"{"sub":"geheim","exp":"soon"}"#, "exp"),
            (r#"{"sub":"geheim","exp":-1}"#, "exp"),
            (r#"{"sub":"geheim","exp":1e300}"#, "exp"),
            (r#"{"exp":1}"#, "sub"),
            (r#"{"sub":" ","exp":1}"#, "sub"),
            (r#"{"sub":"geheim","exp":1,"scope":7}"#, "scope"),
        ] {
            let reason = read(claims).unwrap_err();
            assert!(reason.contains(because), "{claims}: {reason}");
            assert!(!reason.contains("geheim"), "{reason}");
        }
    }
}
