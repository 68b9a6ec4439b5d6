//! How a connection ends, and what those are told who wait for an answer.

use std::io;

use tokio::task::AbortHandle;

use super::Shared;
use crate::error::Error;

/// Why a connection ended when the other side said so.
pub(super) const CLOSED_BY_BROKER: &str = "the broker closed it";
/// What is the matter in most cases where a broker says what it speaks, and then nothing more.
const WITHOUT_AN_ANSWER: &str =
    "before it answered anything: does its listener want authentication (security.protocol)?";

/// What the reader has found at the end.
pub(super) enum Ending {
    /// A reason that may be another one the next time.
    Lost(String),
    /// One that stays until a setting changes.
    Refused(String),
    /// An error of the stream.
    Broken(io::Error),
}

impl Shared {
    pub(super) fn lost(&self, reason: String) -> Error {
        Error::Disconnected {
            broker: self.broker.clone(),
            reason,
        }
    }

    /// What to tell somebody who finds that the connection has ended.
    pub(super) fn ended(&self) -> Error {
        let closed = self.state().closed.clone();
        closed.unwrap_or_else(|| self.lost("the connection ended".to_owned()))
    }

    /// Whether the broker has said what it speaks, and who we are is settled.
    pub(super) fn is_established(&self) -> bool {
        self.state().established
    }

    /// Ends the connection, its socket included. Requests that nobody has written yet go with the writer.
    pub(super) fn close(&self, reason: &str) {
        let has_served = {
            let state = self.state();
            state.has_served || !state.established
        };
        if reason == CLOSED_BY_BROKER && !has_served {
            self.end(self.lost(format!("{reason} {WITHOUT_AN_ANSWER}")));
        } else {
            self.end(self.lost(reason.to_owned()));
        }
    }

    /// Ends the connection for what the reader has found.
    pub(super) fn close_for(&self, ending: Ending) {
        match ending {
            Ending::Lost(reason) => self.close(&reason),
            Ending::Refused(reason) => self.end(self.refused(reason)),
            Ending::Broken(error) => {
                let error = self.explained(&error);
                self.end(error);
            }
        }
    }

    fn refused(&self, reason: String) -> Error {
        Error::Tls {
            broker: self.broker.clone(),
            reason,
        }
    }

    /// An error of the stream. A broker refuses certificates after it has taken the first request: once it has answered,
    /// an alert is only how the connection was lost.
    #[cfg(feature = "tls")]
    fn explained(&self, error: &io::Error) -> Error {
        use crate::security::{Failure, failure};

        let Some(shows_certificate) = self.shows_certificate else {
            return self.lost(error.to_string());
        };
        match failure(error, self.peer.host(), shows_certificate) {
            Failure::Refused(reason) if !self.is_established() => self.refused(reason),
            Failure::Refused(reason) | Failure::Lost(reason) => self.lost(reason),
        }
    }

    #[cfg(not(feature = "tls"))]
    fn explained(&self, error: &io::Error) -> Error {
        self.lost(error.to_string())
    }

    /// What is the matter in most cases where a listener closes a connection at once.
    pub(super) fn hint_when_closed_at_once(&self) -> &'static str {
        match self.shows_certificate {
            None => "before it said what it speaks: is it a Kafka listener, and without TLS?",
            Some(false) => {
                "before it said what it speaks: is it a Kafka listener, and one that wants no certificate of ours (ssl.keystore.location)?"
            }
            Some(true) => {
                "before it said what it speaks: is it a Kafka listener, and does it trust our certificate?"
            }
        }
    }

    fn end(&self, error: Error) {
        let mut state = self.state();
        let reason = match &error {
            Error::Disconnected { reason, .. } => reason.clone(),
            other => other.to_string(),
        };
        if state.closed.is_none() {
            tracing::debug!(broker = self.broker, reason, "connection closed");
            state.closed = Some(error.clone());
        }
        let was_established = std::mem::take(&mut state.established);
        let waiting = std::mem::take(&mut state.waiting);
        let tasks = std::mem::take(&mut state.tasks);
        state.drained = None;
        drop(state);
        self.peer.lost(waiting.len());
        if was_established {
            self.peer.disconnected(&reason);
        }
        for (_, reply) in waiting {
            let _ = reply.send(Err(error.clone()));
        }
        tasks.iter().for_each(AbortHandle::abort);
    }
}
