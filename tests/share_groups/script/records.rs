//! Records: acquiring and acknowledging them.

use kafka_proto::messages::share_acknowledge::{
    self, AcknowledgePartition, AcknowledgeTopic, ShareAcknowledgeTopicResponse,
};
use kafka_proto::messages::share_fetch::{
    AcknowledgementBatch, AcquiredRecords, FetchPartition, FetchTopic, ForgottenTopic,
    PartitionData,
};
use kafka_proto::records::Batches;

use super::*;

/// First and last offset of a partition, and what is said of them.
type Ack<'a> = (i64, i64, &'a [i8]);

/// A request for records of partition 0 of a topic.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Read<'a> {
    pub(crate) member: &'a str,
    /// None: the next one.
    pub(crate) epoch: Option<i32>,
    /// Empty: the partitions of the session.
    pub(crate) topic: &'a str,
    pub(crate) partition: i32,
    pub(crate) forget: bool,
    pub(crate) max_records: i32,
    pub(crate) batch_size: i32,
    pub(crate) mode: i8,
    pub(crate) max_wait_ms: i32,
    pub(crate) renews: bool,
    pub(crate) acks: &'a [Ack<'a>],
}

impl<'a> Read<'a> {
    pub(crate) fn of(member: &'a str, topic: &'a str) -> Self {
        Self {
            member,
            epoch: None,
            topic,
            partition: 0,
            forget: false,
            max_records: 500,
            batch_size: 500,
            mode: 0,
            max_wait_ms: 300,
            renews: false,
            acks: &[],
        }
    }

    pub(crate) fn at(self, epoch: i32) -> Self {
        Self {
            epoch: Some(epoch),
            ..self
        }
    }

    pub(crate) fn acks(self, acks: &'a [Ack<'a>]) -> Self {
        Self { acks, ..self }
    }

    pub(crate) fn most(self, max_records: i32, mode: i8) -> Self {
        Self {
            max_records,
            mode,
            ..self
        }
    }
}

/// Acquired records, neighbours with the same delivery count as one.
fn acquired(records: &[AcquiredRecords]) -> String {
    let mut merged: Vec<AcquiredRecords> = Vec::new();
    for records in records {
        match merged.last_mut() {
            Some(last)
                if last.last_offset + 1 == records.first_offset
                    && last.delivery_count == records.delivery_count =>
            {
                last.last_offset = records.last_offset;
            }
            _ => merged.push(records.clone()),
        }
    }
    let merged = merged.iter().map(|records| {
        let AcquiredRecords {
            first_offset,
            last_offset,
            delivery_count,
            ..
        } = records;
        format!("{first_offset}..{last_offset} x{delivery_count}")
    });
    format!("[{}]", merged.collect::<Vec<_>>().join(", "))
}

fn batches(data: &PartitionData) -> String {
    let records = data.records.clone().unwrap_or_default();
    let batches = Batches::new(records).map(|batch| {
        let batch = batch.expect("a batch");
        format!("{}..{}", batch.base_offset(), batch.last_offset())
    });
    format!("[{}]", batches.collect::<Vec<_>>().join(", "))
}

impl Script<'_> {
    async fn asked(&mut self, read: &Read<'_>) -> ShareFetchResponse {
        let expected = self.sessions.get(read.member).copied().unwrap_or(0);
        let epoch = read.epoch.unwrap_or(expected);
        let topic_id = self.topic_id(read.topic);
        let acks = read
            .acks
            .iter()
            .map(|(first, last, types)| AcknowledgementBatch {
                first_offset: *first,
                last_offset: *last,
                acknowledge_types: types.to_vec(),
                ..Default::default()
            });
        let partition = FetchPartition {
            partition_index: read.partition,
            acknowledgement_batches: acks.collect(),
            ..Default::default()
        };
        let wanted = FetchTopic {
            topic_id,
            partitions: vec![partition],
            ..Default::default()
        };
        let forgotten = ForgottenTopic {
            topic_id,
            partitions: vec![read.partition],
            ..Default::default()
        };
        let names = !read.topic.is_empty();
        let limit = |limit: i32| if read.renews { 0 } else { limit };
        let request = ShareFetchRequest {
            group_id: Some(self.group.as_str().into()),
            member_id: Some(read.member.into()),
            share_session_epoch: epoch,
            max_wait_ms: limit(read.max_wait_ms),
            min_bytes: limit(1),
            max_bytes: limit(1 << 20),
            max_records: limit(read.max_records),
            batch_size: read.batch_size,
            share_acquire_mode: read.mode,
            is_renew_ack: read.renews,
            topics: (names && !read.forget)
                .then_some(wanted)
                .into_iter()
                .collect(),
            forgotten_topics_data: read.forget.then_some(forgotten).into_iter().collect(),
            ..Default::default()
        };
        let answer = self.wire.call(&request, 2).await;
        if answer.error_code == 0 {
            self.step(read.member, epoch);
        }
        answer
    }

    fn step(&mut self, member: &str, epoch: i32) {
        if epoch == -1 {
            self.sessions.remove(member);
        } else {
            self.sessions.insert(member.to_owned(), epoch + 1);
        }
    }

    fn write_read(&mut self, read: &Read<'_>, answer: &ShareFetchResponse) {
        let epoch = read
            .epoch
            .map_or(String::new(), |epoch| format!(" in {epoch}"));
        let acks = if read.acks.is_empty() {
            String::new()
        } else {
            format!(" saying {:?}", read.acks)
        };
        self.line(format!(
            "{} reads {:?}{epoch}{acks}: {}, locks last {} ms",
            read.member,
            read.topic,
            error(answer.error_code),
            answer.acquisition_lock_timeout_ms,
        ));
        for topic in &answer.responses {
            let mut partitions = topic.partitions.clone();
            partitions.sort_by_key(|partition| partition.partition_index);
            for data in &partitions {
                let line = format!(
                    "  {}-{}: {} acquired {} in {} acknowledged {} leader {} {}",
                    self.topic_name(topic.topic_id),
                    data.partition_index,
                    error(data.error_code),
                    acquired(&data.acquired_records),
                    batches(data),
                    error(data.acknowledge_error_code),
                    data.current_leader.leader_id,
                    data.current_leader.leader_epoch,
                );
                self.line(line);
            }
        }
    }

    pub(crate) async fn read(&mut self, read: Read<'_>) {
        let answer = self.asked(&read).await;
        self.write_read(&read, &answer);
    }

    /// The first answer that brings records: Kafka looks up the group's state beside what it is asked, and locks end when
    /// they do.
    pub(crate) async fn read_some(&mut self, read: Read<'_>) {
        let mut again = read;
        let told = async {
            loop {
                let answer = self.asked(&again).await;
                let partitions = answer.responses.iter().flat_map(|topic| &topic.partitions);
                let mut partitions = partitions.filter(|data| !data.acquired_records.is_empty());
                if partitions.next().is_some() || answer.error_code != 0 {
                    return answer;
                }
                again.epoch = None;
                again.acks = &[];
            }
        };
        let answer = timeout(WAIT, told).await;
        let answer = answer.unwrap_or_else(|_| panic!("waited {WAIT:?} for records"));
        self.write_read(&read, &answer);
    }

    /// Reads until there are so many records: locks that end at once are not seen to at once.
    pub(crate) async fn read_until(&mut self, read: Read<'_>, count: i64) {
        let mut got: Vec<AcquiredRecords> = Vec::new();
        let told = async {
            while got
                .iter()
                .map(|got| got.last_offset - got.first_offset + 1)
                .sum::<i64>()
                < count
            {
                let answer = self.asked(&read).await;
                assert_eq!(error(answer.error_code), "NONE");
                let partitions = answer
                    .responses
                    .into_iter()
                    .flat_map(|topic| topic.partitions);
                got.extend(partitions.flat_map(|data| data.acquired_records));
            }
        };
        let told = timeout(WAIT, told).await;
        told.unwrap_or_else(|_| panic!("waited {WAIT:?} for {count} records"));
        got.sort_by_key(|got| got.first_offset);
        self.line(format!(
            "{} gets {} after a while",
            read.member,
            acquired(&got)
        ));
    }

    /// Acknowledges records of partition 0 of a topic.
    pub(crate) async fn acknowledge(
        &mut self,
        member: &str,
        epoch: Option<i32>,
        topic: &str,
        acks: &[Ack<'_>],
    ) {
        self.acknowledge_in(member, epoch, topic, acks, false).await;
    }

    /// Renews locks.
    pub(crate) async fn renew(&mut self, member: &str, topic: &str, acks: &[Ack<'_>]) {
        self.acknowledge_in(member, None, topic, acks, true).await;
    }

    async fn acknowledge_in(
        &mut self,
        member: &str,
        epoch: Option<i32>,
        topic: &str,
        acks: &[Ack<'_>],
        renews: bool,
    ) {
        let expected = self.sessions.get(member).copied().unwrap_or(0);
        let batches =
            acks.iter().map(
                |(first, last, types)| share_acknowledge::AcknowledgementBatch {
                    first_offset: *first,
                    last_offset: *last,
                    acknowledge_types: types.to_vec(),
                    ..Default::default()
                },
            );
        let partition = AcknowledgePartition {
            partition_index: 0,
            acknowledgement_batches: batches.collect(),
            ..Default::default()
        };
        let wanted = AcknowledgeTopic {
            topic_id: self.topic_id(topic),
            partitions: vec![partition],
            ..Default::default()
        };
        let sent = epoch.unwrap_or(expected);
        let request = ShareAcknowledgeRequest {
            group_id: Some(self.group.as_str().into()),
            member_id: Some(member.into()),
            share_session_epoch: sent,
            is_renew_ack: renews,
            topics: (!topic.is_empty()).then_some(wanted).into_iter().collect(),
            ..Default::default()
        };
        let answer = self.wire.call(&request, 2).await;
        if answer.error_code == 0 {
            self.step(member, sent);
        }
        let epoch = epoch.map_or(String::new(), |epoch| format!(" in {epoch}"));
        self.line(format!(
            "{member} says {acks:?} of {topic:?}{epoch}: {}, locks last {} ms {}",
            error(answer.error_code),
            answer.acquisition_lock_timeout_ms,
            self.acknowledged(&answer.responses),
        ));
    }

    fn acknowledged(&self, responses: &[ShareAcknowledgeTopicResponse]) -> String {
        let mut told: Vec<_> = responses
            .iter()
            .flat_map(|topic| {
                topic.partitions.iter().map(|data| {
                    format!(
                        "{}-{}: {} leader {} {}",
                        self.topic_name(topic.topic_id),
                        data.partition_index,
                        error(data.error_code),
                        data.current_leader.leader_id,
                        data.current_leader.leader_epoch,
                    )
                })
            })
            .collect();
        told.sort_unstable();
        format!("{told:?}")
    }
}
