use tokio::net::TcpStream;

use super::encryption::Encryption;
use super::error::HttpError;
use super::url::{Scheme, Url};
use crate::net::Transport;

/// A connection to the server of an address, with TLS on it where the address wants it.
pub(super) async fn connect(
    method: &str,
    url: &Url,
    encryption: &Encryption,
) -> Result<Box<dyn Transport>, HttpError> {
    let tcp = async || {
        let stream = TcpStream::connect((url.host.as_str(), url.port)).await?;
        stream.set_nodelay(true)?;
        std::io::Result::Ok(stream)
    };
    let connected = |stream: std::io::Result<TcpStream>| {
        stream.map_err(|error| HttpError::Connect {
            method: method.to_owned(),
            url: url.to_string(),
            reason: error.to_string(),
        })
    };
    match url.scheme {
        Scheme::Http => Ok(Box::new(connected(tcp().await)?)),
        #[cfg(feature = "tls")]
        Scheme::Https => {
            // What cannot be encrypted for a setting that is wrong need not be connected.
            let tls = encryption.client(method, url).await?;
            let stream = connected(tcp().await)?;
            super::encryption::encrypt(tls, method, url, stream).await
        }
        #[cfg(not(feature = "tls"))]
        Scheme::Https => Err(encryption.missing(method, url)),
    }
}
