//! One connection: requests go out in order, several at a time, and are answered in that order.

mod authentication;
mod ending;
mod traffic;

use std::collections::{HashMap, VecDeque};
use std::marker::PhantomData;
use std::sync::atomic::{AtomicI32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use bytestring::ByteString;
use kafka_proto::codec::{Encoded, Request, Versions};
use kafka_proto::error_code::ErrorCode;
use kafka_proto::frame;
use kafka_proto::messages::{ApiVersionsRequest, ApiVersionsResponse};
use kafka_proto::messages::{SaslAuthenticateRequest, SaslHandshakeRequest};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::{RwLock, RwLockReadGuard, mpsc, oneshot};
use tokio::task::AbortHandle;
use tokio::time::timeout;
use tracing::Instrument;

use authentication::Authentication;
use ending::CLOSED_BY_BROKER;

use super::features::Features;
use super::throttle::Throttled;
use crate::clock::now;
use crate::config::ClientConfig;
use crate::error::{Error, Result};
use crate::security::Sasl;
use crate::telemetry::PeerTelemetry;

/// A connection to one broker. Two tasks move its bytes; both end when the last handle is dropped or the connection is
/// lost, and everything that still waits for an answer then gets [`Error::Disconnected`].
#[derive(Debug)]
pub(crate) struct Connection {
    shared: Arc<Shared>,
    versions: HashMap<i16, Versions>,
    features: Features,
}

/// A request that has its place among those on their way, and is not answered yet.
///
/// May be dropped: the answer to an abandoned request is dropped when it comes.
#[derive(Debug)]
#[must_use]
pub(crate) struct Pending<'a, R> {
    connection: &'a Connection,
    version: i16,
    answer: oneshot::Receiver<Reply>,
    /// From its place in the queue to its answer.
    span: tracing::Span,
    request: PhantomData<fn() -> R>,
}

#[derive(Debug)]
struct Outgoing {
    bytes: Encoded,
    then: Then,
}

/// What follows a request.
#[derive(Debug)]
enum Then {
    /// An answer with this correlation id.
    Answer(i32, oneshot::Sender<Reply>),
    /// Nothing (Produce with acks 0): whoever waits is told once it is written.
    Nothing(oneshot::Sender<()>),
}

type Reply = Result<Bytes>;

/// What the connection's tasks and its handles share.
#[derive(Debug)]
struct Shared {
    /// `id 3 (host:port)`, for errors.
    broker: String,
    /// What is told of the broker.
    peer: PeerTelemetry,
    state: Mutex<State>,
    outgoing: mpsc::UnboundedSender<Outgoing>,
    next_correlation: AtomicI32,
    client_id: ByteString,
    /// Whether the broker was shown a certificate; `None` where the connection is not by TLS.
    shows_certificate: Option<bool>,
    /// Closed (locked for writing) while we say anew who we are: the broker takes nothing else meanwhile.
    gate: RwLock<()>,
}

#[derive(Debug, Default)]
struct State {
    /// What ended the connection.
    closed: Option<Error>,
    /// Whether the broker has said what it speaks, and the connection is one to tell of.
    established: bool,
    /// Requests that were sent and not answered, oldest first. A caller that went away leaves its place in the queue, so
    /// that the answer is not taken for the next one's.
    waiting: VecDeque<(i32, oneshot::Sender<Reply>)>,
    /// Requests that were queued and not answered: those above, and those that nobody has written yet.
    in_flight: usize,
    /// Told when nothing is in flight any more.
    drained: Option<oneshot::Sender<()>>,
    /// Whether a request was answered since the broker has said what it speaks.
    has_served: bool,
    quiet_until: Option<Instant>,
    /// When something was last sent or answered.
    last_used: Option<Instant>,
    /// The reader and the writer; they have the socket between them.
    tasks: Vec<AbortHandle>,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The broker has said what it speaks.
    fn establish(&self) {
        let mut state = self.state();
        if state.closed.is_none() {
            state.established = true;
            drop(state);
            self.peer.connected();
        }
    }

    /// Waits for what a task of the connection tells, and ends the connection when it takes too long.
    async fn within<T>(
        &self,
        limit: Duration,
        request: &str,
        what: &str,
        told: oneshot::Receiver<T>,
    ) -> Result<T> {
        match timeout(limit, told).await {
            Ok(Ok(told)) => Ok(told),
            Ok(Err(_)) => Err(self.ended()),
            Err(_) => {
                let reason = format!("{request} was not {what} within {limit:?}");
                self.close(&reason);
                Err(self.lost(reason))
            }
        }
    }

    /// Queues a request that is answered.
    fn queue_answered<R: Request>(
        &self,
        request: &R,
        version: i16,
    ) -> Result<oneshot::Receiver<Reply>> {
        let (reply, answer) = oneshot::channel();
        self.queue(request, version, |correlation| {
            Then::Answer(correlation, reply)
        })?;
        Ok(answer)
    }

    /// Sends a request that belongs to the making of the connection, past the gate; gives the frame of its answer.
    async fn ask<R: Request>(&self, request: &R, version: i16, limit: Duration) -> Result<Bytes> {
        let answer = self.queue_answered(request, version)?;
        self.within(limit, api_name::<R>(), "answered", answer)
            .await?
    }

    fn queue<R: Request>(
        &self,
        request: &R,
        version: i16,
        then: impl FnOnce(i32) -> Then,
    ) -> Result<()> {
        if self.state().closed.is_some() {
            return Err(self.ended());
        }
        let correlation = self.next_correlation.fetch_add(1, Ordering::Relaxed) & i32::MAX;
        let bytes = frame::encode_request(request, version, correlation, Some(&self.client_id))?;
        let then = then(correlation);
        {
            let mut state = self.state();
            state.last_used = Some(now());
            state.in_flight += usize::from(matches!(then, Then::Answer(..)));
        }
        let sent = self.outgoing.send(Outgoing { bytes, then });
        sent.map_err(|_| self.ended())
    }

    /// Waits until nothing is in flight.
    async fn drain(&self) -> Result<()> {
        let (drained, told) = oneshot::channel();
        {
            let mut state = self.state();
            if state.in_flight == 0 {
                return Ok(());
            }
            if state.closed.is_none() {
                state.drained = Some(drained);
            }
        }
        told.await.map_err(|_| self.ended())
    }

    /// Takes over the tasks, which may have found the connection lost before they got here.
    fn keep<const N: usize>(&self, tasks: [AbortHandle; N]) {
        let mut state = self.state();
        if state.closed.is_some() {
            tasks.iter().for_each(AbortHandle::abort);
        } else {
            state.tasks.extend(tasks);
        }
    }
}

impl Connection {
    /// Takes the two directions of a stream into use, and asks the broker behind it what it speaks.
    pub(super) async fn start(
        broker: String,
        read: impl AsyncRead + Send + Unpin + 'static,
        write: impl AsyncWrite + Send + Unpin + 'static,
        config: &ClientConfig,
        peer: &PeerTelemetry,
    ) -> Result<Self> {
        let (outgoing, queue) = mpsc::unbounded_channel();
        let shared = Arc::new(Shared {
            broker,
            peer: peer.clone(),
            state: Mutex::default(),
            outgoing,
            next_correlation: AtomicI32::new(0),
            client_id: config.client_id.as_str().into(),
            shows_certificate: config.security.shows_certificate(),
            gate: RwLock::default(),
        });
        shared.keep([
            tokio::spawn(traffic::write_requests(write, queue, shared.clone())).abort_handle(),
            tokio::spawn(traffic::read_answers(
                read,
                shared.clone(),
                config.max_response_bytes,
            ))
            .abort_handle(),
        ]);
        let mut connection = Self {
            shared,
            versions: HashMap::new(),
            features: Features::UNKNOWN,
        };
        let limit = config.connection_setup_timeout.min(config.request_timeout);
        let answer = connection.ask_versions(limit).await;
        (connection.versions, connection.features) = answer.map_err(|error| match error {
            Error::Disconnected { broker, reason } if reason == CLOSED_BY_BROKER => {
                let hint = connection.shared.hint_when_closed_at_once();
                Error::Disconnected {
                    broker,
                    reason: format!("{reason} {hint}"),
                }
            }
            other => other,
        })?;
        if let Some(sasl) = config.security.sasl() {
            connection
                .authenticate(sasl, config.request_timeout)
                .await?;
        }
        connection.shared.establish();
        Ok(connection)
    }

    /// Says who we are, now and again before each session ends.
    async fn authenticate(&self, sasl: &Sasl, limit: Duration) -> Result<()> {
        let authentication = Authentication {
            sasl: sasl.clone(),
            handshake: self.version_of::<SaslHandshakeRequest>(i16::MAX)?,
            authenticate: self.version_of::<SaslAuthenticateRequest>(i16::MAX)?,
            limit,
        };
        let session = authentication.run(&self.shared).await;
        self.shared.peer.authenticated(&session);
        if let Some(lifetime) = session? {
            let again = authentication.repeat(self.shared.clone(), lifetime);
            self.shared.keep([tokio::spawn(again).abort_handle()]);
        }
        Ok(())
    }

    /// A broker that does not know our version of ApiVersions answers in version 0, naming the one it does know (KIP-511).
    async fn ask_versions(&self, limit: Duration) -> Result<(HashMap<i16, Versions>, Features)> {
        let request = ApiVersionsRequest {
            client_software_name: "kafka-client-rust".into(),
            client_software_version: env!("CARGO_PKG_VERSION").into(),
            ..Default::default()
        };
        let mut version = ApiVersionsRequest::STABLE.max;
        loop {
            let frame = self.shared.ask(&request, version, limit).await?;
            let unsupported =
                frame.get(4..6) == Some(&i16::from(ErrorCode::UnsupportedVersion).to_be_bytes());
            let answer_version = if unsupported { 0 } else { version };
            let answer: ApiVersionsResponse =
                frame::decode_response::<ApiVersionsRequest>(frame, answer_version).map_err(
                    |error| {
                        self.shared.lost(format!(
                            "no answer to ApiVersions that Kafka would give ({error})"
                        ))
                    },
                )?;
            let versions: HashMap<i16, Versions> = answer
                .api_keys
                .iter()
                .map(|api| {
                    (
                        api.api_key,
                        Versions {
                            min: api.min_version,
                            max: api.max_version,
                        },
                    )
                })
                .collect();
            if !unsupported {
                crate::error::check(answer.error_code, || {
                    format!("ApiVersions of {}", self.shared.broker)
                })?;
                return Ok((versions, Features::of(&answer)));
            }
            let theirs = versions
                .get(&ApiVersionsRequest::KEY)
                .map_or(0, |versions| versions.max);
            if version == 0 || theirs >= version {
                let (theirs, min) = (versions.get(&ApiVersionsRequest::KEY), 0);
                return Err(self.unsupported::<ApiVersionsRequest>(theirs, min));
            }
            version = theirs.max(0);
        }
    }

    /// Whether the connection can no longer be used.
    pub(crate) fn is_closed(&self) -> bool {
        self.shared.state().closed.is_some()
    }

    /// What the cluster had switched on when the connection was made.
    pub(crate) fn features(&self) -> Features {
        self.features
    }

    /// Since when nothing has been on its way; `None` while something is.
    pub(crate) fn idle_since(&self) -> Option<Instant> {
        let state = self.shared.state();
        state.last_used.filter(|_| state.waiting.is_empty())
    }

    /// `broker 3 (host:port)`, as errors name it.
    pub(crate) fn broker(&self) -> &str {
        &self.shared.broker
    }

    /// The highest version, at most `max`, that both sides speak.
    pub(crate) fn version_of<R: Request>(&self, max: i16) -> Result<i16> {
        self.version_within::<R>(i16::MIN, max)
    }

    /// The highest version from `min` to `max` that both sides speak.
    pub(crate) fn version_within<R: Request>(&self, min: i16, max: i16) -> Result<i16> {
        let theirs = self.versions.get(&R::KEY);
        let ours = Versions {
            min: R::STABLE.min.max(min),
            max: R::STABLE.max.min(max),
        };
        match theirs.map(|theirs| ours.intersect(*theirs)) {
            Some(common) if !common.is_empty() => Ok(common.max),
            _ => Err(self.unsupported::<R>(theirs, ours.min)),
        }
    }

    fn unsupported<R: Request>(&self, theirs: Option<&Versions>, min: i16) -> Error {
        Error::UnsupportedVersion {
            broker: self.shared.broker.clone(),
            api: api_name::<R>(),
            theirs: theirs.map_or_else(|| "none".to_owned(), Versions::to_string),
            ours: Versions { min, ..R::STABLE }.to_string(),
        }
    }

    /// Sends a request and waits for its answer.
    ///
    /// A request that is not answered in time costs the connection, for nothing behind it would be answered either.
    /// Cancel-safe: the answer to an abandoned request is dropped when it comes.
    pub(crate) async fn send<R>(
        &self,
        request: &R,
        version: i16,
        limit: Duration,
    ) -> Result<R::Response>
    where
        R: Request,
        R::Response: Throttled,
    {
        self.begin(request, version, limit)
            .await?
            .answer(limit)
            .await
    }

    /// Gives a request its place among those on their way; what is begun after this has returned is sent after it.
    ///
    /// Waits while the broker wants quiet, for at most `limit`. Cancel-safe.
    pub(crate) async fn begin<R: Request>(
        &self,
        request: &R,
        version: i16,
        limit: Duration,
    ) -> Result<Pending<'_, R>> {
        self.wait_for_quiet(limit).await?;
        let _open = self.pass_gate(limit).await?;
        let span = tracing::debug_span!(
            target: "kafka_client::request",
            "request",
            api = api_name::<R>(),
            version,
            broker = self.shared.broker,
        );
        let answer = self.shared.queue_answered(request, version)?;
        Ok(Pending {
            connection: self,
            version,
            answer,
            span,
            request: PhantomData,
        })
    }

    /// Sends a request that is never answered, and waits until it is written. It may be lost without a word.
    pub(crate) async fn send_unanswered<R: Request>(
        &self,
        request: &R,
        version: i16,
        limit: Duration,
    ) -> Result<()> {
        self.wait_for_quiet(limit).await?;
        let done = {
            let _open = self.pass_gate(limit).await?;
            let (written, done) = oneshot::channel();
            self.shared
                .queue(request, version, |_| Then::Nothing(written))?;
            done
        };
        self.shared
            .within(limit, api_name::<R>(), "written", done)
            .await
    }

    /// Waits while we say anew who we are. What is queued while the guard is held has its place before the next time.
    async fn pass_gate(&self, limit: Duration) -> Result<RwLockReadGuard<'_, ()>> {
        let gate = &self.shared.gate;
        if let Ok(open) = gate.try_read() {
            return Ok(open);
        }
        timeout(limit, gate.read()).await.map_err(|_| {
            Error::timeout(
                format!("the next authentication at {}", self.shared.broker),
                limit,
                None,
            )
        })
    }

    async fn wait_for_quiet(&self, limit: Duration) -> Result<()> {
        let until = self.shared.state().quiet_until;
        let Some(until) = until.filter(|until| *until > now()) else {
            return Ok(());
        };
        let waited = timeout(limit, tokio::time::sleep_until(until.into())).await;
        waited.map_err(|_| {
            Error::timeout(
                format!("the end of the throttling by {}", self.shared.broker),
                limit,
                None,
            )
        })
    }
}

/// Kafka's name of the API: `Produce`.
fn api_name<R: Request>() -> &'static str {
    R::NAME.strip_suffix("Request").unwrap_or(R::NAME)
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.shared.close("no longer used");
    }
}

impl<R> Pending<'_, R>
where
    R: Request,
    R::Response: Throttled,
{
    /// Waits for the answer. Cancel-safe.
    pub(crate) async fn answer(self, limit: Duration) -> Result<R::Response> {
        let Self {
            connection,
            version,
            answer,
            span,
            ..
        } = self;
        let shared = &connection.shared;
        let frame = shared
            .within(limit, api_name::<R>(), "answered", answer)
            .instrument(span.clone())
            .await??;
        let _in_request = span.entered();
        let answer = frame::decode_response::<R>(frame, version).map_err(|error| {
            shared.close("an answer could not be read");
            Error::Protocol {
                what: format!("an answer of {}", shared.broker),
                reason: error.to_string(),
            }
        })?;
        let quiet = answer.quiet(version);
        if !quiet.is_zero() {
            tracing::debug!(broker = shared.broker, ?quiet, "throttled");
            shared.peer.throttles(api_name::<R>(), quiet);
            let mut state = shared.state();
            state.quiet_until = state.quiet_until.max(Some(now() + quiet));
        }
        Ok(answer)
    }
}

#[cfg(test)]
mod tests;
