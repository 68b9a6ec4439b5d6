//! What is sent, and what comes back for it.

use std::time::SystemTime;

use kafka_proto::records::Header;

use crate::types::TopicPartition;

/// A record to be sent. It borrows all its parts: they are copied once, into the batch that goes out.
///
/// ```
/// use kafka_client::producer::Record;
///
/// let record = Record::to("orders").key(b"customer-7").value(b"3 apples");
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Record<'a> {
    /// The topic's name.
    pub topic: &'a str,
    /// The partition; `None` lets the partitioner choose.
    pub partition: Option<i32>,
    /// The key; records with the same key go to the same partition.
    pub key: Option<&'a [u8]>,
    /// The value; `None` is a tombstone, which deletes the key from a compacted topic.
    pub value: Option<&'a [u8]>,
    /// Headers, in order.
    pub headers: &'a [Header<'a>],
    /// Milliseconds since 1970; `None` is now.
    pub timestamp: Option<i64>,
}

impl<'a> Record<'a> {
    /// A record without key and value.
    pub fn to(topic: &'a str) -> Self {
        Self {
            topic,
            partition: None,
            key: None,
            value: None,
            headers: &[],
            timestamp: None,
        }
    }

    /// Chooses the partition.
    #[must_use]
    pub fn partition(self, partition: i32) -> Self {
        Self {
            partition: Some(partition),
            ..self
        }
    }

    /// Sets the key.
    #[must_use]
    pub fn key(self, key: &'a (impl AsRef<[u8]> + ?Sized)) -> Self {
        Self {
            key: Some(key.as_ref()),
            ..self
        }
    }

    /// Sets the value.
    #[must_use]
    pub fn value(self, value: &'a (impl AsRef<[u8]> + ?Sized)) -> Self {
        Self {
            value: Some(value.as_ref()),
            ..self
        }
    }

    /// Sets the headers.
    #[must_use]
    pub fn headers(self, headers: &'a [Header<'a>]) -> Self {
        Self { headers, ..self }
    }

    /// Sets the timestamp, in milliseconds since 1970.
    #[must_use]
    pub fn timestamp(self, millis: i64) -> Self {
        Self {
            timestamp: Some(millis),
            ..self
        }
    }

    pub(super) fn timestamp_or_now(&self) -> i64 {
        self.timestamp.unwrap_or_else(|| {
            let since = SystemTime::now()
                .duration_since(SystemTime::UNIX_EPOCH)
                .unwrap_or_default();
            i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
        })
    }
}

/// Where a record was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordMetadata {
    /// The partition.
    pub partition: TopicPartition,
    /// The record's offset; `None` where the broker does not say: with acks 0, or when it had the record already.
    pub offset: Option<i64>,
    /// The record's timestamp, in milliseconds since 1970: the broker's where the topic says so, else the record's own.
    pub timestamp: i64,
}
