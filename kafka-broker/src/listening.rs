//! Where the brokers of a cluster listen, and what clients are told of it.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use bytestring::ByteString;
use tokio::net::TcpListener;

use crate::error::BrokerError;
use crate::nodes::Endpoint;
use crate::security::Listener;

/// The address of a listener of a broker that listens nowhere.
pub(crate) const NOWHERE: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0);
/// The host and the port of the first broker that listens nowhere, unless they are set.
const NAMED: (&str, u16) = ("broker", 9092);

/// Has the `index`th broker listen.
pub(crate) async fn listen(
    listeners: &[Listener],
    index: usize,
) -> Result<(Vec<SocketAddr>, Vec<TcpListener>), BrokerError> {
    let (mut addresses, mut sockets) = (Vec::new(), Vec::new());
    for listener in listeners {
        let port = after(listener.port, index);
        let bound = bind(&listener.host, port).await;
        let (address, socket) = bound.map_err(|source| BrokerError::Listen {
            host: listener.host.clone(),
            port,
            source,
        })?;
        addresses.push(address);
        sockets.push(socket);
    }
    Ok((addresses, sockets))
}

async fn bind(host: &str, port: u16) -> io::Result<(SocketAddr, TcpListener)> {
    let socket = TcpListener::bind((host, port)).await?;
    Ok((socket.local_addr()?, socket))
}

/// Has a broker listen again where it did.
pub(crate) async fn listen_again(
    addresses: &[SocketAddr],
) -> Result<Vec<TcpListener>, BrokerError> {
    let mut sockets = Vec::new();
    for address in addresses.iter().filter(|address| **address != NOWHERE) {
        let socket = TcpListener::bind(address).await;
        sockets.push(socket.map_err(|source| BrokerError::Listen {
            host: address.ip().to_string(),
            port: address.port(),
            source,
        })?);
    }
    Ok(sockets)
}

/// What clients are told of the `index`th broker, which listens there.
pub(crate) fn endpoint(
    id: i32,
    index: usize,
    rack: Option<ByteString>,
    listeners: &[Listener],
    addresses: &[SocketAddr],
) -> Endpoint {
    let told = listeners.iter().zip(addresses);
    let mut told = told.map(|(listener, address)| told_of(listener, *address, index));
    let (host, port) = told.next().unwrap_or((NAMED.0.into(), NAMED.1));
    Endpoint {
        id,
        host,
        port,
        rack,
        further: told.collect(),
    }
}

fn told_of(listener: &Listener, address: SocketAddr, index: usize) -> (ByteString, u16) {
    let port = match (listener.advertised_port, after(listener.port, index)) {
        (Some(first), _) => after(first, index),
        (None, 0) if address == NOWHERE => after(NAMED.1, index),
        (None, port) if address == NOWHERE => port,
        (None, _) => address.port(),
    };
    let host = match &listener.advertised_host {
        Some(host) => host.as_str().into(),
        None if address == NOWHERE => NAMED.0.into(),
        None => reachable(address.ip()).to_string().into(),
    };
    (host, port)
}

/// The port of the `index`th broker, if the first one's is `first`.
fn after(first: u16, index: usize) -> u16 {
    match first {
        0 => 0,
        first => first.saturating_add(u16::try_from(index).unwrap_or(u16::MAX)),
    }
}

/// An address to reach from this machine what listens on `ip`.
fn reachable(ip: IpAddr) -> IpAddr {
    match ip {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    }
}
