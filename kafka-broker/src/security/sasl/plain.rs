//! PLAIN (RFC 4616): name and password.

use super::exchange::{Disbelief, Login, Step};
use crate::security::Users;

/// `[AUTHORIZATION ID] NUL NAME NUL PASSWORD`.
pub(super) fn log_in(token: &[u8], users: &Users) -> Result<Step, Disbelief> {
    let text = std::str::from_utf8(token)
        .map_err(|_| Disbelief::hidden("the SASL/PLAIN message is not UTF-8"))?;
    let parts: Vec<&str> = text.splitn(4, '\0').collect();
    let [authorization_id, name, password] = parts[..] else {
        let message = format!(
            "Invalid SASL/PLAIN response: expected 3 tokens, got {}",
            parts.len()
        );
        return Err(Disbelief::Hidden(message));
    };
    let wrong = if name.is_empty() {
        "username not specified"
    } else if password.is_empty() {
        "password not specified"
    } else if !users.has_password(name, password) {
        "Invalid username or password"
    } else if !authorization_id.is_empty() && authorization_id != name {
        "Client requested an authorization id that is different from username"
    } else {
        return Ok(Step::Done(Vec::new(), Login::user(name)));
    };
    Err(Disbelief::Told(format!("Authentication failed: {wrong}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::security::{SecuritySettings, secret::Secret};

    #[test]
    fn only_the_right_password_is_believed() {
        let users = Users::new(&SecuritySettings {
            plain_users: vec![("alice".to_owned(), Secret::new("secret"))],
            ..Default::default()
        });
        for right in ["\0alice\0secret", "alice\0alice\0secret"] {
            let step = log_in(right.as_bytes(), &users).unwrap();
            assert!(matches!(step, Step::Done(_, login) if login == Login::user("alice")));
        }
        for (wrong, because) in [
            ("\0alice\0Secret", "Invalid username or password"),
            ("\0bob\0secret", "Invalid username or password"),
            ("\0\0secret", "username not specified"),
            ("\0alice\0", "password not specified"),
            ("bob\0alice\0secret", "authorization id"),
        ] {
            let error = log_in(wrong.as_bytes(), &users).unwrap_err();
            assert!(
                matches!(&error, Disbelief::Told(message) if message.contains(because)),
                "{wrong:?}: {error:?}"
            );
        }
        for malformed in [
            &b""[..],
            b"alice\0secret",
            b"\0alice\0secret\0more",
            b"\0\xff\0a",
        ] {
            let error = log_in(malformed, &users).unwrap_err();
            assert!(matches!(error, Disbelief::Hidden(_)), "{malformed:?}");
        }
    }
}
