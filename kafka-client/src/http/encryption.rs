//! TLS for https, with settings of its own: whom to trust for a web server is not whom to trust for a broker.

#[cfg(feature = "tls")]
use std::error::Error as StdError;
#[cfg(feature = "tls")]
use std::sync::Arc;

#[cfg(feature = "tls")]
use tokio::net::TcpStream;
#[cfg(feature = "tls")]
use tokio::sync::OnceCell;

use super::error::HttpError;
use super::url::Url;
#[cfg(feature = "tls")]
use crate::net::Transport;
#[cfg(feature = "tls")]
use crate::security::{Failure, Tls, TlsClient, failure, speaks_no_tls};

/// What https is done with. Certificates are read before the first connection that needs them. A cheap handle.
#[cfg(feature = "tls")]
#[derive(Debug, Clone)]
pub(crate) struct Encryption {
    tls: Tls,
    client: Arc<OnceCell<TlsClient>>,
}

/// Nothing: TLS is not built in.
#[cfg(not(feature = "tls"))]
#[derive(Debug, Clone, Default)]
pub(crate) struct Encryption;

#[cfg(not(feature = "tls"))]
impl Encryption {
    pub(super) fn missing(&self, method: &str, url: &Url) -> HttpError {
        HttpError::NoTls {
            method: method.to_owned(),
            url: url.to_string(),
        }
    }
}

#[cfg(feature = "tls")]
impl Encryption {
    pub(crate) fn new(tls: Tls) -> Self {
        Self {
            tls,
            client: Arc::default(),
        }
    }

    /// What encrypts, with what the files hold now.
    pub(super) async fn client(&self, method: &str, url: &Url) -> Result<&TlsClient, HttpError> {
        let load = || TlsClient::load(self.tls.clone());
        let loaded = self.client.get_or_try_init(load).await;
        let client = loaded.map_err(|error| refused(method, url, error.to_string()))?;
        // What there is to tell is logged; there is nobody who waits for an event of a web server.
        client.reload().await;
        Ok(client)
    }
}

#[cfg(feature = "tls")]
impl Default for Encryption {
    fn default() -> Self {
        Self::new(Tls::new())
    }
}

#[cfg(feature = "tls")]
fn refused(method: &str, url: &Url, reason: String) -> HttpError {
    HttpError::Tls {
        method: method.to_owned(),
        url: url.to_string(),
        reason,
    }
}

/// Failures are explained as those of brokers.
#[cfg(feature = "tls")]
fn of_server(reason: String) -> String {
    reason.replace("broker", "server")
}

/// Why a server refuses what we are, where that has ended a connection: by TLS 1.3 it says so when we take the handshake for
/// done.
#[cfg(feature = "tls")]
pub(super) fn refusal(
    url: &Url,
    encryption: &Encryption,
    error: &(dyn StdError + 'static),
) -> Option<String> {
    let tls = encryption.client.get()?;
    let mut cause = Some(error);
    while let Some(error) = cause {
        if let Some(error) = error.downcast_ref::<std::io::Error>()
            && let Failure::Refused(reason) = failure(error, &url.host, tls.shows_certificate())
        {
            return Some(of_server(reason));
        }
        cause = error.source();
    }
    None
}

/// Encrypts a stream to the server of an address, once it has proved to be it.
#[cfg(feature = "tls")]
pub(super) async fn encrypt(
    tls: &TlsClient,
    method: &str,
    url: &Url,
    stream: TcpStream,
) -> Result<Box<dyn Transport>, HttpError> {
    let error = match tls.connect(&url.host, stream).await {
        Ok(stream) => return Ok(Box::new(stream)),
        Err(error) => error,
    };
    if speaks_no_tls(&error) {
        let reason = "the server does not speak TLS: is its address one with http:// ?";
        return Err(refused(method, url, reason.to_owned()));
    }
    Err(match failure(&error, &url.host, tls.shows_certificate()) {
        Failure::Refused(reason) => refused(method, url, of_server(reason)),
        Failure::Lost(reason) => HttpError::Connect {
            method: method.to_owned(),
            url: url.to_string(),
            reason: format!("{} in the middle of the TLS handshake", of_server(reason)),
        },
    })
}
