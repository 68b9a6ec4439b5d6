use std::fmt;
use std::fmt::Write;

use hyper::Uri;

use super::client::Authorization;
use super::error::HttpError;
use crate::security::Secret;

/// How a server is spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scheme {
    /// Plain TCP.
    Http,
    /// TLS.
    Https,
}

/// Where a request goes. Shown, and in errors, it is without credentials.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Url {
    pub(super) scheme: Scheme,
    /// A name or an address, without brackets.
    pub(super) host: String,
    pub(super) port: u16,
    /// Begins with a slash, and has a query if there is one.
    pub(super) path: String,
    /// What stood before the `@`.
    credentials: Option<Authorization>,
}

impl Url {
    /// Reads `http://[USER:PASSWORD@]HOST[:PORT][/PATH]`, or the same with `https`.
    ///
    /// # Errors
    /// [`HttpError::Url`], without the credentials.
    pub(crate) fn parse(text: &str) -> Result<Self, HttpError> {
        let refused = |reason: &str| HttpError::Url {
            url: without_credentials(text),
            reason: reason.to_owned(),
        };
        let uri: Uri = text
            .trim()
            .parse()
            .map_err(|error: hyper::http::uri::InvalidUri| {
                refused(&format!(
                    "{error}: expected http://HOST:PORT or https://HOST:PORT"
                ))
            })?;
        let scheme = match uri.scheme_str() {
            Some("http") => Scheme::Http,
            Some("https") => Scheme::Https,
            _ => return Err(refused("expected http://HOST:PORT or https://HOST:PORT")),
        };
        let host = uri.host().unwrap_or_default();
        let host = host.trim_start_matches('[').trim_end_matches(']');
        if host.is_empty() {
            return Err(refused("it has no host"));
        }
        let authority = uri.authority().map_or("", |authority| authority.as_str());
        let (user, address) = match authority.rsplit_once('@') {
            Some((user, address)) => (Some(user), address),
            None => (None, authority),
        };
        let port = match uri.port_u16() {
            Some(0) => return Err(refused("port 0 is none")),
            Some(port) => port,
            None => {
                // A port that is no number is not told from none.
                let after_host = address.rsplit(']').next().unwrap_or_default();
                if after_host.contains(':') {
                    return Err(refused("the port is no number up to 65535"));
                }
                match scheme {
                    Scheme::Http => 80,
                    Scheme::Https => 443,
                }
            }
        };
        let credentials = user.map(|user| {
            let (user, password) = user.split_once(':').unwrap_or((user, ""));
            Authorization::Basic {
                user: percent_decoded(user),
                password: Secret::new(percent_decoded(password)),
            }
        });
        let path = uri.path_and_query().map_or("/", |path| path.as_str());
        Ok(Self {
            scheme,
            host: host.to_owned(),
            port,
            path: if path.starts_with('/') {
                path.to_owned()
            } else {
                format!("/{path}")
            },
            credentials,
        })
    }

    /// Whether what is sent can be read by others on its way to another machine.
    #[cfg(feature = "oidc")]
    pub(crate) fn is_in_the_open(&self) -> bool {
        let is_here = self.host == "localhost"
            || self
                .host
                .parse::<std::net::IpAddr>()
                .is_ok_and(|ip| ip.is_loopback());
        self.scheme == Scheme::Http && !is_here
    }

    /// The address below this one: each segment is escaped, and a query that is given is taken as it is.
    #[cfg(any(test, feature = "schema-registry"))]
    pub(crate) fn below(&self, segments: &[&str], query: &str) -> Self {
        let base = self.path.split('?').next().unwrap_or_default();
        let mut path = base.trim_end_matches('/').to_owned();
        for segment in segments {
            path.push('/');
            percent_encode(segment, &mut path);
        }
        if path.is_empty() {
            path.push('/');
        }
        if !query.is_empty() {
            path.push('?');
            path.push_str(query);
        }
        Self {
            path,
            ..self.clone()
        }
    }

    /// The user and the password that the address had.
    pub(crate) fn credentials(&self) -> Option<&Authorization> {
        self.credentials.as_ref()
    }

    /// For the header `Host`: the port where it is not the usual one.
    pub(super) fn authority(&self) -> String {
        let host = if self.host.contains(':') {
            format!("[{}]", self.host)
        } else {
            self.host.clone()
        };
        match (self.scheme, self.port) {
            (Scheme::Http, 80) | (Scheme::Https, 443) => host,
            (_, port) => format!("{host}:{port}"),
        }
    }
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = match self.scheme {
            Scheme::Http => "http",
            Scheme::Https => "https",
        };
        write!(f, "{scheme}://{}{}", self.authority(), self.path)
    }
}

/// A text that may be an address, without what stands before an `@`.
fn without_credentials(text: &str) -> String {
    match text.rsplit_once('@') {
        Some((before, after)) => {
            let scheme = before.split_once("://").map_or("", |(scheme, _)| scheme);
            format!("{scheme}://[hidden]@{after}")
        }
        None => text.to_owned(),
    }
}

/// Escapes all but what is unreserved (RFC 3986).
pub(crate) fn percent_encode(text: &str, to: &mut String) {
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            to.push(char::from(byte));
        } else {
            let _ = write!(to, "%{byte:02X}");
        }
    }
}

fn percent_decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        let digit = |byte: u8| char::from(byte).to_digit(16);
        let escaped = match after {
            [high, low, ..] if *first == b'%' => digit(*high).zip(digit(*low)),
            _ => None,
        };
        (bytes, rest) = match escaped {
            Some((high, low)) => {
                bytes.push((high << 4 | low) as u8);
                (bytes, &after[2..])
            }
            None => {
                bytes.push(*first);
                (bytes, after)
            }
        };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_taken_apart_and_shown_without_credentials() {
        for (text, shown, host, port) in [
            ("http://one:8081", "http://one:8081/", "one", 8081),
            ("https://two/base/", "https://two/base/", "two", 443),
            ("http://[::1]:80/x?y=1", "http://[::1]/x?y=1", "::1", 80),
            ("http://me:p%40ss@h:1", "http://h:1/", "h", 1),
        ] {
            let url = Url::parse(text).unwrap();
            assert_eq!(url.to_string(), shown, "{text}");
            assert_eq!((url.host.as_str(), url.port), (host, port), "{text}");
        }
        let url = Url::parse("http://me:p%40ss@h:1").unwrap();
        let Some(Authorization::Basic { user, password }) = url.credentials() else {
            panic!("{url:?}");
        };
        assert_eq!((user.as_str(), password.expose()), ("me", "p@ss"));
        assert!(!format!("{url:?}").contains("p@ss"));
    }

    #[test]
    fn what_is_no_address_is_refused_without_its_credentials() {
        for text in [
            "",
            "localhost:8081",
            "ftp://me:secret@host",
            "http://me:secret@",
            "http://me:secret@host:port",
            "http://me:secret@host:70000",
            "http://me:secret@ho st",
        ] {
            let error = Url::parse(text).unwrap_err().to_string();
            assert!(!error.contains("secret"), "{error}");
        }
    }

    #[test]
    fn segments_are_escaped_below_a_base() {
        let base = Url::parse("http://h/base/").unwrap();
        let url = base.below(&["subjects", "a/b c?"], "deleted=true");
        assert_eq!(
            url.to_string(),
            "http://h/base/subjects/a%2Fb%20c%3F?deleted=true"
        );
    }
}
