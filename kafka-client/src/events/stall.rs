//! A partition that makes no progress.

use std::fmt;
use std::time::Duration;

use crate::error::Error;
use crate::types::TopicPartition;

/// An assigned partition that makes no progress.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Stall {
    /// The partition.
    pub partition: TopicPartition,
    /// For how long there has been no progress, so far.
    pub lasts: Duration,
    /// Why, as far as it is known.
    pub reason: StallReason,
}

impl Stall {
    pub(crate) fn new(partition: TopicPartition, lasts: Duration, reason: StallReason) -> Self {
        Self {
            partition,
            lasts,
            reason,
        }
    }
}

impl fmt::Display for Stall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            partition,
            lasts,
            reason,
        } = self;
        write!(f, "{partition} has stood still for {lasts:.1?}: {reason}")
    }
}

/// Why a partition makes no progress.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum StallReason {
    /// It is paused: [`Consumer::resume`](crate::consumer::Consumer::resume) has it go on.
    Paused,
    /// There are records of it, and nobody polls.
    NotPolled,
    /// It has no leader at the moment.
    NoLeader,
    /// The broker that it is read from does not answer.
    BrokerSilent {
        /// The broker.
        broker: i32,
    },
    /// Its position is being looked up, and nobody has answered.
    PositionUnknown,
    /// There are records behind the position, but a transaction that is still open holds them up (`read_committed`).
    OpenTransaction {
        /// Where it begins: the last stable offset.
        offset: i64,
    },
    /// Something has failed; `poll` tells of it, too, once it has lasted. What waits for a seek stays like this.
    Failed(Error),
    /// It is not known why: nothing is on its way for it, although nothing seems to be wrong.
    Unknown,
}

impl fmt::Display for StallReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Paused => f.write_str("it is paused"),
            Self::NotPolled => f.write_str("it has records, and nobody polls"),
            Self::NoLeader => f.write_str("it has no leader"),
            Self::BrokerSilent { broker } => write!(f, "broker {broker} does not answer"),
            Self::PositionUnknown => f.write_str("nobody has told its position yet"),
            Self::OpenTransaction { offset } => {
                write!(f, "a transaction is open from offset {offset} on")
            }
            Self::Failed(error) => write!(f, "{error}"),
            Self::Unknown => f.write_str("it is not known why"),
        }
    }
}
