//! DescribeProducers: who writes to partitions.

use kafka_proto::error_code::ErrorCode;
use kafka_proto::messages::describe_producers::{PartitionResponse, ProducerState, TopicResponse};
use kafka_proto::messages::{DescribeProducersRequest, DescribeProducersResponse};

use crate::authorizer::Operation;
use crate::lock::lock;
use crate::node::Call;
use crate::topics::Partition;

pub(super) fn answer(
    call: &Call<'_>,
    request: DescribeProducersRequest,
) -> DescribeProducersResponse {
    let topics = request.topics.into_iter().map(|wanted| {
        let topic = call.topic(Operation::Read, &wanted.name);
        let describe = |index| {
            let found = match &topic {
                Ok(topic) => topic
                    .partition(index)
                    .ok_or(ErrorCode::UnknownTopicOrPartition),
                Err(error) => Err(*error),
            };
            let (partition, error) = match found {
                Ok(partition) => (Some(partition), ErrorCode::None),
                Err(error) => (None, error),
            };
            PartitionResponse {
                partition_index: index,
                error_code: error.code(),
                active_producers: partition.map(producers).unwrap_or_default(),
                ..Default::default()
            }
        };
        TopicResponse {
            partitions: wanted.partition_indexes.into_iter().map(describe).collect(),
            name: wanted.name,
            ..Default::default()
        }
    });
    DescribeProducersResponse {
        topics: topics.collect(),
        ..Default::default()
    }
}

fn producers(partition: &Partition) -> Vec<ProducerState> {
    let log = lock(&partition.log);
    let producers = log.producers().map(|(producer_id, state)| ProducerState {
        producer_id,
        producer_epoch: i32::from(state.epoch),
        last_sequence: state.last_sequence().unwrap_or(-1),
        last_timestamp: state.last_timestamp,
        coordinator_epoch: state.coordinator_epoch,
        current_txn_start_offset: state.transaction_start.unwrap_or(-1),
        ..Default::default()
    });
    producers.collect()
}
