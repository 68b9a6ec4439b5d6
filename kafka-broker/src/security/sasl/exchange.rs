use super::SaslMechanism;
use super::oauth_bearer::OAuthBearer;
use super::plain;
use super::scram::{Scram, ScramMechanism};
use crate::clock::Moment;
use crate::node::Cluster;
use crate::security::Principal;

/// What is to be done after a token of the client's.
#[derive(Debug)]
pub(super) enum Step {
    /// It is answered by this, and sends another.
    Challenge(Vec<u8>),
    /// It is believed; this is the last that it is told.
    Done(Vec<u8>, Login),
}

/// Who has logged in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Login {
    pub(super) principal: Principal,
    /// Whether by a delegation token.
    pub(super) by_token: bool,
    /// When what they showed runs out, in milliseconds since 1970.
    pub(super) expires: Option<i64>,
}

impl Login {
    pub(super) fn user(name: &str) -> Self {
        Self {
            principal: Principal::user(name),
            by_token: false,
            expires: None,
        }
    }
}

/// Why somebody is not believed.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Disbelief {
    /// The client is told.
    Told(String),
    /// The client is told no more than that its credentials are invalid; the rest is for the log.
    Hidden(String),
}

impl Disbelief {
    pub(super) fn hidden(why: impl Into<String>) -> Self {
        Self::Hidden(why.into())
    }
}

/// One exchange by a mechanism.
#[derive(Debug)]
pub(super) enum Exchange {
    Plain,
    Scram(Scram),
    OAuthBearer(OAuthBearer),
}

impl Exchange {
    pub(super) fn new(mechanism: SaslMechanism) -> Self {
        match mechanism {
            SaslMechanism::Plain => Self::Plain,
            SaslMechanism::ScramSha256 => Self::Scram(Scram::new(ScramMechanism::Sha256)),
            SaslMechanism::ScramSha512 => Self::Scram(Scram::new(ScramMechanism::Sha512)),
            SaslMechanism::OAuthBearer => Self::OAuthBearer(OAuthBearer::default()),
        }
    }

    pub(super) fn step(
        &mut self,
        token: &[u8],
        cluster: &Cluster,
        now: Moment,
    ) -> Result<Step, Disbelief> {
        match self {
            Self::Plain => plain::log_in(token, &cluster.users),
            Self::Scram(scram) => scram.step(token, cluster, now),
            Self::OAuthBearer(bearer) => bearer.step(token, now.unix_millis),
        }
    }
}
