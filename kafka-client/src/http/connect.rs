use tokio::net::TcpStream;

use super::error::HttpError;
use super::url::{Scheme, Url};
use crate::net::Transport;

/// A connection to the server of an address, with TLS on it where the address wants it.
pub(super) async fn connect(method: &str, url: &Url) -> Result<Box<dyn Transport>, HttpError> {
    let tcp = async || {
        let stream = TcpStream::connect((url.host.as_str(), url.port)).await?;
        stream.set_nodelay(true)?;
        std::io::Result::Ok(stream)
    };
    match url.scheme {
        Scheme::Http => match tcp().await {
            Ok(stream) => Ok(Box::new(stream)),
            Err(error) => Err(HttpError::Connect {
                method: method.to_owned(),
                url: url.to_string(),
                reason: error.to_string(),
            }),
        },
        Scheme::Https => Err(HttpError::NoTls {
            method: method.to_owned(),
            url: url.to_string(),
        }),
    }
}
