//! Polling.

use std::time::{Duration, Instant};

use super::records::ShareRecords;
use super::{ShareConsumer, closed};
use crate::clock::now;
use crate::error::{Error, Result};

/// Says that somebody polls, for as long as it is there.
struct Polling<'a>(&'a ShareConsumer);

impl<'a> Polling<'a> {
    /// # Errors
    /// As a poll has them.
    fn begin(consumer: &'a ShareConsumer) -> Result<Self> {
        let shared = &consumer.0.shared;
        let (now, metrics) = (now(), &shared.telemetry().metrics);
        let mut state = shared.state();
        if !state.membership.is_subscribed() {
            return Err(Error::IllegalState {
                reason: "nothing is subscribed to: subscribe to topics before polling",
            });
        }
        state.fetching.poll_begins(now)?;
        state.membership.poll_begins();
        drop(state);
        shared.polls.begin(now, metrics.moment_of(now));
        shared.wake_driver.notify_one();
        Ok(Self(consumer))
    }
}

impl Drop for Polling<'_> {
    fn drop(&mut self) {
        let (shared, now) = (&self.0.0.shared, now());
        shared.polls.end(now);
        let mut state = shared.state();
        state.fetching.poll_ends();
        state.membership.poll_ends(now);
    }
}

impl ShareConsumer {
    /// Records that were acquired, as soon as there are any; nothing if there are none before the timeout. What earlier
    /// polls have returned is done with: in the implicit mode it is accepted now, in the explicit mode what was said of it
    /// is sent, and all of it must have been acknowledged.
    ///
    /// Calls at the same time wait for each other: every record is handed out once.
    ///
    /// # Errors
    /// [`Error::NotAcknowledged`] names a record of an earlier poll, in the explicit mode; [`Error::IllegalState`] without a
    /// subscription; [`Error::Closed`]. What keeps records from coming: an unknown topic, brokers that cannot be reached for
    /// `request.timeout.ms`, a group that the brokers do not allow, records that cannot be read (these are rejected). Other
    /// partitions go on: each error is returned once, and again only when there is nothing else to return. What became of
    /// acknowledgements is told by [`commit`](Self::commit), the listener and the events.
    ///
    /// Cancel-safe: records are handed out only in the moment of returning them.
    pub async fn poll(&self, timeout: Duration) -> Result<ShareRecords> {
        let until = now() + timeout;
        let shared = &self.0.shared;
        let Ok(_turn) = tokio::time::timeout_at(until.into(), self.0.turn.lock()).await else {
            return Ok(ShareRecords::default());
        };
        self.check_open()?;
        let _polling = Polling::begin(self)?;
        loop {
            if shared.is_closed() {
                return Err(closed());
            }
            let is_last = now() >= until;
            if let Some(error) = self.tell(false) {
                return Err(error);
            }
            let batches = shared.state().fetching.take(now());
            if !batches.is_empty() {
                shared.count_records(&batches);
                return Ok(ShareRecords { batches });
            }
            if is_last {
                return self
                    .tell(true)
                    .map_or_else(|| Ok(ShareRecords::default()), Err);
            }
            let wake = self.next_error().map_or(until, |due| due.min(until));
            tokio::select! {
                biased;
                () = shared.wake_poll.notified() => {}
                () = tokio::time::sleep_until(wake.into()) => {}
            }
        }
    }

    fn tell(&self, nothing_else: bool) -> Option<Error> {
        let (mut state, now) = (self.0.shared.state(), now());
        let of_group = state.membership.tell(now, nothing_else);
        of_group.or_else(|| state.fetching.tell(now, nothing_else))
    }

    fn next_error(&self) -> Option<Instant> {
        let state = self.0.shared.state();
        let all = [state.membership.due(), state.fetching.due()];
        all.into_iter().flatten().min()
    }
}
