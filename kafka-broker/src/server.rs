//! Accepts connections.

use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;

use crate::connection::{self, Transport};
use crate::node::Node;

/// How long accepting rests after it failed: the system is out of something, such as file descriptors.
const PAUSE: Duration = Duration::from_millis(100);

/// Where a server's connections come from, and when it ends.
pub(crate) struct Entrance {
    /// Where it listens: each of the cluster's listeners, or nowhere.
    pub(crate) listeners: Vec<TcpListener>,
    /// Connections that were made otherwise.
    pub(crate) handed: mpsc::UnboundedReceiver<Box<dyn Transport>>,
    pub(crate) stop: oneshot::Receiver<()>,
}

/// Serves until told to stop, and ends all connections then. Ends them too when it is dropped.
pub(crate) async fn run(mut entrance: Entrance, node: Arc<Node>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            biased;
            _ = &mut entrance.stop => break,
            // Nothing is awaited from connections that have ended but that they are forgotten.
            Some(_) = connections.join_next() => {}
            Some(stream) = entrance.handed.recv() => {
                tracing::debug!("connection handed over");
                connections.spawn(connection::serve(Arc::clone(&node), 0, stream, "handed over".to_owned()));
            }
            accepted = accept(&entrance.listeners) => match accepted {
                Ok((listener, socket, peer)) => {
                    tracing::debug!(%peer, "connection opened");
                    connections.spawn(connection::serve(Arc::clone(&node), listener, socket, peer.to_string()));
                }
                Err(error) => {
                    tracing::warn!(%error, "cannot accept a connection");
                    tokio::time::sleep(PAUSE).await;
                }
            },
        }
    }
    connections.shutdown().await;
}

/// The next connection, with the number of the listener that it comes by.
async fn accept(listeners: &[TcpListener]) -> io::Result<(usize, TcpStream, SocketAddr)> {
    let accepted = poll_fn(|context| {
        for (number, listener) in listeners.iter().enumerate() {
            if let Poll::Ready(accepted) = listener.poll_accept(context) {
                return Poll::Ready(accepted.map(|(socket, peer)| (number, socket, peer)));
            }
        }
        Poll::Pending
    });
    let (number, socket, peer) = accepted.await?;
    // Answers are whole when they are written: waiting to fill a packet would only delay them. A socket that is closed
    // already is found out about when it is read.
    let _ = socket.set_nodelay(true);
    Ok((number, socket, peer))
}
