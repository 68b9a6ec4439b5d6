//! Takes records into batches.

use super::*;
use crate::producer::delivery::Delivery;
use crate::producer::partitioner::partition_of_key;
use crate::producer::record::Record;

/// Why a record could not be taken.
#[derive(Debug)]
pub(in crate::producer) enum Refusal {
    /// There is no room until something is acknowledged.
    Full,
    /// Nothing is known of the topic yet.
    UnknownTopic,
    /// The topic does not have the partition, unless it has grown.
    UnknownPartition(Error),
    /// It never can be.
    Invalid(Error),
}

/// A record that was taken.
#[derive(Debug)]
pub(in crate::producer) struct Appended {
    pub(in crate::producer) delivery: Delivery,
    /// Whether the sender has something to do that it does not know of yet.
    pub(in crate::producer) wake: bool,
}

impl Accumulator {
    /// Takes a record. The time is asked for only when a batch is begun: looking at the clock takes as long as the rest.
    pub(in crate::producer) fn append(
        &mut self,
        record: &Record<'_>,
        now: impl FnOnce() -> Instant,
    ) -> std::result::Result<Appended, Refusal> {
        if let Some(reason) = &self.closed {
            return Err(Refusal::Invalid(reason.clone()));
        }
        if let Some(transaction) = &self.transaction {
            transaction.check_open().map_err(Refusal::Invalid)?;
        }
        let topic = self
            .topics
            .get_mut(record.topic)
            .ok_or(Refusal::UnknownTopic)?;
        let key = record.key.filter(|_| !self.config.partitioner_ignore_keys);
        let is_sticky = record.partition.is_none() && key.is_none();
        let mut at = match (record.partition, key) {
            (Some(partition), _) => match usize::try_from(partition) {
                Ok(at) if at < topic.partitions.get() as usize => at,
                _ => {
                    return Err(Refusal::UnknownPartition(no_such_partition(
                        topic, partition,
                    )));
                }
            },
            (None, Some(key)) => partition_of_key(key, topic.partitions),
            (None, None) => topic.sticky.current(topic.partitions),
        };
        let timestamp = record.timestamp_or_now();
        let batch_size = self.config.batch_size;
        let largest = self.config.largest_batch();
        let fits_at = |topic: &Topic, at: usize| {
            let open = topic.queues[at].open.as_ref();
            open.is_some_and(|open| {
                open.would_fit(record, timestamp, batch_size) && open.counted() < largest
            })
        };
        let mut wake = false;
        let mut fits = fits_at(topic, at);
        let size = if fits { 0 } else { record_size(record) };
        // Another partition's turn comes when a batch is full: nothing is left over that would have to wait.
        if is_sticky
            && (!fits && topic.sticky.has_had_its_share(size, batch_size)
                || topic.sticky.has_had_too_much(batch_size))
        {
            if !fits {
                wake = topic.queues[at].open.is_some();
                topic.queues[at].close_open();
            }
            at = topic.sticky.next(topic.partitions);
            fits = fits_at(topic, at);
        }
        let queue = &mut topic.queues[at];
        let before = queue.open.as_ref().map_or(0, Batch::counted);
        let expected = queue.open.as_ref().map_or(0, Batch::size);
        if !fits {
            let size = record_size(record);
            if size > self.config.max_request_size {
                let max = self.config.max_request_size;
                return Err(Refusal::Invalid(Error::RecordTooLarge {
                    topic: record.topic.to_owned(),
                    size,
                    max,
                }));
            }
            if self.used > 0 && self.used + size > self.config.buffer_memory {
                // What is gathered has to go out now: nothing more will come to fill it.
                self.flush_below = self.flush_below.max(self.next_number);
                return Err(Refusal::Full);
            }
        } else if self.used >= self.config.buffer_memory {
            self.flush_below = self.flush_below.max(self.next_number);
            return Err(Refusal::Full);
        }
        let mut room = 0;
        if !fits {
            wake |= queue.open.is_some();
            // After a full batch comes another, most of the time: its buffer need not grow step by step.
            room = queue.open.as_ref().map_or(0, Batch::counted);
            queue.close_open();
        }
        let open = queue.open.get_or_insert_with(|| {
            wake = true;
            let number = self.next_number;
            self.next_number += 1;
            self.unsettled.insert(Place { number, part: 0 });
            Batch::new(
                queue.partition.clone(),
                number,
                now(),
                self.spare.pop().unwrap_or_else(|| Vec::with_capacity(room)),
                topic.ratio,
                self.interceptors.as_ref(),
            )
        });
        if let Err(error) = open.append(record, timestamp) {
            let what = format!("a record for {}", queue.partition);
            return Err(Refusal::Invalid(Error::Protocol {
                what,
                reason: error.to_string(),
            }));
        }
        let grown = open.counted() - if fits { before } else { 0 };
        self.used += grown;
        let delivery = open.delivery(timestamp);
        if is_sticky {
            let expected = open.size() - if fits { expected } else { 0 };
            topic.sticky.got(expected);
        }
        Ok(Appended { delivery, wake })
    }
}

fn no_such_partition(topic: &Topic, partition: i32) -> Error {
    let partition = TopicPartition::new(topic.name.clone(), partition);
    Error::NoSuchPartition {
        partition,
        partitions: topic.partitions.get() as usize,
    }
}

/// About what a record takes in a batch of its own, header included.
fn record_size(record: &Record<'_>) -> usize {
    const BATCH_HEADER: usize = 61;
    const FIELDS: usize = 21;
    let len = |bytes: Option<&[u8]>| bytes.map_or(0, <[u8]>::len);
    let headers: usize = record
        .headers
        .iter()
        .map(|header| header.key.len() + len(header.value) + 10)
        .sum();
    BATCH_HEADER + FIELDS + len(record.key) + len(record.value) + headers
}
