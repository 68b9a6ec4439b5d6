//! What a broker and this client have agreed on, and what is due next. A plain state machine: it neither waits nor sends.

use std::time::{Duration, Instant};

use kafka_proto::codec::Uuid;
use kafka_proto::compression::Compression;
use kafka_proto::error_code::ErrorCode;
use kafka_proto::messages::GetTelemetrySubscriptionsResponse;

use super::payload::Wanted;
use crate::error::Error;

/// How long to leave brokers alone after an error, where none has said how often it wants to hear of us.
const DEFAULT_INTERVAL: Duration = Duration::from_secs(300);

/// How long to wait at most after a broker could not be reached: another one may be there sooner.
const UNREACHABLE: Duration = Duration::from_secs(10);

/// What a broker wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Subscription {
    pub(super) id: i32,
    pub(super) wanted: Wanted,
    pub(super) compression: Compression,
    /// Bytes of a payload, as it is sent.
    pub(super) max_bytes: usize,
    /// Whether sums are those since the last push, and not since the client was made.
    pub(super) is_delta: bool,
}

/// What is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// To ask what is wanted.
    Ask,
    /// To push it.
    Push,
}

/// The agreement of a client with its brokers.
#[derive(Debug)]
pub(super) struct Agreement {
    instance_id: Uuid,
    subscription: Option<Subscription>,
    interval: Duration,
    /// `None` where the brokers do not want to hear of it any more.
    due: Option<Instant>,
}

impl Agreement {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            instance_id: Uuid::ZERO,
            subscription: None,
            interval: DEFAULT_INTERVAL,
            due: Some(now),
        }
    }

    /// What the brokers call this client, for as long as it lives; zero until one has said it.
    pub(super) fn instance_id(&self) -> Uuid {
        self.instance_id
    }

    /// What is to be pushed, if anything is wanted.
    pub(super) fn subscription(&self) -> Option<&Subscription> {
        self.subscription.as_ref()
    }

    /// What is to be done next, and when; nothing any more, where that is refused.
    pub(super) fn next(&self) -> Option<(Step, Instant)> {
        let step = if self.subscription.is_some() {
            Step::Push
        } else {
            Step::Ask
        };
        self.due.map(|due| (step, due))
    }

    /// A broker has said what it wants. `jitter`, from 0.5 to 1.5, spreads the first pushes of many clients that were
    /// started together, or told of a change together.
    pub(super) fn on_subscription(
        &mut self,
        answer: &GetTelemetrySubscriptionsResponse,
        jitter: f64,
        now: Instant,
    ) {
        match ErrorCode::from(answer.error_code) {
            ErrorCode::None => {}
            code => return self.on_code(code, now),
        }
        self.instance_id = answer.client_instance_id;
        let millis = u64::try_from(answer.push_interval_ms).unwrap_or_default();
        self.interval = match millis {
            0 => DEFAULT_INTERVAL,
            millis => Duration::from_millis(millis),
        };
        let wanted = Wanted::new(answer.requested_metrics.iter().map(|prefix| &**prefix));
        if wanted.is_nothing() {
            self.subscription = None;
            self.due = Some(now + self.interval);
            return;
        }
        // In the order in which the broker likes them; no compression needs no agreement.
        let accepted = answer.accepted_compression_types.iter();
        let mut known =
            accepted.filter_map(|id| Compression::from_id(u8::try_from(*id).ok()?).ok());
        let compression = known.find(|known| known.is_built_in());
        self.subscription = Some(Subscription {
            id: answer.subscription_id,
            wanted,
            compression: compression.unwrap_or_default(),
            max_bytes: usize::try_from(answer.telemetry_max_bytes).unwrap_or_default(),
            is_delta: answer.delta_temporality,
        });
        self.due = Some(now + self.interval.mul_f64(jitter));
    }

    /// A broker has answered a push.
    pub(super) fn on_push(&mut self, code: ErrorCode, now: Instant) {
        match code {
            ErrorCode::None => self.due = Some(now + self.interval),
            code => self.on_code(code, now),
        }
    }

    /// Nothing was pushed this time, as not even the least of it would be taken.
    pub(super) fn on_nothing_fits(&mut self, now: Instant) {
        self.subscription = None;
        self.due = Some(now + self.interval);
    }

    /// A broker has refused what it was sent: what it wants is asked anew in any case.
    fn on_code(&mut self, code: ErrorCode, now: Instant) {
        self.subscription = None;
        self.due = match code {
            // Something has changed: at once.
            ErrorCode::UnknownSubscriptionId | ErrorCode::UnsupportedCompressionType => Some(now),
            ErrorCode::TelemetryTooLarge | ErrorCode::ThrottlingQuotaExceeded => {
                Some(now + self.interval)
            }
            // Asking again would not help (KIP-714).
            _ => None,
        };
    }

    /// No broker has answered.
    pub(super) fn on_failure(&mut self, error: &Error, now: Instant) {
        self.due = match error {
            Error::Broker { code, .. } => return self.on_code(*code, now),
            error if error.is_retriable() => Some(now + self.interval.min(UNREACHABLE)),
            _ => None,
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: Uuid = Uuid([7; 16]);

    fn answer(metrics: &[&'static str], interval: i32) -> GetTelemetrySubscriptionsResponse {
        GetTelemetrySubscriptionsResponse {
            client_instance_id: ID,
            subscription_id: 5,
            accepted_compression_types: vec![77, -1, 4, 1],
            push_interval_ms: interval,
            telemetry_max_bytes: 1000,
            delta_temporality: true,
            requested_metrics: metrics.iter().map(|name| (*name).into()).collect(),
            ..Default::default()
        }
    }

    fn subscribed(now: Instant) -> Agreement {
        let mut agreement = Agreement::new(now);
        assert_eq!(agreement.next(), Some((Step::Ask, now)));
        assert!(agreement.instance_id().is_zero());
        agreement.on_subscription(&answer(&["a", "b"], 1000), 0.5, now);
        agreement
    }

    #[test]
    fn the_first_push_comes_after_a_part_of_the_interval_and_the_next_after_all_of_it() {
        let now = Instant::now();
        let mut agreement = subscribed(now);
        assert_eq!(agreement.instance_id(), ID);
        assert_eq!(
            agreement.next(),
            Some((Step::Push, now + Duration::from_millis(500)))
        );
        let expected = Subscription {
            id: 5,
            wanted: Wanted::new(["a", "b"]),
            compression: Compression::Zstd,
            max_bytes: 1000,
            is_delta: true,
        };
        assert_eq!(agreement.subscription(), Some(&expected));
        agreement.on_push(ErrorCode::None, now);
        assert_eq!(
            agreement.next(),
            Some((Step::Push, now + Duration::from_secs(1)))
        );
    }

    #[test]
    fn where_nothing_is_wanted_it_is_asked_again_after_the_interval() {
        let now = Instant::now();
        for (interval, wait) in [(700, Duration::from_millis(700)), (0, DEFAULT_INTERVAL)] {
            let mut agreement = Agreement::new(now);
            agreement.on_subscription(&answer(&[], interval), 1.5, now);
            assert_eq!(agreement.subscription(), None);
            assert_eq!(agreement.next(), Some((Step::Ask, now + wait)));
        }
    }

    #[test]
    fn an_error_is_dealt_with_as_the_kip_says() {
        let now = Instant::now();
        let second = Duration::from_secs(1);
        for (code, next) in [
            (ErrorCode::UnknownSubscriptionId, Some(now)),
            (ErrorCode::UnsupportedCompressionType, Some(now)),
            (ErrorCode::TelemetryTooLarge, Some(now + second)),
            (ErrorCode::ThrottlingQuotaExceeded, Some(now + second)),
            (ErrorCode::InvalidRequest, None),
            (ErrorCode::InvalidRecord, None),
            (ErrorCode::UnknownServerError, None),
        ] {
            let mut pushed = subscribed(now);
            pushed.on_push(code, now);
            let mut asked = subscribed(now);
            let refusal = GetTelemetrySubscriptionsResponse {
                error_code: code.code(),
                ..answer(&["a"], 9)
            };
            asked.on_subscription(&refusal, 1.0, now);
            for agreement in [pushed, asked] {
                assert_eq!(agreement.subscription(), None);
                assert_eq!(agreement.next(), next.map(|at| (Step::Ask, at)), "{code}");
                assert_eq!(agreement.instance_id(), ID, "it is kept for life");
            }
        }
    }

    #[test]
    fn who_cannot_be_reached_is_tried_again_and_what_is_not_known_there_is_not() {
        let now = Instant::now();
        let mut agreement = subscribed(now);
        let lost = Error::Disconnected {
            broker: "b".to_owned(),
            reason: "gone".to_owned(),
        };
        agreement.on_failure(&lost, now);
        let again = now + Duration::from_secs(1);
        assert_eq!(agreement.next(), Some((Step::Push, again)));
        let mut young = Agreement::new(now);
        young.on_failure(&lost, now);
        assert_eq!(young.next(), Some((Step::Ask, now + UNREACHABLE)));
        let unknown = Error::UnsupportedVersion {
            broker: "b".to_owned(),
            api: "GetTelemetrySubscriptions",
            theirs: "none".to_owned(),
            ours: "0".to_owned(),
        };
        young.on_failure(&unknown, now);
        assert_eq!(young.next(), None);
    }
}
