//! From a name to a connection: its addresses, in their order and yet without waiting for one that hangs.

use std::net::SocketAddr;
use std::time::Duration;

use socket2::{SockRef, TcpKeepalive};
#[cfg(feature = "tls")]
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::connection::Connection;
use super::connector::Network;
#[cfg(feature = "tls")]
use super::plain_listener;
use crate::config::ClientConfig;
use crate::error::{Error, Result};
#[cfg(feature = "tls")]
use crate::security::{Failure, PLAIN_TEXT, TlsClient, failure};
use crate::telemetry::PeerTelemetry;

/// How long an address is waited for before the next one is tried beside it (RFC 8305): a name may lead to one that nobody
/// answers at, as `localhost` does where it is an IPv6 address first.
const NEXT_ADDRESS_AFTER: Duration = Duration::from_millis(250);
/// When to ask whether the other side is still there, and how often: well below the 4 minutes after which some load
/// balancers forget a connection without a word.
const KEEPALIVE_AFTER: Duration = Duration::from_secs(60);
const KEEPALIVE_EVERY: Duration = Duration::from_secs(15);

impl Connection {
    /// Connects to the first address of `host` that answers as a broker does, and asks it what it speaks. Names are looked
    /// up anew each time.
    #[tracing::instrument(
        level = "debug",
        name = "connect",
        target = "kafka_client::connection",
        skip_all,
        fields(broker = name)
    )]
    pub(crate) async fn open(
        name: String,
        host: &str,
        port: u16,
        config: &ClientConfig,
        peer: &PeerTelemetry,
    ) -> Result<Self> {
        let lost = |reason: String| Error::Disconnected {
            broker: name.clone(),
            reason,
        };
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let limit = config.connection_setup_timeout;
        if let Network::Custom(connector) = &config.network {
            return match timeout(limit, connector.connect(host, port)).await {
                Ok(Ok(stream)) => {
                    #[cfg(feature = "tls")]
                    if let Some(tls) = config.security.tls() {
                        return secure(tls, name, stream, None, config, peer).await;
                    }
                    let (read, write) = tokio::io::split(stream);
                    Self::start(name, read, write, config, peer).await
                }
                Ok(Err(error)) => Err(lost(error.to_string())),
                Err(_) => Err(lost(format!("no connection within {limit:?}"))),
            };
        }
        let addresses: Vec<SocketAddr> =
            match timeout(limit, tokio::net::lookup_host((host, port))).await {
                Ok(Ok(addresses)) => addresses.collect(),
                Ok(Err(error)) => return Err(lost(format!("name lookup failed: {error}"))),
                Err(_) => return Err(lost(format!("name lookup took over {limit:?}"))),
            };
        Self::open_any(name, &addresses, config, peer).await
    }

    /// Connects to one of these addresses: each is given a moment before the next one is tried as well, and the first that
    /// works is taken.
    pub(super) async fn open_any(
        name: String,
        addresses: &[SocketAddr],
        config: &ClientConfig,
        peer: &PeerTelemetry,
    ) -> Result<Self> {
        let mut failures: Vec<Option<String>> = vec![None; addresses.len()];
        let mut waiting = addresses.iter().copied().enumerate();
        // Dropped, it ends what was begun and is not needed.
        let mut attempts = JoinSet::new();
        let mut begin = |attempts: &mut JoinSet<_>| match waiting.next() {
            Some((at, address)) => {
                let (name, config, peer) = (name.clone(), config.clone(), peer.clone());
                attempts.spawn(async move { (at, connect(name, address, &config, &peer).await) });
                true
            }
            None => false,
        };
        let mut more = begin(&mut attempts);
        while !attempts.is_empty() {
            tokio::select! {
                biased;
                Some(done) = attempts.join_next() => match done {
                    Ok((at, Err(Error::Disconnected { reason, .. }))) => {
                        failures[at] = Some(reason);
                        more = begin(&mut attempts);
                    }
                    Ok((_, done)) => return done,
                    // It is cancelled only with the runtime.
                    Err(_) => {}
                },
                () = sleep(NEXT_ADDRESS_AFTER), if more => more = begin(&mut attempts),
            }
        }
        let told = failures.into_iter().flatten();
        let told: Vec<(&SocketAddr, String)> = addresses.iter().zip(told).collect();
        let reason = match &told[..] {
            [] => "the name has no address".to_owned(),
            [(_, only)] => only.clone(),
            _ => {
                let each = told.iter();
                let each = each.map(|(address, failure)| format!("{address}: {failure}"));
                each.collect::<Vec<_>>().join(", ")
            }
        };
        Err(Error::Disconnected {
            broker: name,
            reason,
        })
    }
}

async fn connect(
    name: String,
    address: SocketAddr,
    config: &ClientConfig,
    peer: &PeerTelemetry,
) -> Result<Connection> {
    let limit = config.connection_setup_timeout;
    let reason = match timeout(limit, TcpStream::connect(address)).await {
        Ok(Ok(stream)) => match prepare(&stream, config) {
            Ok(()) => {
                #[cfg(feature = "tls")]
                if let Some(tls) = config.security.tls() {
                    return secure(tls, name, stream, Some(address), config, peer).await;
                }
                let (read, write) = stream.into_split();
                return Connection::start(name, read, write, config, peer).await;
            }
            Err(error) => error.to_string(),
        },
        Ok(Err(error)) => error.to_string(),
        Err(_) => format!("no connection within {limit:?}"),
    };
    Err(Error::Disconnected {
        broker: name,
        reason,
    })
}

/// Encrypts a stream that was made, and takes it into use. With the address that it leads to, it is found out whether a
/// listener that hangs up is one for plain text.
#[cfg(feature = "tls")]
async fn secure<S>(
    tls: &TlsClient,
    name: String,
    stream: S,
    address: Option<SocketAddr>,
    config: &ClientConfig,
    peer: &PeerTelemetry,
) -> Result<Connection>
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    if let Some(event) = tls.reload().await {
        peer.tell(event);
    }
    let limit = config.connection_setup_timeout;
    let reason = match timeout(limit, tls.connect(peer.host(), stream)).await {
        Ok(Ok(stream)) => {
            let (read, write) = tokio::io::split(stream);
            return Connection::start(name, read, write, config, peer).await;
        }
        Ok(Err(error)) => match failure(&error, peer.host(), tls.shows_certificate()) {
            Failure::Refused(reason) => {
                return Err(Error::Tls {
                    broker: name,
                    reason,
                });
            }
            Failure::Lost(reason) => {
                if let Some(address) = address
                    && plain_listener::hangs_up_so(&error)
                    && plain_listener::answers(address, limit).await
                {
                    return Err(Error::Tls {
                        broker: name,
                        reason: PLAIN_TEXT.to_owned(),
                    });
                }
                format!(
                    "{reason} in the middle of the TLS handshake: does its listener speak TLS (security.protocol)?"
                )
            }
        },
        Err(_) => format!(
            "no TLS handshake within {limit:?}: does its listener speak TLS (security.protocol)?"
        ),
    };
    Err(Error::Disconnected {
        broker: name,
        reason,
    })
}

fn prepare(stream: &TcpStream, config: &ClientConfig) -> std::io::Result<()> {
    // Requests are whole when they are written: waiting to fill a packet would only delay them.
    stream.set_nodelay(true)?;
    let keepalive = TcpKeepalive::new()
        .with_time(KEEPALIVE_AFTER)
        .with_interval(KEEPALIVE_EVERY);
    let socket = SockRef::from(stream);
    if let Some(size) = config.send_buffer {
        socket.set_send_buffer_size(size)?;
    }
    if let Some(size) = config.receive_buffer {
        socket.set_recv_buffer_size(size)?;
    }
    socket.set_tcp_keepalive(&keepalive)
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    #[tokio::test]
    async fn a_connection_asks_by_itself_whether_the_other_side_is_there_and_has_the_buffers_wanted()
     {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let stream = TcpStream::connect(listener.local_addr().unwrap())
            .await
            .unwrap();
        let config = ClientConfig {
            receive_buffer: Some(100_000),
            ..ClientConfig::default()
        };
        prepare(&stream, &config).unwrap();
        let socket = SockRef::from(&stream);
        assert!(socket.recv_buffer_size().unwrap() >= 100_000);
        assert!(socket.keepalive().unwrap());
        assert!(stream.nodelay().unwrap());
    }
}
