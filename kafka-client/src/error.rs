//! What can go wrong for a user of the client.

use std::time::Duration;

use kafka_proto::codec::{DecodeError, EncodeError};
use kafka_proto::error_code::ErrorCode;
use thiserror::Error;

use crate::serialization::Field;
use crate::types::TopicPartition;

/// The client's result.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What happened, to what, and what to do about it.
#[derive(Debug, Clone, PartialEq, Error)]
#[non_exhaustive]
pub enum Error {
    /// A setting that does not exist, or a value that it does not take. Nothing was started.
    #[error("setting \"{key}\" = \"{value}\": {reason}")]
    Config {
        /// The setting, by its Kafka name.
        key: String,
        /// The value that was given.
        value: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A pattern of topics that is no regular expression, or one that needs more than we have.
    #[error("pattern of topics \"{pattern}\": {reason}")]
    Pattern {
        /// The pattern.
        pattern: String,
        /// What is wrong with it.
        reason: String,
    },
    /// None of the bootstrap addresses could be used.
    #[error("no broker could be reached: {}", tried_list(tried))]
    Connect {
        /// Each address that was tried, and why it failed.
        tried: Vec<(String, String)>,
    },
    /// A connection that was lost, or could not be made, while something waited for it.
    #[error("connection to {broker} lost: {reason}")]
    Disconnected {
        /// Which broker.
        broker: String,
        /// What ended the connection.
        reason: String,
    },
    /// A broker that does not believe who we are, or that we do not believe. It is not tried again by itself.
    #[error("authentication at {broker} as \"{principal}\" by {mechanism} failed: {reason}")]
    Authentication {
        /// Which broker.
        broker: String,
        /// Who authenticated.
        principal: String,
        /// The SASL mechanism.
        mechanism: String,
        /// What went wrong, in the broker's words where it has any; without any secret.
        reason: String,
    },
    /// A broker whose certificate we do not accept, or that does not accept ours, or that speaks TLS where we do not or the
    /// other way round. It is not tried again by itself.
    #[error("TLS with {broker} failed: {reason}")]
    Tls {
        /// Which broker.
        broker: String,
        /// What is the matter, and the way out.
        reason: String,
    },
    /// Something that did not happen in time.
    #[error("{what} did not happen within {after:?}{}", because(last))]
    Timeout {
        /// What was waited for.
        what: String,
        /// For how long.
        after: Duration,
        /// The last error on the way, if there was one.
        last: Option<Box<Error>>,
    },
    /// A broker said no.
    #[error("{what}: {}{}", code, message.as_ref().map(|text| format!(" ({text})")).unwrap_or_default())]
    Broker {
        /// What the broker answered.
        code: ErrorCode,
        /// What was asked, and about what: `topic "orders"`.
        what: String,
        /// The broker's own words, if it had any.
        message: Option<String>,
    },
    /// A broker too old, or too new, for a request.
    #[error("{broker} does not speak {api} in a version of ours (it has {theirs}, we have {ours})")]
    UnsupportedVersion {
        /// Which broker.
        broker: String,
        /// The request.
        api: &'static str,
        /// The broker's versions.
        theirs: String,
        /// Our versions.
        ours: String,
    },
    /// A SCRAM credential that cannot be set. Nothing was sent.
    #[error("the SCRAM credential of user \"{user}\" cannot be set: {reason}")]
    Credential {
        /// Whose credential.
        user: String,
        /// What is wrong with it, without the password.
        reason: String,
    },
    /// A group that cannot have `group.protocol=consumer`: brokers before Kafka 4.0 do not have it, and later ones may have
    /// it switched off.
    #[error(
        "group \"{group}\" cannot use group.protocol=consumer: {reason}; it needs Kafka 4.0 or newer with the feature group.version switched on, and works with group.protocol=classic otherwise"
    )]
    GroupProtocolUnsupported {
        /// `group.id`.
        group: String,
        /// What stands against it.
        reason: String,
    },
    /// Bytes that are not what the protocol says, or a message that the chosen version cannot express.
    #[error("{what}: {reason}")]
    Protocol {
        /// What was being read or written.
        what: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A partition that the topic does not have.
    #[error(
        "topic \"{}\" has no partition {} (it has 0..={}): check the assignment, or create the partition",
        partition.topic, partition.partition, partitions - 1
    )]
    NoSuchPartition {
        /// The partition that was named.
        partition: TopicPartition,
        /// How many the topic has.
        partitions: usize,
    },
    /// A record larger than a request may be. It was not taken; others were not touched.
    #[error("record of {size} bytes for {topic}: the limit is {max} (max.request.size)")]
    RecordTooLarge {
        /// The topic, or the partition where it was chosen already.
        topic: String,
        /// The record's size, uncompressed.
        size: usize,
        /// The limit.
        max: usize,
    },
    /// A key or a value that cannot be written. Nothing was sent, and others were not touched.
    #[error("the {field} of a record for \"{topic}\" was refused by its serializer: {reason}")]
    Serialization {
        /// The record's topic.
        topic: String,
        /// Whether it is the key or the value.
        field: Field,
        /// What is wrong with it.
        reason: String,
    },
    /// A key or a value that is not of its format. The records around it can be read.
    #[error(
        "the {field} of the record at offset {offset} of {partition} was refused by its deserializer: {reason}; go on with the next record, or seek to {} to skip it",
        offset + 1
    )]
    Deserialization {
        /// The record's partition.
        partition: TopicPartition,
        /// The record's offset.
        offset: i64,
        /// Whether it is the key or the value.
        field: Field,
        /// What is wrong with it.
        reason: String,
    },
    /// No room for a record at the moment: what is buffered waits for the brokers.
    #[error("the producer's buffer of {buffer} bytes is full (buffer.memory)")]
    BufferFull {
        /// The buffer's size.
        buffer: usize,
    },
    /// A record batch that cannot be read. What was before it has been handed out; its partition waits for a seek.
    #[error(
        "record batch of {partition} at offset {offset} is corrupt: {reason}; seek {} to go on after it, or to {offset} to try again",
        next_offset.map_or_else(|| "past it".to_owned(), |next| format!("to {next}"))
    )]
    Corrupt {
        /// The partition.
        partition: TopicPartition,
        /// The position, which is in the batch.
        offset: i64,
        /// Where the batch ends according to its header, which may itself be damaged.
        next_offset: Option<i64>,
        /// What is wrong with it.
        reason: String,
    },
    /// A position that the log does not have (any more), and that may not be reset. The partition waits for a seek.
    #[error(
        "offset {offset} of {partition} is gone (the log has {log_start}..{log_end}): set auto.offset.reset, or seek"
    )]
    OffsetOutOfRange {
        /// The partition.
        partition: TopicPartition,
        /// The position.
        offset: i64,
        /// The oldest offset that there is.
        log_start: i64,
        /// The offset of the next record to be written.
        log_end: i64,
    },
    /// The log lost records that were read already, and the position may not be reset: another replica was elected that
    /// never had them (KIP-320). The partition waits for a seek.
    #[error(
        "records of {partition} that were read are gone: the log is another one from offset {diverging_offset} on, and the position is {offset}: seek to {diverging_offset} to read what took their place, or set auto.offset.reset"
    )]
    LogTruncation {
        /// The partition.
        partition: TopicPartition,
        /// The position.
        offset: i64,
        /// The first offset of which the record is not the one that was read.
        diverging_offset: i64,
    },
    /// The topic was deleted and made anew, so that the position says nothing any more, and may not be reset. The partition
    /// waits for a seek.
    #[error(
        "topic of {partition} was made anew, and offset {offset} was one of the old topic: set auto.offset.reset, or seek"
    )]
    TopicRecreated {
        /// The partition.
        partition: TopicPartition,
        /// The position in the old topic.
        offset: i64,
    },
    /// Nothing says where to begin. The partition waits for a seek.
    #[error("there is no committed offset for {partition}: set auto.offset.reset, or seek")]
    NoOffset {
        /// The partition.
        partition: TopicPartition,
    },
    /// A share group on brokers that do not have them: those before Kafka 4.1, and later ones where they are switched off.
    #[error(
        "group \"{group}\" cannot be a share group: {reason}; share groups need Kafka 4.1 or newer with the feature share.version switched on"
    )]
    ShareGroupsUnsupported {
        /// `group.id`.
        group: String,
        /// What stands against it.
        reason: String,
    },
    /// A record of an earlier poll of which nothing was said, where the program is to acknowledge all of them.
    #[error(
        "the record at offset {offset} of {partition} is not acknowledged: with share.acknowledgement.mode=explicit, all records of a poll have to be before the next one"
    )]
    NotAcknowledged {
        /// The record's partition.
        partition: TopicPartition,
        /// The record's offset.
        offset: i64,
    },
    /// A record that cannot be acknowledged, because the share consumer does not have it.
    #[error(
        "the record at offset {offset} of {partition} does not wait for an acknowledgement: no poll has returned it, it was acknowledged and sent already, or its lock was lost"
    )]
    NotAcquired {
        /// The record's partition.
        partition: TopicPartition,
        /// The record's offset.
        offset: i64,
    },
    /// A partition that the consumer does not read (any more).
    #[error("partition {partition} is not assigned to this consumer")]
    NotAssigned {
        /// The partition.
        partition: TopicPartition,
    },
    /// Bytes that were asked for as text.
    #[error(
        "the {field} of the record at offset {offset} of {partition} is not UTF-8: read it as bytes"
    )]
    NotUtf8 {
        /// `key` or `value`.
        field: &'static str,
        /// The record's partition.
        partition: TopicPartition,
        /// The record's offset.
        offset: i64,
    },
    /// A transaction that cannot be committed any more: abort it, and do its work again in a new one.
    #[error("the transaction of \"{transactional_id}\" cannot be committed, abort it: {cause}")]
    TransactionFailed {
        /// Whose transaction.
        transactional_id: String,
        /// What has failed.
        cause: Box<Error>,
    },
    /// A record that was not written, or is not to be seen, because its transaction was aborted.
    #[error("the transaction of \"{transactional_id}\" was aborted")]
    TransactionAborted {
        /// Whose transaction.
        transactional_id: String,
    },
    /// The cluster no longer takes anything from this producer, and has aborted what it had not committed: another one with
    /// its transactional id was started, or a transaction took longer than its timeout.
    #[error(
        "the producer of \"{transactional_id}\" is fenced ({}): another one has its transactional id, or a transaction took longer than transaction.timeout.ms; if it is still the one to write, make it anew",
        code.name()
    )]
    Fenced {
        /// The producer's transactional id.
        transactional_id: String,
        /// What the broker answered.
        code: ErrorCode,
    },
    /// A commit was sent, and nobody knows whether it has happened. Committing again goes on with the same commit, unless
    /// the error is fatal; what it commits must neither be aborted nor be sent again before that is known.
    #[error("whether the transaction of \"{transactional_id}\" is committed is not known: {cause}")]
    Indeterminate {
        /// Whose transaction.
        transactional_id: String,
        /// What keeps it from being known.
        cause: Box<Error>,
    },
    /// A schema registry that said no, or could not be asked.
    #[cfg(feature = "schema-registry")]
    #[error(transparent)]
    SchemaRegistry(#[from] crate::schema_registry::RegistryError),
    /// Something that does not go together with what was called before. Nothing has changed.
    #[error("{reason}")]
    IllegalState {
        /// What does not go together.
        reason: &'static str,
    },
    /// The producer, consumer or admin was closed.
    #[error("{what} is closed")]
    Closed {
        /// What was used after its end.
        what: &'static str,
    },
}

impl Error {
    /// Whether the same thing may succeed when it is tried again.
    pub fn is_retriable(&self) -> bool {
        match self {
            Self::Broker { code, .. } => code.is_retriable(),
            Self::Disconnected { .. }
            | Self::Timeout { .. }
            | Self::Connect { .. }
            | Self::BufferFull { .. } => true,
            Self::Indeterminate { cause, .. } => !cause.is_fatal(),
            #[cfg(feature = "schema-registry")]
            Self::SchemaRegistry(error) => error.is_retriable(),
            _ => false,
        }
    }

    /// Whether the client that reports it can do nothing more, and has to be made anew.
    pub fn is_fatal(&self) -> bool {
        match self {
            Self::Broker { code, .. } => matches!(
                code,
                ErrorCode::ProducerFenced
                    | ErrorCode::FencedInstanceId
                    | ErrorCode::TransactionalIdAuthorizationFailed
                    | ErrorCode::InvalidTxnState
                    | ErrorCode::InvalidProducerIdMapping
                    | ErrorCode::ClusterAuthorizationFailed
                    | ErrorCode::UnsupportedVersion
            ),
            Self::Closed { .. }
            | Self::Authentication { .. }
            | Self::Tls { .. }
            | Self::UnsupportedVersion { .. }
            | Self::GroupProtocolUnsupported { .. }
            | Self::ShareGroupsUnsupported { .. }
            | Self::Fenced { .. } => true,
            Self::Indeterminate { cause, .. } => cause.is_fatal(),
            _ => false,
        }
    }

    /// Whether a transaction that meets it has to be aborted before anything else can be done.
    pub fn requires_abort(&self) -> bool {
        match self {
            Self::Broker { code, .. } => matches!(
                code,
                ErrorCode::TransactionAbortable
                    | ErrorCode::OutOfOrderSequenceNumber
                    | ErrorCode::UnknownProducerId
            ),
            Self::TransactionFailed { .. } => true,
            _ => false,
        }
    }

    /// Whether the cluster may look different from what the client knows, so that it should ask again.
    pub(crate) fn refreshes_metadata(&self) -> bool {
        match self {
            // Who the controller is, is told with the metadata.
            Self::Broker { code, .. } => {
                code.refreshes_metadata() || *code == ErrorCode::NotController
            }
            Self::Disconnected { .. } | Self::Timeout { .. } | Self::Connect { .. } => true,
            _ => false,
        }
    }

    pub(crate) fn broker(code: impl Into<ErrorCode>, what: impl Into<String>) -> Self {
        Self::Broker {
            code: code.into(),
            what: what.into(),
            message: None,
        }
    }

    pub(crate) fn timeout(what: impl Into<String>, after: Duration, last: Option<Error>) -> Self {
        Self::Timeout {
            what: what.into(),
            after,
            last: last.map(Box::new),
        }
    }
}

/// The error of a code in an answer, or nothing for code 0.
pub(crate) fn check(code: i16, what: impl FnOnce() -> String) -> Result<()> {
    match ErrorCode::from(code) {
        ErrorCode::None => Ok(()),
        code => Err(Error::broker(code, what())),
    }
}

/// The same, with the broker's own words.
pub(crate) fn check_told(
    code: i16,
    message: Option<&str>,
    what: impl FnOnce() -> String,
) -> Result<()> {
    check(code, what).map_err(|error| match error {
        Error::Broker { code, what, .. } => Error::Broker {
            code,
            what,
            message: message
                .filter(|message| !message.is_empty())
                .map(str::to_owned),
        },
        other => other,
    })
}

impl From<DecodeError> for Error {
    fn from(error: DecodeError) -> Self {
        Self::Protocol {
            what: "a broker's answer".to_owned(),
            reason: error.to_string(),
        }
    }
}

impl From<EncodeError> for Error {
    fn from(error: EncodeError) -> Self {
        Self::Protocol {
            what: "a request".to_owned(),
            reason: error.to_string(),
        }
    }
}

fn tried_list(tried: &[(String, String)]) -> String {
    let each: Vec<String> = tried
        .iter()
        .map(|(address, reason)| format!("{address}: {reason}"))
        .collect();
    each.join("; ")
}

fn because(last: &Option<Box<Error>>) -> String {
    last.as_ref()
        .map(|error| format!(" (last: {error})"))
        .unwrap_or_default()
}
