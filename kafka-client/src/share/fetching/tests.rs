//! What is sent to brokers that the test plays, step by step, on a clock that the test moves.

use std::collections::HashMap;

use kafka_proto::codec::Uuid;
use kafka_proto::error_code::ErrorCode;
use kafka_proto::messages::metadata::{
    MetadataResponseBroker, MetadataResponsePartition, MetadataResponseTopic,
};
use kafka_proto::messages::share_acknowledge as acknowledge;
use kafka_proto::messages::share_fetch::{
    AcquiredRecords, LeaderIdAndEpoch, PartitionData, ShareFetchableTopicResponse,
};
use kafka_proto::messages::{MetadataResponse, ShareAcknowledgeResponse, ShareFetchResponse};
use kafka_proto::records::{RecordBatch, RecordBatchBuilder, Seal};

use super::*;
use crate::cluster::Metadata;
use crate::share::decode::{Decoded, decode};

const T: Uuid = Uuid([1; 16]);
const SECOND: Duration = Duration::from_secs(1);

/// Partition 0 is led by broker 1, partition 1 by broker 2, unless it is said otherwise.
fn metadata(leaders: &[i32]) -> Metadata {
    let broker = |id| MetadataResponseBroker {
        node_id: id,
        host: "b".into(),
        port: id,
        ..Default::default()
    };
    let partition = |(number, leader): (usize, &i32)| MetadataResponsePartition {
        partition_index: number as i32,
        leader_id: *leader,
        leader_epoch: 1,
        ..Default::default()
    };
    let topic = MetadataResponseTopic {
        name: Some("t".into()),
        topic_id: T,
        partitions: leaders.iter().enumerate().map(partition).collect(),
        ..Default::default()
    };
    Metadata::default().after(MetadataResponse {
        brokers: vec![broker(1), broker(2)],
        topics: vec![topic],
        ..Default::default()
    })
}

fn acquired(number: i32, first: i64, last: i64) -> (PartitionData, Decoded) {
    let mut builder = RecordBatchBuilder::new();
    for _ in first..=last {
        builder.append(1, None, Some(b"v"), &[]).unwrap();
    }
    let bytes = builder.finish(&Seal::default()).unwrap();
    let batch = RecordBatch::parse(bytes).unwrap().with_offset(first, 1);
    let range = AcquiredRecords {
        first_offset: first,
        last_offset: last,
        delivery_count: 1,
        ..Default::default()
    };
    let partition = TopicPartition::new("t", number);
    let decoded = decode(&partition, batch.unwrap().into_bytes(), &[range], true);
    (data(number, ErrorCode::None), decoded)
}

fn data(number: i32, acknowledged: ErrorCode) -> PartitionData {
    PartitionData {
        partition_index: number,
        acknowledge_error_code: acknowledged.into(),
        current_leader: LeaderIdAndEpoch {
            leader_id: -1,
            leader_epoch: -1,
            ..Default::default()
        },
        ..Default::default()
    }
}

struct Test {
    fetching: Fetching,
    metadata: Metadata,
    now: Instant,
}

impl Test {
    fn new(mode: AcknowledgementMode) -> Self {
        let config = ShareConsumerConfig {
            group_id: Some("g".into()),
            acknowledgement_mode: mode,
            ..Default::default()
        };
        let mut test = Self {
            fetching: Fetching::new(config, "m".into()),
            metadata: metadata(&[1, 2]),
            now: Instant::now(),
        };
        test.assign(&[0]);
        test
    }

    fn assign(&mut self, numbers: &[i32]) {
        let partition = |number: &i32| ((T, *number), TopicPartition::new("t", *number));
        let assigned = numbers.iter().map(partition).collect();
        self.fetching.assign(assigned, self.now);
    }

    fn plan(&mut self) -> Vec<Task> {
        self.fetching.plan(&self.metadata, self.now)
    }

    fn poll(&mut self) {
        self.fetching.poll_begins(self.now).unwrap();
    }

    #[track_caller]
    fn fetch(&mut self) -> FetchTask {
        let mut tasks = self.plan();
        match (tasks.pop(), tasks.len()) {
            (Some(Task::Fetch(task)), 0) => task,
            other => panic!("{other:?}"),
        }
    }

    #[track_caller]
    fn acknowledge(&mut self) -> AcknowledgeTask {
        let mut tasks = self.plan();
        match (tasks.pop(), tasks.len()) {
            (Some(Task::Acknowledge(task)), 0) => task,
            other => panic!("{other:?}"),
        }
    }

    fn bring(&mut self, task: FetchTask, parts: Vec<(PartitionData, Decoded)>) {
        let (mut partitions, mut decoded) = (Vec::new(), HashMap::new());
        for (data, records) in parts {
            decoded.insert((T, data.partition_index), records);
            partitions.push(data);
        }
        let answer = ShareFetchResponse {
            acquisition_lock_timeout_ms: 30_000,
            responses: vec![ShareFetchableTopicResponse {
                topic_id: T,
                partitions,
                ..Default::default()
            }],
            ..Default::default()
        };
        let fetched = Fetched { answer, decoded };
        self.fetching.fetched(task, Ok(fetched), self.now);
    }

    fn refuse(&mut self, task: FetchTask, code: ErrorCode) {
        let answer = ShareFetchResponse {
            error_code: code.into(),
            ..Default::default()
        };
        let fetched = Fetched {
            answer,
            decoded: HashMap::new(),
        };
        self.fetching.fetched(task, Ok(fetched), self.now);
    }

    fn confirm(&mut self, task: AcknowledgeTask, code: ErrorCode) {
        let topic = |topic: &acknowledge::AcknowledgeTopic| {
            let partition =
                |partition: &acknowledge::AcknowledgePartition| acknowledge::PartitionData {
                    partition_index: partition.partition_index,
                    error_code: code.into(),
                    ..Default::default()
                };
            acknowledge::ShareAcknowledgeTopicResponse {
                topic_id: topic.topic_id,
                partitions: topic.partitions.iter().map(partition).collect(),
                ..Default::default()
            }
        };
        let answer = ShareAcknowledgeResponse {
            responses: task.request.topics.iter().map(topic).collect(),
            ..Default::default()
        };
        self.fetching.acknowledged(task, Ok(answer), self.now);
    }

    /// Polled ten records of partition 0.
    fn holding(mode: AcknowledgementMode) -> Self {
        let mut test = Self::new(mode);
        test.poll();
        let task = test.fetch();
        test.bring(task, vec![acquired(0, 0, 9)]);
        assert_eq!(test.taken(), 10);
        test.fetching.poll_ends();
        test
    }

    fn taken(&mut self) -> usize {
        let batches = self.fetching.take(self.now);
        batches.iter().map(ShareBatch::len).sum()
    }

    fn errors(&mut self) -> Vec<Option<ErrorCode>> {
        let settled = self.fetching.take_settled();
        let code = |settled: &Settled| match &settled.error {
            None => None,
            Some(Error::Broker { code, .. }) => Some(*code),
            Some(other) => panic!("{other}"),
        };
        settled.iter().map(code).collect()
    }
}

fn said(task: &FetchTask) -> Vec<(i64, i64, i8)> {
    let partitions = task
        .request
        .topics
        .iter()
        .flat_map(|topic| &topic.partitions);
    let batches = partitions.flat_map(|partition| &partition.acknowledgement_batches);
    let plain = batches.map(|batch| {
        (
            batch.first_offset,
            batch.last_offset,
            batch.acknowledge_types[0],
        )
    });
    plain.collect()
}

fn told(task: &AcknowledgeTask) -> Vec<(i64, i64, i8)> {
    let partitions = task
        .request
        .topics
        .iter()
        .flat_map(|topic| &topic.partitions);
    let batches = partitions.flat_map(|partition| &partition.acknowledgement_batches);
    let plain = batches.map(|batch| {
        (
            batch.first_offset,
            batch.last_offset,
            batch.acknowledge_types[0],
        )
    });
    plain.collect()
}

const IMPLICIT: AcknowledgementMode = AcknowledgementMode::Implicit;
const EXPLICIT: AcknowledgementMode = AcknowledgementMode::Explicit;

#[test]
fn brokers_are_asked_when_somebody_polls_and_one_request_at_a_time() {
    let mut test = Test::new(IMPLICIT);
    assert!(test.plan().is_empty(), "nobody polls");
    test.poll();
    let task = test.fetch();
    assert_eq!((task.broker, task.request.share_session_epoch), (1, 0));
    assert!(test.plan().is_empty(), "it is on its way");
    test.bring(task, vec![acquired(0, 0, 9)]);
    assert!(test.plan().is_empty(), "there is something to hand out");
    assert_eq!(test.taken(), 10);
    test.fetching.poll_ends();
    assert!(test.plan().is_empty(), "until the next poll");
    assert_eq!(test.fetching.lock_timeout(), Some(SECOND * 30));
}

#[test]
fn what_was_handed_out_is_accepted_along_with_the_next_fetch() {
    let mut test = Test::holding(IMPLICIT);
    test.poll();
    let task = test.fetch();
    assert_eq!(task.request.share_session_epoch, 1);
    assert_eq!(said(&task), [(0, 9, 1)]);
    test.bring(task, vec![(data(0, ErrorCode::None), Decoded::default())]);
    assert_eq!(test.errors(), [None]);
    let task = test.fetch();
    assert_eq!(
        (task.request.share_session_epoch, said(&task)),
        (2, vec![]),
        "once"
    );
}

#[test]
fn a_commit_needs_no_poll_and_has_the_answers() {
    let mut test = Test::holding(IMPLICIT);
    let mut pending = test.fetching.commit(test.now);
    let task = test.acknowledge();
    assert_eq!(task.request.share_session_epoch, 1);
    assert_eq!(told(&task), [(0, 9, 1)]);
    test.confirm(task, ErrorCode::InvalidRecordState);
    let settled = test.fetching.take_settled();
    test.fetching.reply(&settled);
    let waker = std::task::Waker::noop();
    let mut context = std::task::Context::from_waker(waker);
    let polled = std::pin::Pin::new(&mut pending).poll(&mut context);
    let std::task::Poll::Ready(Ok(results)) = polled else {
        panic!("{polled:?}");
    };
    let error = results.all().unwrap_err();
    let refused = matches!(
        error,
        Error::Broker {
            code: ErrorCode::InvalidRecordState,
            ..
        }
    );
    assert!(refused && error.to_string().contains("t-0"), "{error}");
}

#[test]
fn a_poll_waits_for_acknowledgements_in_the_explicit_mode() {
    let mut test = Test::holding(EXPLICIT);
    let partition = TopicPartition::new("t", 0);
    let refused = test.fetching.poll_begins(test.now);
    assert!(matches!(
        refused,
        Err(Error::NotAcknowledged { offset: 0, .. })
    ));
    assert!(test.plan().is_empty());
    let all = Delivered {
        partition: &partition,
        first: 0,
        last: 9,
    };
    test.fetching
        .acknowledge(all, AcknowledgeType::Release)
        .unwrap();
    test.poll();
    let task = test.fetch();
    assert_eq!(said(&task), [(0, 9, 2)]);
}

#[test]
fn acknowledgements_that_may_be_done_later_are_sent_again() {
    let mut test = Test::holding(IMPLICIT);
    let _pending = test.fetching.commit(test.now);
    let task = test.acknowledge();
    test.confirm(task, ErrorCode::CoordinatorNotAvailable);
    assert_eq!(test.errors(), []);
    assert!(test.plan().is_empty(), "not at once");
    test.now += SECOND;
    let task = test.acknowledge();
    assert_eq!(told(&task), [(0, 9, 1)]);
    test.confirm(task, ErrorCode::None);
    assert_eq!(test.errors(), [None]);
}

#[test]
fn they_go_to_the_broker_that_gave_the_records_out() {
    let mut test = Test::holding(IMPLICIT);
    test.metadata = metadata(&[2, 2]);
    test.poll();
    let tasks = test.plan();
    let [Task::Acknowledge(first), Task::Fetch(second)] = &tasks[..] else {
        panic!("{tasks:?}");
    };
    assert_eq!((first.broker, told(first)), (1, vec![(0, 9, 1)]));
    assert_eq!((second.broker, said(second)), (2, vec![]));
    let Some(Task::Acknowledge(task)) = tasks.into_iter().next() else {
        panic!("it was one");
    };
    test.confirm(task, ErrorCode::NotLeaderOrFollower);
    assert_eq!(
        test.errors(),
        [Some(ErrorCode::NotLeaderOrFollower)],
        "not again"
    );
    // Nothing holds the old session any more.
    let task = test.plan().into_iter().find_map(|task| match task {
        Task::Acknowledge(task) => Some(task),
        _ => None,
    });
    let task = task.expect("an end");
    assert_eq!((task.broker, task.request.share_session_epoch), (1, -1));
}

#[test]
fn a_session_that_is_lost_is_begun_anew_and_takes_its_acknowledgements_along() {
    for code in [
        ErrorCode::ShareSessionNotFound,
        ErrorCode::InvalidShareSessionEpoch,
    ] {
        let mut test = Test::holding(IMPLICIT);
        test.poll();
        let task = test.fetch();
        test.refuse(task, code);
        assert_eq!(test.errors(), [Some(code)]);
        let task = test.fetch();
        assert_eq!(
            (task.request.share_session_epoch, said(&task)),
            (0, vec![]),
            "at once"
        );
        assert_eq!(
            task.request.topics[0].partitions.len(),
            1,
            "with all partitions"
        );
        test.refuse(task, code);
        assert!(test.plan().is_empty(), "not in circles");
    }
}

#[test]
fn without_a_session_nothing_can_be_acknowledged() {
    let mut test = Test::holding(IMPLICIT);
    test.poll();
    let task = test.fetch();
    let _pending = test.fetching.commit(test.now);
    test.refuse(task, ErrorCode::ShareSessionNotFound);
    test.errors();
    test.assign(&[0, 1]);
    assert!(
        test.plan()
            .iter()
            .all(|task| matches!(task, Task::Fetch(_)))
    );
}

#[test]
fn what_is_not_read_here_any_more_goes_back() {
    let mut test = Test::new(IMPLICIT);
    test.poll();
    let task = test.fetch();
    test.bring(task, vec![acquired(0, 0, 9)]);
    test.assign(&[]);
    assert_eq!(test.taken(), 0);
    let task = test.acknowledge();
    assert_eq!(told(&task), [(0, 9, 2)]);
    test.confirm(task, ErrorCode::None);
    let end = test.acknowledge();
    assert_eq!(end.request.share_session_epoch, -1);
    test.confirm(end, ErrorCode::None);
    assert!(test.fetching.is_ended() && test.plan().is_empty());
}

#[test]
fn what_is_locked_no_more_is_not_handed_out() {
    let mut test = Test::new(IMPLICIT);
    test.poll();
    let task = test.fetch();
    test.fetching.poll_ends();
    test.bring(task, vec![acquired(0, 0, 9)]);
    test.now += SECOND * 30;
    assert_eq!(test.taken(), 0);
}

#[test]
fn a_limit_of_records_cuts_batches() {
    for (mode, expected) in [
        (AcquireMode::RecordLimit, [4, 4, 2]),
        (AcquireMode::BatchOptimized, [10, 0, 0]),
    ] {
        let mut test = Test::new(IMPLICIT);
        test.fetching.config.max_poll_records = 4;
        test.fetching.config.acquire_mode = mode;
        test.poll();
        let task = test.fetch();
        assert_eq!(task.request.max_records, 4);
        test.bring(task, vec![acquired(0, 0, 9)]);
        assert_eq!([test.taken(), test.taken(), test.taken()], expected);
    }
}

#[test]
fn closing_gives_everything_back_with_the_end_of_the_session() {
    let mut test = Test::holding(EXPLICIT);
    let partition = TopicPartition::new("t", 0);
    test.fetching
        .acknowledge((&partition, 3).into(), AcknowledgeType::Accept)
        .unwrap();
    test.fetching.close(test.now);
    assert!(!test.fetching.is_ended());
    let end = test.acknowledge();
    assert_eq!(end.request.share_session_epoch, -1);
    assert_eq!(told(&end), [(0, 2, 2), (3, 3, 1), (4, 9, 2)]);
    test.confirm(end, ErrorCode::None);
    assert!(test.fetching.is_ended() && test.plan().is_empty());
}

#[test]
fn a_renewal_goes_out_by_itself_and_keeps_the_record() {
    let mut test = Test::holding(EXPLICIT);
    let partition = TopicPartition::new("t", 0);
    let all = Delivered {
        partition: &partition,
        first: 0,
        last: 9,
    };
    test.fetching
        .acknowledge(all, AcknowledgeType::Renew)
        .unwrap();
    test.poll();
    let task = test.acknowledge();
    assert!(task.request.is_renew_ack);
    test.confirm(task, ErrorCode::None);
    let fetch = test.fetch();
    assert_eq!(said(&fetch), []);
    test.fetching
        .acknowledge(all, AcknowledgeType::Accept)
        .unwrap();
    test.bring(fetch, vec![(data(0, ErrorCode::None), Decoded::default())]);
    let _pending = test.fetching.commit(test.now);
    // The poll goes on, so that it may go along.
    assert_eq!(said(&test.fetch()), [(0, 9, 1)]);
}
