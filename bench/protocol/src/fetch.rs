//! What a consumer lives on: 10,000 records in one response.

use bytes::Bytes;
use kafka_proto::codec::Uuid;
use kafka_proto::messages::fetch::{FetchResponse, FetchableTopicResponse, PartitionData};

use crate::batches::{BARE, Built, FULL, read_by_ours, read_by_peer};
use crate::comparison::Comparisons;
use crate::twins::Twins;

type PeerResponse = kafka_protocol::messages::FetchResponse;

const PARTITIONS: usize = 4;
const RECORDS: usize = 10_000;
/// The size that a producer closes a batch at, unless told otherwise (`batch.size`).
const BATCH_SIZE: usize = 16_384;

pub(crate) fn compare(comparisons: &mut Comparisons) {
    for form in [BARE, FULL] {
        let name = format!("Fetch response, 10,000 {}", form.name);
        let twins = Twins::new(response(&Built::new(
            form,
            RECORDS / PARTITIONS,
            BATCH_SIZE,
        )));
        twins.compare_records(
            &name,
            comparisons,
            |ours: &FetchResponse| {
                let partitions = ours.responses.iter().flat_map(|topic| &topic.partitions);
                read_by_ours(partitions.filter_map(|partition| partition.records.as_ref()))
            },
            |peer: &PeerResponse| {
                let partitions = peer.responses.iter().flat_map(|topic| &topic.partitions);
                read_by_peer(partitions.filter_map(|partition| partition.records.as_ref()))
            },
        );
        // For what is around the records it makes no difference what these are like.
        if form.name == BARE.name {
            twins.compare(&name, comparisons);
        }
        Built::new(form, RECORDS, BATCH_SIZE).compare(
            &format!("Batches of 16 KiB, 10,000 {}", form.name),
            comparisons,
        );
    }
}

/// The response to a consumer that reads the partitions of one topic.
fn response(built: &Built) -> FetchResponse {
    let records = built.joined();
    let partition = |partition_index| PartitionData {
        partition_index,
        high_watermark: 1_000_000,
        last_stable_offset: 1_000_000,
        log_start_offset: 0,
        // Each in memory of its own, as they are read from the log.
        records: Some(Bytes::copy_from_slice(&records)),
        ..Default::default()
    };
    FetchResponse {
        session_id: 42,
        responses: vec![FetchableTopicResponse {
            topic_id: Uuid([7; 16]),
            partitions: (0..PARTITIONS as i32).map(partition).collect(),
            ..Default::default()
        }],
        ..Default::default()
    }
}
