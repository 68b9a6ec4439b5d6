//! Does what membership and fetching decide, and tells them what came of it.

use std::collections::HashMap;
use std::sync::Arc;

use kafka_proto::error_code::ErrorCode;
use kafka_proto::messages::{ShareAcknowledgeRequest, ShareAcknowledgeResponse, ShareFetchRequest};
use tokio::task::JoinSet;

use super::coordinator;
use super::decode::{Decoded, decode};
use super::fetching::{AcknowledgeTask, FetchTask, Fetched, News, Task};
use super::membership::{Action, JOIN};
use super::parcel::Key;
use super::shared::{Shared, State};
use crate::clock::now;
use crate::cluster::{Lane, Node};
use crate::consumer::sleep_until;
use crate::error::{Error, Result};

/// Up to so many bytes are decoded where they arrive: moving them to another thread would take longer.
const DECODED_IN_PLACE: usize = 64 << 10;
/// From this version on locks can be renewed (KIP-1222).
const FIRST_WITH_RENEWAL: i16 = 2;

/// Runs until it is dropped. It hangs on nothing: everything that waits runs in a task of its own.
pub(super) async fn run(shared: Arc<Shared>) {
    let mut jobs = JoinSet::new();
    loop {
        let metadata = shared.cluster.metadata();
        let (deadline, settled) = {
            let State {
                membership,
                fetching,
            } = &mut *shared.state();
            while let Some(action) = membership.next(now()) {
                jobs.spawn(act(shared.clone(), action));
            }
            if let Some(assigned) = membership.take_change() {
                shared.count_rebalance(&fetching.partitions(), &assigned);
                fetching.assign(assigned, now());
            }
            for task in fetching.plan(&metadata, now()) {
                jobs.spawn(perform(shared.clone(), task));
            }
            let deadlines = [membership.next_deadline(), fetching.next_deadline()];
            let deadline = deadlines.into_iter().flatten().min();
            (deadline, fetching.take_settled())
        };
        shared.tell_settled(&settled);
        shared.wake_poll.notify_one();
        shared.progress.notify_waiters();
        tokio::select! {
            biased;
            Some(_) = jobs.join_next() => {}
            () = sleep_until(deadline) => {}
            () = shared.wake_driver.notified() => {}
        }
    }
}

async fn act(shared: Arc<Shared>, action: Action) {
    match action {
        Action::Resolve { ids } => {
            let answer = shared.cluster.topic_names(&ids).await;
            shared.state().membership.resolved(answer, now());
        }
        Action::Heartbeat(request) => {
            if request.member_epoch == JOIN {
                // A topic that is not there is to be told of soon.
                coordinator::look_for_topics(&shared).await;
            }
            let answer = coordinator::heartbeat(&shared, &request).await;
            shared.state().membership.answered(answer, now());
            shared.wake_driver.notify_one();
            coordinator::look_for_topics(&shared).await;
        }
        Action::Leave(request) => {
            if let Err(error) = coordinator::leave(&shared, &request).await {
                tracing::debug!(group = &*shared.group, %error, "leaving the share group; the session will end by itself");
            }
            shared.state().membership.left();
        }
    }
}

async fn perform(shared: Arc<Shared>, task: Task) {
    let news = match task {
        Task::Refresh => {
            let version = shared.cluster.metadata().version;
            let answer = shared.cluster.refresh(version).await;
            if let Err(error) = answer {
                tracing::debug!(%error, "the cluster cannot be asked at the moment");
            }
            shared.state().fetching.refreshed(now());
            return;
        }
        Task::Fetch(task) => fetch(&shared, task).await,
        Task::Acknowledge(task) => {
            let answer = acknowledge(&shared, &task).await;
            shared.state().fetching.acknowledged(task, answer, now())
        }
    };
    shared.cluster.learn_leaders(&news.leaders);
}

#[tracing::instrument(
    level = "debug",
    target = "kafka_client::fetch",
    skip_all,
    fields(broker = task.broker, partitions = task.partitions.len())
)]
async fn fetch(shared: &Arc<Shared>, mut task: FetchTask) -> News {
    let since = now();
    let request = std::mem::take(&mut task.request);
    task.request.share_session_epoch = request.share_session_epoch;
    let answer = fetched(shared, &task, request).await;
    let throttled = answer
        .as_ref()
        .ok()
        .map(|fetched| fetched.answer.throttle_time_ms);
    let broker = task.broker;
    let news = shared.state().fetching.fetched(task, answer, now());
    if let Some(throttled) = throttled {
        shared.count_fetch(broker, since, throttled, &news.hauls);
    }
    news
}

async fn fetched(
    shared: &Arc<Shared>,
    task: &FetchTask,
    request: ShareFetchRequest,
) -> Result<Fetched> {
    let limit = shared.config.client.request_timeout + shared.config.fetch_max_wait;
    let (node, lane) = (Node::Broker(task.broker), Lane::Fetch);
    let answer = shared
        .cluster
        .send_with(node, lane, i16::MAX, limit, |_| request)
        .await;
    let (mut answer, _) = answer?;
    let mut parts = Vec::new();
    let mut size = 0;
    for topic in &mut answer.responses {
        for data in &mut topic.partitions {
            let key = (topic.topic_id, data.partition_index);
            let records = data.records.take().unwrap_or_default();
            let acquired = std::mem::take(&mut data.acquired_records);
            let Some(partition) = task.partitions.get(&key) else {
                continue;
            };
            size += records.len();
            parts.push((key, partition.clone(), records, acquired));
        }
    }
    let check_crcs = shared.config.check_crcs;
    let decode_all = move || -> HashMap<Key, Decoded> {
        let decoded = parts
            .into_iter()
            .map(|(key, partition, records, acquired)| {
                (key, decode(&partition, records, &acquired, check_crcs))
            });
        decoded.collect()
    };
    let decoded = if size <= DECODED_IN_PLACE {
        decode_all()
    } else {
        // It cannot be cancelled and does not panic, so that there is always a result.
        let decoded = tokio::task::spawn_blocking(decode_all).await;
        decoded.unwrap_or_default()
    };
    Ok(Fetched { answer, decoded })
}

async fn acknowledge(
    shared: &Arc<Shared>,
    task: &AcknowledgeTask,
) -> Result<ShareAcknowledgeResponse> {
    let limit = shared.config.client.request_timeout;
    let node = Node::Broker(task.broker);
    // The session's requests have to arrive in order, so that all go the same way.
    let connection = shared.cluster.connection(node, Lane::Fetch).await?;
    let version = connection.version_of::<ShareAcknowledgeRequest>(i16::MAX)?;
    if task.request.is_renew_ack && version < FIRST_WITH_RENEWAL {
        return Err(Error::Broker {
            code: ErrorCode::UnsupportedVersion,
            what: format!("renewing the locks of records at broker {}", task.broker),
            message: Some("it needs Kafka 4.2 or newer".to_owned()),
        });
    }
    connection.send(&task.request, version, limit).await
}
