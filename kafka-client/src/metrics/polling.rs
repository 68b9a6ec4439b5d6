//! What a consumer measures of those who use it: Kafka's `consumer-metrics` (`KafkaConsumerMetrics`).

use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use super::meter::{Meter, Moment, Spent};
use super::snapshot::Report;
use crate::clock::now;

/// What is measured of polls and of calls that wait.
#[derive(Debug, Default)]
pub(crate) struct PollMeters {
    polls: Mutex<Polls>,
    pub(crate) commit_sync: Spent,
    pub(crate) committed: Spent,
}

#[derive(Debug, Default)]
struct Polls {
    /// When the last poll began, and whether it has ended.
    last_begin: Option<Instant>,
    last_end: Option<Instant>,
    between: Meter,
    idle: Meter,
}

impl PollMeters {
    /// A poll begins.
    pub(crate) fn begin(&self, now: Instant, moment: Moment) {
        let mut polls = self.polls.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(last) = polls.last_begin.replace(now) {
            let between = now.saturating_duration_since(last);
            polls.between.record_time(between, moment);
            if let Some(end) = polls.last_end.take()
                && !between.is_zero()
            {
                let polled = end.saturating_duration_since(last);
                let idle = polled.as_secs_f64() / between.as_secs_f64();
                polls.idle.record(idle, moment);
            }
        }
    }

    /// It has ended.
    pub(crate) fn end(&self, now: Instant) {
        let mut polls = self.polls.lock().unwrap_or_else(PoisonError::into_inner);
        polls.last_end = Some(now);
    }

    /// Adds to what every client has to tell.
    pub(crate) fn report(&self, report: &mut Report) {
        self.report_polls("consumer-metrics", report);
        report
            .counter(
                "commit-sync-time-ns-total",
                "Nanoseconds spent in commit_sync and commit_offsets.",
                self.commit_sync.nanos(),
            )
            .counter(
                "committed-time-ns-total",
                "Nanoseconds spent in committed.",
                self.committed.nanos(),
            );
    }

    /// Adds what is measured of polls, to this group.
    pub(crate) fn report_polls(&self, group: &'static str, report: &mut Report) {
        let polls = self.polls.lock().unwrap_or_else(PoisonError::into_inner);
        let moment = report.moment();
        let ago = polls.last_begin.map_or(f64::NAN, |last| {
            now().saturating_duration_since(last).as_secs_f64()
        });
        report
            .group(group)
            .gauge(
                "last-poll-seconds-ago",
                "Seconds since the last poll began.",
                ago,
            )
            .spread(
                ["time-between-poll-avg", "time-between-poll-max"],
                "Milliseconds from the begin of a poll to the begin of the next.",
                &polls.between,
            )
            .gauge(
                "poll-idle-ratio-avg",
                "Share of the time spent in polls, and not with what they returned.",
                polls.idle.avg(moment),
            );
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn the_idle_ratio_is_the_share_of_time_spent_in_polls() {
        let (meters, start) = (PollMeters::default(), Instant::now());
        let second = Duration::from_secs(1);
        let moment = Moment::after(second * 10);
        meters.begin(start, moment);
        meters.end(start + second);
        meters.begin(start + second * 4, moment);
        let mut report = Report::new("it", moment);
        meters.report(&mut report);
        let metrics = report.finish();
        let value = |name| metrics.get("consumer-metrics", name, &[]);
        assert_eq!(value("poll-idle-ratio-avg"), Some(0.25));
        assert_eq!(value("time-between-poll-max"), Some(4000.0));
    }
}
