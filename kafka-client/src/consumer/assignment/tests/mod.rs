//! What is asked for, decoded and handed out, step by step, on a clock that the test moves.

mod delivery;
mod fetching;
mod positions;
mod replicas;
mod sessions;
mod truncation;

use std::collections::HashMap;
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use kafka_proto::codec::Uuid;
use kafka_proto::error_code::ErrorCode;
use kafka_proto::messages::FetchResponse;
use kafka_proto::messages::fetch::{
    AbortedTransaction, FetchableTopicResponse, LeaderIdAndEpoch, PartitionData,
};
use kafka_proto::records::{
    ControlRecord, ControlType, ProducerSequence, RecordBatchBuilder, Seal,
};

use super::*;
use crate::cluster::NewLeader;
use crate::consumer::config::Isolation;
use crate::consumer::records::PartitionBatch;

const TOPIC_ID: Uuid = Uuid([9; 16]);

struct Test {
    assignment: Assignment,
    now: Instant,
    /// Leaders, by partition; broker 1 where nothing else is said.
    leaders: HashMap<i32, Leadership>,
    /// Brokers that are not there.
    down: Vec<i32>,
}

struct Known<'a>(&'a HashMap<i32, Leadership>, &'a [i32]);

impl Leaders for Known<'_> {
    fn leadership(&self, partition: &TopicPartition) -> Leadership {
        let leader_of = self.0.get(&partition.partition);
        leader_of.cloned().unwrap_or(leader(1, 3))
    }

    fn is_replica(&self, _partition: &TopicPartition, broker: i32) -> bool {
        !self.1.contains(&broker)
    }
}

fn partition(number: i32) -> TopicPartition {
    TopicPartition::new("t", number)
}

fn leader(broker: i32, epoch: i32) -> Leadership {
    Leadership::Leader {
        broker,
        epoch,
        topic_id: TOPIC_ID,
    }
}

/// A batch of `count` records, each of 100 bytes.
fn batch(base_offset: i64, count: i64, seal: Seal) -> Bytes {
    let mut builder = RecordBatchBuilder::new();
    for n in 0..count {
        builder.append(n, None, Some(&[7; 100]), &[]).unwrap();
    }
    builder
        .finish(&Seal {
            base_offset,
            partition_leader_epoch: 5,
            ..seal
        })
        .unwrap()
}

fn records(base_offset: i64, count: i64) -> Bytes {
    batch(base_offset, count, Seal::default())
}

fn concat(batches: &[Bytes]) -> Bytes {
    let mut all = BytesMut::new();
    batches
        .iter()
        .for_each(|batch| all.extend_from_slice(batch));
    all.freeze()
}

fn data(number: i32, records: Bytes) -> PartitionData {
    PartitionData {
        partition_index: number,
        high_watermark: 1000,
        last_stable_offset: 900,
        records: Some(records),
        ..Default::default()
    }
}

fn error(number: i32, code: ErrorCode) -> PartitionData {
    PartitionData {
        partition_index: number,
        error_code: code.into(),
        ..Default::default()
    }
}

fn answer(partitions: Vec<PartitionData>) -> Result<FetchResponse> {
    let topic = FetchableTopicResponse {
        topic_id: TOPIC_ID,
        partitions,
        ..Default::default()
    };
    Ok(FetchResponse {
        responses: vec![topic],
        ..Default::default()
    })
}

fn offsets(batches: &[PartitionBatch]) -> Vec<(i32, i64)> {
    let records = batches.iter().flatten();
    records
        .map(|record| (record.partition().partition, record.offset()))
        .collect()
}

impl Test {
    fn new(config: impl FnOnce(&mut ConsumerConfig)) -> Self {
        let mut settings = ConsumerConfig {
            auto_offset_reset: OffsetReset::Earliest,
            ..ConsumerConfig::default()
        };
        config(&mut settings);
        Self {
            assignment: Assignment::new(settings),
            now: Instant::now(),
            leaders: HashMap::new(),
            down: Vec::new(),
        }
    }

    /// Reads partitions `0..count` from offset 0 on.
    fn reading(count: i32, config: impl FnOnce(&mut ConsumerConfig)) -> Self {
        let mut test = Self::new(config);
        test.assignment.assign((0..count).map(partition));
        for number in 0..count {
            test.assignment.seek(&partition(number), 0).unwrap();
        }
        test
    }

    fn plan(&mut self) -> Vec<Task> {
        self.assignment
            .plan(&Known(&self.leaders, &self.down), self.now)
    }

    #[track_caller]
    fn expect_fetch(&mut self) -> FetchTask {
        match &self.plan()[..] {
            [Task::Fetch(task)] => task.clone(),
            other => panic!("{other:?}"),
        }
    }

    fn fetched(&mut self, task: &FetchTask, mut partitions: Vec<PartitionData>) -> Vec<NewLeader> {
        // An answer outside of a session is about all that was asked for.
        for target in &task.targets {
            let number = target.ticket.partition.partition;
            if partitions.iter().all(|data| data.partition_index != number) {
                partitions.push(data(number, Bytes::new()));
            }
        }
        let news = self.assignment.fetched(task, answer(partitions), self.now);
        news.leaders
    }

    /// Decodes what there is room for.
    fn decode(&mut self) {
        if !self.assignment.begin_decoding() {
            return;
        }
        let decoding = self.assignment.decoding();
        while let Some(mut work) = self.assignment.next_to_decode() {
            let (mut pieces, mut error, mut room) = (Vec::new(), None, work.room);
            let mut is_done = false;
            while room > 0 && error.is_none() && !is_done {
                match work.chunk.next(&decoding) {
                    Some(Ok(piece)) => {
                        room = room.saturating_sub(piece.size());
                        pieces.push(piece);
                    }
                    Some(Err(reason)) => error = Some(reason),
                    None => is_done = true,
                }
            }
            let rest = (!is_done && error.is_none()).then_some(work.chunk);
            self.assignment.decoded(
                Decoded {
                    ticket: work.ticket,
                    pieces,
                    rest,
                    error,
                },
                self.now,
            );
        }
    }

    fn take(&mut self) -> Vec<(i32, i64)> {
        self.decode();
        offsets(&self.assignment.take().0)
    }

    fn asked(task: &FetchTask) -> Vec<(i32, i64)> {
        let mut asked: Vec<_> = task
            .targets
            .iter()
            .map(|target| (target.ticket.partition.partition, target.offset))
            .collect();
        asked.sort_unstable();
        asked
    }

    fn pass(&mut self, time: Duration) {
        self.now += time;
    }

    fn error(&mut self) -> Option<Error> {
        self.assignment.take_error(self.now, false)
    }
}
