use std::error::Error as StdError;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::client::conn::http1;
use hyper::header::{
    ACCEPT, AUTHORIZATION, CONNECTION, CONTENT_TYPE, HOST, HeaderValue, USER_AGENT,
};
use hyper::{Method, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::connect::connect;
use super::encryption::Encryption;
use super::error::HttpError;
use super::url::Url;
use crate::security::Secret;

/// The most that the head of an answer may have.
const MAX_HEAD_BYTES: usize = 64 << 10;

/// Who asks.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Authorization {
    /// A user and a password (RFC 7617).
    Basic {
        /// The user.
        user: String,
        /// The password.
        password: Secret,
    },
    /// A token (RFC 6750).
    #[cfg(any(test, feature = "schema-registry"))]
    Bearer(Secret),
}

impl Authorization {
    fn header(&self) -> Option<HeaderValue> {
        let text = match self {
            Self::Basic { user, password } => {
                let both = format!("{user}:{}", password.expose());
                format!("Basic {}", STANDARD.encode(both))
            }
            #[cfg(any(test, feature = "schema-registry"))]
            Self::Bearer(token) => format!("Bearer {}", token.expose()),
        };
        let mut value = HeaderValue::try_from(text).ok()?;
        value.set_sensitive(true);
        Some(value)
    }
}

/// What is asked.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub(crate) method: Method,
    pub(crate) url: Url,
    /// Taken before the credentials of the address.
    pub(crate) authorization: Option<Authorization>,
    /// What may be answered: `application/json`.
    pub(crate) accept: &'static str,
    /// What is sent along, and what it is.
    pub(crate) body: Option<(&'static str, Bytes)>,
}

/// An answer, whatever its status.
#[derive(Debug, Clone)]
pub(crate) struct Response {
    pub(crate) status: StatusCode,
    pub(crate) body: Bytes,
}

/// Asks servers, each request on a connection of its own.
#[derive(Debug, Clone)]
pub(crate) struct HttpClient {
    /// For a connection, with its TLS.
    pub(crate) connect_timeout: Duration,
    /// For a request with all that belongs to it: name, connection, answer.
    pub(crate) timeout: Duration,
    /// The largest answer that is taken.
    pub(crate) max_response_bytes: usize,
    pub(crate) encryption: Encryption,
}

impl HttpClient {
    /// Asks, and takes the whole answer.
    ///
    /// # Errors
    /// Says what was asked, without credentials. A refusal is no error: it is an answer with a status.
    ///
    /// Cancel-safe: the connection is closed. Whether the server has done what was asked is not known then.
    pub(crate) async fn send(&self, request: Request) -> Result<Response, HttpError> {
        let (method, url) = (request.method.to_string(), request.url.to_string());
        match timeout(self.timeout, self.exchange(request)).await {
            Ok(answer) => answer,
            Err(_) => Err(HttpError::Timeout {
                method,
                url,
                after: self.timeout,
            }),
        }
    }

    async fn exchange(&self, request: Request) -> Result<Response, HttpError> {
        let method = request.method.to_string();
        let url = request.url.to_string();
        let broken = |reason: String| HttpError::Broken {
            method: method.clone(),
            url: url.clone(),
            reason,
        };
        let message = message(&request).map_err(broken)?;
        let connecting = connect(&method, &request.url, &self.encryption);
        let stream = match timeout(self.connect_timeout, connecting).await {
            Ok(stream) => stream?,
            Err(_) => {
                return Err(HttpError::Connect {
                    method,
                    url,
                    reason: format!("not within {:?}", self.connect_timeout),
                });
            }
        };
        let (mut sender, connection) = http1::Builder::new()
            .max_buf_size(MAX_HEAD_BYTES)
            .handshake(TokioIo::new(stream))
            .await
            .map_err(|error| broken(told(&error)))?;
        // Ends with the request, be it answered or dropped.
        let mut driver = JoinSet::new();
        driver.spawn(connection);
        let answer = sender.send_request(message).await;
        let (head, body) = match answer {
            Ok(answer) => answer.into_parts(),
            Err(error) => {
                // What has ended the connection says more than that it has ended.
                let ended = driver.join_next().await;
                let error = match ended {
                    Some(Ok(Err(cause))) => cause,
                    _ => error,
                };
                #[cfg(feature = "tls")]
                if let Some(reason) =
                    super::encryption::refusal(&request.url, &self.encryption, &error)
                {
                    return Err(HttpError::Tls {
                        method,
                        url,
                        reason,
                    });
                }
                return Err(broken(told(&error)));
            }
        };
        let body = Limited::new(body, self.max_response_bytes).collect().await;
        let body = body.map_err(|error| {
            if error.is::<LengthLimitError>() {
                HttpError::TooLarge {
                    method: method.clone(),
                    url: url.clone(),
                    limit: self.max_response_bytes,
                }
            } else {
                broken(told(&*error))
            }
        })?;
        Ok(Response {
            status: head.status,
            body: body.to_bytes(),
        })
    }
}

fn message(request: &Request) -> Result<hyper::Request<Full<Bytes>>, String> {
    let mut message = hyper::Request::builder()
        .method(&request.method)
        .uri(&request.url.path)
        .header(HOST, request.url.authority())
        .header(ACCEPT, request.accept)
        .header(CONNECTION, "close")
        .header(
            USER_AGENT,
            concat!("kafka-client-rust/", env!("CARGO_PKG_VERSION")),
        );
    let credentials = request.url.credentials();
    if let Some(authorization) = request.authorization.as_ref().or(credentials) {
        let value = authorization
            .header()
            .ok_or("the credentials cannot be put in a header")?;
        message = message.header(AUTHORIZATION, value);
    }
    let body = match &request.body {
        Some((kind, body)) => {
            message = message.header(CONTENT_TYPE, *kind);
            Full::new(body.clone())
        }
        None => Full::default(),
    };
    message.body(body).map_err(|error| error.to_string())
}

/// An error with its causes.
fn told(error: &dyn StdError) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let more = error.to_string();
        if !text.ends_with(&more) {
            text = format!("{text}: {more}");
        }
        cause = error.source();
    }
    text
}
