use std::time::Duration;

use super::ConsumerGroupAssignor;
use crate::configs::Given;

/// What groups of the consumer protocol are set to. Each is named after Kafka's own setting.
#[derive(Debug, Clone)]
pub(crate) struct ConsumerGroupSettings {
    pub(crate) heartbeat_interval: Duration,
    pub(crate) session_timeout: Duration,
    pub(crate) assignment_interval: Duration,
    pub(crate) max_size: usize,
    /// The first is for members that ask for none.
    pub(crate) assignors: Vec<ConsumerGroupAssignor>,
}

impl Default for ConsumerGroupSettings {
    fn default() -> Self {
        Self {
            heartbeat_interval: Duration::from_secs(5),
            session_timeout: Duration::from_secs(45),
            assignment_interval: Duration::ZERO,
            max_size: usize::MAX,
            assignors: vec![ConsumerGroupAssignor::Uniform, ConsumerGroupAssignor::Range],
        }
    }
}

impl ConsumerGroupSettings {
    /// The same with what a group was given of its own.
    pub(crate) fn with(&self, given: &Given) -> Self {
        let millis = |name: &str, otherwise: Duration| {
            let own = given.get(name).and_then(|value| value.trim().parse().ok());
            own.map_or(otherwise, Duration::from_millis)
        };
        Self {
            heartbeat_interval: millis("consumer.heartbeat.interval.ms", self.heartbeat_interval),
            session_timeout: millis("consumer.session.timeout.ms", self.session_timeout),
            assignment_interval: millis(
                "consumer.assignment.interval.ms",
                self.assignment_interval,
            ),
            ..self.clone()
        }
    }
}
