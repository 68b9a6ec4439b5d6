//! Who we are, said to a broker: when the connection is made, and before each session ends (KIP-368).

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use kafka_proto::codec::Request;
use kafka_proto::error_code::ErrorCode;
use kafka_proto::frame;
use kafka_proto::messages::{
    SaslAuthenticateRequest, SaslAuthenticateResponse, SaslHandshakeRequest,
};
use tokio::time::{sleep, timeout};

use super::{Shared, api_name};
use crate::clock::now;
use crate::error::{Error, Result};
use crate::security::{Sasl, SaslError, SaslExchange, SaslStep};

/// What an exchange takes.
pub(super) struct Authentication {
    pub(super) sasl: Sasl,
    /// The versions of SaslHandshake and of SaslAuthenticate.
    pub(super) handshake: i16,
    pub(super) authenticate: i16,
    /// For each answer, and for the credentials.
    pub(super) limit: Duration,
}

/// Tokens that an exchange may take: each mechanism that there is takes fewer, and a broker must not keep us busy.
const MAX_ROUNDS: usize = 20;

impl Authentication {
    /// Has what an exchange needs, as a token that is fetched.
    ///
    /// Cancel-safe.
    ///
    /// # Errors
    /// As those of [`run`](Self::run).
    async fn prepare(&self, shared: &Shared) -> Result<Box<dyn SaslExchange>> {
        let preparing = timeout(self.limit, self.sasl.prepare(shared.peer.host())).await;
        preparing
            .map_err(|_| shared.lost(format!("no credentials within {:?}", self.limit)))?
            .map_err(|error| self.failed(shared, error))
    }

    /// Proves who we are. Returns for how long the broker believes it, unless that is for good.
    ///
    /// Nothing else may be sent meanwhile. Not cancel-safe: the connection is of no use after half an exchange.
    ///
    /// # Errors
    /// [`Error::Authentication`] when one side does not believe the other; [`Error::Disconnected`] when the connection or
    /// the credentials cannot be had at the moment.
    pub(super) async fn run(&self, shared: &Shared) -> Result<Option<Duration>> {
        let exchange = self.prepare(shared).await?;
        self.exchange(shared, exchange).await
    }

    async fn exchange(
        &self,
        shared: &Shared,
        mut exchange: Box<dyn SaslExchange>,
    ) -> Result<Option<Duration>> {
        self.choose_mechanism(shared).await?;
        let mut challenge = Bytes::new();
        let mut lifetime = 0;
        for _ in 0..MAX_ROUNDS {
            let step = exchange.step(&challenge);
            match step.map_err(|error| self.failed(shared, error))? {
                SaslStep::Done => {
                    let lifetime = u64::try_from(lifetime).unwrap_or_default();
                    return Ok((lifetime > 0).then(|| Duration::from_millis(lifetime)));
                }
                SaslStep::Send(token) => {
                    let answer = self.send_token(shared, token).await?;
                    lifetime = answer.session_lifetime_ms;
                    challenge = answer.auth_bytes;
                }
            }
        }
        Err(self.refused(shared, format!("no end after {MAX_ROUNDS} tokens")))
    }

    /// Does it again before each session ends, until the connection does. A failure ends the connection: whoever needs a
    /// new one is told why then.
    pub(super) async fn repeat(self, shared: Arc<Shared>, mut lifetime: Duration) {
        loop {
            // Early enough for what is in flight to be answered, and not with all other clients at once.
            sleep(lifetime.mul_f64(0.85 + 0.1 * fastrand::f64())).await;
            // Requests need not wait for a token to be fetched.
            let exchange = self.prepare(&shared).await;
            let closed = shared.gate.write().await;
            let since = now();
            let renewed = match exchange {
                Ok(exchange) => self.renew(&shared, exchange).await,
                Err(error) => Err(error),
            };
            shared.peer.renewed(&renewed, since);
            drop(closed);
            match renewed {
                Ok(Some(next)) => lifetime = next,
                Ok(None) => return,
                Err(error) => return shared.close(&error.to_string()),
            }
        }
    }

    async fn renew(
        &self,
        shared: &Shared,
        exchange: Box<dyn SaslExchange>,
    ) -> Result<Option<Duration>> {
        // The exchange would wait for answers behind those of requests that the broker may sit on for minutes.
        shared.drain().await?;
        let last_used = shared.state().last_used;
        let lifetime = self.exchange(shared, exchange).await?;
        // An idle connection stays one.
        shared.state().last_used = last_used;
        tracing::debug!(broker = shared.broker, ?lifetime, "authenticated anew");
        Ok(lifetime)
    }

    async fn choose_mechanism(&self, shared: &Shared) -> Result<()> {
        let request = SaslHandshakeRequest {
            mechanism: self.sasl.mechanism().into(),
            ..Default::default()
        };
        let answer = self.ask(shared, &request, self.handshake).await?;
        let reason = match ErrorCode::from(answer.error_code) {
            ErrorCode::None => return Ok(()),
            ErrorCode::UnsupportedSaslMechanism => {
                let theirs: Vec<&str> = answer.mechanisms.iter().map(|name| &**name).collect();
                format!("the broker has {}", theirs.join(", "))
            }
            ErrorCode::IllegalSaslState => {
                "the listener takes no authentication: set security.protocol to PLAINTEXT, or bootstrap.servers to a listener for SASL".to_owned()
            }
            code => code.to_string(),
        };
        Err(self.refused(shared, reason))
    }

    async fn send_token(
        &self,
        shared: &Shared,
        token: Vec<u8>,
    ) -> Result<SaslAuthenticateResponse> {
        let request = SaslAuthenticateRequest {
            auth_bytes: token.into(),
            ..Default::default()
        };
        let answer = self.ask(shared, &request, self.authenticate).await?;
        match ErrorCode::from(answer.error_code) {
            ErrorCode::None => Ok(answer),
            code => {
                let said = answer.error_message.as_deref().unwrap_or_default();
                Err(self.refused(
                    shared,
                    if said.is_empty() {
                        code.to_string()
                    } else {
                        said.to_owned()
                    },
                ))
            }
        }
    }

    async fn ask<R: Request>(
        &self,
        shared: &Shared,
        request: &R,
        version: i16,
    ) -> Result<R::Response> {
        let frame = shared.ask(request, version, self.limit).await?;
        frame::decode_response::<R>(frame, version).map_err(|error| Error::Protocol {
            what: format!("an answer of {} to {}", shared.broker, api_name::<R>()),
            reason: error.to_string(),
        })
    }

    fn failed(&self, shared: &Shared, error: SaslError) -> Error {
        match error {
            SaslError::Refused(reason) => self.refused(shared, reason),
            unavailable @ SaslError::Unavailable(_) => shared.lost(unavailable.to_string()),
        }
    }

    fn refused(&self, shared: &Shared, reason: String) -> Error {
        Error::Authentication {
            broker: shared.broker.clone(),
            principal: self.sasl.principal().to_owned(),
            mechanism: self.sasl.mechanism().to_owned(),
            reason,
        }
    }
}
