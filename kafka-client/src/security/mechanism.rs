//! What a SASL mechanism is: a way to make exchanges, and an exchange as a state machine.

use std::pin::Pin;

use thiserror::Error;

/// An exchange that is being prepared.
pub type Preparing<'a> =
    Pin<Box<dyn Future<Output = Result<Box<dyn SaslExchange>, SaslError>> + Send + 'a>>;

/// A SASL mechanism with the credentials for it. The built-in ones are made by [`Sasl`](super::Sasl); others, such as
/// GSSAPI (Kerberos), are plugged in by [`Sasl::of`](super::Sasl::of).
///
/// For GSSAPI an exchange carries the tokens of a security context of the service `kafka` at the host that `prepare` is
/// given, and at its end the wrapped choice of the security layer (none) and the authorization id (RFC 4752).
///
/// ```
/// use kafka_client::security::{Preparing, Sasl, SaslError, SaslExchange, SaslMechanism, SaslStep};
///
/// /// Says a name, and is believed (RFC 4505).
/// struct Anonymous;
///
/// impl SaslMechanism for Anonymous {
///     fn name(&self) -> &str {
///         "ANONYMOUS"
///     }
///     fn principal(&self) -> &str {
///         "guest"
///     }
///     fn prepare<'a>(&'a self, _host: &'a str) -> Preparing<'a> {
///         Box::pin(async { Ok(Box::new(Guest { has_spoken: false }) as Box<dyn SaslExchange>) })
///     }
/// }
///
/// struct Guest {
///     has_spoken: bool,
/// }
///
/// impl SaslExchange for Guest {
///     fn step(&mut self, _challenge: &[u8]) -> Result<SaslStep, SaslError> {
///         if std::mem::replace(&mut self.has_spoken, true) {
///             return Ok(SaslStep::Done);
///         }
///         Ok(SaslStep::Send(b"guest".to_vec()))
///     }
/// }
///
/// let sasl = Sasl::of(Anonymous);
/// assert_eq!(sasl.mechanism(), "ANONYMOUS");
/// ```
pub trait SaslMechanism: Send + Sync + 'static {
    /// Its name with IANA, as `SCRAM-SHA-256`: the brokers' `sasl.enabled.mechanisms` has to have it.
    fn name(&self) -> &str;

    /// Who authenticates, for errors.
    fn principal(&self) -> &str;

    /// Prepares an exchange with the broker at a host; fetches what is needed for it, as a token or a ticket. Called for
    /// each connection, and again before a session ends. May take `request.timeout.ms`, and is dropped then.
    fn prepare<'a>(&'a self, host: &'a str) -> Preparing<'a>;
}

/// One exchange: tokens in, tokens out. It neither waits nor sends.
pub trait SaslExchange: Send {
    /// What to do after the broker's token, which is empty at the beginning and where the broker has nothing to say.
    ///
    /// # Errors
    /// When the broker's token is not what the mechanism allows: the connection is given up then.
    fn step(&mut self, challenge: &[u8]) -> Result<SaslStep, SaslError>;
}

/// What an exchange does next.
#[derive(Clone, PartialEq, Eq)]
pub enum SaslStep {
    /// Send this, and go on with the answer. It may hold a secret.
    Send(Vec<u8>),
    /// Nothing: the exchange is over, and each side has what it wanted.
    Done,
}

impl std::fmt::Debug for SaslStep {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Send(token) => write!(f, "Send([{} bytes hidden])", token.len()),
            Self::Done => f.write_str("Done"),
        }
    }
}

/// Why an exchange cannot go on. Texts must not hold a secret.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SaslError {
    /// The exchange has failed, and would fail again.
    #[error("{0}")]
    Refused(String),
    /// The credentials cannot be had at the moment; it is tried again.
    #[error("no credentials at the moment: {0}")]
    Unavailable(String),
}

impl SaslError {
    pub(super) fn refused(reason: impl Into<String>) -> Self {
        Self::Refused(reason.into())
    }
}
