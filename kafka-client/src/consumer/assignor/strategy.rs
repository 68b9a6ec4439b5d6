use std::sync::Arc;

use super::{
    Assignor, CooperativeStickyAssignor, RangeAssignor, RoundRobinAssignor, StickyAssignor,
};

/// One of the ways to share partitions that a consumer offers its group (`partition.assignment.strategy`).
///
/// A group moves from eager to cooperative rebalancing in two rounds of restarts: first all members offer
/// [`CooperativeSticky`](Self::CooperativeSticky) beside what they use so far, then nothing else.
#[derive(Debug, Clone, Default)]
pub enum AssignmentStrategy {
    /// `range`: [`RangeAssignor`].
    #[default]
    Range,
    /// `roundrobin`: [`RoundRobinAssignor`].
    RoundRobin,
    /// `sticky`: [`StickyAssignor`].
    Sticky,
    /// `cooperative-sticky`: [`CooperativeStickyAssignor`].
    CooperativeSticky,
    /// One of your own.
    Custom(Arc<dyn Assignor>),
}

/// The names in Kafka's settings: those of its classes, and short ones.
const NAMES: [(&str, &str, AssignmentStrategy); 4] = [
    (
        "range",
        "org.apache.kafka.clients.consumer.RangeAssignor",
        AssignmentStrategy::Range,
    ),
    (
        "roundrobin",
        "org.apache.kafka.clients.consumer.RoundRobinAssignor",
        AssignmentStrategy::RoundRobin,
    ),
    (
        "sticky",
        "org.apache.kafka.clients.consumer.StickyAssignor",
        AssignmentStrategy::Sticky,
    ),
    (
        "cooperative-sticky",
        "org.apache.kafka.clients.consumer.CooperativeStickyAssignor",
        AssignmentStrategy::CooperativeSticky,
    ),
];

impl AssignmentStrategy {
    /// An assignor of your own.
    pub fn custom(assignor: impl Assignor + 'static) -> Self {
        Self::Custom(Arc::new(assignor))
    }

    /// What it does.
    pub fn assignor(&self) -> &dyn Assignor {
        match self {
            Self::Range => &RangeAssignor,
            Self::RoundRobin => &RoundRobinAssignor,
            Self::Sticky => &StickyAssignor,
            Self::CooperativeSticky => &CooperativeStickyAssignor,
            Self::Custom(assignor) => &**assignor,
        }
    }

    /// A list as Kafka's setting has it: names separated by commas, the most wanted first.
    pub(crate) fn parse_list(text: &str) -> Result<Vec<Self>, String> {
        let one = |name: &str| {
            let known = NAMES
                .iter()
                .find(|(short, class, _)| name.eq_ignore_ascii_case(short) || name == *class);
            let short: Vec<&str> = NAMES.iter().map(|(short, ..)| *short).collect();
            known
                .map(|(_, _, strategy)| strategy.clone())
                .ok_or_else(|| {
                    format!(
                        "expected a list of {}, or the names of Kafka's classes",
                        short.join(", ")
                    )
                })
        };
        text.split(',').map(str::trim).map(one).collect()
    }
}

/// Two of the same name are the same to a group.
impl PartialEq for AssignmentStrategy {
    fn eq(&self, other: &Self) -> bool {
        self.assignor().name() == other.assignor().name()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strategies_go_by_short_names_and_by_those_of_kafkas_classes() {
        let list = "org.apache.kafka.clients.consumer.CooperativeStickyAssignor, sticky,Range";
        assert_eq!(
            AssignmentStrategy::parse_list(list).unwrap(),
            [
                AssignmentStrategy::CooperativeSticky,
                AssignmentStrategy::Sticky,
                AssignmentStrategy::Range
            ]
        );
        for (short, _, strategy) in NAMES {
            assert_eq!(strategy.assignor().name(), short);
        }
        let error = AssignmentStrategy::parse_list("range,com.example.Mine").unwrap_err();
        assert!(error.contains("roundrobin"), "{error}");
    }
}
