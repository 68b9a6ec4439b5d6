//! What an error means for a transaction.

use std::time::Duration;

use kafka_proto::error_code::ErrorCode;

use crate::error::Error;

/// How long to wait where the transaction before is about to be finished: that takes a few milliseconds.
pub(in crate::producer) const SOON: Duration = Duration::from_millis(20);

/// What was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::producer) enum Api {
    InitProducerId,
    AddPartitionsToTxn,
    AddOffsetsToTxn,
    TxnOffsetCommit,
    EndTxn,
    Produce,
}

/// What to do about an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Remedy {
    /// Ask again in a moment: the transaction before this one is about to be finished.
    Soon,
    /// Ask again, after a while that grows.
    Later,
    /// The same, and find the coordinator first.
    Elsewhere,
    /// The transaction has to be aborted.
    Abort,
    /// Another producer has taken over, or the cluster has ended the transaction.
    Fenced,
    /// The producer can do nothing more.
    Fail,
}

/// What to do when a request has failed.
pub(super) fn remedy(api: Api, error: &Error) -> Remedy {
    match error {
        Error::Broker { code, .. } => remedy_of_code(api, *code),
        Error::Disconnected { .. } | Error::Timeout { .. } | Error::Connect { .. } => {
            Remedy::Elsewhere
        }
        Error::UnsupportedVersion { .. } | Error::Closed { .. } => Remedy::Fail,
        // An answer that cannot be read says nothing about how the transaction has ended.
        _ if api == Api::EndTxn => Remedy::Later,
        _ if api == Api::InitProducerId => Remedy::Fail,
        _ => Remedy::Abort,
    }
}

fn remedy_of_code(api: Api, code: ErrorCode) -> Remedy {
    match code {
        ErrorCode::ConcurrentTransactions => Remedy::Soon,
        ErrorCode::NotCoordinator | ErrorCode::CoordinatorNotAvailable => Remedy::Elsewhere,
        ErrorCode::ProducerFenced | ErrorCode::InvalidProducerEpoch => Remedy::Fenced,
        // The cluster has ended the transaction itself, which brokers of 4.3 and before call so in the second protocol.
        ErrorCode::InvalidTxnState if api == Api::EndTxn => Remedy::Fenced,
        ErrorCode::TransactionalIdAuthorizationFailed
        | ErrorCode::ClusterAuthorizationFailed
        | ErrorCode::InvalidTxnState
        | ErrorCode::InvalidProducerIdMapping
        | ErrorCode::UnsupportedForMessageFormat
        | ErrorCode::UnsupportedVersion => Remedy::Fail,
        ErrorCode::UnknownServerError if api == Api::EndTxn => Remedy::Later,
        code if code.is_retriable() => Remedy::Later,
        ErrorCode::TransactionAbortable | ErrorCode::UnknownProducerId => Remedy::Abort,
        _ if matches!(api, Api::InitProducerId | Api::EndTxn) => Remedy::Fail,
        _ => Remedy::Abort,
    }
}

/// Whether an error of EndTxn tells that this request has not ended the transaction. A coordinator that loses its place
/// while it writes may have written all the same.
pub(super) fn tells_that_nothing_ended(error: &Error) -> bool {
    match error {
        Error::Broker { code, .. } => match code {
            ErrorCode::ConcurrentTransactions | ErrorCode::CoordinatorLoadInProgress => true,
            ErrorCode::UnknownServerError => false,
            code => !code.is_retriable(),
        },
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const APIS: [Api; 6] = [
        Api::InitProducerId,
        Api::AddPartitionsToTxn,
        Api::AddOffsetsToTxn,
        Api::TxnOffsetCommit,
        Api::EndTxn,
        Api::Produce,
    ];

    #[test]
    fn what_fences_fences_whoever_says_it() {
        for api in APIS {
            for code in [ErrorCode::ProducerFenced, ErrorCode::InvalidProducerEpoch] {
                assert_eq!(
                    remedy(api, &Error::broker(code, "it")),
                    Remedy::Fenced,
                    "{api:?} {code}"
                );
            }
            for code in [
                ErrorCode::TransactionalIdAuthorizationFailed,
                ErrorCode::InvalidProducerIdMapping,
            ] {
                let error = Error::broker(code, "it");
                assert_eq!(remedy(api, &error), Remedy::Fail, "{api:?} {code}");
                assert!(error.is_fatal(), "{code}");
            }
            let error = Error::broker(ErrorCode::InvalidTxnState, "it");
            let is_end = api == Api::EndTxn;
            let expected = if is_end { Remedy::Fenced } else { Remedy::Fail };
            assert_eq!(remedy(api, &error), expected, "{api:?}");
            let error = Error::broker(ErrorCode::ConcurrentTransactions, "it");
            assert_eq!(remedy(api, &error), Remedy::Soon);
            let error = Error::broker(ErrorCode::NotCoordinator, "it");
            assert_eq!(remedy(api, &error), Remedy::Elsewhere);
        }
    }

    #[test]
    fn what_concerns_one_transaction_ends_only_that() {
        for (api, code) in [
            (Api::AddPartitionsToTxn, ErrorCode::TopicAuthorizationFailed),
            (Api::AddPartitionsToTxn, ErrorCode::TransactionAbortable),
            (Api::AddOffsetsToTxn, ErrorCode::GroupAuthorizationFailed),
            (Api::TxnOffsetCommit, ErrorCode::IllegalGeneration),
            (Api::TxnOffsetCommit, ErrorCode::UnknownMemberId),
            (Api::TxnOffsetCommit, ErrorCode::FencedInstanceId),
            (Api::TxnOffsetCommit, ErrorCode::StaleMemberEpoch),
            (Api::Produce, ErrorCode::OutOfOrderSequenceNumber),
            (Api::Produce, ErrorCode::UnknownProducerId),
            (Api::Produce, ErrorCode::MessageTooLarge),
            (Api::EndTxn, ErrorCode::TransactionAbortable),
        ] {
            let error = Error::broker(code, "it");
            assert_eq!(remedy(api, &error), Remedy::Abort, "{api:?} {code}");
        }
    }

    #[test]
    fn a_commit_counts_as_not_done_only_where_the_coordinator_says_so() {
        for (code, tells) in [
            (ErrorCode::ConcurrentTransactions, true),
            (ErrorCode::CoordinatorLoadInProgress, true),
            (ErrorCode::ProducerFenced, true),
            (ErrorCode::InvalidTxnState, true),
            (ErrorCode::UnknownServerError, false),
            (ErrorCode::RequestTimedOut, false),
            (ErrorCode::NotCoordinator, false),
            (ErrorCode::CoordinatorNotAvailable, false),
        ] {
            let error = Error::broker(code, "it");
            assert_eq!(tells_that_nothing_ended(&error), tells, "{code}");
        }
        let lost = Error::Disconnected {
            broker: "it".to_owned(),
            reason: "it is a test".to_owned(),
        };
        assert!(!tells_that_nothing_ended(&lost));
    }
}
