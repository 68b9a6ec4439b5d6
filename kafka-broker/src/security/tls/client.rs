use std::io;

use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::{Certificates, HANDSHAKE, subject};
use crate::connection::{Closed, Transport};
use crate::security::Principal;

/// Shakes hands with a client. With the stream there is who it is, if it has shown a certificate.
pub(crate) async fn accept<T: Transport>(
    certificates: Option<&Certificates>,
    stream: T,
) -> Result<(TlsStream<T>, Option<Principal>), Closed> {
    let certificates = certificates.ok_or_else(|| {
        let error = "the broker has no certificate";
        Closed::Handshake(io::Error::new(io::ErrorKind::NotFound, error))
    })?;
    let acceptor = TlsAcceptor::from(certificates.loaded());
    let accepted = timeout(HANDSHAKE, acceptor.accept(stream)).await;
    let stream = accepted
        .unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
        .map_err(Closed::Handshake)?;
    let (_, session) = stream.get_ref();
    let certificate = session.peer_certificates().and_then(<[_]>::first);
    let principal = match certificate {
        None => None,
        Some(certificate) => {
            let name = subject::name(certificate).ok_or_else(|| {
                let error = "the subject of the client's certificate cannot be read";
                Closed::Handshake(io::Error::new(io::ErrorKind::InvalidData, error))
            })?;
            Some(Principal::user(&name))
        }
    };
    Ok((stream, principal))
}
