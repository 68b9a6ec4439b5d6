//! A consumer's positions as a part of a transaction.

use std::collections::BTreeMap;

use kafka_proto::messages::TxnOffsetCommitRequest;
use kafka_proto::messages::txn_offset_commit::{
    TxnOffsetCommitRequestPartition, TxnOffsetCommitRequestTopic,
};

use super::coordinator::Coordinator;
use super::remedy::Api;
use super::state::Protocol;
use crate::cluster::CoordinatorKind;
use crate::consumer::{ConsumerGroupMetadata, OffsetAndMetadata, by_topic};
use crate::error::{Result, check};
use crate::producer::identity::Identity;
use crate::producer::sender::Shared;
use crate::types::TopicPartition;

/// Hands positions to the group's coordinator, which keeps them until the transaction ends. It refuses those of a member
/// that the group has parted with (KIP-447).
pub(super) async fn commit(
    shared: &Shared,
    identity: Identity,
    protocol: Protocol,
    offsets: &BTreeMap<TopicPartition, OffsetAndMetadata>,
    group: &ConsumerGroupMetadata,
) -> Result<()> {
    let coordinator = Coordinator {
        shared,
        kind: CoordinatorKind::Group,
        key: group.group_id(),
    };
    let topics = by_topic(
        offsets
            .iter()
            .map(|(partition, offset)| (partition.clone(), offset)),
    );
    let topics = topics
        .into_iter()
        .map(|(name, partitions)| TxnOffsetCommitRequestTopic {
            name: name.into(),
            partitions: partitions
                .into_iter()
                .map(
                    |(partition_index, offset)| TxnOffsetCommitRequestPartition {
                        partition_index,
                        committed_offset: offset.offset,
                        committed_leader_epoch: offset.leader_epoch.unwrap_or(-1),
                        committed_metadata: Some(offset.metadata.as_str().into()),
                        ..Default::default()
                    },
                )
                .collect(),
            ..Default::default()
        });
    let transactional_id = shared.config.transactional_id.as_deref();
    let request = TxnOffsetCommitRequest {
        transactional_id: transactional_id.unwrap_or_default().into(),
        group_id: group.group_id().into(),
        producer_id: identity.id,
        producer_epoch: identity.epoch,
        generation_id: group.generation_id(),
        member_id: group.member_id().into(),
        group_instance_id: group.group_instance_id().map(Into::into),
        topics: topics.collect(),
        ..Default::default()
    };
    let limit = shared.config.max_block;
    coordinator
        .insist(Api::TxnOffsetCommit, limit, || async {
            let max_version = protocol.max_txn_offset_commit();
            let answer = coordinator.ask(max_version, &request, || {}).await?;
            for topic in &answer.topics {
                for partition in &topic.partitions {
                    check(partition.error_code, || {
                        let at = TopicPartition::new(&*topic.name, partition.partition_index);
                        let group = group.group_id();
                        format!("position of {at} for group \"{group}\" in the transaction")
                    })?;
                }
            }
            Ok(())
        })
        .await
}
