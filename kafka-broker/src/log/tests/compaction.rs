use std::collections::BTreeMap;

use super::*;
use crate::producers::ProducerIdAndEpoch;
use crate::transactions::TransactionResult;

/// A record: its key, and its value, which may be a tombstone.
type Keyed = (u8, Option<u16>);

fn compacts(segment_bytes: usize) -> LogSettings {
    LogSettings {
        delete: false,
        compact: true,
        segment_bytes,
        min_cleanable_dirty_ratio: 0.0,
        delete_retention_millis: 100,
        ..LogSettings::default()
    }
}

fn keyed(records: &[Keyed], timestamp: i64, producer: Option<(i64, i32)>) -> RecordBatch {
    let mut builder = RecordBatchBuilder::new();
    for (key, value) in records {
        let value = value.map(u16::to_be_bytes);
        let value = value.as_ref().map(|value| &value[..]);
        builder
            .append(timestamp, Some(&[*key]), value, &[])
            .unwrap();
    }
    let producer = producer.map(|(producer_id, base_sequence)| ProducerSequence {
        producer_id,
        producer_epoch: 0,
        base_sequence,
    });
    let seal = Seal {
        producer: producer.unwrap_or_default(),
        transactional: producer.is_some(),
        ..Seal::default()
    };
    RecordBatch::parse(builder.finish(&seal).unwrap()).unwrap()
}

fn clean(log: &mut PartitionLog, now: i64) -> bool {
    match log.begin_cleaning(now) {
        Some(cleaning) => {
            let cleaned = cleaning.run().unwrap();
            log.put_cleaned(cleaned)
        }
        None => false,
    }
}

/// All records that a reader gets, by their offsets; control records left out.
fn all(log: &PartitionLog, from: i64) -> Vec<(i64, Keyed)> {
    let (mut records, mut offset) = (Vec::new(), from);
    loop {
        let read = log.read(offset, 300, true).unwrap();
        if read.is_empty() {
            return records;
        }
        for batch in Batches::new(read) {
            let batch = batch.unwrap();
            batch.verify_crc().unwrap();
            assert!(batch.last_offset() >= offset, "each read gets on");
            offset = batch.next_offset();
            if batch.is_control() {
                continue;
            }
            for record in &batch.decompressed(1 << 20).unwrap() {
                let record = record.unwrap();
                let value = record
                    .value()
                    .map(|value| u16::from_be_bytes(value.try_into().unwrap()));
                if record.offset() >= from {
                    records.push((record.offset(), (record.key().unwrap()[0], value)));
                }
            }
        }
    }
}

/// What holds for each key in the end.
fn table(records: &[(i64, Keyed)]) -> BTreeMap<u8, u16> {
    let mut table = BTreeMap::new();
    for (_, (key, value)) in records {
        match value {
            Some(value) => table.insert(*key, *value),
            None => table.remove(key),
        };
    }
    table
}

#[derive(Debug, Clone)]
enum Step {
    Write(Vec<Keyed>),
    Clean { after: i64 },
}

fn step() -> impl Strategy<Value = Step> {
    let record = (0u8..6, proptest::option::weighted(0.7, any::<u16>()));
    prop_oneof![
        4 => proptest::collection::vec(record, 1..5).prop_map(Step::Write),
        1 => (0i64..150).prop_map(|after| Step::Clean { after }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_newest_record_of_each_key_stays(
        steps in proptest::collection::vec(step(), 1..60),
        segment_bytes in 1usize..600,
        from in 0i64..100,
    ) {
        let mut log = PartitionLog::new(compacts(segment_bytes));
        let (mut whole, mut now) = (Vec::new(), 0);
        for step in steps {
            match step {
                Step::Write(records) => {
                    let base = log.append(&keyed(&records, now, None), 3).unwrap().base_offset;
                    prop_assert_eq!(base, whole.len() as i64);
                    whole.extend((base..).zip(records));
                }
                Step::Clean { after } => {
                    now += after;
                    clean(&mut log, now);
                }
            }
            let left = all(&log, 0);
            prop_assert_eq!(table(&left), table(&whole));
            prop_assert!(left.is_sorted_by(|a, b| a.0 < b.0));
            prop_assert!(left.iter().all(|record| whole.contains(record)), "nothing is made up");
            for (offset, (key, value)) in &whole {
                let is_newest = !whole[*offset as usize + 1..].iter().any(|(_, (other, _))| other == key);
                let is_left = left.iter().any(|(other, _)| other == offset);
                prop_assert!(is_left || !is_newest || value.is_none(), "{offset} was the newest");
            }
            prop_assert_eq!((log.start_offset(), log.end_offset()), (0, whole.len() as i64));
            prop_assert_eq!(log.size(), log.segments.iter().map(|segment| segment.len() as u64).sum::<u64>());
        }
        let from = from.min(log.end_offset());
        let expected: Vec<_> = all(&log, 0).into_iter().filter(|(offset, _)| *offset >= from).collect();
        prop_assert_eq!(all(&log, from), expected);
    }

    #[test]
    fn readers_of_settled_records_see_the_same_table(
        steps in proptest::collection::vec((0i64..3, 0u8..8, 0u8..4, any::<u16>()), 1..80),
        segment_bytes in 1usize..600,
    ) {
        let mut log = PartitionLog::new(compacts(segment_bytes));
        // Of each producer: its next sequence, and what its open transaction has written.
        let mut open: BTreeMap<i64, (i32, Vec<(i64, Keyed)>)> = BTreeMap::new();
        let mut committed: Vec<(i64, Keyed)> = Vec::new();
        let mut now = 0;
        for (producer, what, key, value) in steps {
            now += 40;
            let (sequence, records) = open.entry(producer).or_default();
            match what {
                0..5 => {
                    let record = (key, Some(value));
                    let batch = keyed(&[record], now, Some((producer, *sequence)));
                    records.push((log.append(&batch, 3).unwrap().base_offset, record));
                    *sequence += 1;
                }
                5..7 => {
                    let result = if what == 5 { TransactionResult::Commit } else { TransactionResult::Abort };
                    let producer = ProducerIdAndEpoch { id: producer, epoch: 0 };
                    let end = EndTransaction { producer, result, coordinator_epoch: 0, needs_new_epoch: false, unix_millis: now };
                    log.append_marker(end, 3).unwrap();
                    let records = std::mem::take(records);
                    if what == 5 {
                        committed.extend(records);
                    }
                }
                _ => {
                    clean(&mut log, now);
                }
            }
            committed.sort_unstable();
            let stable = log.last_stable_offset();
            let settled: Vec<_> = committed.iter().filter(|(offset, _)| *offset < stable).copied().collect();
            prop_assert_eq!(table(&settled_records(&log)), table(&settled));
        }
    }
}

/// What a consumer of settled records makes of a log: as Java's does, by the aborted transactions and the markers.
fn settled_records(log: &PartitionLog) -> Vec<(i64, Keyed)> {
    let (mut records, mut offset) = (Vec::new(), 0);
    loop {
        let Committed {
            records: read,
            mut aborted,
        } = log.read_committed(offset, 200, true).unwrap();
        if read.is_empty() {
            return records;
        }
        aborted.sort_by_key(|transaction| transaction.first_offset);
        let mut waiting = aborted.into_iter().peekable();
        let mut aborting = std::collections::BTreeSet::new();
        for batch in Batches::new(read) {
            let batch = batch.unwrap();
            while let Some(next) = waiting.next_if(|next| next.first_offset <= batch.last_offset())
            {
                aborting.insert(next.producer_id);
            }
            offset = batch.next_offset();
            if batch.is_control() {
                let block = batch.decompressed(1 << 20).unwrap();
                let record = block.iter().next().unwrap().unwrap();
                let control = kafka_proto::records::ControlRecord::parse(record.key().unwrap());
                if control.unwrap().kind == kafka_proto::records::ControlType::Abort {
                    aborting.remove(&batch.producer_id());
                }
                continue;
            }
            if batch.is_transactional() && aborting.contains(&batch.producer_id()) {
                continue;
            }
            for record in &batch.decompressed(1 << 20).unwrap() {
                let record = record.unwrap();
                let value = record
                    .value()
                    .map(|value| u16::from_be_bytes(value.try_into().unwrap()));
                records.push((record.offset(), (record.key().unwrap()[0], value)));
            }
        }
    }
}

#[test]
fn tombstones_stay_for_a_while_after_compaction_has_met_them() {
    let mut log = PartitionLog::new(compacts(1));
    for (record, timestamp) in [((1, Some(7)), 0), ((1, None), 0), ((2, Some(1)), 0)] {
        log.append(&keyed(&[record], timestamp, None), 3).unwrap();
    }
    let mut write = |key, now| {
        log.append(&keyed(&[(key, Some(9))], now, None), 3).unwrap();
        assert!(clean(&mut log, now));
        let keys: Vec<u8> = all(&log, 0).iter().map(|(_, (key, _))| *key).collect();
        keys
    };
    assert_eq!(
        write(3, 1000),
        [1, 2, 3],
        "the record is gone, its tombstone is there"
    );
    assert_eq!(write(4, 1099), [1, 2, 3, 4]);
    assert_eq!(write(5, 1100), [2, 3, 4, 5]);
}

#[test]
fn compaction_waits_until_it_is_worth_it() {
    let settings = LogSettings {
        min_cleanable_dirty_ratio: 0.5,
        min_compaction_lag_millis: 50,
        ..compacts(1)
    };
    let mut log = PartitionLog::new(settings);
    for timestamp in [0, 10, 20] {
        log.append(&keyed(&[(1, Some(1))], timestamp, None), 3)
            .unwrap();
    }
    assert!(!clean(&mut log, 50), "all are too young");
    assert!(clean(&mut log, 61), "all but the active segment");
    assert_eq!(all(&log, 0).len(), 2);
    log.append(&keyed(&[(1, Some(1))], 30, None), 3).unwrap();
    assert!(!clean(&mut log, 1000), "only a half is new");
    log.configure(LogSettings {
        max_compaction_lag_millis: 100,
        ..settings
    });
    assert!(clean(&mut log, 1000), "overdue, the active segment too");
    assert_eq!(all(&log, 0).len(), 1);
    assert_eq!(log.end_offset(), 4);
}

#[test]
fn what_was_cut_meanwhile_is_not_put_back() {
    let mut log = PartitionLog::new(compacts(1));
    for _ in 0..4 {
        log.append(&keyed(&[(1, Some(1))], 0, None), 3).unwrap();
    }
    let cleaned = log.begin_cleaning(0).unwrap().run().unwrap();
    log.truncate(1);
    assert!(!log.put_cleaned(cleaned));
    assert_eq!(all(&log, 0).len(), 1);
    // What is cut off down into a sealed segment goes on there.
    log.append(&keyed(&[(2, Some(2))], 0, None), 3).unwrap();
    assert_eq!(all(&log, 0), [(0, (1, Some(1))), (1, (2, Some(2)))]);
}
