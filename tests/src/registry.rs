//! A schema registry in memory, which speaks Confluent's HTTP API: for suites without a network.

mod api;
mod store;

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::task::AbortHandle;

use store::Store;

/// A registry, for as long as it is kept.
#[derive(Debug)]
pub struct Registry {
    url: String,
    shared: Arc<Mutex<State>>,
    server: AbortHandle,
}

#[derive(Debug, Default)]
struct State {
    store: Store,
    /// `METHOD PATH` of what was asked.
    asked: Vec<String>,
    /// Statuses to answer with before anything else.
    faults: VecDeque<u16>,
    /// The header that has to be there.
    authorization: Option<String>,
}

impl Registry {
    /// Starts one on a free port.
    ///
    /// # Panics
    /// Without a port.
    pub async fn start() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let shared = Arc::new(Mutex::new(State::default()));
        let server = tokio::spawn(serve(listener, shared.clone())).abort_handle();
        Self {
            url: format!("http://{address}"),
            shared,
            server,
        }
    }

    /// Takes connections from others as well: from a listener that takes TLS off.
    pub fn serve(
        &self,
    ) -> impl Fn(tokio_rustls::server::TlsStream<tokio::net::TcpStream>) + Send + Sync + 'static
    {
        let shared = self.shared.clone();
        move |stream| {
            let shared = shared.clone();
            tokio::spawn(async move {
                let answer = service_fn(|request| answer(&shared, request));
                let connection =
                    http1::Builder::new().serve_connection(TokioIo::new(stream), answer);
                let _ = connection.await;
            });
        }
    }

    /// Where it is.
    pub fn url(&self) -> &str {
        &self.url
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What it was asked since it was last asked for this: `GET /schemas/ids/1`.
    pub fn take_asked(&self) -> Vec<String> {
        std::mem::take(&mut self.state().asked)
    }

    /// Answers the next requests with these statuses, and does nothing else for them.
    pub fn fail_next(&self, statuses: impl IntoIterator<Item = u16>) {
        self.state().faults.extend(statuses);
    }

    /// Lets in only who sends this header `Authorization`.
    pub fn require(&self, authorization: impl Into<String>) {
        self.state().authorization = Some(authorization.into());
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn serve(listener: TcpListener, shared: Arc<Mutex<State>>) {
    // Ended with the registry.
    let mut connections = tokio::task::JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        let shared = shared.clone();
        connections.spawn(async move {
            let answer = service_fn(|request| answer(&shared, request));
            let connection = http1::Builder::new().serve_connection(TokioIo::new(stream), answer);
            // A client that goes away in between is its own affair.
            let _ = connection.await;
        });
        while connections.try_join_next().is_some() {}
    }
}

async fn answer(
    shared: &Mutex<State>,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let (head, body) = request.into_parts();
    let Ok(body) = body.collect().await.map(|body| body.to_bytes()) else {
        return Ok(respond(400, "{}".to_owned()));
    };
    let mut state = shared.lock().unwrap_or_else(PoisonError::into_inner);
    let path = head.uri.path().to_owned();
    state.asked.push(format!("{} {path}", head.method));
    if let Some(status) = state.faults.pop_front() {
        return Ok(respond(status, "no JSON".to_owned()));
    }
    if let Some(wanted) = &state.authorization {
        let given = head.headers.get(AUTHORIZATION);
        if given.and_then(|given| given.to_str().ok()) != Some(wanted) {
            let refusal = api::refusal(401, "Unauthorized");
            return Ok(respond(401, refusal.to_string()));
        }
    }
    let query = head.uri.query().unwrap_or_default();
    let (status, answer) = api::route(&mut state.store, &head.method, &path, query, &body);
    Ok(respond(status, answer.to_string()))
}

fn respond(status: u16, body: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() =
        StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let json = HeaderValue::from_static("application/vnd.schemaregistry.v1+json");
    response.headers_mut().insert(CONTENT_TYPE, json);
    response
}
