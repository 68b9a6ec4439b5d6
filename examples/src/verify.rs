//! Whether results are right: topics are read again, with a plain consumer.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use kafka_client::consumer::{Consumer, ConsumerRecord, OwnedRecord};
use kafka_client::{Error, TopicPartition};

/// Where a topic's partitions end.
///
/// # Errors
/// When the topic cannot be asked.
pub async fn ends(
    consumer: &Consumer,
    topic: &str,
) -> Result<BTreeMap<TopicPartition, i64>, Error> {
    let partitions = consumer.partitions_for(topic).await?;
    Ok(consumer
        .end_offsets(&partitions)
        .await?
        .into_iter()
        .collect())
}

/// What was written to a topic since its partitions ended at `before`: those of a partition in order.
///
/// # Errors
/// When it cannot be read.
pub async fn written_since(
    servers: &str,
    topic: &str,
    before: &BTreeMap<TopicPartition, i64>,
) -> Result<Vec<OwnedRecord>, Error> {
    let consumer = Consumer::builder()
        .bootstrap_servers(servers)
        .client_id("check")
        .build()
        .await?;
    let begin = |partition: &TopicPartition| before.get(partition).copied().unwrap_or(0);
    let ranges = ends(&consumer, topic).await?;
    let ranges = ranges
        .into_iter()
        .map(|(partition, end)| (partition.clone(), (begin(&partition), end)))
        .collect();
    let mut written = Vec::new();
    read(servers, &ranges, |record| {
        written.push(record.into_owned());
        Ok(())
    })
    .await?;
    Ok(written)
}

/// How many times each word occurs.
pub type Counts = HashMap<String, u64>;

/// Counts the words of lines in these offsets: from, until.
///
/// # Errors
/// When they cannot be read, or a line is not UTF-8.
pub async fn count_words(
    servers: &str,
    ranges: &BTreeMap<TopicPartition, (i64, i64)>,
) -> Result<Counts, Error> {
    let mut counts = Counts::new();
    read(servers, ranges, |record| {
        for word in record.value_str()?.unwrap_or_default().split_whitespace() {
            add(&mut counts, word, 1);
        }
        Ok(())
    })
    .await?;
    Ok(counts)
}

/// Adds up counts in these offsets: the key is the word, the value the count in decimal text.
///
/// # Errors
/// When they cannot be read, or are not such records.
pub async fn sum_counts(
    servers: &str,
    ranges: &BTreeMap<TopicPartition, (i64, i64)>,
) -> Result<Counts, Error> {
    let mut counts = Counts::new();
    read(servers, ranges, |record| {
        let count = record
            .value_str()?
            .unwrap_or_default()
            .parse()
            .map_err(|_| Error::Protocol {
                what: format!("offset {} of {}", record.offset(), record.partition()),
                reason: "the value is no count".to_owned(),
            })?;
        add(&mut counts, record.key_str()?.unwrap_or_default(), count);
        Ok(())
    })
    .await?;
    Ok(counts)
}

/// The first few words whose counts differ: word, expected, found.
pub fn differences(expected: &Counts, found: &Counts) -> Vec<(String, u64, u64)> {
    let mut words: Vec<&String> = expected
        .keys()
        .chain(found.keys().filter(|word| !expected.contains_key(*word)))
        .collect();
    words.sort();
    let count = |counts: &Counts, word: &String| counts.get(word).copied().unwrap_or_default();
    let each = words
        .into_iter()
        .map(|word| (word.clone(), count(expected, word), count(found, word)));
    each.filter(|(_, expected, found)| expected != found)
        .take(5)
        .collect()
}

fn add(counts: &mut Counts, word: &str, count: u64) {
    match counts.get_mut(word) {
        Some(sum) => *sum += count,
        None => {
            counts.insert(word.to_owned(), count);
        }
    }
}

/// How long to wait for the next records, which are all there already.
const PATIENCE: Duration = Duration::from_secs(10);

async fn read(
    servers: &str,
    ranges: &BTreeMap<TopicPartition, (i64, i64)>,
    mut each: impl FnMut(ConsumerRecord<'_>) -> Result<(), Error>,
) -> Result<(), Error> {
    let consumer = Consumer::builder()
        .bootstrap_servers(servers)
        .client_id("check")
        .build()
        .await?;
    let mut left: BTreeMap<&TopicPartition, (i64, i64)> = ranges
        .iter()
        .filter(|(_, (from, until))| from < until)
        .map(|(partition, range)| (partition, *range))
        .collect();
    consumer.assign_at(
        left.iter()
            .map(|(partition, (from, _))| ((*partition).clone(), *from)),
    )?;
    while !left.is_empty() {
        let records = consumer.poll(PATIENCE).await?;
        if records.is_empty() {
            return Err(Error::Timeout {
                what: "reading the records again".to_owned(),
                after: PATIENCE,
                last: None,
            });
        }
        for batch in &records {
            let Some((_, until)) = left.get(batch.partition()).copied() else {
                continue;
            };
            for record in batch.iter().take_while(|record| record.offset() < until) {
                each(record)?;
            }
            if batch.next_offset() >= until {
                left.remove(batch.partition());
            }
        }
    }
    consumer.close(PATIENCE).await
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(words: &[(&str, u64)]) -> Counts {
        words
            .iter()
            .map(|(word, count)| ((*word).to_owned(), *count))
            .collect()
    }

    #[test]
    fn counts_that_differ_are_named_with_what_was_expected() {
        let expected = counts(&[("lost", 2), ("right", 3), ("short", 5)]);
        let found = counts(&[("made up", 1), ("right", 3), ("short", 4)]);
        let named = [("lost", 2, 0), ("made up", 0, 1), ("short", 5, 4)];
        assert_eq!(
            differences(&expected, &found),
            named.map(|(word, a, b)| (word.to_owned(), a, b))
        );
        assert!(differences(&expected, &expected).is_empty());
    }
}
