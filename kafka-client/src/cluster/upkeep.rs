//! Looks at the cluster anew before what is known of it gets old (`metadata.max.age.ms`), and after a connection was lost;
//! closes connections that nobody uses (`connections.max.idle.ms`).

use std::sync::{Arc, Weak};

use tokio::sync::Notify;
use tokio::time::{sleep, timeout};

use super::{Cluster, Inner};
use crate::retry::Backoff;

/// Runs until the cluster is dropped, which it does not keep from being dropped.
pub(super) async fn run(cluster: Weak<Inner>, lost: Arc<Notify>) {
    tokio::join!(look(cluster.clone(), lost), close_idle(cluster));
}

async fn close_idle(cluster: Weak<Inner>) {
    let max_idle = |inner: &Inner| inner.config.connections_max_idle;
    let Some(max_idle) = cluster.upgrade().and_then(|inner| max_idle(&inner)) else {
        return;
    };
    while let Some(inner) = cluster.upgrade() {
        let next = inner.connections.close_idle(max_idle);
        drop(inner);
        tokio::time::sleep_until(next).await;
    }
}

async fn look(cluster: Weak<Inner>, lost: Arc<Notify>) {
    let Some((max_age, mut backoff)) = cluster.upgrade().map(|inner| {
        let config = &inner.config;
        (
            config.metadata_max_age,
            Backoff::new(config.retry_backoff, config.retry_backoff_max),
        )
    }) else {
        return;
    };
    let mut wait = max_age;
    loop {
        let _ = timeout(wait, lost.notified()).await;
        // Many connections are often lost together: one look is enough for all.
        sleep(backoff.next()).await;
        let Some(inner) = cluster.upgrade() else {
            return;
        };
        let cluster = Cluster(inner);
        wait = match cluster.refresh(cluster.metadata().version).await {
            Ok(_) => {
                backoff.reset();
                max_age
            }
            Err(error) => {
                tracing::debug!(%error, "the cluster cannot be asked at the moment");
                backoff.next()
            }
        };
    }
}
