//! Looks at the cluster anew before what is known of it gets old (`metadata.max.age.ms`), and after a connection was lost.

use std::sync::{Arc, Weak};

use tokio::sync::Notify;
use tokio::time::{sleep, timeout};

use super::{Cluster, Inner};
use crate::retry::Backoff;

/// Runs until the cluster is dropped, which it does not keep from being dropped.
pub(super) async fn run(cluster: Weak<Inner>, lost: Arc<Notify>) {
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
