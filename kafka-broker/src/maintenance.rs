//! What brokers do by themselves: forget old records, and compact.

use std::time::Duration;

use tokio::time::Instant;

use crate::lock::lock;
use crate::node::Cluster;
use crate::topics::{Partition, Topic};

/// Up to so many bytes are compacted on the runtime itself; more would keep requests waiting.
const SMALL: usize = 1 << 20;

/// The shortest rest of compaction.
const MIN_BACKOFF: Duration = Duration::from_millis(10);

/// Retention by age and compaction, each by its own clock. Runs for as long as the brokers do.
pub(crate) async fn run(cluster: &Cluster) {
    let mut last_clean = Instant::now();
    let mut next_expiry = last_clean + cluster.settings.log_retention_check_interval;
    loop {
        let compacts = || {
            let topics = cluster.topics.all();
            topics.iter().any(|topic| topic.settings.log.compact)
        };
        let next_clean = compacts().then(|| last_clean + backoff(cluster));
        let next = next_clean.map_or(next_expiry, |clean| clean.min(next_expiry));
        tokio::select! {
            biased;
            () = tokio::time::sleep_until(next) => {}
            () = cluster.reconfigured.notified() => continue,
        }
        let now = Instant::now();
        if now >= next_expiry {
            expire(cluster);
            next_expiry = now
                + cluster
                    .settings
                    .log_retention_check_interval
                    .max(MIN_BACKOFF);
        }
        if next_clean.is_some_and(|clean| now >= clean) {
            clean(cluster).await;
            last_clean = Instant::now();
        }
    }
}

fn backoff(cluster: &Cluster) -> Duration {
    let millis = cluster
        .configs
        .broker_number(cluster.nodes.only(), "log.cleaner.backoff.ms");
    let millis = millis.and_then(|millis| u64::try_from(millis).ok());
    Duration::from_millis(millis.unwrap_or_default()).max(MIN_BACKOFF)
}

/// Forgets what is older than its topic keeps.
fn expire(cluster: &Cluster) {
    let now = cluster.clock.now().unix_millis;
    for topic in cluster.topics.all() {
        for partition in &topic.partitions {
            lock(&partition.log).expire(now);
        }
    }
}

/// Compacts what is worth it.
async fn clean(cluster: &Cluster) {
    for topic in cluster.topics.all() {
        if topic.settings.log.compact {
            for (partition, index) in topic.partitions.iter().zip(0..) {
                clean_partition(cluster, &topic, partition, index).await;
            }
        }
    }
}

async fn clean_partition(cluster: &Cluster, topic: &Topic, partition: &Partition, index: i32) {
    let now = cluster.clock.now().unix_millis;
    let Some(cleaning) = lock(&partition.log).begin_cleaning(now) else {
        return;
    };
    let before = cleaning.len();
    let cleaned = if before <= SMALL {
        Ok(cleaning.run())
    } else {
        tokio::task::spawn_blocking(move || cleaning.run()).await
    };
    match cleaned {
        Ok(Ok(cleaned)) => {
            let is_done = lock(&partition.log).put_cleaned(cleaned);
            tracing::debug!(topic = %topic.name, index, before, is_done, "log compacted");
        }
        Ok(Err(error)) => {
            tracing::error!(topic = %topic.name, index, %error, "cannot compact the log");
        }
        Err(error) => tracing::error!(topic = %topic.name, index, %error, "compaction has failed"),
    }
}
