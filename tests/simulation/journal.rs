//! What those who take part were told, and what they did: the half of an invariant that the logs do not have.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard};

use kafka_client::TopicPartition;
use kafka_proto::messages::OffsetCommitRequest;

/// What became of a record that was sent outside of a transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Nobody knows.
    Unknown,
    /// It was acknowledged; with the offset, if that was said.
    Acknowledged(Option<i64>),
    /// It was not even taken.
    Refused,
}

#[derive(Debug, Clone)]
pub(crate) struct Sent {
    pub(crate) producer: String,
    /// Which one of the producer's it is.
    pub(crate) number: u32,
    pub(crate) partition: TopicPartition,
    pub(crate) outcome: Outcome,
}

/// How a transaction ended, as far as its producer was told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    Committed,
    Aborted,
    Unknown,
}

#[derive(Debug, Clone)]
pub(crate) struct Transaction {
    pub(crate) name: String,
    pub(crate) values: Vec<String>,
    pub(crate) end: End,
}

/// A position that a member asked to have committed.
#[derive(Debug, Clone)]
pub(crate) struct Commit {
    /// How much had happened before.
    pub(crate) moment: usize,
    pub(crate) group: String,
    pub(crate) member: String,
    /// How often the member had begun with the partition.
    pub(crate) tenure: usize,
    pub(crate) partition: TopicPartition,
    pub(crate) offset: i64,
}

/// What a member was handed out of a partition from one assignment, or seek, to the next.
#[derive(Debug, Clone)]
pub(crate) struct Tenure {
    pub(crate) member: String,
    pub(crate) partition: TopicPartition,
    pub(crate) records: Vec<(i64, String)>,
}

#[derive(Debug, Default)]
pub(crate) struct Entries {
    pub(crate) sent: BTreeMap<String, Sent>,
    pub(crate) transactions: Vec<Transaction>,
    pub(crate) commits: Vec<Commit>,
    pub(crate) tenures: Vec<Tenure>,
    /// By group and partition: offsets that were dealt with, and when that was first.
    pub(crate) processed: BTreeMap<(String, TopicPartition), BTreeMap<i64, usize>>,
    /// What was seen to be wrong at once.
    pub(crate) wrong: Vec<String>,
    moment: usize,
}

#[derive(Debug, Default)]
pub(crate) struct Journal(Mutex<Entries>);

impl Journal {
    pub(crate) fn entries(&self) -> MutexGuard<'_, Entries> {
        self.0.lock().unwrap()
    }

    pub(crate) fn wrong(&self, what: String) {
        self.entries().wrong.push(what);
    }

    pub(crate) fn sent(&self, value: &str, producer: &str, number: u32, partition: TopicPartition) {
        let sent = Sent {
            producer: producer.to_owned(),
            number,
            partition,
            outcome: Outcome::Unknown,
        };
        self.entries().sent.insert(value.to_owned(), sent);
    }

    pub(crate) fn settled(&self, value: &str, outcome: Outcome) {
        if let Some(sent) = self.entries().sent.get_mut(value) {
            sent.outcome = outcome;
        }
    }

    /// A transaction has begun; its number.
    pub(crate) fn begun(&self, name: String) -> usize {
        let mut entries = self.entries();
        entries.transactions.push(Transaction {
            name,
            values: Vec::new(),
            end: End::Unknown,
        });
        entries.transactions.len() - 1
    }

    pub(crate) fn wrote(&self, transaction: usize, value: String) {
        self.entries().transactions[transaction].values.push(value);
    }

    pub(crate) fn ended(&self, transaction: usize, end: End) {
        self.entries().transactions[transaction].end = end;
    }

    /// What a member is handed out of these partitions from now on need not follow what it was before.
    pub(crate) fn starts_over(&self, member: &str, partitions: &[TopicPartition]) {
        let tenures = partitions.iter().map(|partition| Tenure {
            member: member.to_owned(),
            partition: partition.clone(),
            records: Vec::new(),
        });
        self.entries().tenures.extend(tenures);
    }

    pub(crate) fn delivered(
        &self,
        member: &str,
        partition: &TopicPartition,
        offset: i64,
        value: &[u8],
    ) {
        let mut entries = self.entries();
        let tenure = entries
            .tenures
            .iter_mut()
            .rfind(|tenure| tenure.member == member && tenure.partition == *partition);
        let value = String::from_utf8_lossy(value).into_owned();
        match tenure {
            Some(tenure) => tenure.records.push((offset, value)),
            None => entries.wrong.push(format!(
                "{member} was handed {partition}@{offset}, which it was not told to be its own"
            )),
        }
    }

    /// A member has dealt with a record: what is before it and after it in time is told apart by the moment.
    pub(crate) fn processed(&self, group: &str, partition: &TopicPartition, offset: i64) {
        let mut entries = self.entries();
        entries.moment += 1;
        let moment = entries.moment;
        let of_partition = (group.to_owned(), partition.clone());
        let of_partition = entries.processed.entry(of_partition).or_default();
        of_partition.entry(offset).or_insert(moment);
    }

    /// A member asks to have positions committed.
    pub(crate) fn committing(&self, member: &str, request: &OffsetCommitRequest) {
        let mut entries = self.entries();
        let moment = entries.moment;
        for topic in &request.topics {
            for partition in &topic.partitions {
                let offset = partition.committed_offset;
                let partition = TopicPartition::new(&*topic.name, partition.partition_index);
                let is_its =
                    |tenure: &&Tenure| tenure.member == member && tenure.partition == partition;
                let tenure = entries.tenures.iter().filter(is_its).count();
                entries.commits.push(Commit {
                    moment,
                    group: request.group_id.to_string(),
                    member: member.to_owned(),
                    tenure,
                    partition,
                    offset,
                });
            }
        }
    }
}
