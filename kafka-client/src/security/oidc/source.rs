//! One token for all connections, and a new one in time.

use std::time::{Duration, Instant};

use tokio::sync::Mutex;
use tokio::time::{sleep, timeout};

use super::ClientCredentials;
use super::endpoint::Given;
use crate::clock::now;
use crate::http::HttpClient;
use crate::retry::Backoff;
use crate::security::mechanism::{Preparing, SaslError, SaslExchange, SaslMechanism};
use crate::security::oauth_bearer::{BearerExchange, BearerToken};

/// A token is not used any more when it has this long to live, or a twentieth of its life if that is more: it would expire on
/// its way to the broker, which would refuse it for good.
const TOO_SHORT: Duration = Duration::from_secs(1);

/// Gives out the token of one client at its endpoint.
pub(in crate::security) struct TokenSource {
    credentials: ClientCredentials,
    http: HttpClient,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    held: Option<Held>,
    /// When the endpoint has last given none, and why.
    failed: Option<(Instant, SaslError)>,
}

struct Held {
    token: BearerToken,
    /// From when on to ask for another one.
    renew: Instant,
    /// From when on not to use it.
    useless: Instant,
}

impl TokenSource {
    pub(in crate::security) fn new(credentials: ClientCredentials) -> Self {
        if let Some(url) = &credentials.endpoint
            && url.is_in_the_open()
        {
            tracing::warn!(%url, "the token endpoint is not one with https: secret and tokens can be read on their way");
        }
        Self {
            http: credentials.http(),
            credentials,
            state: Mutex::default(),
        }
    }

    /// The token that is held, or another one when it is time.
    ///
    /// Cancel-safe: what was asked for is given up, and asked for anew by the next one.
    pub(super) async fn token(&self) -> Result<BearerToken, SaslError> {
        let asked = now();
        // Held while the endpoint is asked, so that it is asked once for all who wait.
        let mut state = self.state.lock().await;
        let at = now();
        if let Some(held) = &state.held
            && at < held.renew
        {
            return Ok(held.token.clone());
        }
        let fetched = match &state.failed {
            // It was asked after we wanted to know: for us, too.
            Some((when, error)) if *when >= asked => Err(error.clone()),
            _ => {
                let fetched = self.fetch(state.held.as_ref(), at).await;
                let failed = fetched.as_ref().err();
                state.failed = failed.map(|error| (now(), error.clone()));
                fetched
            }
        };
        match fetched {
            Ok(held) => {
                let token = held.token.clone();
                state.held = Some(held);
                Ok(token)
            }
            Err(error) => {
                let is_passing = matches!(error, SaslError::Unavailable(_));
                match &state.held {
                    Some(held) if is_passing && now() < held.useless => {
                        tracing::warn!(%error, "no new token: the old one is used on");
                        Ok(held.token.clone())
                    }
                    _ => Err(error),
                }
            }
        }
    }

    /// Asks for a token; where there is one that is still good, for no longer than half of what is left of it.
    async fn fetch(&self, held: Option<&Held>, at: Instant) -> Result<Held, SaslError> {
        let left = held.map(|held| held.useless.saturating_duration_since(at));
        let given = match left.filter(|left| !left.is_zero()) {
            None => self.ask().await?,
            Some(left) => timeout(left / 2, self.ask()).await.unwrap_or_else(|_| {
                let reason = format!("the token endpoint gave no token within {:?}", left / 2);
                Err(SaslError::Unavailable(reason))
            })?,
        };
        let at = now();
        let too_short = TOO_SHORT.max(given.lifetime / 20);
        Ok(Held {
            token: given.token,
            renew: at + self.credentials.renewed_after(given.lifetime),
            useless: at + given.lifetime.saturating_sub(too_short),
        })
    }

    /// Asks again while the endpoint has trouble that may pass.
    async fn ask(&self) -> Result<Given, SaslError> {
        let credentials = &self.credentials;
        let mut backoff = Backoff::new(credentials.retry_backoff, credentials.retry_backoff_max);
        let until = now() + credentials.retry_backoff_max;
        loop {
            match credentials.ask(&self.http).await {
                Err(error @ SaslError::Unavailable(_)) => {
                    let wait = backoff.next();
                    if now() + wait >= until {
                        return Err(error);
                    }
                    tracing::debug!(%error, ?wait, "the token endpoint is asked again");
                    sleep(wait).await;
                }
                done => return done,
            }
        }
    }
}

impl ClientCredentials {
    /// When a token with that long to live is to be renewed, as Kafka's own clients do it: the seconds that it is to be kept,
    /// and to be left over, count only where they fit in its life.
    pub(super) fn renewed_after(&self, lifetime: Duration) -> Duration {
        let factor = self.window_factor + self.window_jitter * fastrand::f64();
        let after = lifetime.mul_f64(factor.min(1.0));
        if self.min_period + self.buffer >= lifetime {
            return after;
        }
        after.min(lifetime - self.buffer).max(self.min_period)
    }
}

impl SaslMechanism for TokenSource {
    fn name(&self) -> &str {
        "OAUTHBEARER"
    }

    fn principal(&self) -> &str {
        &self.credentials.client_id
    }

    fn prepare<'a>(&'a self, _host: &'a str) -> Preparing<'a> {
        Box::pin(async {
            let exchange = BearerExchange::new(self.token().await?);
            Ok(Box::new(exchange) as Box<dyn SaslExchange>)
        })
    }
}
