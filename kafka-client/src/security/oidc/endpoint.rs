//! A token is asked for, and what is answered.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde_json::Value;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::jwt::Claims;
use super::{ClientCredentials, ENDPOINT};
use crate::http::{
    Authorization, Encryption, HttpClient, Method, Request, Response, StatusCode, percent_encode,
};
use crate::security::{BearerToken, SaslError, Secret};

/// The largest answer that is taken: a token has to fit in a request to a broker.
const MAX_ANSWER_BYTES: usize = 1 << 20;
/// The most of what an endpoint says that is repeated.
const MAX_SAID: usize = 300;

/// A token, and how long it is good for from now on.
#[derive(Debug)]
pub(super) struct Given {
    pub(super) token: BearerToken,
    pub(super) lifetime: Duration,
}

impl ClientCredentials {
    pub(super) fn http(&self) -> HttpClient {
        HttpClient {
            connect_timeout: self.connect_timeout,
            timeout: self.connect_timeout.saturating_add(self.read_timeout),
            max_response_bytes: MAX_ANSWER_BYTES,
            encryption: Encryption::new(self.tls.clone()),
        }
    }

    /// Asks for a token, once.
    pub(super) async fn ask(&self, http: &HttpClient) -> Result<Given, SaslError> {
        let request = self.request()?;
        let url = request.url.to_string();
        match http.send(request).await {
            Ok(response) if response.status == StatusCode::OK => self
                .given(&response)
                .map_err(|reason| SaslError::refused(format!("the token of {url}: {reason}"))),
            Ok(response) => Err(self.refusal(&url, &response)),
            Err(error) if error.is_retriable() => {
                Err(SaslError::Unavailable(format!("token endpoint: {error}")))
            }
            Err(error) => Err(SaslError::refused(format!("token endpoint: {error}"))),
        }
    }

    fn request(&self) -> Result<Request, SaslError> {
        let url = self.endpoint.clone();
        let url = url.ok_or_else(|| SaslError::refused(format!("{ENDPOINT} is not set")))?;
        let escaped = |text: &str| {
            let mut escaped = String::new();
            percent_encode(text, &mut escaped);
            escaped
        };
        let mut body = "grant_type=client_credentials".to_owned();
        if !self.scope.trim().is_empty() {
            body.push_str("&scope=");
            body.push_str(&escaped(self.scope.trim()));
        }
        let (user, password) = match self.encodes_header {
            true => (
                escaped(&self.client_id),
                Secret::new(escaped(self.client_secret.expose())),
            ),
            false => (self.client_id.clone(), self.client_secret.clone()),
        };
        Ok(Request {
            method: Method::POST,
            url,
            authorization: Some(Authorization::Basic { user, password }),
            accept: "application/json",
            body: Some(("application/x-www-form-urlencoded", Bytes::from(body))),
        })
    }

    /// The token of an answer. Errors never repeat a part of it.
    fn given(&self, response: &Response) -> Result<Given, String> {
        let answer: Value =
            serde_json::from_slice(&response.body).map_err(|_| "the answer is no JSON")?;
        let token = answer.get("access_token").and_then(Value::as_str);
        let token = token.map(str::trim).filter(|token| !token.is_empty());
        let token = token.ok_or("the answer has no access_token")?;
        let claims = Claims::read(token, &self.scope_claim, &self.subject_claim)?;
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let left = claims.expires.saturating_sub(now.unwrap_or_default());
        if left.is_zero() {
            return Err("it has expired already (claim exp): is this machine's clock right, and the endpoint's?".to_owned());
        }
        // By the endpoint's own measure it may be less, where this machine's clock is slow.
        let told = answer.get("expires_in").and_then(Value::as_f64);
        let told = told.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
        let told = told.filter(|told| !told.is_zero());
        let lifetime = told.map_or(left, |told| told.min(left));
        tracing::debug!(subject = claims.subject, ?lifetime, "a token was given out");
        let token = self
            .extensions
            .iter()
            .fold(BearerToken::new(token), |token, (name, value)| {
                token.extension(name, value)
            });
        Ok(Given { token, lifetime })
    }

    fn refusal(&self, url: &str, response: &Response) -> SaslError {
        let status = response.status;
        let said: Value = serde_json::from_slice(&response.body).unwrap_or_default();
        let said = ["error", "error_description"].map(|name| said.get(name)?.as_str());
        let said: Vec<&str> = said.into_iter().flatten().collect();
        let said = match &said[..] {
            [] => String::new(),
            said => format!(": {}", self.harmless(&said.join(": "))),
        };
        let passes = status.is_server_error()
            || [StatusCode::TOO_MANY_REQUESTS, StatusCode::REQUEST_TIMEOUT].contains(&status);
        if passes {
            return SaslError::Unavailable(format!("token endpoint {url} answered {status}{said}"));
        }
        let hint = match status {
            StatusCode::UNAUTHORIZED | StatusCode::BAD_REQUEST | StatusCode::FORBIDDEN => {
                "; check the client's id and secret, and sasl.oauthbearer.scope"
            }
            _ if status.is_redirection() => "; redirects are not followed",
            _ => "; check sasl.oauthbearer.token.endpoint.url",
        };
        SaslError::refused(format!(
            "token endpoint {url} answered {status}{said}{hint}"
        ))
    }

    /// What an endpoint says, without our secret should it repeat it, and without what does not belong in a log.
    fn harmless(&self, said: &str) -> String {
        let secret = self.client_secret.expose();
        let in_header = STANDARD.encode(format!("{}:{secret}", self.client_id));
        let mut said = said.to_owned();
        for secret in [secret, &in_header] {
            if !secret.is_empty() {
                said = said.replace(secret, "[hidden]");
            }
        }
        let visible = said.chars().filter(|char| !char.is_control());
        visible.take(MAX_SAID).collect()
    }
}
