//! Record batches, against those that Kafka's own classes wrote.

use std::collections::{BTreeMap, BTreeSet};

use kafka_proto::compression::{Codec, Compression};
use kafka_proto::records::{
    Batches, ControlRecord, ControlType, Header, ProducerSequence, RecordBatch, RecordBatchBuilder,
    RecordBlock, RecordRef, RecordsError, Seal, TimestampType, increment_sequence,
};
use serde_json::Value as Json;
use tests::golden;

const LIMIT: usize = 1 << 20;

#[test]
fn batches_are_read_and_written_as_kafka_does() {
    let mut checked = 0;
    for vector in golden::lines("batches") {
        let name = vector["name"].as_str().expect("a name");
        let bytes = golden::unhex(vector["hex"].as_str().expect("hex"));
        golden::check_fields(
            &vector,
            &["name", "hex", "batches", "error", "flipped_byte"],
        );
        match vector
            .get("error")
            .map(|error| error.as_str().expect("an error is a text"))
        {
            None => check_batches(name, bytes, vector["batches"].as_array().expect("batches")),
            Some("crc") => {
                let flipped = vector["flipped_byte"].as_u64().expect("a position");
                check_damage(name, bytes, flipped as usize);
            }
            Some(other) => panic!("{name}: the error \"{other}\" is not known"),
        }
        checked += 1;
    }
    println!("batches: {checked} vectors checked");
    assert!(checked > 0, "no vectors");
}

fn check_damage(name: &str, bytes: bytes::Bytes, flipped: usize) {
    let batch = RecordBatch::parse(bytes.clone()).expect("lengths are right");
    let error = batch.verify_crc().expect_err(name);
    assert!(
        matches!(error, RecordsError::BadCrc { .. }),
        "{name}: {error}"
    );
    let restored = |byte: &u8| {
        let mut bytes = bytes.to_vec();
        bytes[flipped] = *byte;
        let batch = RecordBatch::parse(bytes.into());
        batch.is_ok_and(|batch| batch.verify_crc().is_ok())
    };
    let restored = (0..=u8::MAX).filter(restored).count();
    assert_eq!(restored, 1, "{name}: only what was there is right");
}

/// [`golden::own_lines`]: the records of one batch, at every level of Kafka's own compressors.
#[test]
fn every_level_of_javas_compressors_is_read() {
    let mut plain = None;
    let mut levels = BTreeMap::<String, BTreeSet<i64>>::new();
    let mut checked = 0;
    for vector in golden::own_lines("levels") {
        golden::check_fields(&vector, &["codec", "levels", "hex"]);
        let codec = vector["codec"].as_str().expect("a name");
        let name = format!("{codec} at {}", vector["levels"]);
        let bytes = golden::unhex(vector["hex"].as_str().expect("hex"));
        let batch = RecordBatch::parse(bytes).expect(&name);
        batch.verify_crc().expect(&name);
        assert_eq!(batch.compression().expect(&name).name(), codec);
        let block = batch.decompressed(LIMIT).expect(&name);
        assert!(block.iter().all(|record| record.is_ok()), "{name}");
        // The first is not compressed.
        let expected = plain.get_or_insert_with(|| block.data().clone());
        assert_eq!(block.data(), expected, "{name}");
        let list = vector["levels"].as_array().expect("levels");
        let list = list.iter().map(|level| level.as_i64().expect("a level"));
        levels.entry(codec.to_owned()).or_default().extend(list);
        checked += 1;
    }
    println!("levels: {checked} vectors checked");
    let zstd = [-131_072, -1_000, -100, -20].into_iter().chain(-7..=-1);
    let all = [
        ("gzip", (1..=9).collect()),
        ("lz4", (1..=17).collect()),
        ("none", BTreeSet::new()),
        ("snappy", BTreeSet::new()),
        ("zstd", zstd.chain(1..=22).collect()),
    ];
    assert_eq!(
        levels,
        all.map(|(codec, all)| (codec.to_owned(), all)).into()
    );
}

fn check_batches(name: &str, bytes: bytes::Bytes, expected: &[Json]) {
    let total = bytes.len();
    let mut batches = Batches::new(bytes);
    let mut size = 0;
    for expected in expected {
        let batch = batches
            .next()
            .unwrap_or_else(|| panic!("{name}: a batch is missing"))
            .expect(name);
        size += batch.bytes().len();
        check_header(name, &batch, expected);
        let block = check_records(name, &batch, expected);
        if batch.magic() == 2 {
            check_writing(name, &batch, &block);
        }
    }
    assert!(
        batches.next().is_none(),
        "{name}: more batches than expected"
    );
    let tail = (size < total).then_some(total - size);
    assert_eq!(batches.truncated_tail(), tail, "{name}");
    assert_eq!(
        tail.is_some(),
        name.starts_with("concat-truncated"),
        "{name}: a tail"
    );
}

fn check_header(name: &str, batch: &RecordBatch, expected: &Json) {
    batch.verify_crc().expect(name);
    assert_eq!(
        RecordBatch::parse(batch.bytes().clone())
            .expect(name)
            .bytes(),
        batch.bytes()
    );
    for (field, value) in expected.as_object().expect("a batch") {
        let number = match field.as_str() {
            "base_offset" if batch.magic() < 2 => continue, // That of the first record, which is compared with it.
            "base_offset" => batch.base_offset(),
            "last_offset" => batch.last_offset(),
            "size" => batch.bytes().len() as i64,
            "magic" => batch.magic().into(),
            "crc" => batch.crc().into(),
            "partition_leader_epoch" => batch.partition_leader_epoch().into(),
            "transactional" => batch.is_transactional().into(),
            "control" => batch.is_control().into(),
            "base_timestamp" => batch.base_timestamp(),
            "max_timestamp" => batch.max_timestamp(),
            "producer_id" => batch.producer_id(),
            "producer_epoch" => batch.producer_epoch().into(),
            "base_sequence" => batch.base_sequence().into(),
            "count" => batch.record_count().expect("a count").into(),
            "compression" => {
                assert_eq!(
                    batch.compression().expect(name).name(),
                    value.as_str().expect("a name"),
                    "{name}"
                );
                continue;
            }
            "timestamp_type" => {
                let kind = match value.as_str().expect("a name") {
                    "CreateTime" => TimestampType::CreateTime,
                    "LogAppendTime" => TimestampType::LogAppendTime,
                    "NoTimestampType" => TimestampType::None,
                    other => panic!("{name}: timestamp type {other} is not known"),
                };
                assert_eq!(batch.timestamp_type(), kind, "{name}");
                continue;
            }
            "records" => continue,
            other => panic!("{name}: the field {other} of a batch is not known"),
        };
        let value = value
            .as_bool()
            .map(i64::from)
            .or(value.as_i64())
            .expect("a number");
        assert_eq!(number, value, "{name}: {field}");
    }
    assert_eq!(batch.next_offset(), batch.last_offset() + 1, "{name}");
}

fn check_records(name: &str, batch: &RecordBatch, expected: &Json) -> RecordBlock {
    let block = batch.decompressed(LIMIT).expect(name);
    let records = expected["records"].as_array().expect("records");
    assert_eq!(block.len(), records.len(), "{name}");
    if batch.magic() < 2 {
        assert_eq!(expected["base_offset"], records[0]["offset"], "{name}");
    }
    let mut read = block.iter();
    for expected in records {
        let record = read
            .next()
            .unwrap_or_else(|| panic!("{name}: a record is missing"))
            .expect(name);
        for (field, value) in expected.as_object().expect("a record") {
            let bytes = |value: &Json| value.as_str().map(golden::unhex);
            match field.as_str() {
                "offset" => assert_eq!(Some(record.offset()), value.as_i64(), "{name}"),
                "timestamp" => assert_eq!(Some(record.timestamp()), value.as_i64(), "{name}"),
                "key" => assert_eq!(record.key(), bytes(value).as_deref(), "{name}"),
                "value" => assert_eq!(record.value(), bytes(value).as_deref(), "{name}"),
                "sequence" => {
                    let delta = (record.offset() - batch.base_offset()) as i32;
                    let sequence = increment_sequence(batch.base_sequence(), delta);
                    assert_eq!(Some(sequence.into()), value.as_i64(), "{name}");
                }
                "headers" => {}
                other => panic!("{name}: the field {other} of a record is not known"),
            }
        }
        if batch.is_control() {
            check_control(name, &record);
        }
        let headers: Vec<_> = record.headers().map(|header| header.expect(name)).collect();
        let none = Vec::new();
        let expected = expected
            .get("headers")
            .map_or(&none, |headers| headers.as_array().expect("headers"));
        assert_eq!(headers.len(), expected.len(), "{name}");
        for (header, expected) in headers.iter().zip(expected) {
            assert_eq!(Some(header.key), expected[0].as_str(), "{name}");
            assert_eq!(
                header.value,
                expected[1].as_str().map(golden::unhex).as_deref(),
                "{name}"
            );
        }
        assert_eq!(
            record.key(),
            record.key_range().map(|range| &block.data()[range]),
            "{name}"
        );
        assert_eq!(
            record.value(),
            record.value_range().map(|range| &block.data()[range]),
            "{name}"
        );
    }
    assert!(read.next().is_none(), "{name}: more records than expected");
    block
}

fn check_control(name: &str, record: &RecordRef<'_>) {
    let key = record.key().expect("a key");
    let control = ControlRecord::parse(key).expect(name);
    let kind = match name.rsplit_once('-').expect("a number").0 {
        "control-commit" => ControlType::Commit,
        "control-abort" => ControlType::Abort,
        "control-leader-change" => ControlType::LeaderChange,
        _ => panic!("{name}: a control batch of a type that is not known"),
    };
    assert_eq!(control, ControlRecord { version: 0, kind }, "{name}");
    assert_eq!(control.key(), key, "{name}");
    if kind != ControlType::LeaderChange {
        let value = record.value().expect("a value");
        let epoch = i32::from_be_bytes(value[2..].try_into().expect("four bytes"));
        assert_eq!(ControlRecord::end_transaction_value(epoch), value, "{name}");
    }
}

/// Writes the batch anew: uncompressed ones come out byte for byte, of the others the decompressed records do.
fn check_writing(name: &str, batch: &RecordBatch, block: &RecordBlock) {
    let rewritten = rewrite(name, batch, batch.compression().expect(name).into());
    if batch.compression().expect(name) == Compression::None {
        assert_eq!(rewritten.bytes(), batch.bytes(), "{name}");
    }
    // A batch without records is never compressed.
    for compression in Compression::ALL.into_iter().filter(|_| !block.is_empty()) {
        let rewritten = rewrite(name, batch, compression.into());
        rewritten.verify_crc().expect(name);
        assert_eq!(rewritten.compression(), Ok(compression));
        assert_eq!(
            rewritten.decompressed(LIMIT).expect(name).data(),
            block.data(),
            "{name} with {compression}"
        );
    }
}

fn rewrite(name: &str, batch: &RecordBatch, codec: Codec) -> RecordBatch {
    let mut builder = builder_with_records_of(name, batch);
    // Only compaction leaves a batch without records, and it starts from one that had some.
    let emptied = builder.is_empty();
    if emptied {
        let delta = (batch.last_offset() - batch.base_offset()) as i32;
        builder
            .append_at(delta, batch.max_timestamp(), None, None, &[])
            .expect(name);
    }
    let append_time = batch.timestamp_type() == TimestampType::LogAppendTime;
    let producer = ProducerSequence {
        producer_id: batch.producer_id(),
        producer_epoch: batch.producer_epoch(),
        base_sequence: batch.base_sequence(),
    };
    let seal = Seal {
        codec,
        producer,
        transactional: batch.is_transactional(),
        control: batch.is_control(),
        log_append_time: append_time.then(|| batch.max_timestamp()),
        base_offset: batch.base_offset(),
        partition_leader_epoch: batch.partition_leader_epoch(),
    };
    let rewritten = RecordBatch::parse(builder.finish(&seal).expect(name)).expect(name);
    if emptied {
        return rewritten.emptied().expect(name);
    }

    // The same in the steps of a producer and of a broker.
    let seal = Seal {
        codec,
        transactional: seal.transactional,
        control: seal.control,
        ..Seal::default()
    };
    let bytes = builder_with_records_of(name, batch)
        .finish(&seal)
        .expect(name);
    let sent = RecordBatch::parse(bytes)
        .expect(name)
        .with_producer(producer)
        .expect(name);
    let mut appended = sent
        .clone()
        .with_offset(batch.base_offset(), batch.partition_leader_epoch())
        .expect(name);
    if append_time {
        appended = appended
            .with_log_append_time(batch.max_timestamp())
            .expect(name);
    }
    assert_eq!(appended.bytes(), rewritten.bytes(), "{name}: in steps");
    assert_eq!(
        (sent.base_offset(), sent.verify_crc()),
        (0, Ok(())),
        "a shared batch is copied, not changed"
    );
    rewritten
}

fn builder_with_records_of(name: &str, batch: &RecordBatch) -> RecordBatchBuilder {
    let mut builder = RecordBatchBuilder::new();
    for record in &with_create_time(batch).decompressed(LIMIT).expect(name) {
        let record = record.expect(name);
        let headers: Vec<Header<'_>> = record.headers().map(|header| header.expect(name)).collect();
        let delta = i32::try_from(record.offset() - batch.base_offset()).expect("a delta");
        builder
            .append_at(
                delta,
                record.timestamp(),
                record.key(),
                record.value(),
                &headers,
            )
            .expect(name);
    }
    builder
}

/// The batch with the timestamps that its producer gave the records, which a broker's own time only covers.
fn with_create_time(batch: &RecordBatch) -> RecordBatch {
    const ATTRIBUTES: usize = 22;
    let mut bytes = batch.bytes().to_vec();
    bytes[ATTRIBUTES] &= !(1 << 3);
    RecordBatch::parse(bytes.into()).expect("lengths are right")
}
