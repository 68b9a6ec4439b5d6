//! Record batches: the input of the messages that carry them, built and read by both crates.

use std::hint::black_box;

use bytes::{Bytes, BytesMut};
use kafka_proto::records::{Batches, Header, ProducerSequence, RecordBatchBuilder, Seal};
use kafka_protocol::protocol::StrBytes;
use kafka_protocol::records::{
    Compression, Record, RecordBatchDecoder, RecordBatchEncoder, RecordEncodeOptions, TimestampType,
};

use crate::comparison::Comparisons;

const TIMESTAMP: i64 = 1_700_000_000_000;
const PRODUCER_ID: i64 = 4_000;
const PRODUCER_EPOCH: i16 = 3;

/// What the records are like.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Form {
    /// What the form is called.
    pub(crate) name: &'static str,
    key: Option<&'static [u8]>,
    value: &'static [u8],
    headers: &'static [(&'static str, &'static [u8])],
}

/// Nothing but a value of 100 bytes.
pub(crate) const BARE: Form = Form {
    name: "records of 100 B",
    key: None,
    value: &[b'x'; 100],
    headers: &[],
};

/// The same with a key and two headers.
pub(crate) const FULL: Form = Form {
    name: "records of 100 B with key and 2 headers",
    key: Some(b"customer-0123456789"),
    headers: &[
        ("traceparent", b"00-4bf92f3577b34da6a3ce929d0e0e4736"),
        ("source", b"checkout"),
    ],
    ..BARE
};

impl Form {
    fn our_headers(self) -> Vec<Header<'static>> {
        self.headers
            .iter()
            .map(|(key, value)| Header::new(key, value))
            .collect()
    }
}

/// What reading a record yields, summed up so that both crates have to look at all of it.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Sums {
    records: usize,
    offsets: i64,
    timestamps: i64,
    key_bytes: usize,
    value_bytes: usize,
    header_bytes: usize,
}

/// The same batches, to be built by each crate.
pub(crate) struct Built {
    form: Form,
    batch_size: usize,
    /// How many records each batch has.
    counts: Vec<usize>,
    /// The peer takes records as structs.
    peer: Vec<Vec<Record>>,
}

impl Built {
    /// As many batches of up to `batch_size` bytes as `records` fill.
    pub(crate) fn new(form: Form, records: usize, batch_size: usize) -> Self {
        let in_full = records_in_a_full_batch(form, batch_size);
        let counts: Vec<usize> = (0..records)
            .step_by(in_full)
            .map(|first| in_full.min(records - first))
            .collect();
        let peer = (0..)
            .step_by(in_full)
            .zip(&counts)
            .map(|(base, &count)| peer_records(form, base, count))
            .collect();
        let built = Self {
            form,
            batch_size,
            counts,
            peer,
        };
        let mut by_peer = BytesMut::new();
        built.by_peer(|batch| by_peer.extend_from_slice(&batch));
        assert!(built.joined() == by_peer, "the peer builds other batches");
        built
    }

    /// The batches one behind the other, as a log has them.
    pub(crate) fn joined(&self) -> Bytes {
        let mut joined = BytesMut::new();
        self.by_ours(|batch| joined.extend_from_slice(&batch));
        joined.freeze()
    }

    fn by_ours(&self, mut finished: impl FnMut(Bytes)) {
        let Form { key, value, .. } = self.form;
        let headers = self.form.our_headers();
        let mut base = 0;
        for &count in &self.counts {
            let room = Vec::with_capacity(self.batch_size);
            let mut builder = RecordBatchBuilder::with_buffer(room);
            for i in 0..count {
                builder
                    .append(TIMESTAMP + i as i64, key, Some(value), &headers)
                    .expect("it fits");
            }
            let seal = Seal {
                producer: ProducerSequence {
                    producer_id: PRODUCER_ID,
                    producer_epoch: PRODUCER_EPOCH,
                    base_sequence: base as i32,
                },
                base_offset: base as i64,
                ..Default::default()
            };
            base += count;
            finished(builder.finish(&seal).expect("it fits"));
        }
    }

    fn by_peer(&self, mut finished: impl FnMut(Bytes)) {
        for records in &self.peer {
            finished(peer_batch(records, self.batch_size));
        }
    }

    /// Compares building the batches. Each is dropped before the next is begun, as if it had been sent.
    pub(crate) fn compare(&self, name: &str, comparisons: &mut Comparisons) {
        comparisons.compare(
            format!("{name}: build"),
            || self.by_ours(|batch| drop(black_box(batch))),
            || {
                let mut base = 0;
                for &count in &self.counts {
                    let records = peer_records(self.form, base, count);
                    black_box(peer_batch(&records, self.batch_size));
                    base += count;
                }
            },
        );
        comparisons.compare(
            format!("{name}: build, the peer from structs made before"),
            || self.by_ours(|batch| drop(black_box(batch))),
            || self.by_peer(|batch| drop(black_box(batch))),
        );
    }
}

fn peer_batch(records: &[Record], size: usize) -> Bytes {
    let options = RecordEncodeOptions {
        version: 2,
        compression: Compression::None,
    };
    let mut batch = BytesMut::with_capacity(size);
    RecordBatchEncoder::encode(&mut batch, records, &options).expect("it fits");
    batch.freeze()
}

fn peer_records(form: Form, base: usize, count: usize) -> Vec<Record> {
    (0..count).map(|i| peer_record(form, base, i)).collect()
}

/// How many records a batch of up to `size` bytes has.
pub(crate) fn records_in_a_full_batch(form: Form, size: usize) -> usize {
    let headers = form.our_headers();
    let mut builder = RecordBatchBuilder::new();
    loop {
        let timestamp = TIMESTAMP + builder.record_count() as i64;
        if !builder.would_fit(size, timestamp, form.key, Some(form.value), &headers) {
            return builder.record_count();
        }
        builder
            .append(timestamp, form.key, Some(form.value), &headers)
            .expect("it fits");
    }
}

fn peer_record(form: Form, base: usize, index: usize) -> Record {
    let offset = (base + index) as i64;
    Record {
        transactional: false,
        control: false,
        delete_horizon: false,
        partition_leader_epoch: -1,
        producer_id: PRODUCER_ID,
        producer_epoch: PRODUCER_EPOCH,
        timestamp_type: TimestampType::Creation,
        offset,
        sequence: offset as i32,
        timestamp: TIMESTAMP + index as i64,
        key: form.key.map(Bytes::from_static),
        value: Some(Bytes::from_static(form.value)),
        headers: form
            .headers
            .iter()
            .map(|&(key, value)| {
                (
                    StrBytes::from_static_str(key),
                    Some(Bytes::from_static(value)),
                )
            })
            .collect(),
    }
}

/// Reads all records of some partitions, checksums included.
pub(crate) fn read_by_ours<'a>(partitions: impl Iterator<Item = &'a Bytes>) -> Sums {
    let mut sums = Sums::default();
    for batch in partitions.flat_map(|records| Batches::new(records.clone())) {
        let batch = batch.expect("a batch");
        batch.verify_crc().expect("it is whole");
        let block = batch.decompressed(0).expect("it is not compressed");
        for record in &block {
            let record = record.expect("a record");
            sums.records += 1;
            sums.offsets += record.offset();
            sums.timestamps += record.timestamp() - TIMESTAMP;
            sums.key_bytes += record.key().map_or(0, <[u8]>::len);
            sums.value_bytes += record.value().map_or(0, <[u8]>::len);
            for header in record.headers() {
                let header = header.expect("a header");
                sums.header_bytes += header.key.len() + header.value.map_or(0, <[u8]>::len);
            }
        }
    }
    sums
}

/// The same by the peer, which always verifies checksums.
pub(crate) fn read_by_peer<'a>(partitions: impl Iterator<Item = &'a Bytes>) -> Sums {
    let mut sums = Sums::default();
    for mut rest in partitions.cloned() {
        // Batch by batch rather than by its `decode_all`: that keeps all records until the end, which is slower.
        while !rest.is_empty() {
            let batch = RecordBatchDecoder::decode(&mut rest).expect("a batch");
            for record in &batch.records {
                sums.records += 1;
                sums.offsets += record.offset;
                sums.timestamps += record.timestamp - TIMESTAMP;
                sums.key_bytes += record.key.as_ref().map_or(0, Bytes::len);
                sums.value_bytes += record.value.as_ref().map_or(0, Bytes::len);
                for (key, value) in &record.headers {
                    sums.header_bytes += key.len() + value.as_ref().map_or(0, Bytes::len);
                }
            }
        }
    }
    sums
}
