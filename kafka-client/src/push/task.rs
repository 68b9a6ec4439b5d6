//! Asks and pushes, when that is due.

use std::sync::Weak;
use std::time::SystemTime;

use kafka_proto::compression::{Codec, Compression};
use kafka_proto::error_code::ErrorCode;
use kafka_proto::messages::{GetTelemetrySubscriptionsRequest, PushTelemetryRequest};
use tokio::sync::watch;

use super::agreement::{Agreement, Step, Subscription};
use super::payload::{Content, Detail, Sums};
use super::{Identity, Source};
use crate::clock::now;
use crate::cluster::{Cluster, Lane, Node};
use crate::error::{Error, Result};
use crate::net::Throttled;

struct Task {
    agreement: Agreement,
    /// The broker that is asked and pushed to, as long as it can be reached.
    broker: Option<i32>,
    /// When the client was made.
    start: SystemTime,
    told: Sums,
}

/// Runs until the client is closed or gone, or its brokers do not want to hear of it.
pub(super) async fn run(
    source: Weak<impl Source>,
    identity: watch::Sender<Identity>,
    mut closing: watch::Receiver<bool>,
) {
    let start = SystemTime::now();
    let mut task = Task {
        agreement: Agreement::new(now()),
        broker: None,
        start,
        told: Sums::none_since(start),
    };
    while let Some((step, due)) = task.agreement.next() {
        let is_closing = tokio::select! {
            biased;
            closing = closing.wait_for(|closing| *closing) => {
                drop(closing);
                true
            }
            () = tokio::time::sleep_until(due.into()) => false,
        };
        let Some(source) = source.upgrade() else {
            return;
        };
        if is_closing {
            if step == Step::Push {
                task.push(&*source, true).await;
            }
            return;
        }
        match step {
            Step::Ask => {
                if let Err(error) = task.ask(source.cluster()).await
                    && task.agreement.next().is_none()
                    && task.agreement.instance_id().is_zero()
                {
                    identity.send_replace(Identity::Refused(error));
                }
                let id = task.agreement.instance_id();
                if !id.is_zero() {
                    identity.send_if_modified(|known| {
                        let is_news = matches!(known, Identity::Unknown);
                        *known = Identity::Known(id);
                        is_news
                    });
                }
            }
            Step::Push => task.push(&*source, false).await,
        }
    }
    // Who asks for the id is still told why there is none.
    let _ = closing.wait_for(|closing| *closing).await;
}

impl Task {
    async fn ask(&mut self, cluster: &Cluster) -> Result<()> {
        let request = GetTelemetrySubscriptionsRequest {
            client_instance_id: self.agreement.instance_id(),
            ..Default::default()
        };
        let answer = self.send(cluster, request).await;
        let answer = answer.inspect_err(|error| {
            tracing::debug!(%error, "brokers cannot be asked which metrics they want");
            self.agreement.on_failure(error, now());
        })?;
        let jitter = 0.5 + fastrand::f64();
        self.agreement.on_subscription(&answer, jitter, now());
        let checked = crate::error::check(answer.error_code, || "client metrics".to_owned());
        match &checked {
            Ok(()) => tracing::debug!(
                instance = %answer.client_instance_id,
                subscription = answer.subscription_id,
                metrics = ?answer.requested_metrics,
                interval_ms = answer.push_interval_ms,
                "metrics that the brokers want"
            ),
            Err(error) => tracing::debug!(%error, "the broker does not say which metrics it wants"),
        }
        checked
    }

    async fn push(&mut self, source: &impl Source, terminating: bool) {
        let Some(subscription) = self.agreement.subscription().cloned() else {
            return;
        };
        let metrics = source.metrics();
        let content = Content {
            metrics: &metrics,
            wanted: &subscription.wanted,
            labels: &source.labels(),
            start: self.start,
            now: SystemTime::now(),
            since: subscription.is_delta.then_some(&self.told),
        };
        let told = content.told();
        let Some((compression, payload)) = fitting(&content, &subscription) else {
            tracing::warn!(
                max_bytes = subscription.max_bytes,
                "the metrics that the brokers want are more than they take: none are pushed"
            );
            return self.agreement.on_nothing_fits(now());
        };
        let request = PushTelemetryRequest {
            client_instance_id: self.agreement.instance_id(),
            subscription_id: subscription.id,
            terminating,
            compression_type: compression.id() as i8,
            metrics: payload.into(),
            ..Default::default()
        };
        match self.send(source.cluster(), request).await {
            Ok(answer) => {
                let code = ErrorCode::from(answer.error_code);
                if code == ErrorCode::None {
                    self.told = told;
                } else {
                    tracing::debug!(%code, "the broker does not take the metrics");
                }
                self.agreement.on_push(code, now());
            }
            Err(error) => {
                tracing::debug!(%error, "metrics could not be pushed");
                self.agreement.on_failure(&error, now());
            }
        }
    }

    /// Sends a request to the broker that was chosen, or chooses one.
    async fn send<R>(&mut self, cluster: &Cluster, request: R) -> Result<R::Response>
    where
        R: kafka_proto::codec::Request,
        R::Response: Throttled,
    {
        let broker = match self.broker {
            Some(broker) => broker,
            None => cluster.any_broker()?,
        };
        let sent = cluster
            .send(Node::Broker(broker), Lane::Main, |_| request)
            .await;
        let is_lost = matches!(sent, Err(Error::Disconnected { .. }));
        self.broker = (!is_lost).then_some(broker);
        sent.map(|(answer, _)| answer)
    }
}

/// As much of it as the broker takes, compressed as it likes.
fn fitting(content: &Content<'_>, subscription: &Subscription) -> Option<(Compression, Vec<u8>)> {
    Detail::ALL.into_iter().find_map(|detail| {
        let plain = content.encode(detail);
        let mut packed = Vec::new();
        let codec = Codec::new(subscription.compression);
        let payload = match codec.compress(&plain, &mut packed) {
            Ok(()) => (subscription.compression, packed),
            Err(error) => {
                tracing::debug!(%error, "metrics cannot be compressed");
                (Compression::None, plain)
            }
        };
        (payload.1.len() <= subscription.max_bytes).then_some(payload)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::{ClientKind, Registry};
    use crate::push::payload::Wanted;

    #[test]
    fn what_a_broker_does_not_take_is_left_out_from_the_most_detailed_on() {
        let registry = Registry::new(ClientKind::Consumer, "it");
        for node in 0..50 {
            registry.network.node(Some(node));
        }
        let metrics = registry.report().finish();
        let wanted = Wanted::new(["*"]);
        let now = SystemTime::now();
        let content = Content {
            metrics: &metrics,
            wanted: &wanted,
            labels: &[],
            start: now,
            now,
            since: None,
        };
        let [_, nodes, client] = Detail::ALL.map(|detail| content.encode(detail).len());
        assert!(client < nodes);
        for (max_bytes, expected) in [
            (nodes, Some(nodes)),
            (nodes - 1, Some(client)),
            (client - 1, None),
        ] {
            let subscription = Subscription {
                id: 0,
                wanted: wanted.clone(),
                compression: Compression::None,
                max_bytes,
                is_delta: false,
            };
            let fitting = fitting(&content, &subscription);
            assert_eq!(fitting.map(|(_, payload)| payload.len()), expected);
        }
    }
}
