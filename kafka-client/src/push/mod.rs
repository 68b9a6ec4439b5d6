//! Metrics for the brokers that ask for them (KIP-714).
//!
//! A cluster may be told (`kafka-configs --entity-type client-metrics`) which metrics it wants of which clients; its
//! brokers hand them to whoever watches the cluster. A client asks one broker whether something is wanted, and pushes it
//! from time to time:
//!
//! - `agreement` decides what to ask and to push when, and what an error means;
//! - `payload` makes OpenTelemetry's `MetricsData` of a snapshot, under the KIP's names; `otlp` encodes it;
//! - `task` carries it out.
//!
//! Where the brokers do not know of it, as without a reporter that takes metrics, nothing is sent at all; where nothing is
//! wanted, it is one small request for each interval, 5 minutes by default.

mod agreement;
mod otlp;
mod payload;
mod task;

use std::sync::{Arc, Weak};
use std::time::Duration;

use kafka_proto::codec::Uuid;
use tokio::sync::watch;
use tokio::task::AbortHandle;
use tokio::time::timeout;

use crate::cluster::Cluster;
use crate::error::{Error, Result};
use crate::metrics::Metrics;

/// The setting that turns it off.
const SETTING: &str = "enable.metrics.push";

/// How long the end of a client waits at most for its last push.
const FAREWELL: Duration = Duration::from_secs(2);

/// What metrics are pushed of.
pub(crate) trait Source: Send + Sync + 'static {
    fn cluster(&self) -> &Cluster;

    fn metrics(&self) -> Metrics;

    /// What the brokers cannot know of the client: the KIP's resource labels, such as `group_id`.
    fn labels(&self) -> Vec<(&'static str, String)>;
}

/// What the brokers call this client.
#[derive(Debug, Clone)]
enum Identity {
    /// None was asked yet.
    Unknown,
    Known(Uuid),
    /// They do not want to hear of it.
    Refused(Error),
}

/// The pushing of a client's metrics, in the background. Dropping it ends that without another word.
#[derive(Debug)]
pub(crate) struct Pushing {
    /// `None` where it is turned off.
    task: Option<AbortHandle>,
    identity: watch::Receiver<Identity>,
    closing: watch::Sender<bool>,
}

impl Drop for Pushing {
    fn drop(&mut self) {
        self.task.iter().for_each(AbortHandle::abort);
    }
}

impl Pushing {
    /// Begins, unless `enable.metrics.push` says no. The source is not kept alive.
    pub(crate) fn start(source: &Arc<impl Source>) -> Self {
        let (told, identity) = watch::channel(Identity::Unknown);
        let closing = watch::Sender::new(false);
        let enabled = source.cluster().config().enable_metrics_push;
        let task = enabled.then(|| {
            let source: Weak<_> = Arc::downgrade(source);
            tokio::spawn(task::run(source, told, closing.subscribe())).abort_handle()
        });
        Self {
            task,
            identity,
            closing,
        }
    }

    /// What the brokers call this client; waits until one has said it. Cancel-safe.
    pub(crate) async fn client_instance_id(&self, limit: Duration) -> Result<Uuid> {
        if self.task.is_none() {
            return Err(Error::Config {
                key: SETTING.to_owned(),
                value: "false".to_owned(),
                reason: "without it the brokers give the client no instance id".to_owned(),
            });
        }
        let mut identity = self.identity.clone();
        let known = async {
            let known = identity.wait_for(|identity| !matches!(identity, Identity::Unknown));
            match known.await.as_deref() {
                Ok(Identity::Known(id)) => Ok(*id),
                Ok(Identity::Refused(error)) => Err(error.clone()),
                Ok(Identity::Unknown) | Err(_) => Err(Error::Closed { what: "the client" }),
            }
        };
        let timed_out = |_| Error::timeout("getting the client instance id", limit, None);
        timeout(limit, known).await.map_err(timed_out)?
    }

    /// Pushes a last time, if something is wanted, and ends. Takes `limit` at most, and never more than two seconds.
    pub(crate) async fn finish(&self, limit: Duration) {
        let Some(task) = self.task.as_ref().filter(|task| !task.is_finished()) else {
            return;
        };
        self.closing.send_replace(true);
        let mut identity = self.identity.clone();
        // The task has the only sender: it is gone when the task has ended.
        let ended = async { while identity.changed().await.is_ok() {} };
        let _ = timeout(limit.min(FAREWELL), ended).await;
        task.abort();
    }
}
