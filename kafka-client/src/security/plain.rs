//! PLAIN (RFC 4616): the name and the password as they are, so only for connections that nobody listens to.

use super::Secret;
use super::mechanism::{SaslError, SaslExchange, SaslStep};

/// The client's side of an exchange.
pub(super) struct PlainExchange {
    user: String,
    /// Taken when it is sent.
    password: Option<Secret>,
}

impl PlainExchange {
    pub(super) fn new(user: &str, password: &Secret) -> Self {
        Self {
            user: user.to_owned(),
            password: Some(password.clone()),
        }
    }
}

impl SaslExchange for PlainExchange {
    fn step(&mut self, _challenge: &[u8]) -> Result<SaslStep, SaslError> {
        let Some(password) = self.password.take() else {
            return Ok(SaslStep::Done);
        };
        if self.user.contains('\0') || password.expose().contains('\0') {
            return Err(SaslError::refused(
                "PLAIN has no name or password with a zero byte",
            ));
        }
        let token = format!("\0{}\0{}", self.user, password.expose());
        Ok(SaslStep::Send(token.into_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn name_and_password_are_sent_between_zero_bytes() {
        let mut exchange = PlainExchange::new("alice", &Secret::new("pässwörd"));
        let token = "\0alice\0pässwörd".as_bytes().to_vec();
        assert_eq!(exchange.step(b""), Ok(SaslStep::Send(token)));
        assert_eq!(exchange.step(b""), Ok(SaslStep::Done));
    }

    #[test]
    fn a_zero_byte_cannot_smuggle_another_name_in() {
        for (user, password) in [("alice\0admin", "secret"), ("alice", "sec\0ret")] {
            let mut exchange = PlainExchange::new(user, &Secret::new(password));
            exchange.step(b"").unwrap_err();
        }
    }
}
