//! How it goes when brokers are told who we are: Kafka's `…-authentication-…` and `…-reauthentication-…` of its `Selector`.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::meter::{Meter, Moment};
use super::snapshot::Report;
use crate::error::{Error, Result};

/// What is measured of authentication, over all connections of a client.
#[derive(Debug, Default)]
pub(crate) struct AuthenticationMeters(Mutex<Outcomes>);

#[derive(Debug, Default)]
struct Outcomes {
    succeeded: Meter,
    failed: Meter,
    /// Those that need not be renewed.
    endless: Meter,
    /// Milliseconds.
    renewed: Meter,
    renewal_failed: Meter,
}

/// Whether the other side does not believe it; that a connection was lost meanwhile does not say so.
fn is_refused<T>(outcome: &Result<T>) -> bool {
    matches!(outcome, Err(Error::Authentication { .. }))
}

impl AuthenticationMeters {
    fn change(&self, change: impl FnOnce(&mut Outcomes)) {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// A connection was authenticated, for a time or for good, or was not.
    pub(crate) fn authenticated(&self, outcome: &Result<Option<Duration>>, moment: Moment) {
        self.change(|outcomes| {
            if let Ok(lifetime) = outcome {
                outcomes.succeeded.record(1.0, moment);
                if lifetime.is_none() {
                    outcomes.endless.record(1.0, moment);
                }
            } else if is_refused(outcome) {
                outcomes.failed.record(1.0, moment);
            }
        });
    }

    /// A session was renewed, or was not.
    pub(crate) fn renewed<T>(&self, outcome: &Result<T>, after: Duration, moment: Moment) {
        self.change(|outcomes| {
            if outcome.is_ok() {
                outcomes.renewed.record_time(after, moment);
            } else if is_refused(outcome) {
                outcomes.renewal_failed.record(1.0, moment);
            }
        });
    }

    /// Adds to what every client has to tell of its connections.
    pub(crate) fn report(&self, report: &mut Report) {
        let outcomes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        report
            .times(
                ["successful-authentication-rate", "successful-authentication-total"],
                "Connections authenticated by SASL.",
                &outcomes.succeeded,
            )
            .times(
                ["failed-authentication-rate", "failed-authentication-total"],
                "Connections of which one side did not believe the other.",
                &outcomes.failed,
            )
            .counter(
                "successful-authentication-no-reauth-total",
                "Connections authenticated for good: the broker wants no renewal.",
                outcomes.endless.count(),
            )
            .times(
                [
                    "successful-reauthentication-rate",
                    "successful-reauthentication-total",
                ],
                "Sessions renewed before they ended.",
                &outcomes.renewed,
            )
            .times(
                ["failed-reauthentication-rate", "failed-reauthentication-total"],
                "Sessions of which one side did not believe the other when they were to be renewed.",
                &outcomes.renewal_failed,
            )
            .spread(
                ["reauthentication-latency-avg", "reauthentication-latency-max"],
                "Milliseconds that the renewal of a session has taken, with what had to be answered before.",
                &outcomes.renewed,
            );
    }
}
