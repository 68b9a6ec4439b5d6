//! A segment of a log as we write it, read by Kafka's own tool for dumping logs.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use kafka_proto::compression::{Codec, Compression};
use kafka_proto::records::{
    Batches, ControlRecord, ControlType, Header, ProducerSequence, RecordBatch, RecordBatchBuilder,
    RecordRef, Seal, TimestampType,
};
use tests::kafka::unique;

const NOW: i64 = 1_700_000_000_000;

/// Removes its folder in the end.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        let path = std::env::temp_dir().join(unique("java-reads-our-batches"));
        std::fs::create_dir_all(&path).expect("a folder of the test's own");
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Every compression at its default level and at each of its levels.
fn codecs() -> impl Iterator<Item = Codec> {
    Compression::ALL.into_iter().flat_map(|compression| {
        let levels = compression.levels().into_iter().flatten();
        let at = move |level| Codec::with_level(compression, level).expect("a level of its own");
        std::iter::once(Codec::new(compression)).chain(levels.map(at))
    })
}

/// A batch of `count` records of many kinds.
fn batch(count: i64, seal: &Seal) -> Vec<u8> {
    let mut builder = RecordBatchBuilder::new();
    let headers = [
        Header::new("name", b"value"),
        Header {
            key: "null",
            value: None,
        },
    ];
    for i in 0..count {
        let key = format!("key-{}", i % 10);
        let text = format!(
            "order {i} of customer {}, paid; ",
            i.wrapping_mul(7_919) % 1_000
        );
        let value = text.repeat(1 + (i % 40) as usize);
        let (key, value, headers): (Option<&[u8]>, Option<&[u8]>, &[Header<'_>]) = match i % 5 {
            0 => (Some(key.as_bytes()), Some(value.as_bytes()), &[]),
            1 => (None, Some(value.as_bytes()), &headers),
            2 => (Some(key.as_bytes()), None, &[]),
            3 => (Some(b""), Some(b""), &headers[..1]),
            _ => (None, Some(value.as_bytes()), &[]),
        };
        // Back and forth in time.
        let timestamp = NOW + (i * 37) % 1_000;
        builder
            .append(timestamp, key, value, headers)
            .expect("it fits");
    }
    builder.finish(seal).expect("it compresses").into()
}

/// A segment with every codec and level, and with all that a batch's header can say.
fn segment() -> Vec<u8> {
    let mut log = Vec::new();
    let mut base_offset = 100;
    let mut append = |count: i64, seal: Seal| {
        let seal = Seal {
            base_offset,
            partition_leader_epoch: 4,
            ..seal
        };
        log.extend(batch(count, &seal));
        base_offset += count;
    };
    for codec in codecs() {
        append(
            50,
            Seal {
                codec,
                ..Seal::default()
            },
        );
    }
    for codec in Compression::ALL.map(Codec::new) {
        // More than one block of any codec.
        append(
            600,
            Seal {
                codec,
                ..Seal::default()
            },
        );
        let producer = ProducerSequence {
            producer_id: 7,
            producer_epoch: 1,
            base_sequence: i32::MAX - 3,
        };
        let log_append_time = Some(NOW + 5_000);
        append(
            10,
            Seal {
                codec,
                producer,
                transactional: true,
                ..Seal::default()
            },
        );
        append(
            10,
            Seal {
                codec,
                log_append_time,
                ..Seal::default()
            },
        );
    }
    for (kind, coordinator_epoch) in [(ControlType::Abort, 9), (ControlType::Commit, 10)] {
        let mut builder = RecordBatchBuilder::new();
        let key = ControlRecord { version: 0, kind }.key();
        let value = ControlRecord::end_transaction_value(coordinator_epoch);
        builder
            .append(NOW, Some(&key), Some(&value), &[])
            .expect("it fits");
        let producer = ProducerSequence {
            producer_id: 7,
            producer_epoch: 1,
            base_sequence: -1,
        };
        let seal = Seal {
            base_offset,
            producer,
            control: true,
            transactional: true,
            ..Seal::default()
        };
        log.extend(builder.finish(&seal).expect("no compression"));
        base_offset += 1;
    }
    let emptied = RecordBatch::parse(
        batch(
            5,
            &Seal {
                base_offset,
                ..Seal::default()
            },
        )
        .into(),
    );
    log.extend(
        emptied
            .and_then(|batch| batch.emptied())
            .expect("magic 2")
            .bytes(),
    );
    log
}

/// What the tool prints of a segment that is what it should be.
fn expected_dump(path: &Path, log: Vec<u8>) -> String {
    let mut dump = format!("Dumping {}\nLog starting offset: 100\n", path.display());
    for batch in Batches::new(log.into()) {
        let batch = batch.expect("a batch");
        let time = match batch.timestamp_type() {
            TimestampType::LogAppendTime => "LogAppendTime",
            _ => "CreateTime",
        };
        let _ = writeln!(
            dump,
            "baseOffset: {} lastOffset: {} count: {} baseSequence: {} lastSequence: {} producerId: {} producerEpoch: {} \
             partitionLeaderEpoch: {} isTransactional: {} isControl: {} deleteHorizonMs: OptionalLong.empty position: {} \
             {time}: {} size: {} magic: 2 compresscodec: {} crc: {} isvalid: true",
            batch.base_offset(),
            batch.last_offset(),
            batch.record_count().expect("magic 2"),
            batch.base_sequence(),
            batch.last_sequence(),
            batch.producer_id(),
            batch.producer_epoch(),
            batch.partition_leader_epoch(),
            batch.is_transactional(),
            batch.is_control(),
            batch.position(),
            batch.max_timestamp(),
            batch.bytes().len(),
            batch.compression().expect("one of ours"),
            batch.crc(),
        );
        for record in &batch.decompressed(1 << 24).expect("a block") {
            let record = record.expect("valid");
            dump_record(&mut dump, &batch, &record, time);
        }
    }
    dump
}

fn dump_record(dump: &mut String, batch: &RecordBatch, record: &RecordRef<'_>, time: &str) {
    let len = |bytes: Option<&[u8]>| bytes.map_or(-1, |bytes| bytes.len() as i64);
    let headers: Vec<_> = record
        .headers()
        .map(|header| header.expect("valid").key)
        .collect();
    // After the largest sequence number comes 0.
    let delta = record.offset() - batch.base_offset();
    let sequence = match batch.base_sequence() {
        -1 => -1,
        base => (i64::from(base) + delta) % (1 << 31),
    };
    let _ = write!(
        dump,
        "| offset: {} {time}: {} keySize: {} valueSize: {} sequence: {sequence} headerKeys: [{}]",
        record.offset(),
        record.timestamp(),
        len(record.key()),
        len(record.value()),
        headers.join(","),
    );
    if batch.is_control() {
        let control = ControlRecord::parse(record.key().expect("a key")).expect("a control record");
        let (kind, epoch) = match control.kind {
            ControlType::Abort => ("ABORT", 9),
            _ => ("COMMIT", 10),
        };
        let _ = writeln!(dump, " endTxnMarker: {kind} coordinatorEpoch: {epoch}");
        return;
    }
    for (name, bytes) in [("key", record.key()), ("payload", record.value())] {
        if let Some(bytes) = bytes {
            let _ = write!(dump, " {name}: {}", String::from_utf8_lossy(bytes));
        }
    }
    dump.push('\n');
}

#[test]
#[ignore = "needs Kafka: tests/kafka/kafka.sh"]
fn kafkas_own_dump_of_a_segment_is_what_we_wrote() {
    let folder = Folder::new();
    let path = folder.0.join("00000000000000000100.log");
    let log = segment();
    std::fs::write(&path, &log).expect("written");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("kafka/kafka.sh");
    let output = Command::new(script)
        .args([
            "tool",
            "dump-log",
            "--deep-iteration",
            "--print-data-log",
            "--files",
        ])
        .arg(&path)
        .output()
        .expect("tests/kafka/kafka.sh");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}\n{errors}", output.status);
    let dump = String::from_utf8(output.stdout).expect("text");
    let expected = expected_dump(&path, log);
    for (line, expected) in dump.lines().zip(expected.lines()) {
        assert_eq!(line, expected);
    }
    assert_eq!(dump.lines().count(), expected.lines().count());
    println!(
        "{} codecs and levels, {} lines of the dump compared",
        codecs().count(),
        expected.lines().count()
    );
}
