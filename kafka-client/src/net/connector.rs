//! How connections are made where it is not by TCP.

use std::fmt;
use std::io;
use std::pin::Pin;
use std::sync::Arc;

use tokio::io::{AsyncRead, AsyncWrite};

/// A stream of bytes both ways, as to a broker.
pub trait Transport: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin + ?Sized> Transport for T {}

/// A connection that is being made.
pub type Connecting<'a> = Pin<Box<dyn Future<Output = io::Result<Box<dyn Transport>>> + Send + 'a>>;

/// Makes connections to brokers, in place of TCP: through a tunnel or a proxy, over a Unix socket, to a broker in the same
/// process, over a network that a test makes up.
///
/// ```
/// use kafka_client::{Connecting, Connector, Transport};
/// use tokio::net::TcpStream;
///
/// /// Reaches every broker through the local end of a tunnel.
/// struct Tunnel(&'static str);
///
/// impl Connector for Tunnel {
///     fn connect<'a>(&'a self, _host: &'a str, _port: u16) -> Connecting<'a> {
///         Box::pin(async { Ok(Box::new(TcpStream::connect(self.0).await?) as Box<dyn Transport>) })
///     }
/// }
/// ```
pub trait Connector: Send + Sync + 'static {
    /// Connects to a broker by the name and port that the bootstrap setting or the cluster gave it. May take
    /// `socket.connection.setup.timeout.ms`, and is dropped then.
    ///
    /// # Errors
    /// Counts as a broker that cannot be reached: it is tried again after `reconnect.backoff.ms`.
    fn connect<'a>(&'a self, host: &'a str, port: u16) -> Connecting<'a>;
}

/// How a client reaches the brokers.
#[derive(Clone, Default)]
pub enum Network {
    /// By TCP: each address of a name is tried.
    #[default]
    Tcp,
    /// As this one does it.
    Custom(Arc<dyn Connector>),
}

impl Network {
    /// The network that a connector makes.
    pub fn of(connector: impl Connector) -> Self {
        Self::Custom(Arc::new(connector))
    }
}

/// Connectors are the same when they are one object.
impl PartialEq for Network {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Tcp, Self::Tcp) => true,
            (Self::Custom(this), Self::Custom(that)) => Arc::ptr_eq(this, that),
            _ => false,
        }
    }
}

impl fmt::Debug for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Tcp => "Tcp",
            Self::Custom(_) => "Custom",
        })
    }
}
