//! Accepts connections.

use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinSet;

use crate::connection;
use crate::node::Node;

/// How long accepting rests after it failed: the system is out of something, such as file descriptors.
const PAUSE: Duration = Duration::from_millis(100);

/// Serves until told to stop, and ends all connections then. Ends them too when it is dropped.
pub(crate) async fn run(listener: TcpListener, node: Arc<Node>, mut stop: oneshot::Receiver<()>) {
    let mut connections = JoinSet::new();
    let timers = Arc::clone(&node);
    connections.spawn(async move { timers.cluster.groups.run_timers().await });
    let timers = Arc::clone(&node);
    connections.spawn(async move {
        timers
            .cluster
            .transactions
            .run_timers(&timers.cluster)
            .await;
    });
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((socket, peer)) => {
                    tracing::debug!(%peer, "connection opened");
                    connections.spawn(connection::serve(Arc::clone(&node), socket, peer));
                }
                Err(error) => {
                    tracing::warn!(%error, "cannot accept a connection");
                    tokio::time::sleep(PAUSE).await;
                }
            },
            // Nothing is awaited from connections that have ended but that they are forgotten.
            Some(_) = connections.join_next() => {}
            _ = &mut stop => break,
        }
    }
    connections.shutdown().await;
}
