//! Polling, and what happens between two polls.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use tokio::sync::MutexGuard;

use super::group::{Group, Rebalance};
use super::records::ConsumerRecords;
use super::shared::now;
use super::{Consumer, closed, driver};
use crate::error::Result;
use crate::metrics::ListenerCall;
use crate::types::TopicPartition;

/// Brokers that are not there are not waited for for longer, to be told that nobody fetches any more.
const SESSIONS_END: Duration = Duration::from_secs(1);

/// Says that somebody polls, for as long as it is there: who polls may wait as long as it likes.
struct Polling<'a>(&'a Consumer);

impl<'a> Polling<'a> {
    fn begin(consumer: &'a Consumer) -> Self {
        let shared = &consumer.0.shared;
        let (now, metrics) = (now(), &shared.telemetry().metrics);
        shared.poll_meters.begin(now, metrics.moment_of(now));
        shared.assignment().all_processed();
        if let Some(group) = &shared.group {
            let comes_back = group.membership().poll_begins();
            if comes_back {
                group.wake.notify_one();
            }
        }
        Self(consumer)
    }
}

impl Drop for Polling<'_> {
    fn drop(&mut self) {
        let shared = &self.0.0.shared;
        shared.poll_meters.end(now());
        if let Some(group) = &shared.group {
            group.membership().poll_ends(now());
        }
    }
}

impl Consumer {
    /// Records that were fetched, as soon as there are any; nothing if there are none before the timeout. What earlier
    /// polls have returned counts as dealt with, and is what auto-commit commits.
    ///
    /// Calls at the same time wait for each other: every record is handed out once.
    ///
    /// # Errors
    /// What keeps a partition from going on: [`Error::Corrupt`](crate::Error::Corrupt),
    /// [`Error::OffsetOutOfRange`](crate::Error::OffsetOutOfRange) and [`Error::NoOffset`](crate::Error::NoOffset) until
    /// it is sought, an unknown topic, brokers that cannot be reached for `request.timeout.ms`. Other partitions go on:
    /// each error is returned once, and again only when there is nothing else to return. [`Error::Closed`](
    /// crate::Error::Closed).
    ///
    /// Cancel-safe: records are taken out of the buffer only in the moment of returning them.
    #[tracing::instrument(level = "debug", target = "kafka_client::poll", skip_all)]
    pub async fn poll(&self, timeout: Duration) -> Result<ConsumerRecords> {
        let until = now() + timeout;
        let shared = &self.0.shared;
        let Ok(_turn) = tokio::time::timeout_at(until.into(), self.0.turn.lock()).await else {
            return Ok(ConsumerRecords::default());
        };
        let _polling = Polling::begin(self);
        loop {
            if shared.is_closed() {
                return Err(closed());
            }
            self.rebalance().await;
            let is_last = now() >= until;
            if let Some(error) = self.tell(false) {
                return Err(error);
            }
            let (batches, moved) = shared.assignment().take();
            if moved {
                // There is room to fetch and to decode.
                shared.wake_driver.notify_one();
            }
            if !batches.is_empty() {
                shared.count_records(&batches);
                shared.interceptors.on_consume(&batches);
                return Ok(ConsumerRecords { batches });
            }
            if is_last {
                return self
                    .tell(true)
                    .map_or_else(|| Ok(ConsumerRecords::default()), Err);
            }
            let wake = self.next_error().map_or(until, |due| due.min(until));
            tokio::select! {
                biased;
                () = shared.wake_poll.notified() => {}
                () = tokio::time::sleep_until(wake.into()) => {}
            }
        }
    }

    fn tell(&self, nothing_else: bool) -> Option<crate::Error> {
        let shared = &self.0.shared;
        let of_group = shared
            .group
            .as_ref()
            .and_then(|group| group.membership().tell(now(), nothing_else));
        of_group.or_else(|| shared.assignment().take_error(now(), nothing_else))
    }

    fn next_error(&self) -> Option<Instant> {
        let shared = &self.0.shared;
        let of_group = shared
            .group
            .as_ref()
            .and_then(|group| group.membership().due());
        of_group
            .into_iter()
            .chain(shared.assignment().next_error())
            .min()
    }

    /// Does what the group waits for. The caller has the turn.
    async fn rebalance(&self) {
        let Some(group) = &self.0.shared.group else {
            return;
        };
        loop {
            self.tell_assigned().await;
            let Some(pending) = group.membership().pending().cloned() else {
                return;
            };
            self.carry_out(group, &pending).await;
            group.wake.notify_one();
            self.0.shared.wake_driver.notify_one();
        }
    }

    /// Changes what is read, as the group wants it.
    #[tracing::instrument(level = "debug", target = "kafka_client::rebalance", skip_all, fields(group = group.id))]
    async fn carry_out(&self, group: &Group, pending: &Rebalance) {
        let shared = &self.0.shared;
        shared.rebalance_begins();
        match pending {
            Rebalance::Revoke(partitions) => {
                let limit = shared.config.client.request_timeout;
                self.give_up(partitions, limit).await;
                group.membership().done(pending);
            }
            Rebalance::Lost(partitions) => {
                let since = now();
                self.0.listener.lost(self, partitions).await;
                shared.count_listener(ListenerCall::Lost, since);
                shared.rebalancing.lost(partitions);
                shared.assignment().remove(partitions);
                group.membership().done(pending);
            }
            Rebalance::Assign(partitions) => self.take_up(group, pending, partitions),
        }
    }

    /// Reads these partitions from now on, unless the group has thought better of it meanwhile.
    fn take_up(&self, group: &Group, pending: &Rebalance, partitions: &[TopicPartition]) {
        let mut membership = group.membership();
        if membership.pending() != Some(pending) {
            return;
        }
        let mut assignment = self.0.shared.assignment();
        let before: HashSet<TopicPartition> = assignment.partitions().into_iter().collect();
        assignment.assign(partitions.iter().cloned());
        let added: Vec<_> = partitions
            .iter()
            .filter(|partition| !before.contains(partition))
            .cloned()
            .collect();
        membership.done(pending);
        drop((membership, assignment));
        self.0.shared.rebalance_ends(&added);
        *self.0.owed() = Some(added).filter(|added| !added.is_empty());
    }

    async fn tell_assigned(&self) {
        let owed = self.0.owed().clone();
        if let Some(partitions) = owed {
            let since = now();
            self.0.listener.assigned(self, &partitions).await;
            self.0.shared.count_listener(ListenerCall::Assigned, since);
            *self.0.owed() = None;
        }
    }

    /// Gives all partitions up, as [`give_up`](Self::give_up) does.
    pub(super) async fn give_up_all(&self, limit: Duration) {
        let all = self.0.shared.assignment().partitions();
        self.give_up(&all, limit).await;
        self.0.shared.rebalancing.forget();
    }

    /// Commits what was handed out of these partitions, if that is done automatically, and gives them up. The caller has
    /// the turn.
    async fn give_up(&self, partitions: &[TopicPartition], limit: Duration) {
        let shared = &self.0.shared;
        // In the order of their names, and without those that were given up before.
        let wanted: HashSet<&TopicPartition> = partitions.iter().collect();
        let mut partitions = shared.assignment().partitions();
        partitions.retain(|partition| wanted.contains(partition));
        if let Some(group) = &shared.group
            && shared.config.enable_auto_commit
        {
            let mut offsets = shared.commit_all();
            offsets.retain(|partition, _| partitions.binary_search(partition).is_ok());
            if let Ok(commit) = self.commit(offsets, limit)
                && let Err(error) = commit.await
            {
                tracing::warn!(group = group.id, %error, "commit before giving partitions up failed");
                shared.auto_commit_failed(error);
            }
        }
        let subscribed = shared
            .group
            .as_ref()
            .is_some_and(|group| group.membership().is_subscribed());
        if subscribed && !partitions.is_empty() {
            let since = now();
            self.0.listener.revoked(self, &partitions).await;
            shared.count_listener(ListenerCall::Revoked, since);
            shared.rebalancing.revoked(&partitions);
        }
        shared.assignment().remove(&partitions);
    }

    /// Ends the consumer within `limit`: commits what was handed out where auto-commit is on, tells the listener, and
    /// leaves the group so that others go on at once. Brokers are told to forget what was fetched from them. A poll that is waiting returns
    /// [`Error::Closed`](crate::Error::Closed).
    ///
    /// # Errors
    /// [`Error::Timeout`](crate::Error::Timeout) when it was not done in time; it is closed all the same, and the group
    /// will notice by itself. Cancel-safe in the same sense.
    pub async fn close(&self, limit: Duration) -> Result<()> {
        let shared = &self.0.shared;
        if !shared.close() {
            return Ok(());
        }
        let end = Ending(self);
        let result = tokio::time::timeout(limit, async {
            let _turn: MutexGuard<'_, ()> = self.0.turn.lock().await;
            self.give_up_all(limit).await;
            // From here on nobody else acts for the member.
            self.0
                .member
                .iter()
                .for_each(tokio::task::AbortHandle::abort);
            self.leave(limit).await
        });
        let begin = now();
        let result = result.await;
        drop(end);
        match result {
            Ok(result) => {
                let left = limit.saturating_sub(now() - begin);
                let sessions_end = driver::end_sessions(shared, left.min(SESSIONS_END));
                tokio::join!(sessions_end, self.0.pushing.finish(left));
                result
            }
            Err(_) => Err(crate::Error::timeout("closing the consumer", limit, None)),
        }
    }

    async fn leave(&self, limit: Duration) -> Result<()> {
        let shared = &self.0.shared;
        let group = shared.group.as_ref();
        let Some(farewell) = group.and_then(|group| group.membership().farewell()) else {
            return Ok(());
        };
        shared
            .cluster
            .retry("leaving the group", limit, || farewell.say(shared))
            .await
    }
}

/// Stops the background tasks in any case.
struct Ending<'a>(&'a Consumer);

impl Drop for Ending<'_> {
    fn drop(&mut self) {
        self.0
            .0
            .tasks
            .iter()
            .for_each(tokio::task::AbortHandle::abort);
        self.0.0.shared.assignment().assign([]);
        self.0.0.shared.telemetry().events.close();
    }
}
