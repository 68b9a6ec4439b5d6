//! Groups and their positions.

use super::*;

impl Script {
    pub(crate) async fn add_offsets(
        &mut self,
        version: i16,
        id: &str,
        producer: Producer,
        group: &str,
    ) {
        let request = AddOffsetsToTxnRequest {
            transactional_id: self.id(id).into(),
            producer_id: producer.id,
            producer_epoch: producer.epoch,
            group_id: self.id(group).into(),
            ..Default::default()
        };
        let answer = self
            .wire
            .call_coordinator(&request, version, |answer| answer.error_code)
            .await;
        let told = self.producer(producer);
        self.line(format!(
            "add offsets v{version} {id:?} {told} {group:?}: {}",
            error(answer.error_code)
        ));
    }

    /// Commits a position of partition 0.
    pub(crate) async fn commit_offset(
        &mut self,
        version: i16,
        id: &str,
        producer: Producer,
        (group, generation, member): (&str, i32, &str),
        (partition, offset): (i32, i64),
    ) {
        let metadata = if offset == 4097 {
            "x".repeat(4097)
        } else {
            String::new()
        };
        let partition = TxnOffsetCommitRequestPartition {
            partition_index: partition,
            committed_offset: offset,
            committed_metadata: Some(metadata.into()),
            ..Default::default()
        };
        let topic = TxnOffsetCommitRequestTopic {
            name: self.topic.as_str().into(),
            partitions: vec![partition],
            ..Default::default()
        };
        let request = TxnOffsetCommitRequest {
            transactional_id: self.id(id).into(),
            group_id: self.id(group).into(),
            producer_id: producer.id,
            producer_epoch: producer.epoch,
            generation_id: generation,
            member_id: member.into(),
            topics: vec![topic],
            ..Default::default()
        };
        let answer = self
            .wire
            .call_coordinator(&request, version, |answer| {
                answer.topics[0].partitions[0].error_code
            })
            .await;
        let told = self.producer(producer);
        self.line(format!(
            "commit offset v{version} {id:?} {told} {group:?} {generation} {} {offset}: {}",
            if member.len() > 1 { "member" } else { member },
            error(answer.topics[0].partitions[0].error_code)
        ));
    }

    /// Becomes the only member of a group, in its first generation; answers with the member's id.
    pub(crate) async fn join(&mut self, group: &str) -> String {
        let protocol = JoinGroupRequestProtocol {
            name: "range".into(),
            ..Default::default()
        };
        let join = JoinGroupRequest {
            group_id: self.id(group).into(),
            session_timeout_ms: 30_000,
            rebalance_timeout_ms: 30_000,
            protocol_type: "consumer".into(),
            protocols: vec![protocol],
            ..Default::default()
        };
        // In this version a member need not come back with the id that it is given.
        let joined = self
            .wire
            .call_coordinator(&join, 3, |answer| answer.error_code)
            .await;
        let told = (error(joined.error_code), joined.generation_id);
        self.line(format!("join {group:?}: {told:?}"));
        joined.member_id.to_string()
    }

    /// Commits a position of partition 0 outside of any transaction.
    pub(crate) async fn commit_offset_plainly(&mut self, group: &str, offset: i64) {
        let partition = OffsetCommitRequestPartition {
            committed_offset: offset,
            ..Default::default()
        };
        let topic = OffsetCommitRequestTopic {
            name: self.topic.as_str().into(),
            partitions: vec![partition],
            ..Default::default()
        };
        let request = OffsetCommitRequest {
            group_id: self.id(group).into(),
            topics: vec![topic],
            ..Default::default()
        };
        let answer = self.wire.call(&request, 8).await;
        self.line(format!(
            "commit offset plainly {group:?} {offset}: {}",
            error(answer.topics[0].partitions[0].error_code)
        ));
    }

    /// The positions of a group: partition 0, and all that it has.
    pub(crate) async fn offsets(&mut self, group: &str) {
        for require_stable in [false, true] {
            let topic = OffsetFetchRequestTopics {
                name: self.topic.as_str().into(),
                partition_indexes: vec![0],
                ..Default::default()
            };
            for topics in [Some(vec![topic.clone()]), None] {
                let which = if topics.is_some() { "one" } else { "all" };
                let wanted = OffsetFetchRequestGroup {
                    group_id: self.id(group).into(),
                    topics,
                    ..Default::default()
                };
                let request = OffsetFetchRequest {
                    groups: vec![wanted],
                    require_stable,
                    ..Default::default()
                };
                let answer = self.wire.call(&request, 8).await;
                let group_answer = &answer.groups[0];
                let positions: Vec<_> = group_answer
                    .topics
                    .iter()
                    .flat_map(|topic| &topic.partitions)
                    .map(|partition| (partition.committed_offset, error(partition.error_code)))
                    .collect();
                self.line(format!(
                    "offsets {group:?} {which} stable={require_stable}: {} {positions:?}",
                    error(group_answer.error_code)
                ));
            }
        }
    }
}
