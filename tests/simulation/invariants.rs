//! What has to hold in the end, whatever went wrong.

use std::collections::{BTreeMap, BTreeSet};

use kafka_client::TopicPartition;

use crate::journal::{End, Entries, Outcome};
use crate::log::{Fate, Log};
use crate::plan::{Plan, TOPICS};

/// The partitions' logs.
pub(crate) type Logs = BTreeMap<TopicPartition, Log>;

fn of<'a>(logs: &'a Logs, topic: &'a str) -> impl Iterator<Item = (&'a TopicPartition, &'a Log)> {
    logs.iter()
        .filter(move |(partition, _)| &*partition.topic == topic)
}

/// All that does not hold, each with the invariant it breaks and where.
pub(crate) fn broken(plan: &Plan, entries: &Entries, logs: &Logs) -> Vec<String> {
    let mut broken = entries.wrong.clone();
    acknowledged_is_written_once(entries, logs, &mut broken);
    acknowledged_is_in_order(entries, logs, &mut broken);
    transactions_are_whole(entries, logs, &mut broken);
    what_is_handed_out_is_there(entries, logs, &mut broken);
    commits_pass_nothing(entries, logs, &mut broken);
    commits_do_not_overtake(entries, &mut broken);
    copies_are_exact(plan, logs, &mut broken);
    broken
}

fn acknowledged_is_written_once(entries: &Entries, logs: &Logs, broken: &mut Vec<String>) {
    let mut places: BTreeMap<&str, Vec<(&TopicPartition, i64)>> = BTreeMap::new();
    for (partition, log) in of(logs, TOPICS[0]) {
        for record in &log.records {
            places
                .entry(&record.value)
                .or_default()
                .push((partition, record.offset));
        }
    }
    for (value, sent) in &entries.sent {
        let found = places.remove(&**value).unwrap_or_default();
        let is_right = match (&sent.outcome, &found[..]) {
            (Outcome::Refused, []) | (Outcome::Unknown, []) => true,
            (Outcome::Unknown, [(partition, _)]) => **partition == sent.partition,
            (Outcome::Acknowledged(told), [(partition, offset)]) => {
                **partition == sent.partition && told.is_none_or(|told| told == *offset)
            }
            _ => false,
        };
        if !is_right {
            let found: Vec<String> = found
                .iter()
                .map(|(partition, offset)| format!("{partition}@{offset}"))
                .collect();
            broken.push(format!(
                "acknowledged means written once: \"{value}\" for {}, of which was said {:?}, is at {found:?}",
                sent.partition, sent.outcome
            ));
        }
    }
    for (value, at) in places {
        broken.push(format!("\"{value}\" at {at:?} was sent by nobody"));
    }
}

fn acknowledged_is_in_order(entries: &Entries, logs: &Logs, broken: &mut Vec<String>) {
    for (partition, log) in of(logs, TOPICS[0]) {
        let mut last: BTreeMap<&str, (u32, i64)> = BTreeMap::new();
        for record in &log.records {
            let Some(sent) = entries.sent.get(&record.value) else {
                continue;
            };
            if !matches!(sent.outcome, Outcome::Acknowledged(_)) {
                continue;
            }
            let before = last.insert(&sent.producer, (sent.number, record.offset));
            if let Some((number, offset)) = before.filter(|(number, _)| *number > sent.number) {
                broken.push(format!(
                    "acknowledged means in order: \"{}\" is at {partition}@{}, number {number} of its producer before it at {offset}",
                    record.value, record.offset
                ));
            }
        }
    }
}

fn transactions_are_whole(entries: &Entries, logs: &Logs, broken: &mut Vec<String>) {
    let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
    for (partition, log) in of(logs, TOPICS[1]) {
        for record in log.settled() {
            *seen.entry(&record.value).or_default() += 1;
        }
        if let Some(record) = log.records.iter().find(|record| record.fate == Fate::Open) {
            broken.push(format!(
                "transactions end: that of \"{}\" at {partition}@{} is still open",
                record.value, record.offset
            ));
        }
    }
    for transaction in &entries.transactions {
        let times = |value: &String| seen.get(&**value).copied().unwrap_or_default();
        let counts: Vec<usize> = transaction.values.iter().map(times).collect();
        let all = counts.iter().all(|count| *count == 1);
        let none = counts.iter().all(|count| *count == 0);
        let is_right = match transaction.end {
            End::Committed => all,
            End::Aborted => none,
            End::Unknown => all || none,
        };
        if !is_right {
            broken.push(format!(
                "a transaction is seen as a whole or not at all: {} is {:?}, and of its records {:?} are there {counts:?} times",
                transaction.name, transaction.end, transaction.values
            ));
        }
    }
}

/// A member is handed out the records of a log, all of them, in order, and nothing that was aborted.
fn what_is_handed_out_is_there(entries: &Entries, logs: &Logs, broken: &mut Vec<String>) {
    for tenure in &entries.tenures {
        let Some((first, _)) = tenure.records.first() else {
            continue;
        };
        // All groups read committed records only, where it makes a difference.
        let mut log = logs[&tenure.partition]
            .settled()
            .skip_while(|record| record.offset < *first);
        for (offset, value) in &tenure.records {
            let expected = log.next().map(|record| (record.offset, &*record.value));
            if expected != Some((*offset, value)) {
                broken.push(format!(
                    "every committed record is handed out once and in order, and no aborted one: {} got {}@{offset} \"{value}\" and should have got {expected:?}",
                    tenure.member, tenure.partition
                ));
                break;
            }
        }
    }
}

fn commits_pass_nothing(entries: &Entries, logs: &Logs, broken: &mut Vec<String>) {
    let mut told = BTreeSet::new();
    for commit in &entries.commits {
        let of = (commit.group.clone(), commit.partition.clone());
        let processed = entries.processed.get(&of);
        let is_processed = |offset: i64| {
            processed
                .and_then(|processed| processed.get(&offset))
                .is_some_and(|moment| *moment <= commit.moment)
        };
        let passed = logs[&commit.partition]
            .settled()
            .take_while(|record| record.offset < commit.offset)
            .find(|record| !is_processed(record.offset));
        if let Some(record) = passed
            && told.insert(of)
        {
            broken.push(format!(
                "a committed offset never passes an undelivered record: {} was to commit {}@{} before \"{}\" at {} was dealt with",
                commit.group, commit.partition, commit.offset, record.value, record.offset
            ));
        }
    }
}

/// What a member commits of a partition, as long as it has it, goes forward only.
fn commits_do_not_overtake(entries: &Entries, broken: &mut Vec<String>) {
    let mut last = BTreeMap::new();
    for commit in &entries.commits {
        let of = (&commit.member, &commit.partition, commit.tenure);
        let before = last.insert(of, commit.offset);
        if let Some(before) = before.filter(|before| *before > commit.offset) {
            broken.push(format!(
                "an older commit never overtakes a newer one: {} was to commit {}@{} after {before}",
                commit.member, commit.partition, commit.offset
            ));
        }
    }
}

fn copies_are_exact(plan: &Plan, logs: &Logs, broken: &mut Vec<String>) {
    if plan.copiers == 0 {
        return;
    }
    for (partition, log) in of(logs, TOPICS[0]) {
        let copy = TopicPartition::new(TOPICS[2], partition.partition);
        let mut copied: BTreeMap<String, usize> = BTreeMap::new();
        for record in logs[&copy].settled() {
            *copied.entry(record.value.clone()).or_default() += 1;
        }
        for record in &log.records {
            let value = format!("{partition}@{}", record.offset);
            let times = copied.remove(&value).unwrap_or_default();
            if times != 1 {
                broken.push(format!(
                    "every record is copied exactly once: {value} was {times} times"
                ));
            }
        }
        for value in copied.keys() {
            broken.push(format!("{value} was copied to {copy} and never written"));
        }
    }
}

/// What is not read, or not copied, yet; for a run that waits for it.
pub(crate) fn unread(plan: &Plan, entries: &Entries, logs: &Logs) -> Option<String> {
    for (topic, group) in [(TOPICS[0], "readers"), (TOPICS[1], "settlers")] {
        for (partition, log) in of(logs, topic) {
            if !log.is_settled() {
                return Some(format!("the end of a transaction in {partition}"));
            }
            let of = (group.to_owned(), partition.clone());
            let processed = entries.processed.get(&of);
            let is_missing =
                |offset: &i64| processed.is_none_or(|processed| !processed.contains_key(offset));
            let missing = log.settled().map(|record| record.offset).find(is_missing);
            if let Some(offset) = missing {
                return Some(format!("{group} to read {partition}@{offset}"));
            }
        }
    }
    for (partition, log) in of(logs, TOPICS[0]).filter(|_| plan.copiers > 0) {
        let copy = &logs[&TopicPartition::new(TOPICS[2], partition.partition)];
        let copied = copy.settled().count();
        if copied < log.records.len() || !copy.is_settled() {
            let all = log.records.len();
            return Some(format!(
                "{copied} of {all} records of {partition} to be copied"
            ));
        }
    }
    None
}
