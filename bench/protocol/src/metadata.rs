//! What a client asks for first, and every five minutes: where the partitions are.

use kafka_proto::codec::Uuid;
use kafka_proto::messages::metadata::{
    MetadataResponse, MetadataResponseBroker, MetadataResponsePartition, MetadataResponseTopic,
};

use crate::comparison::Comparisons;
use crate::twins::Twins;

const BROKERS: i32 = 12;
const TOPICS: i32 = 1_000;
const PARTITIONS: i32 = 10;
const REPLICAS: i32 = 3;

pub(crate) fn compare(comparisons: &mut Comparisons) {
    Twins::<_, kafka_protocol::messages::MetadataResponse>::new(response()).compare(
        "Metadata response, 1,000 topics × 10 partitions",
        comparisons,
    );
}

fn response() -> MetadataResponse {
    MetadataResponse {
        brokers: (0..BROKERS).map(broker).collect(),
        cluster_id: Some("5L6g3nShT-eMCtK--X86sw".into()),
        controller_id: 1,
        topics: (0..TOPICS).map(topic).collect(),
        ..Default::default()
    }
}

fn broker(node_id: i32) -> MetadataResponseBroker {
    MetadataResponseBroker {
        node_id,
        host: format!("broker-{node_id}.kafka.example.com").into(),
        port: 9092,
        rack: Some(format!("zone-{}", node_id % REPLICAS).into()),
        ..Default::default()
    }
}

fn topic(index: i32) -> MetadataResponseTopic {
    MetadataResponseTopic {
        name: Some(format!("shop.orders.region-{index:04}").into()),
        topic_id: Uuid((0x0123_4567_89ab_cdef_0000_0000_0000_0000 + index as u128).to_be_bytes()),
        partitions: (0..PARTITIONS)
            .map(|partition| self::partition(index, partition))
            .collect(),
        ..Default::default()
    }
}

fn partition(topic: i32, partition_index: i32) -> MetadataResponsePartition {
    let replicas: kafka_proto::codec::BrokerIds = (0..REPLICAS)
        .map(|replica| (topic + partition_index + replica) % BROKERS)
        .collect();
    MetadataResponsePartition {
        partition_index,
        leader_id: replicas[0],
        leader_epoch: 7,
        isr_nodes: replicas.clone(),
        replica_nodes: replicas,
        ..Default::default()
    }
}
