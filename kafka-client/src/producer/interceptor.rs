//! Interceptors: code that sees every record on its way out, and what became of it (KIP-42).

use std::borrow::Cow;
use std::error::Error as StdError;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use super::record::{Record, RecordMetadata};
use crate::error::Error;
use kafka_proto::records::Header;

/// Sees every record that is sent, and may change it; then what became of it.
///
/// It runs where the record is sent and where it is acknowledged: what takes long holds the producer up. Whatever it does,
/// no record is lost over it: after an error or a panic, which is logged, the record goes on as it was before.
///
/// ```
/// use std::borrow::Cow;
/// use kafka_client::producer::{OutgoingHeader, OutgoingRecord, ProducerInterceptor};
///
/// /// Says in every record who has sent it.
/// struct Signature(String);
///
/// impl ProducerInterceptor for Signature {
///     fn on_send(&self, record: &mut OutgoingRecord<'_>) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
///         record.headers.push(OutgoingHeader {
///             key: Cow::Borrowed("sent-by"),
///             value: Some(Cow::Owned(self.0.clone().into_bytes())),
///         });
///         Ok(())
///     }
/// }
/// ```
pub trait ProducerInterceptor: Send + Sync + 'static {
    /// Before a record is given a partition and taken; called once for each, in the order in which the interceptors were
    /// added. A `send` that is dropped afterwards has not sent it, and no acknowledgement follows.
    ///
    /// # Errors
    /// Whatever it likes: the record goes on without its changes.
    fn on_send(
        &self,
        _record: &mut OutgoingRecord<'_>,
    ) -> Result<(), Box<dyn StdError + Send + Sync>> {
        Ok(())
    }

    /// When it is known what became of a record: it was written, or was not, or was refused from the start.
    fn on_acknowledgement(&self, _acknowledged: &Acknowledged<'_>) {}
}

/// What became of a record.
#[derive(Debug, Clone, Copy)]
pub struct Acknowledged<'a> {
    /// The record's topic.
    pub topic: &'a str,
    /// Its partition, if it has come so far as to have one.
    pub partition: Option<i32>,
    /// Where it was written, or why it was not.
    pub outcome: Result<&'a RecordMetadata, &'a Error>,
}

/// A record on its way out that may be changed: a [`Record`] that can own its parts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutgoingRecord<'a> {
    /// The topic's name.
    pub topic: Cow<'a, str>,
    /// The partition; `None` lets the partitioner choose.
    pub partition: Option<i32>,
    /// The key.
    pub key: Option<Cow<'a, [u8]>>,
    /// The value; `None` is a tombstone.
    pub value: Option<Cow<'a, [u8]>>,
    /// The headers, in order.
    pub headers: Vec<OutgoingHeader<'a>>,
    /// Milliseconds since 1970; `None` is now.
    pub timestamp: Option<i64>,
}

/// A header of an [`OutgoingRecord`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutgoingHeader<'a> {
    /// The name.
    pub key: Cow<'a, str>,
    /// The value; `None` is null.
    pub value: Option<Cow<'a, [u8]>>,
}

impl<'a> From<&Record<'a>> for OutgoingRecord<'a> {
    fn from(record: &Record<'a>) -> Self {
        let headers = record.headers.iter().map(|header| OutgoingHeader {
            key: Cow::Borrowed(header.key),
            value: header.value.map(Cow::Borrowed),
        });
        Self {
            topic: Cow::Borrowed(record.topic),
            partition: record.partition,
            key: record.key.map(Cow::Borrowed),
            value: record.value.map(Cow::Borrowed),
            headers: headers.collect(),
            timestamp: record.timestamp,
        }
    }
}

impl OutgoingRecord<'_> {
    pub(super) fn borrowed_headers(&self) -> Vec<Header<'_>> {
        let headers = self.headers.iter().map(|header| Header {
            key: &header.key,
            value: header.value.as_deref(),
        });
        headers.collect()
    }

    pub(super) fn as_record<'b>(&'b self, headers: &'b [Header<'b>]) -> Record<'b> {
        Record {
            topic: &self.topic,
            partition: self.partition,
            key: self.key.as_deref(),
            value: self.value.as_deref(),
            headers,
            timestamp: self.timestamp,
        }
    }
}

impl fmt::Debug for dyn ProducerInterceptor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ProducerInterceptor")
    }
}

/// The interceptors of a producer, at least one.
#[derive(Clone)]
pub(super) struct Interceptors(pub(super) Vec<Arc<dyn ProducerInterceptor>>);

impl Interceptors {
    pub(super) fn on_send<'a>(&self, record: &Record<'a>) -> OutgoingRecord<'a> {
        let mut record = OutgoingRecord::from(record);
        for interceptor in &self.0 {
            let mut changed = record.clone();
            let done = catch_unwind(AssertUnwindSafe(|| interceptor.on_send(&mut changed)));
            match done {
                Ok(Ok(())) => record = changed,
                Ok(Err(error)) => {
                    tracing::warn!(topic = &*record.topic, %error, "an interceptor failed");
                }
                Err(_) => tracing::warn!(topic = &*record.topic, "an interceptor panicked"),
            }
        }
        record
    }

    /// After a record was not taken, if it was not.
    pub(super) fn refused(&self, record: &Record<'_>, error: Option<&Error>) {
        if let Some(error) = error {
            self.on_acknowledgement(&Acknowledged {
                topic: record.topic,
                partition: record.partition,
                outcome: Err(error),
            });
        }
    }

    pub(super) fn on_acknowledgement(&self, acknowledged: &Acknowledged<'_>) {
        for interceptor in &self.0 {
            let tell = AssertUnwindSafe(|| interceptor.on_acknowledgement(acknowledged));
            if catch_unwind(tell).is_err() {
                tracing::warn!(topic = acknowledged.topic, "an interceptor panicked");
            }
        }
    }
}

impl fmt::Debug for Interceptors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} interceptors", self.0.len())
    }
}
