//! A token endpoint as OIDC providers have it, whose tokens nobody signs: brokers for tests believe them.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::header::AUTHORIZATION;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use serde_json::json;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::task::AbortHandle;

/// An endpoint, for as long as it is kept.
#[derive(Debug)]
pub struct TokenServer {
    url: String,
    shared: Arc<Mutex<State>>,
    server: AbortHandle,
}

#[derive(Debug)]
struct State {
    /// The header of the client that is let in.
    authorization: String,
    subject: String,
    lifetime: Duration,
    delay: Duration,
    /// What to answer with before anything else: a status and a body.
    faults: VecDeque<(u16, String)>,
    asked: Vec<Asked>,
}

/// What the endpoint was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// `METHOD PATH`.
    pub what: String,
    /// The header `Authorization`.
    pub authorization: String,
    /// The form.
    pub body: String,
}

impl TokenServer {
    /// Starts one on a free port, which gives tokens of an hour to this client.
    ///
    /// # Panics
    /// Without a port.
    pub async fn start(client_id: &str, client_secret: &str) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let both = STANDARD.encode(format!("{client_id}:{client_secret}"));
        let shared = Arc::new(Mutex::new(State {
            authorization: format!("Basic {both}"),
            subject: client_id.to_owned(),
            lifetime: Duration::from_secs(3600),
            delay: Duration::ZERO,
            faults: VecDeque::new(),
            asked: Vec::new(),
        }));
        let serving = shared.clone();
        let server = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, serving.clone()));
            }
        });
        Self {
            url: format!("http://{address}/token"),
            shared,
            server: server.abort_handle(),
        }
    }

    /// Where it is.
    pub fn url(&self) -> &str {
        &self.url
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes connections from others as well, as from a listener that takes TLS off.
    pub fn serve<S>(&self) -> impl Fn(S) + Send + Sync + 'static
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let shared = self.shared.clone();
        move |stream| {
            tokio::spawn(serve(stream, shared.clone()));
        }
    }

    /// The next tokens live that long.
    pub fn lifetime(&self, lifetime: Duration) {
        self.state().lifetime = lifetime;
    }

    /// The next answers take that long.
    pub fn delay(&self, delay: Duration) {
        self.state().delay = delay;
    }

    /// Answers the next requests like this, and gives no token for them.
    pub fn fail_next(&self, answers: impl IntoIterator<Item = (u16, String)>) {
        self.state().faults.extend(answers);
    }

    /// What it was asked since it was last asked for this.
    pub fn take_asked(&self) -> Vec<Asked> {
        std::mem::take(&mut self.state().asked)
    }
}

impl Drop for TokenServer {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn serve<S>(stream: S, shared: Arc<Mutex<State>>)
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let answer = service_fn(|request| answer(&shared, request));
    let connection = http1::Builder::new().serve_connection(TokioIo::new(stream), answer);
    // A client that goes away in between is its own affair.
    let _ = connection.await;
}

async fn answer(
    shared: &Mutex<State>,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let (head, body) = request.into_parts();
    let Ok(body) = body.collect().await.map(|body| body.to_bytes()) else {
        return Ok(respond(400, "{}".to_owned()));
    };
    let delay = {
        let mut state = shared.lock().unwrap_or_else(PoisonError::into_inner);
        let authorization = head.headers.get(AUTHORIZATION);
        let authorization = authorization.and_then(|value| value.to_str().ok());
        state.asked.push(Asked {
            what: format!("{} {}", head.method, head.uri.path()),
            authorization: authorization.unwrap_or_default().to_owned(),
            body: String::from_utf8_lossy(&body).into_owned(),
        });
        state.delay
    };
    tokio::time::sleep(delay).await;
    let mut state = shared.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((status, body)) = state.faults.pop_front() {
        return Ok(respond(status, body));
    }
    let authorization = head.headers.get(AUTHORIZATION);
    if authorization.and_then(|value| value.to_str().ok()) != Some(&state.authorization) {
        let refusal = json!({"error": "invalid_client", "error_description": "no such client"});
        return Ok(respond(401, refusal.to_string()));
    }
    if !body.starts_with(b"grant_type=client_credentials") {
        return Ok(respond(
            400,
            json!({"error": "unsupported_grant_type"}).to_string(),
        ));
    }
    let given = json!({
        "access_token": token(&state.subject, state.lifetime),
        "token_type": "Bearer",
        "expires_in": state.lifetime.as_secs_f64(),
    });
    Ok(respond(200, given.to_string()))
}

fn respond(status: u16, body: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() =
        StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response
}

/// A token that nobody has signed, good from now on.
pub fn token(subject: &str, lifetime: Duration) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let now = now.unwrap_or_default();
    let claims = json!({
        "sub": subject,
        "scope": "kafka",
        "iat": now.as_secs(),
        "exp": (now + lifetime).as_millis() as f64 / 1000.0,
    });
    let header = URL_SAFE_NO_PAD.encode(r#"{"alg":"none"}"#);
    format!("{header}.{}.", URL_SAFE_NO_PAD.encode(claims.to_string()))
}
