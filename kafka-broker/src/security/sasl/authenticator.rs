//! The order of requests on a connection whose client has to log in, and to do so again before its session is over.

use std::time::{Duration, Instant};

use bytes::{BufMut, Bytes, BytesMut};
use bytestring::ByteString;
use kafka_proto::codec::{Encoded, Request};
use kafka_proto::error_code::ErrorCode;
use kafka_proto::frame::decode_request_header;
use kafka_proto::messages::{
    ApiVersionsRequest, RequestHeader, SaslAuthenticateRequest, SaslAuthenticateResponse,
    SaslHandshakeRequest, SaslHandshakeResponse,
};

use super::SaslMechanism;
use super::exchange::{Disbelief, Exchange, Login, Step};
use crate::apis::Exchange as Correlation;
use crate::clock::Moment;
use crate::connection::Closed;
use crate::node::{Client, Cluster};

/// A client may log in again this often.
const MIN_REAUTH_INTERVAL: Duration = Duration::from_secs(1);

/// What is done with a frame.
#[derive(Debug)]
pub(crate) enum Reaction {
    /// It is a request like others.
    Serve(Bytes),
    /// It was part of logging in, and this is the answer.
    Answer(Answer),
    /// The client is not believed: it is told so, if there is a way to, and the connection is closed.
    Refuse(Option<Answer>, Closed),
}

/// What goes out.
#[derive(Debug)]
pub(crate) enum Answer {
    /// A response.
    Response(Encoded),
    /// A token in a frame of its own.
    Token(Bytes),
}

/// Where a client is in logging in.
#[derive(Debug, Default)]
pub(crate) struct Authenticator {
    state: State,
    session: Option<Session>,
}

#[derive(Debug, Default)]
enum State {
    /// It may ask for the versions of APIs, and has to name a mechanism.
    #[default]
    Initial,
    /// It knows the versions, and has to name a mechanism.
    Versions,
    Exchange {
        mechanism: SaslMechanism,
        exchange: Exchange,
        /// Whether its tokens are requests (SaslHandshake from version 1 on).
        is_framed: bool,
    },
    LoggedIn,
}

#[derive(Debug)]
struct Session {
    mechanism: SaslMechanism,
    login: Login,
    expires: Option<Instant>,
    renewed: Option<Instant>,
}

impl Authenticator {
    /// Whether the client has logged in, perhaps for the second time.
    pub(crate) fn is_logged_in(&self) -> bool {
        matches!(self.state, State::LoggedIn)
    }

    /// Takes a frame. If that is what makes `client` somebody, it is that from then on.
    pub(crate) fn receive(
        &mut self,
        frame: Bytes,
        cluster: &Cluster,
        client: &mut Client,
    ) -> Result<Reaction, Closed> {
        let now = cluster.clock.now();
        match &self.state {
            State::LoggedIn => self.within_session(frame, cluster, now),
            State::Initial | State::Versions => self.begin(frame, cluster),
            State::Exchange {
                is_framed: false, ..
            } => {
                let stepped = self.step(&frame, cluster, client, now);
                Ok(match stepped {
                    Ok((token, _)) => {
                        let mut answer = BytesMut::with_capacity(4 + token.len());
                        answer.put_i32(i32::try_from(token.len()).unwrap_or(i32::MAX));
                        answer.put_slice(&token);
                        Reaction::Answer(Answer::Token(answer.freeze()))
                    }
                    Err(message) => Reaction::Refuse(None, Closed::Authentication(message)),
                })
            }
            State::Exchange { .. } => self.authenticate(frame, cluster, client, now),
        }
    }

    /// A request of somebody who has logged in: one like others, unless it is to log in again.
    fn within_session(
        &mut self,
        frame: Bytes,
        cluster: &Cluster,
        now: Moment,
    ) -> Result<Reaction, Closed> {
        let Some((session, expires)) = self
            .session
            .as_mut()
            .and_then(|session| session.expires.map(|expires| (session, expires)))
        else {
            return Ok(Reaction::Serve(frame));
        };
        let logs_in = frame.get(..2) == Some(&SaslHandshakeRequest::KEY.to_be_bytes());
        let is_early = session
            .renewed
            .is_some_and(|last| now.instant.duration_since(last) < MIN_REAUTH_INTERVAL);
        if logs_in && !is_early {
            session.renewed = Some(now.instant);
            self.state = State::Versions;
            return self.begin(frame, cluster);
        }
        if now.instant > expires {
            return Err(Closed::SessionExpired(session.login.principal.to_string()));
        }
        Ok(Reaction::Serve(frame))
    }

    /// The first requests: the versions of APIs, and a mechanism.
    fn begin(&mut self, frame: Bytes, cluster: &Cluster) -> Result<Reaction, Closed> {
        let (header, correlation, body) = open(&frame)?;
        let version = header.request_api_version;
        match header.request_api_key {
            ApiVersionsRequest::KEY if matches!(self.state, State::Initial) => {
                // Who does not know our versions of this request asks again.
                if ApiVersionsRequest::STABLE.contains(version) {
                    self.state = State::Versions;
                }
                Ok(Reaction::Serve(frame))
            }
            SaslHandshakeRequest::KEY => {
                let request: SaslHandshakeRequest = correlation.read(body)?;
                self.choose(&request.mechanism, version, correlation, cluster)
            }
            _ => Err(Closed::Authentication(format!(
                "Unexpected Kafka request of type {} during SASL handshake.",
                correlation.api()
            ))),
        }
    }

    fn choose(
        &mut self,
        name: &str,
        version: i16,
        correlation: Correlation,
        cluster: &Cluster,
    ) -> Result<Reaction, Closed> {
        let enabled = &cluster.settings.security.sasl_enabled_mechanisms;
        let chosen = enabled.iter().find(|mechanism| mechanism.name() == name);
        let error = match chosen {
            Some(_) => ErrorCode::None,
            None => ErrorCode::UnsupportedSaslMechanism,
        };
        let names = enabled
            .iter()
            .map(|known| ByteString::from_static(known.name()));
        let response = SaslHandshakeResponse {
            error_code: error.code(),
            mechanisms: names.collect(),
            ..Default::default()
        };
        let answer = Answer::Response(correlation.write::<SaslHandshakeRequest>(&response)?);
        let Some(&mechanism) = chosen else {
            let message = format!("Unsupported SASL mechanism {name}");
            return Ok(Reaction::Refuse(
                Some(answer),
                Closed::Authentication(message),
            ));
        };
        self.state = State::Exchange {
            mechanism,
            exchange: Exchange::new(mechanism),
            is_framed: version >= 1,
        };
        Ok(Reaction::Answer(answer))
    }

    /// A token within a request.
    fn authenticate(
        &mut self,
        frame: Bytes,
        cluster: &Cluster,
        client: &mut Client,
        now: Moment,
    ) -> Result<Reaction, Closed> {
        let (header, correlation, body) = open(&frame)?;
        if header.request_api_key != SaslAuthenticateRequest::KEY {
            return Err(Closed::Authentication(format!(
                "Unexpected Kafka request of type {} during SASL authentication.",
                correlation.api()
            )));
        }
        let request: SaslAuthenticateRequest = correlation.read(body)?;
        let stepped = self.step(&request.auth_bytes, cluster, client, now);
        let (response, failed) = match stepped {
            Ok((token, session_lifetime_ms)) => {
                let response = SaslAuthenticateResponse {
                    error_message: None,
                    auth_bytes: token.into(),
                    session_lifetime_ms,
                    ..Default::default()
                };
                (response, None)
            }
            Err(message) => {
                let response = SaslAuthenticateResponse {
                    error_code: ErrorCode::SaslAuthenticationFailed.code(),
                    error_message: Some(message.as_str().into()),
                    ..Default::default()
                };
                (response, Some(message))
            }
        };
        let answer = Answer::Response(correlation.write::<SaslAuthenticateRequest>(&response)?);
        Ok(match failed {
            None => Reaction::Answer(answer),
            Some(message) => Reaction::Refuse(Some(answer), Closed::Authentication(message)),
        })
    }

    /// Goes on with a token. The answer to it, with how long the session lasts (0 while there is none, and where it does
    /// not end); or what the client is told.
    fn step(
        &mut self,
        token: &[u8],
        cluster: &Cluster,
        client: &mut Client,
        now: Moment,
    ) -> Result<(Vec<u8>, i64), String> {
        let State::Exchange {
            mechanism,
            exchange,
            ..
        } = &mut self.state
        else {
            return Err("no SASL mechanism was chosen".to_owned());
        };
        let mechanism = *mechanism;
        let again = self.session.as_ref();
        if let Some(session) = again
            && session.mechanism != mechanism
        {
            return Err(format!(
                "SASL mechanism '{mechanism}' requested by client is not supported for re-authentication of mechanism '{}'",
                session.mechanism
            ));
        }
        let (last, login) = match exchange.step(token, cluster, now) {
            Ok(Step::Challenge(challenge)) => return Ok((challenge, 0)),
            Ok(Step::Done(last, login)) => (last, login),
            Err(Disbelief::Told(message)) => return Err(message),
            Err(Disbelief::Hidden(reason)) => {
                tracing::debug!(reason, "a client is not believed");
                let what = match again {
                    Some(_) => "re-authentication",
                    None => "authentication",
                };
                return Err(format!(
                    "Authentication failed during {what} due to invalid credentials with SASL mechanism {mechanism}"
                ));
            }
        };
        if let Some(session) = again
            && session.login.principal != login.principal
        {
            let (old, new) = (&session.login.principal, &login.principal);
            return Err(format!(
                "Cannot change principals during re-authentication from {}.{}: {}.{}",
                old.principal_type, old.name, new.principal_type, new.name
            ));
        }
        let lifetime = lifetime(cluster, &login, now);
        client.principal = login.principal.clone();
        client.by_token = login.by_token;
        self.session = Some(Session {
            mechanism,
            login,
            expires: lifetime.map(|lifetime| now.instant + lifetime),
            renewed: again.and_then(|session| session.renewed),
        });
        self.state = State::LoggedIn;
        let millis = lifetime.map_or(0, |lifetime| lifetime.as_millis());
        Ok((last, i64::try_from(millis).unwrap_or(i64::MAX)))
    }
}

/// How long a session lasts, if it ends before its connection.
fn lifetime(cluster: &Cluster, login: &Login, now: Moment) -> Option<Duration> {
    let left = login.expires.map(|expires| {
        let left = expires.saturating_sub(now.unix_millis);
        Duration::from_millis(u64::try_from(left).unwrap_or(0))
    });
    let most = cluster.settings.security.connections_max_reauth;
    match (left, most) {
        (Some(left), Some(most)) => Some(left.min(most)),
        (left, most) => left.or(most),
    }
}

/// A request's header, and what is needed to read the rest and to answer it.
fn open(frame: &Bytes) -> Result<(RequestHeader, Correlation, Bytes), Closed> {
    let (header, api, body) = decode_request_header(frame).map_err(Closed::Header)?;
    let api = api.ok_or(Closed::UnknownApi {
        key: header.request_api_key,
        version: header.request_api_version,
    })?;
    let correlation = Correlation::new(api, &header);
    Ok((header, correlation, body))
}
