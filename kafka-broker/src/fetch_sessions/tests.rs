use bytes::Bytes;

use super::*;

const VERSION: i16 = 17;

fn partition(partition: i32, fetch_offset: i64) -> FetchPartition {
    FetchPartition {
        partition,
        fetch_offset,
        ..Default::default()
    }
}

fn topic(partitions: Vec<FetchPartition>) -> FetchTopic {
    FetchTopic {
        topic_id: Uuid([1; 16]),
        partitions,
        ..Default::default()
    }
}

fn request(session_id: i32, session_epoch: i32, partitions: &[(i32, i64)]) -> FetchRequest {
    let wanted = partitions
        .iter()
        .map(|(number, offset)| partition(*number, *offset));
    FetchRequest {
        session_id,
        session_epoch,
        topics: vec![topic(wanted.collect())],
        ..Default::default()
    }
}

/// What is answered for a partition: its end, and whether there are records.
type Answer = (i32, i64, bool);

/// What was read, and from where; the session's id; what the reader was told of.
type Exchanged = (Vec<(i32, i64)>, i32, Vec<i32>);

struct Test {
    sessions: FetchSessions,
    now: Instant,
}

impl Test {
    fn new(slots: usize) -> Self {
        Self {
            sessions: FetchSessions::new(slots),
            now: Instant::now(),
        }
    }

    /// Exchanges a request for which the broker finds `found`.
    fn exchange(
        &self,
        mut request: FetchRequest,
        found: &[Answer],
    ) -> Result<Exchanged, ErrorCode> {
        let exchange = self.sessions.begin(&mut request, VERSION, self.now)?;
        let read: Vec<(i32, i64)> = request
            .topics
            .iter()
            .flat_map(|topic| &topic.partitions)
            .map(|wanted| (wanted.partition, wanted.fetch_offset))
            .collect();
        let data = read.iter().map(|(number, _)| {
            let answer = found.iter().find(|(of, ..)| of == number);
            let (_, high_watermark, has_records) = answer.copied().unwrap_or((0, 0, false));
            PartitionData {
                partition_index: *number,
                high_watermark,
                records: Some(Bytes::from_static(if has_records { b"x" } else { b"" })),
                ..Default::default()
            }
        });
        let mut responses = vec![FetchableTopicResponse {
            topic_id: Uuid([1; 16]),
            partitions: data.collect(),
            ..Default::default()
        }];
        let id = self
            .sessions
            .finish(exchange, &request, VERSION, &mut responses, self.now);
        let told = responses
            .iter()
            .flat_map(|topic| &topic.partitions)
            .map(|data| data.partition_index);
        Ok((read, id, told.collect()))
    }
}

#[test]
fn a_session_is_told_only_what_is_new() {
    let test = Test::new(10);
    let found = [(0, 5, true), (1, 7, false)];
    let (read, id, told) = test
        .exchange(request(0, 0, &[(0, 0), (1, 7)]), &found)
        .unwrap();
    assert_eq!((read, told), (vec![(0, 0), (1, 7)], vec![0, 1]));
    assert!(id > 0);
    // Who had records comes last, and has none left: of nothing there is anything to say.
    let none = [(0, 5, false), (1, 7, false)];
    let (read, again, told) = test.exchange(request(id, 1, &[(0, 5)]), &none).unwrap();
    assert_eq!((read, again, told), (vec![(1, 7), (0, 5)], id, vec![]));
    let moved = [(0, 5, false), (1, 8, false)];
    let (_, _, told) = test.exchange(request(id, 2, &[]), &moved).unwrap();
    assert_eq!(told, [1], "its end has moved");
    let (_, _, told) = test
        .exchange(request(id, 3, &[(2, 0)]), &[(0, 5, false), (1, 8, false)])
        .unwrap();
    assert_eq!(told, [2], "it was not there before");
    let mut forgetting = request(id, 4, &[]);
    forgetting.forgotten_topics_data = vec![kafka_proto::messages::fetch::ForgottenTopic {
        topic_id: Uuid([1; 16]),
        partitions: vec![0, 2],
        ..Default::default()
    }];
    let (read, ..) = test.exchange(forgetting, &[]).unwrap();
    assert_eq!(read, [(1, 7)]);
}

#[test]
fn a_session_that_is_not_as_the_reader_believes_is_refused() {
    let test = Test::new(10);
    let (_, id, _) = test.exchange(request(0, 0, &[(0, 0)]), &[]).unwrap();
    let refused = |request| test.exchange(request, &[]).unwrap_err();
    assert_eq!(
        refused(request(id, 2, &[])),
        ErrorCode::InvalidFetchSessionEpoch
    );
    assert_eq!(
        refused(request(if id == 1 { 2 } else { 1 }, 1, &[])),
        ErrorCode::FetchSessionIdNotFound
    );
    let mut with_names = request(id, 1, &[]);
    assert_eq!(
        test.sessions.begin(&mut with_names, 12, test.now),
        Err(ErrorCode::FetchSessionTopicIdError)
    );
    // A request that asks for a new one, or for none, ends it.
    let (_, none, _) = test.exchange(request(id, -1, &[(0, 0)]), &[]).unwrap();
    assert_eq!(none, 0);
    assert_eq!(
        refused(request(id, 1, &[])),
        ErrorCode::FetchSessionIdNotFound
    );
}

#[test]
fn a_session_makes_room_only_when_it_was_not_used_for_long() {
    let mut test = Test::new(1);
    let (_, first, _) = test.exchange(request(0, 0, &[(0, 0)]), &[]).unwrap();
    let (_, refused, _) = test.exchange(request(0, 0, &[(0, 0)]), &[]).unwrap();
    assert_eq!(refused, 0);
    test.now += KEPT_FOR;
    test.exchange(request(first, 1, &[]), &[]).unwrap();
    test.now += KEPT_FOR;
    let (_, refused, _) = test.exchange(request(0, 0, &[(0, 0)]), &[]).unwrap();
    assert_eq!(refused, 0, "used a moment ago");
    test.now += Duration::from_secs(1);
    let (_, second, _) = test.exchange(request(0, 0, &[(0, 0)]), &[]).unwrap();
    assert!(second > 0);
    let gone = test.exchange(request(first, 2, &[]), &[]).unwrap_err();
    assert_eq!(gone, ErrorCode::FetchSessionIdNotFound);
}
