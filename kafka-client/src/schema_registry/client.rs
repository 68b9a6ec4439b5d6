use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::builder::SchemaRegistryBuilder;
use super::cache::Cache;
use super::code::RegistryCode;
use super::error::RegistryError;
use crate::http::{
    Authorization, HttpClient, HttpError, Method, Request, Response, StatusCode, Url,
};
use crate::retry::Backoff;

/// What the API speaks.
const JSON: &str = "application/vnd.schemaregistry.v1+json";

/// A schema registry. A cheap handle: clones share what is known of schemas.
///
/// ```no_run
/// use kafka_client::schema_registry::{Schema, SchemaRegistry, Version};
///
/// # async fn example() -> Result<(), kafka_client::schema_registry::RegistryError> {
/// let registry = SchemaRegistry::builder("http://one:8081,http://two:8081")
///     .basic_auth("alice", "alice-secret")
///     .build()?;
/// let id = registry.register("orders-value", &Schema::avro(r#""string""#)).await?;
/// assert_eq!(registry.version("orders-value", Version::Latest).await?.id, id);
/// # Ok(())
/// # }
/// ```
///
/// With several addresses, the one that answered last is asked first. Those that do not answer, or that have trouble of
/// their own, are passed over, and tried again a few times with a growing wait.
#[derive(Clone)]
pub struct SchemaRegistry(Arc<Inner>);

struct Inner {
    urls: Vec<Url>,
    /// The one to be asked first.
    first: AtomicUsize,
    http: HttpClient,
    authorization: Option<Authorization>,
    retries: u32,
    retry_backoff: Duration,
    retry_backoff_max: Duration,
    cache: Cache,
}

/// What is asked: the method, the path, and what is sent along.
pub(super) struct Question<'a> {
    /// For messages: `registering a schema for subject "orders-value"`.
    pub(super) what: String,
    pub(super) method: Method,
    pub(super) path: &'a [&'a str],
    pub(super) query: &'a str,
    pub(super) body: Option<Vec<u8>>,
}

/// How a registry says no.
#[derive(Debug, Default, Deserialize)]
struct Refusal {
    #[serde(default)]
    error_code: i32,
    #[serde(default)]
    message: String,
}

impl SchemaRegistry {
    /// Settings for a client of the registry at these addresses: `http://[USER:PASSWORD@]HOST:PORT[/PATH]`, or several
    /// separated by commas.
    pub fn builder(urls: impl Into<String>) -> SchemaRegistryBuilder {
        SchemaRegistryBuilder::new(urls.into())
    }

    pub(super) fn start(
        urls: Vec<Url>,
        http: HttpClient,
        authorization: Option<Authorization>,
        settings: &SchemaRegistryBuilder,
    ) -> Self {
        Self(Arc::new(Inner {
            urls,
            first: AtomicUsize::new(0),
            http,
            authorization,
            retries: settings.retries,
            retry_backoff: settings.retry_backoff,
            retry_backoff_max: settings.retry_backoff_max,
            cache: Cache::default(),
        }))
    }

    pub(super) fn cache(&self) -> &Cache {
        &self.0.cache
    }

    /// Asks the addresses in turn until one answers, and reads the answer.
    pub(super) async fn ask<T: DeserializeOwned>(
        &self,
        question: Question<'_>,
    ) -> Result<T, RegistryError> {
        let inner = &*self.0;
        let mut backoff = Backoff::new(inner.retry_backoff, inner.retry_backoff_max);
        let (mut tried, mut last) = (Vec::new(), None);
        for round in 0..=inner.retries {
            if round > 0 {
                tokio::time::sleep(backoff.next()).await;
                tried.clear();
            }
            let first = inner.first.load(Ordering::Relaxed);
            for turn in 0..inner.urls.len() {
                let at = (first + turn) % inner.urls.len();
                let url = &inner.urls[at];
                match self.ask_at(url, &question).await {
                    Ok(response) if response.status.is_success() => {
                        inner.first.store(at, Ordering::Relaxed);
                        return read(&question, url, &response);
                    }
                    Ok(response) => {
                        let refused = refusal(&question, url, &response);
                        if !is_passing(response.status) {
                            inner.first.store(at, Ordering::Relaxed);
                            return Err(refused);
                        }
                        tried.push(refused.to_string());
                        last = Some(refused);
                    }
                    Err(error) => {
                        let again = may_be_repeated(&question.method, &error);
                        tried.push(error.to_string());
                        last = None;
                        if !again {
                            return Err(RegistryError::Unreachable {
                                what: question.what,
                                tried,
                            });
                        }
                    }
                }
            }
        }
        // One that has answered says more than those that have not.
        Err(last.unwrap_or(RegistryError::Unreachable {
            what: question.what,
            tried,
        }))
    }

    async fn ask_at(&self, url: &Url, question: &Question<'_>) -> Result<Response, HttpError> {
        let body = question.body.clone();
        let request = Request {
            method: question.method.clone(),
            url: url.below(question.path, question.query),
            authorization: self.0.authorization.clone(),
            accept: JSON,
            body: body.map(|body| (JSON, Bytes::from(body))),
        };
        self.0.http.send(request).await
    }
}

/// Whether a registry has trouble of its own, or wants to be left alone for a moment.
fn is_passing(status: StatusCode) -> bool {
    status.is_server_error()
        || status == StatusCode::TOO_MANY_REQUESTS
        || status == StatusCode::REQUEST_TIMEOUT
}

/// What is registered twice is registered once; but what is deleted twice is not there the second time.
fn may_be_repeated(method: &Method, error: &HttpError) -> bool {
    match error {
        HttpError::Connect { .. } => true,
        error => error.is_retriable() && method != Method::DELETE,
    }
}

fn read<T: DeserializeOwned>(
    question: &Question<'_>,
    url: &Url,
    response: &Response,
) -> Result<T, RegistryError> {
    serde_json::from_slice(&response.body).map_err(|error| RegistryError::Protocol {
        what: question.what.clone(),
        url: url.to_string(),
        reason: error.to_string(),
    })
}

fn refusal(question: &Question<'_>, url: &Url, response: &Response) -> RegistryError {
    let status = response.status;
    let what = question.what.clone();
    if status.is_redirection() || status.is_informational() {
        return RegistryError::Protocol {
            what,
            url: url.to_string(),
            reason: format!("HTTP status {status}; redirects are not followed"),
        };
    }
    let told: Refusal = serde_json::from_slice(&response.body).unwrap_or_default();
    let code = match told.error_code {
        0 => i32::from(status.as_u16()),
        code => code,
    };
    RegistryError::Refused {
        code: RegistryCode::of(code, status.as_u16()),
        what,
        url: url.to_string(),
        message: if told.message.is_empty() {
            format!("HTTP status {status}")
        } else {
            told.message
        },
    }
}

impl fmt::Debug for SchemaRegistry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let urls: Vec<String> = self.0.urls.iter().map(Url::to_string).collect();
        f.debug_struct("SchemaRegistry")
            .field("urls", &urls)
            .finish_non_exhaustive()
    }
}
