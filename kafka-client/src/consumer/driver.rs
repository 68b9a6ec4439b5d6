//! Keeps partitions moving: does what the [`Assignment`](super::assignment::Assignment) plans, and tells it what came of
//! it.

use std::sync::Arc;
use std::time::Duration;

use kafka_proto::messages::{FetchRequest, FetchResponse};
use tokio::task::JoinSet;

use super::assignment::{Decoded, FetchTask, Lookup, Task};
use super::fetch::FIRST_WITH_TOPIC_IDS;
use super::offsets;
use super::shared::{Shared, now, sleep_until};
use crate::cluster::{Lane, Node};
use crate::error::Result;

/// Up to so many bytes are decoded where they arrive: moving them to another thread would take longer.
const DECODED_IN_PLACE: usize = 64 << 10;

/// Runs until it is dropped. It hangs on nothing: everything that waits runs in a task of its own.
pub(crate) async fn run(shared: Arc<Shared>) {
    let mut jobs = JoinSet::new();
    let max_age = shared.config.client.metadata_max_age;
    let mut outdated_at = now() + max_age;
    let mut look_at = now();
    loop {
        let metadata = shared.cluster.metadata();
        let (tasks, deadline, events) = {
            let mut assignment = shared.assignment();
            let tasks = assignment.plan(&*metadata, now());
            if look_at <= now() {
                assignment.look_for_stalls(now());
                look_at = now() + assignment.stall_interval();
            }
            let deadline = assignment.next_deadline(now());
            (tasks, deadline, assignment.take_events())
        };
        if !events.is_empty() {
            shared.telemetry().events.tell_all(|| events);
        }
        for task in tasks {
            jobs.spawn(perform(shared.clone(), task));
        }
        // Trouble may have been found while planning, or lasts long enough, and somebody may wait to be told.
        shared.wake_poll.notify_one();
        shared.positions.notify_waiters();
        tokio::select! {
            biased;
            Some(_) = jobs.join_next() => {}
            () = sleep_until(deadline) => {}
            () = sleep_until(Some(look_at)) => {}
            () = sleep_until(Some(outdated_at)) => {
                outdated_at = now() + max_age;
                shared.assignment().grows_old();
            }
            () = shared.wake_driver.notified() => {}
        }
    }
}

async fn perform(shared: Arc<Shared>, task: Task) {
    match task {
        Task::Fetch(task) => fetch(&shared, &task).await,
        Task::Decode => decode(&shared).await,
        Task::Lookup(lookup) => look_up(&shared, &lookup).await,
        Task::Validate(validation) => {
            let answer = offsets::ends_of_epochs(&shared, &validation).await;
            shared.assignment().validated(&validation, answer, now());
        }
        Task::Committed(tickets) => {
            let partitions: Vec<_> = tickets
                .iter()
                .map(|ticket| ticket.partition.clone())
                .collect();
            let answer = offsets::committed_positions(&shared, &partitions).await;
            shared.assignment().committed(&tickets, answer, now());
        }
        Task::Topics(topics) => {
            let failure = shared.cluster.add_topics(topics).await.err();
            shared.assignment().refreshed(failure, now());
        }
        Task::Refresh => {
            let failure = shared
                .cluster
                .refresh(shared.cluster.metadata().version)
                .await
                .err();
            shared.assignment().refreshed(failure, now());
        }
    }
    shared.wake_poll.notify_one();
    shared.positions.notify_waiters();
}

#[tracing::instrument(
    level = "debug",
    target = "kafka_client::fetch",
    skip_all,
    fields(broker = task.broker, partitions = task.targets.len())
)]
async fn fetch(shared: &Arc<Shared>, task: &FetchTask) {
    let since = now();
    let answer = request(shared, task).await;
    let throttled = answer.as_ref().ok().map(|answer| answer.throttle_time_ms);
    let news = shared.assignment().fetched(task, answer, now());
    if let Some(throttled) = throttled {
        shared.count_fetch(task.broker, since, throttled, &news.hauls);
    }
    let learnt = shared.cluster.learn_leaders(&news.leaders);
    shared.assignment().leaders_changed(&learnt);
    // The next fetch goes out while this one is decoded.
    shared.wake_driver.notify_one();
    decode(shared).await;
}

async fn request(shared: &Shared, task: &FetchTask) -> Result<FetchResponse> {
    // A broker without topic ids (or metadata too old to have them) takes names.
    let has_ids = task.targets.iter().all(|target| !target.topic_id.is_zero());
    let max_version = if has_ids {
        i16::MAX
    } else {
        FIRST_WITH_TOPIC_IDS - 1
    };
    let config = &shared.config;
    let make = |version| {
        let session = shared.assignment().session_request(task, version);
        FetchRequest {
            replica_id: -1,
            max_wait_ms: task.max_wait.as_millis() as i32,
            min_bytes: config.fetch_min_bytes,
            max_bytes: task.max_bytes.min(i32::MAX as usize) as i32,
            isolation_level: config.isolation_level.level(),
            session_id: session.session_id,
            session_epoch: session.session_epoch,
            topics: session.topics,
            forgotten_topics_data: session.forgotten,
            rack_id: config.client_rack.as_deref().unwrap_or_default().into(),
            ..Default::default()
        }
    };
    let limit = config.client.request_timeout + task.max_wait;
    let answer = shared
        .cluster
        .send_with(
            Node::Broker(task.broker),
            Lane::Fetch,
            max_version,
            limit,
            make,
        )
        .await;
    answer.map(|(answer, _)| answer)
}

/// Has brokers forget what was fetched from them, within `limit`: else they remember it until they need the room. Whether
/// they have heard is of no matter.
pub(crate) async fn end_sessions(shared: &Arc<Shared>, limit: Duration) {
    let mut jobs = JoinSet::new();
    for (broker, session) in shared.assignment().end_sessions() {
        let shared = shared.clone();
        jobs.spawn(async move {
            let make = |_| FetchRequest {
                replica_id: -1,
                session_id: session.session_id,
                session_epoch: session.session_epoch,
                ..Default::default()
            };
            // Where fetches go, the last one may be waiting for records.
            let answer = shared
                .cluster
                .send_with(Node::Broker(broker), Lane::Main, i16::MAX, limit, make)
                .await;
            if let Err(error) = answer {
                tracing::debug!(broker, %error, "ending a fetch session");
            }
        });
    }
    let all = async { while jobs.join_next().await.is_some() {} };
    // What is not done by then, dropping the jobs ends.
    let _ = tokio::time::timeout(limit, all).await;
}

/// Decodes what was fetched, unless somebody does already.
async fn decode(shared: &Arc<Shared>) {
    let in_place = {
        let mut assignment = shared.assignment();
        if !assignment.begin_decoding() {
            return;
        }
        assignment.undecoded() <= DECODED_IN_PLACE
    };
    if in_place {
        decode_all(shared);
    } else {
        let shared = shared.clone();
        // It cannot be cancelled and does not panic, so there is nothing to learn from the result.
        let _ = tokio::task::spawn_blocking(move || decode_all(&shared)).await;
    }
}

fn decode_all(shared: &Shared) {
    let decoding = shared.assignment().decoding();
    loop {
        let Some(work) = shared.assignment().next_to_decode() else {
            return;
        };
        let (mut chunk, mut room) = (work.chunk, work.room);
        let (mut pieces, mut error) = (Vec::new(), None);
        let mut is_done = false;
        while room > 0 {
            match chunk.next(&decoding) {
                Some(Ok(piece)) => {
                    room = room.saturating_sub(piece.size());
                    pieces.push(piece);
                }
                Some(Err(reason)) => {
                    error = Some(reason);
                    break;
                }
                None => {
                    is_done = true;
                    break;
                }
            }
        }
        let rest = (!is_done && error.is_none()).then_some(chunk);
        shared.assignment().decoded(
            Decoded {
                ticket: work.ticket,
                pieces,
                rest,
                error,
            },
            now(),
        );
        shared.wake_poll.notify_one();
    }
}

async fn look_up(shared: &Shared, lookup: &Lookup) {
    let first = offsets::ask_leader(shared, lookup.broker, &lookup.first()).await;
    let second = match lookup.second() {
        none if none.is_empty() => Ok(Default::default()),
        ends => offsets::ask_leader(shared, lookup.broker, &ends).await,
    };
    shared.assignment().looked_up(lookup, first, second, now());
}
