//! Something that has happened to a client.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::stall::Stall;
use crate::error::Error;
use crate::types::TopicPartition;

/// Something that has happened to a client. Shown as text, it is one line for a log.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Event {
    /// The reader of the stream was too slow: so many events before the next one are gone.
    Missed {
        /// How many.
        events: u64,
    },
    /// A connection to a broker was made.
    BrokerConnected {
        /// The broker; `None` for a bootstrap address.
        broker: Option<i32>,
        /// Where it is: `HOST:PORT`.
        address: Arc<str>,
    },
    /// A connection has ended: lost, closed by the broker, or no longer needed.
    BrokerDisconnected {
        /// The broker; `None` for a bootstrap address.
        broker: Option<i32>,
        /// Where it is: `HOST:PORT`.
        address: Arc<str>,
        /// What has ended it.
        reason: String,
    },
    /// A connection could not be made.
    BrokerUnreachable {
        /// The broker; `None` for a bootstrap address.
        broker: Option<i32>,
        /// Where it should be: `HOST:PORT`.
        address: Arc<str>,
        /// Why.
        error: Error,
    },
    /// The files of certificates and keys hold something new: new connections are made with it.
    CertificatesReplaced,
    /// The files of certificates and keys hold something new that is of no use: connections are made with what they held
    /// before.
    CertificatesRefused {
        /// Why.
        error: Error,
    },
    /// A broker wants quiet, because a quota is used up. Requests to it wait that long.
    Throttled {
        /// The broker; `None` for a bootstrap address.
        broker: Option<i32>,
        /// Which request it has answered with that: `Produce`.
        api: &'static str,
        /// For how long nothing is sent to it on that connection.
        quiet: Duration,
    },
    /// Another broker leads a partition of a topic that the client uses, or nobody does, or it has another epoch.
    LeaderChanged {
        /// The partition.
        partition: TopicPartition,
        /// Who has led it.
        from: Option<i32>,
        /// Who leads it.
        to: Option<i32>,
        /// The new leader's epoch; -1 where brokers do not say.
        epoch: i32,
    },
    /// Another broker coordinates the group, or the transactions.
    CoordinatorChanged {
        /// The group, or the transactional id.
        key: String,
        /// Who was the coordinator.
        from: i32,
        /// Who is.
        to: i32,
    },
    /// None of the known brokers has said what the cluster looks like: it was learnt anew from a bootstrap address
    /// (KIP-899).
    Rebootstrapped {
        /// The address that has answered.
        address: String,
    },
    /// An assigned partition makes no progress, for as long as `stall_after` says by now.
    PartitionStalled(Stall),
    /// A partition that stood still goes on.
    PartitionResumed {
        /// The partition.
        partition: TopicPartition,
        /// For how long it stood still.
        after: Duration,
    },
    /// The group is sharing its partitions out anew.
    RebalanceBegan {
        /// The group.
        group: Arc<str>,
    },
    /// The group has shared its partitions out, and those of this consumer are read from now on.
    RebalanceEnded {
        /// The group.
        group: Arc<str>,
        /// Partitions that are new.
        assigned: Vec<TopicPartition>,
        /// Partitions that were given up.
        revoked: Vec<TopicPartition>,
        /// Partitions that were somebody else's before they could be given up.
        lost: Vec<TopicPartition>,
        /// From the begin to the end.
        took: Duration,
    },
    /// Joining the group, or learning the own share, has failed; it is tried again where that may help.
    RebalanceFailed {
        /// The group.
        group: Arc<str>,
        /// Why.
        error: Error,
    },
    /// A commit that nobody waits for, an automatic one, has failed. What was not committed is part of the next.
    AutoCommitFailed {
        /// The group.
        group: Arc<str>,
        /// Why.
        error: Error,
    },
    /// Acknowledgements of a share consumer do not count, or nobody knows whether they do: the records are delivered again
    /// if not.
    AcknowledgementsFailed {
        /// The partition.
        partition: TopicPartition,
        /// How many records were acknowledged.
        records: u64,
        /// Why.
        error: Error,
    },
    /// A partition is read from where `auto.offset.reset` says, or from where the log goes on.
    OffsetReset {
        /// The partition.
        partition: TopicPartition,
        /// The position before, if there was one.
        from: Option<i64>,
        /// The position now.
        to: i64,
        /// Why.
        reason: ResetReason,
    },
    /// Records that were read, or were about to be, are gone from the log: another replica was elected that never had them
    /// (KIP-320).
    LogTruncated {
        /// The partition.
        partition: TopicPartition,
        /// The position.
        offset: i64,
        /// The first offset of which the record is not the one that was there.
        diverging_offset: i64,
    },
    /// A batch was given up: its records are not written, or not known to be. A timeout is its delivery timeout.
    BatchFailed {
        /// Where it was to be written.
        partition: TopicPartition,
        /// How many records it has.
        records: u32,
        /// Why.
        error: Error,
    },
    /// A transactional producer goes from one state to another.
    TransactionChanged {
        /// The producer's transactional id.
        transactional_id: Arc<str>,
        /// Before.
        from: TransactionState,
        /// Now.
        to: TransactionState,
        /// What has gone wrong, where something has.
        error: Option<Error>,
    },
}

/// Why a position was reset.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ResetReason {
    /// Nothing was committed, or there is no group.
    NoCommittedOffset,
    /// The log does not have the position (any more).
    OutOfRange,
    /// The log is another one from an offset before the position on.
    Truncated,
    /// The topic was deleted and made anew.
    TopicRecreated,
}

/// Where a transactional producer stands, by the names that Kafka's has for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TransactionState {
    /// `init_transactions` has not been called.
    Uninitialized,
    /// A transaction may be begun.
    Ready,
    /// Records may be sent.
    InTransaction,
    /// It is being committed.
    Committing,
    /// It is being aborted.
    Aborting,
    /// It has to be aborted.
    AbortableError,
    /// The producer can do nothing more.
    FatalError,
}

impl TransactionState {
    fn name(self) -> &'static str {
        match self {
            Self::Uninitialized => "uninitialized",
            Self::Ready => "ready",
            Self::InTransaction => "in transaction",
            Self::Committing => "committing",
            Self::Aborting => "aborting",
            Self::AbortableError => "to be aborted",
            Self::FatalError => "failed",
        }
    }
}

impl fmt::Display for TransactionState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl fmt::Display for ResetReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoCommittedOffset => "nothing was committed",
            Self::OutOfRange => "it was out of range",
            Self::Truncated => "the log was truncated",
            Self::TopicRecreated => "the topic was made anew",
        })
    }
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missed { events } => write!(f, "{events} events were missed"),
            Self::BrokerConnected { broker, address } => {
                write!(f, "connected to {}", At(*broker, address))
            }
            Self::BrokerDisconnected {
                broker,
                address,
                reason,
            } => write!(f, "disconnected from {}: {reason}", At(*broker, address)),
            Self::BrokerUnreachable {
                broker,
                address,
                error,
            } => write!(f, "{} cannot be reached: {error}", At(*broker, address)),
            Self::CertificatesReplaced => f.write_str("certificates were replaced"),
            Self::CertificatesRefused { error } => {
                write!(f, "new certificates are of no use: {error}")
            }
            Self::Throttled { broker, api, quiet } => {
                let who = broker.map_or("a bootstrap address".to_owned(), |id| {
                    format!("broker {id}")
                });
                write!(f, "{who} throttles {api} for {quiet:?}")
            }
            Self::LeaderChanged {
                partition,
                from,
                to,
                epoch,
            } => {
                let (from, to) = (Id(*from), Id(*to));
                write!(f, "leader of {partition}: {from} -> {to} (epoch {epoch})")
            }
            Self::CoordinatorChanged { key, from, to } => {
                write!(f, "coordinator of \"{key}\": {from} -> {to}")
            }
            Self::Rebootstrapped { address } => {
                write!(f, "the cluster was learnt anew from {address}")
            }
            Self::PartitionStalled(stall) => write!(f, "{stall}"),
            Self::PartitionResumed { partition, after } => {
                write!(f, "{partition} goes on after {after:.1?}")
            }
            Self::RebalanceBegan { group } => write!(f, "group \"{group}\" rebalances"),
            Self::RebalanceEnded {
                group,
                assigned,
                revoked,
                lost,
                took,
            } => write!(
                f,
                "group \"{group}\" has rebalanced in {took:.1?}: {} assigned, {} revoked, {} lost",
                Names(assigned),
                Names(revoked),
                Names(lost)
            ),
            Self::RebalanceFailed { group, error } => {
                write!(f, "rebalance of group \"{group}\" failed: {error}")
            }
            Self::AutoCommitFailed { group, error } => {
                write!(f, "auto-commit of group \"{group}\" failed: {error}")
            }
            Self::AcknowledgementsFailed {
                partition,
                records,
                error,
            } => write!(
                f,
                "acknowledgements of {records} records of {partition} failed: {error}"
            ),
            Self::OffsetReset {
                partition,
                from,
                to,
                reason,
            } => match from {
                Some(from) => write!(f, "{partition} is read from {to}, not {from}: {reason}"),
                None => write!(f, "{partition} is read from {to}: {reason}"),
            },
            Self::LogTruncated {
                partition,
                offset,
                diverging_offset,
            } => write!(
                f,
                "the log of {partition} is another one from {diverging_offset} on; it was read up to {offset}"
            ),
            Self::BatchFailed {
                partition,
                records,
                error,
            } => write!(
                f,
                "{records} records for {partition} were given up: {error}"
            ),
            Self::TransactionChanged {
                transactional_id,
                from,
                to,
                error,
            } => {
                write!(f, "transactions of \"{transactional_id}\": {from} -> {to}")?;
                error
                    .as_ref()
                    .map_or(Ok(()), |error| write!(f, " ({error})"))
            }
        }
    }
}

/// A broker and its address.
struct At<'a>(Option<i32>, &'a str);

impl fmt::Display for At<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(id) => write!(f, "broker {id} ({})", self.1),
            None => write!(f, "bootstrap address {}", self.1),
        }
    }
}

/// A broker that there may be.
struct Id(Option<i32>);

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(id) => write!(f, "{id}"),
            None => f.write_str("none"),
        }
    }
}

/// Partitions, one after another.
struct Names<'a>(&'a [TopicPartition]);

impl fmt::Display for Names<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("none");
        }
        for (at, partition) in self.0.iter().enumerate() {
            let separator = if at > 0 { ", " } else { "" };
            write!(f, "{separator}{partition}")?;
        }
        Ok(())
    }
}
