//! What a producer sends: many small batches, or a large one.

use bytes::Bytes;
use kafka_proto::codec::Uuid;
use kafka_proto::messages::produce::{PartitionProduceData, ProduceRequest, TopicProduceData};

use crate::batches::{BARE, Built, read_by_ours, read_by_peer, records_in_a_full_batch};
use crate::comparison::Comparisons;
use crate::twins::Twins;

type PeerRequest = kafka_protocol::messages::ProduceRequest;

pub(crate) fn compare(comparisons: &mut Comparisons) {
    for (name, topics, partitions, batch_size) in [
        (
            "Produce request, 16 topics × 8 partitions of 1 KB",
            16,
            8,
            1_000,
        ),
        ("Produce request, 1 partition of 1 MB", 1, 1, 1_000_000),
    ] {
        let twins = Twins::new(request(topics, partitions, batch_size));
        twins.compare_records(
            name,
            comparisons,
            |ours: &ProduceRequest| {
                let partitions = ours
                    .topic_data
                    .iter()
                    .flat_map(|topic| &topic.partition_data);
                read_by_ours(partitions.filter_map(|partition| partition.records.as_ref()))
            },
            |peer: &PeerRequest| {
                let partitions = peer
                    .topic_data
                    .iter()
                    .flat_map(|topic| &topic.partition_data);
                read_by_peer(partitions.filter_map(|partition| partition.records.as_ref()))
            },
        );
        twins.compare(name, comparisons);
    }
}

fn request(topics: u8, partitions: i32, batch_size: usize) -> ProduceRequest {
    let batch = Built::new(BARE, records_in_a_full_batch(BARE, batch_size), batch_size).joined();
    let partition = |index| PartitionProduceData {
        index,
        // Each in memory of its own, as they are built.
        records: Some(Bytes::copy_from_slice(&batch)),
        ..Default::default()
    };
    ProduceRequest {
        acks: -1,
        timeout_ms: 30_000,
        topic_data: (0..topics)
            .map(|topic| TopicProduceData {
                topic_id: Uuid([topic + 1; 16]),
                partition_data: (0..partitions).map(partition).collect(),
                ..Default::default()
            })
            .collect(),
        ..Default::default()
    }
}
