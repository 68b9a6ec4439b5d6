use kafka_client::TopicPartition;

use super::offsets::OffsetRange;

/// What a Kafka source cannot do, and why. It is the cause within an [`EngineError`](crate::EngineError).
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum KafkaSourceError {
    /// A setting that the source does not take.
    #[error("setting {setting}: {problem}")]
    Setting {
        /// The setting.
        setting: &'static str,
        /// What is wrong with it, and what would be right.
        problem: String,
    },

    /// A topic that is to be read is not there.
    #[error("topic \"{topic}\" does not exist: create it, or correct its name")]
    NoSuchTopic {
        /// The topic.
        topic: String,
    },

    /// A topic was deleted while it was read.
    #[error(
        "topic \"{topic}\" was deleted while it was read (its offsets are gone, too): create it anew, or use subscribe_pattern, which goes on without it"
    )]
    TopicDeleted {
        /// The topic.
        topic: String,
    },

    /// A topic was deleted and made anew while it was read.
    #[error(
        "topic of {partition} was deleted and made anew, so that offset {wanted} says nothing any more: start again, or set on_out_of_range"
    )]
    TopicRecreated {
        /// The partition that noticed.
        partition: TopicPartition,
        /// The offset that was to be read next.
        wanted: i64,
    },

    /// The next offset is not in the log: retention was faster than the reader, or the offset never was there.
    #[error("{}", out_of_range(partition, *wanted, *log_start, *log_end))]
    OffsetOutOfRange {
        /// The partition.
        partition: TopicPartition,
        /// The offset that was to be read next.
        wanted: i64,
        /// The first offset that is there.
        log_start: i64,
        /// The offset of the next record to be written.
        log_end: i64,
    },

    /// [`StartingOffsets::Committed`](super::StartingOffsets::Committed), and nothing is.
    #[error(
        "group \"{group}\" has committed no offset for {}: commit some, or choose other starting_offsets",
        names(partitions)
    )]
    NothingCommitted {
        /// The group.
        group: String,
        /// The partitions for which there is nothing.
        partitions: Vec<TopicPartition>,
    },

    /// A range of offsets that cannot be read.
    #[error("range {range}: {problem}")]
    Range {
        /// The range.
        range: OffsetRange,
        /// What is wrong with it, and what would be right.
        problem: String,
    },

    /// Offsets were to be committed, and nobody is there to do it.
    #[error("offsets cannot be committed: {problem}")]
    Commit {
        /// What is wrong, and what would be right.
        problem: &'static str,
    },

    /// What the Kafka client says.
    #[error(transparent)]
    Client(#[from] kafka_client::Error),
}

fn out_of_range(partition: &TopicPartition, wanted: i64, start: i64, end: i64) -> String {
    let what = match start - wanted {
        lost if lost > 0 => format!("gone, and {lost} offsets are lost"),
        _ => "beyond the end".to_owned(),
    };
    format!(
        "offset {wanted} of {partition} is {what} (the log has {start}..{end}): set on_out_of_range to go on elsewhere, or commit another offset"
    )
}

/// The first few of these.
fn names(partitions: &[TopicPartition]) -> String {
    const SHOWN: usize = 5;
    let shown = partitions.iter().take(SHOWN).map(TopicPartition::to_string);
    let shown = shown.collect::<Vec<_>>().join(", ");
    match partitions.len().saturating_sub(SHOWN) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_offset_out_of_range_is_told_with_what_is_lost() {
        let error = |wanted| KafkaSourceError::OffsetOutOfRange {
            partition: TopicPartition::new("lines", 3),
            wanted,
            log_start: 40,
            log_end: 100,
        };
        assert_eq!(
            error(5).to_string(),
            "offset 5 of lines-3 is gone, and 35 offsets are lost (the log has 40..100): set on_out_of_range to go on elsewhere, or commit another offset"
        );
        assert!(
            error(500)
                .to_string()
                .starts_with("offset 500 of lines-3 is beyond the end (the log")
        );
    }

    #[test]
    fn many_partitions_are_not_all_named() {
        let error = KafkaSourceError::NothingCommitted {
            group: "g".to_owned(),
            partitions: (0..7)
                .map(|number| TopicPartition::new("t", number))
                .collect(),
        };
        let text = error.to_string();
        assert!(
            text.contains("for t-0, t-1, t-2, t-3, t-4 and 2 more: "),
            "{text}"
        );
    }
}
