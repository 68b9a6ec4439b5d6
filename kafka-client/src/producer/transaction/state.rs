//! Where a transactional producer stands, decided without a clock or a socket.

use std::collections::HashSet;

use kafka_proto::error_code::ErrorCode;

use super::remedy::{Api, Remedy, remedy, tells_that_nothing_ended};
use crate::error::{Error, Result};
use crate::events::TransactionState;
use crate::producer::identity::Identity;
use crate::types::TopicPartition;

/// How transactions are spoken of with the brokers. The cluster's feature `transaction.version` decides, not the versions
/// of the requests: a broker has the newer ones before the cluster may use them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::producer) enum Protocol {
    /// Partitions and groups are added to the transaction by requests of their own, and the epoch stays.
    One,
    /// They are added by what is written to them, and each transaction has an epoch of its own (KIP-890).
    Two,
}

impl Protocol {
    fn of(transaction_version: i16) -> Self {
        if transaction_version >= 2 {
            Self::Two
        } else {
            Self::One
        }
    }

    fn at_most(self, first: i16) -> i16 {
        match self {
            Self::One => first,
            Self::Two => i16::MAX,
        }
    }

    /// The newest version of Produce that may be used.
    pub(in crate::producer) fn max_produce(self) -> i16 {
        self.at_most(11)
    }

    pub(super) fn max_txn_offset_commit(self) -> i16 {
        self.at_most(4)
    }

    pub(super) fn max_end_txn(self) -> i16 {
        self.at_most(4)
    }
}

#[derive(Debug)]
enum Phase {
    /// The cluster does not know of this producer yet.
    New,
    Ready,
    Open,
    /// Open, and to be aborted.
    Doomed(Error),
    /// On the way to its end. `is_unknown`: EndTxn was sent, and no answer says that it did nothing.
    Ending {
        commit: bool,
        is_unknown: bool,
    },
    /// Nothing more can be done.
    Failed(Error),
}

/// What has to happen before a transaction is begun.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::producer) enum Begin {
    /// Nothing: it is begun.
    Begun,
    /// This identity needs another epoch first.
    Renew(Identity),
}

/// What ends a transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct End {
    pub(super) identity: Identity,
    pub(super) protocol: Protocol,
    pub(super) commit: bool,
}

/// A producer's transactions, of which there is one at a time.
#[derive(Debug)]
pub(in crate::producer) struct Transaction {
    id: String,
    identity: Option<Identity>,
    phase: Phase,
    protocol: Protocol,
    /// Whether the identity has an epoch that no transaction of the first protocol was written under.
    is_renewed: bool,
    /// Whether a batch was given up under this epoch that had a place in a sequence, or that may still arrive.
    has_gap: bool,
    /// The partitions that the coordinator has in the transaction, as far as they have to be added.
    added: HashSet<TopicPartition>,
    is_adding: bool,
    /// Whether the coordinator may know of the transaction, so that it has to be told of its end.
    is_started: bool,
    /// Whether it knows of it for certain.
    is_confirmed: bool,
    /// Positions were to be sent, and nobody knows whether they were.
    has_open_offsets: bool,
}

fn illegal<T>(reason: &'static str) -> Result<T> {
    Err(Error::IllegalState { reason })
}

impl Transaction {
    pub(in crate::producer) fn new(id: String) -> Self {
        Self {
            id,
            identity: None,
            phase: Phase::New,
            protocol: Protocol::One,
            is_renewed: false,
            has_gap: false,
            added: HashSet::new(),
            is_adding: false,
            is_started: false,
            is_confirmed: false,
            has_open_offsets: false,
        }
    }

    /// Where it stands, and what has gone wrong, if something has.
    pub(in crate::producer) fn state(&self) -> (TransactionState, Option<&Error>) {
        match &self.phase {
            Phase::New => (TransactionState::Uninitialized, None),
            Phase::Ready => (TransactionState::Ready, None),
            Phase::Open => (TransactionState::InTransaction, None),
            Phase::Ending { commit: true, .. } => (TransactionState::Committing, None),
            Phase::Ending { commit: false, .. } => (TransactionState::Aborting, None),
            Phase::Doomed(error) => (TransactionState::AbortableError, Some(error)),
            Phase::Failed(error) => (TransactionState::FatalError, Some(error)),
        }
    }

    pub(in crate::producer) fn identity(&self) -> Option<Identity> {
        self.identity
    }

    /// The identity to write under.
    pub(super) fn known_identity(&self) -> Result<Identity> {
        self.identity.ok_or(Error::IllegalState {
            reason: "call init_transactions before the first transaction",
        })
    }

    pub(in crate::producer) fn protocol(&self) -> Protocol {
        self.protocol
    }

    /// Whether closing the producer leaves a transaction behind.
    pub(in crate::producer) fn is_open(&self) -> bool {
        match &self.phase {
            Phase::Open | Phase::Doomed(_) => true,
            Phase::Ending { is_unknown, commit } => !(*commit && *is_unknown),
            _ => false,
        }
    }

    /// Whether it is on the way to its end.
    pub(in crate::producer) fn is_ending(&self) -> bool {
        matches!(self.phase, Phase::Ending { .. })
    }

    /// Whether partitions are being added.
    pub(in crate::producer) fn is_adding(&self) -> bool {
        self.is_adding
    }

    /// Whether records may be sent.
    ///
    /// # Errors
    /// Why not, and what to do first.
    pub(in crate::producer) fn check_open(&self) -> Result<()> {
        match &self.phase {
            Phase::Open => Ok(()),
            Phase::Doomed(error) | Phase::Failed(error) => Err(error.clone()),
            Phase::New | Phase::Ready => illegal(
                "a transactional producer sends within a transaction only: call begin_transaction first",
            ),
            Phase::Ending { .. } => {
                illegal("the transaction is being ended: begin another one when it has ended")
            }
        }
    }

    /// Whether an identity has to be asked for.
    pub(super) fn initialize(&self) -> Result<bool> {
        match &self.phase {
            Phase::Failed(error) => Err(error.clone()),
            phase => Ok(matches!(phase, Phase::New)),
        }
    }

    /// Takes over an identity that nothing was written under.
    pub(in crate::producer) fn renewed(&mut self, identity: Identity) {
        self.identity = Some(identity);
        self.is_renewed = true;
        self.has_gap = false;
        if matches!(self.phase, Phase::New) {
            self.phase = Phase::Ready;
        }
    }

    /// Begins a transaction, under the protocol that the cluster has now. Going over to the second one takes a new epoch,
    /// so that nothing of the first is taken for a part of the new transaction.
    pub(in crate::producer) fn begin(&mut self, transaction_version: i16) -> Result<Begin> {
        match &self.phase {
            Phase::Ready => {}
            Phase::New => return illegal("call init_transactions before the first transaction"),
            Phase::Failed(error) => return Err(error.clone()),
            Phase::Open | Phase::Doomed(_) => {
                return illegal("a transaction is open: commit or abort it first");
            }
            Phase::Ending { .. } => {
                return illegal(
                    "the last transaction has not ended: call commit_transaction or abort_transaction again, as before",
                );
            }
        }
        let protocol = Protocol::of(transaction_version);
        match self.identity {
            Some(identity) if self.has_gap || (protocol == Protocol::Two && !self.is_renewed) => {
                Ok(Begin::Renew(identity))
            }
            _ => {
                self.protocol = protocol;
                self.phase = Phase::Open;
                Ok(Begin::Begun)
            }
        }
    }

    /// Whether a partition is part of the transaction, or becomes one when it is written to.
    pub(in crate::producer) fn may_write(&self, partition: &TopicPartition) -> bool {
        self.protocol == Protocol::Two || self.added.contains(partition)
    }

    /// Whether partitions may be added now: one request at a time.
    pub(in crate::producer) fn start_adding(&mut self) -> bool {
        self.is_started = true;
        !std::mem::replace(&mut self.is_adding, true)
    }

    /// After partitions were added, or could not be. Returns whether that has ended the transaction.
    pub(in crate::producer) fn added(
        &mut self,
        partitions: Vec<TopicPartition>,
        result: Result<()>,
    ) -> bool {
        self.is_adding = false;
        match result {
            Ok(()) => {
                self.is_confirmed = true;
                self.added.extend(partitions);
                false
            }
            Err(error) => {
                self.failed(Api::AddPartitionsToTxn, error);
                true
            }
        }
    }

    /// Before records go out.
    pub(in crate::producer) fn writing(&mut self) {
        self.is_started = true;
    }

    /// After a batch was given up that had a place in a partition's sequence.
    pub(in crate::producer) fn lost_place(&mut self) {
        self.has_gap = true;
    }

    /// After something of the transaction has failed for good. Returns what to tell those who wait for it.
    pub(in crate::producer) fn failed(&mut self, api: Api, error: Error) -> Error {
        match (remedy(api, &error), &self.phase) {
            (_, Phase::Failed(earlier) | Phase::Doomed(earlier)) => earlier.clone(),
            (Remedy::Fenced | Remedy::Fail, _) => {
                let error = self.fatal(api, error);
                self.fail(error)
            }
            (_, Phase::Ending { commit: false, .. }) => self.aborted(),
            (_, Phase::New | Phase::Ready) => error,
            _ => {
                let error = Error::TransactionFailed {
                    transactional_id: self.id.clone(),
                    cause: Box::new(error),
                };
                self.phase = Phase::Doomed(error.clone());
                error
            }
        }
    }

    /// Ends everything.
    pub(in crate::producer) fn fail(&mut self, error: Error) -> Error {
        self.phase = Phase::Failed(error.clone());
        error
    }

    /// What a user is told of an error after which nothing more can be done.
    fn fatal(&self, api: Api, error: Error) -> Error {
        match error {
            Error::Broker { code, .. } if remedy(api, &error) == Remedy::Fenced => Error::Fenced {
                transactional_id: self.id.clone(),
                code,
            },
            other => other,
        }
    }

    fn aborted(&self) -> Error {
        Error::TransactionAborted {
            transactional_id: self.id.clone(),
        }
    }

    /// Why what has not been written need not be tried again, if so.
    pub(in crate::producer) fn doom(&self) -> Option<Error> {
        match &self.phase {
            Phase::Doomed(error) | Phase::Failed(error) => Some(error.clone()),
            Phase::Ending { commit: false, .. } => Some(self.aborted()),
            _ => None,
        }
    }

    /// Begins to send positions. From here on the transaction cannot be committed without them.
    pub(super) fn begin_offsets(&mut self) -> Result<(Identity, Protocol)> {
        self.check_open()?;
        let identity = self.known_identity()?;
        self.has_open_offsets = true;
        self.is_started = true;
        Ok((identity, self.protocol))
    }

    /// The coordinator has the group in the transaction.
    pub(super) fn confirmed(&mut self) {
        self.is_confirmed = true;
    }

    /// The group's coordinator has the positions.
    pub(super) fn offsets_sent(&mut self) {
        self.has_open_offsets = false;
    }

    /// Begins to end the transaction, or goes on with it.
    pub(in crate::producer) fn begin_end(&mut self, commit: bool) -> Result<()> {
        match &self.phase {
            Phase::Failed(error) => return Err(error.clone()),
            Phase::New | Phase::Ready => {
                return illegal("no transaction is open: call begin_transaction first");
            }
            Phase::Doomed(error) if commit => return Err(error.clone()),
            Phase::Open if commit && self.has_open_offsets => {
                return illegal(
                    "send_offsets_to_transaction was dropped before it was done: call it again, or abort the transaction",
                );
            }
            Phase::Ending {
                commit: true,
                is_unknown: true,
            } if !commit => {
                return illegal(
                    "the transaction may be committed already: call commit_transaction again to learn it",
                );
            }
            Phase::Ending { commit: false, .. } if commit => {
                return illegal(
                    "the transaction is being aborted: call abort_transaction again to go on with that",
                );
            }
            Phase::Ending {
                commit: present, ..
            } if *present == commit => return Ok(()),
            Phase::Open | Phase::Doomed(_) | Phase::Ending { .. } => {}
        }
        self.phase = Phase::Ending {
            commit,
            is_unknown: false,
        };
        Ok(())
    }

    /// Once nothing is on its way any more: how to end the transaction; `None` when it has ended with that, because nobody
    /// knows of it.
    pub(super) fn end(&mut self) -> Result<Option<End>> {
        match (&self.phase, self.identity) {
            (Phase::Ending { commit, .. }, Some(identity)) if self.is_started => Ok(Some(End {
                identity,
                protocol: self.protocol,
                commit: *commit,
            })),
            (Phase::Ending { .. }, _) => {
                self.finish();
                Ok(None)
            }
            (Phase::Doomed(error) | Phase::Failed(error), _) => Err(error.clone()),
            (Phase::New | Phase::Ready | Phase::Open, _) => {
                illegal("no transaction is being ended: call begin_transaction first")
            }
        }
    }

    /// Before EndTxn goes out. Whether an earlier one may have ended the transaction.
    pub(super) fn sending_end(&mut self) -> bool {
        match &mut self.phase {
            Phase::Ending { is_unknown, .. } => std::mem::replace(is_unknown, true),
            _ => false,
        }
    }

    /// After EndTxn was answered with an error; `was_unknown` is what [`sending_end`](Self::sending_end) said.
    pub(super) fn end_answered(&mut self, error: &Error, was_unknown: bool) {
        if let Phase::Ending { is_unknown, .. } = &mut self.phase
            && tells_that_nothing_ended(error)
        {
            *is_unknown = was_unknown;
        }
    }

    /// After the coordinator has ended the transaction, perhaps with the identity for the next.
    pub(in crate::producer) fn ended(&mut self, next: Option<Identity>) {
        match next {
            Some(identity) => self.renewed(identity),
            None => {
                self.is_renewed = false;
                // The second protocol has a new epoch for each transaction, and nobody has said which.
                self.has_gap |= self.protocol == Protocol::Two;
            }
        }
        self.finish();
    }

    fn finish(&mut self) {
        self.phase = Phase::Ready;
        self.added.clear();
        self.is_started = false;
        self.is_confirmed = false;
        self.has_open_offsets = false;
    }

    /// After EndTxn has failed for good, or for as long as somebody wanted to wait. What to tell of it, unless the
    /// transaction has ended all the same.
    pub(super) fn end_failed(&mut self, error: Error) -> Result<()> {
        let Phase::Ending { commit, is_unknown } = self.phase else {
            return Err(error);
        };
        let is_invalid_state = matches!(
            error,
            Error::Broker {
                code: ErrorCode::InvalidTxnState,
                ..
            }
        );
        if is_invalid_state && !commit && !self.is_confirmed && self.protocol == Protocol::One {
            // The request that would have made the transaction known has not arrived, and must not any more.
            self.has_gap = true;
            self.ended(None);
            return Ok(());
        }
        let transactional_id = self.id.clone();
        let indeterminate = |cause: Error| Error::Indeterminate {
            transactional_id,
            cause: Box::new(cause),
        };
        let may_be_committed = commit && is_unknown;
        Err(match remedy(Api::EndTxn, &error) {
            Remedy::Soon | Remedy::Later | Remedy::Elsewhere if may_be_committed => {
                indeterminate(error)
            }
            Remedy::Soon | Remedy::Later | Remedy::Elsewhere => error,
            Remedy::Abort if commit && !may_be_committed => self.failed_commit(error),
            Remedy::Abort | Remedy::Fenced | Remedy::Fail => {
                let error = self.fatal(Api::EndTxn, error);
                self.fail(if may_be_committed {
                    indeterminate(error)
                } else {
                    error
                })
            }
        })
    }

    fn failed_commit(&mut self, error: Error) -> Error {
        self.phase = Phase::Open;
        self.failed(Api::EndTxn, error)
    }
}

#[cfg(test)]
mod tests;
