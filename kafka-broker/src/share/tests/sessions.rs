//! What a broker remembers of those who read.

use kafka_proto::codec::Uuid;

use super::super::sessions::{CLOSE, MemberKey, OPEN, ShareSessions};
use super::*;
use crate::topics::TopicIdPartition;

fn key(member: &str) -> MemberKey {
    MemberKey {
        group_id: "g".into(),
        member_id: member.into(),
    }
}

fn partitions(indexes: &[i32]) -> Vec<TopicIdPartition> {
    let partition = |index: &i32| TopicIdPartition {
        topic_id: Uuid([1; 16]),
        partition: *index,
    };
    indexes.iter().map(partition).collect()
}

fn read(
    sessions: &ShareSessions,
    member: &str,
    epoch: i32,
    added: &[i32],
    forgotten: &[i32],
) -> Result<Vec<i32>, ErrorCode> {
    let added = partitions(added).into_iter();
    let wanted = sessions.read(&key(member), epoch, added, &partitions(forgotten))?;
    let mut wanted: Vec<i32> = wanted.into_iter().map(|id| id.partition).collect();
    wanted.sort_unstable();
    Ok(wanted)
}

#[test]
fn a_member_says_once_what_it_wants() {
    let sessions = ShareSessions::new(10);
    assert_eq!(read(&sessions, "a", OPEN, &[0, 1], &[]), Ok(vec![0, 1]));
    assert_eq!(read(&sessions, "a", 1, &[], &[]), Ok(vec![0, 1]));
    assert_eq!(read(&sessions, "a", 2, &[2], &[0]), Ok(vec![1, 2]));
    assert_eq!(sessions.acknowledge(&key("a"), 3), Ok(()));
    assert_eq!(read(&sessions, "a", 4, &[], &[]), Ok(vec![1, 2]));
    assert_eq!(
        read(&sessions, "a", OPEN, &[5], &[]),
        Ok(vec![5]),
        "it begins anew"
    );
}

#[test]
fn a_session_is_there_and_in_step_or_refused() {
    let sessions = ShareSessions::new(1);
    let (missing, epoch) = (
        ErrorCode::ShareSessionNotFound,
        ErrorCode::InvalidShareSessionEpoch,
    );
    assert_eq!(read(&sessions, "a", 1, &[], &[]), Err(missing));
    assert_eq!(sessions.acknowledge(&key("a"), CLOSE), Err(missing));
    assert_eq!(sessions.acknowledge(&key("a"), OPEN), Err(epoch));
    read(&sessions, "a", OPEN, &[0], &[]).unwrap();
    assert_eq!(read(&sessions, "a", 2, &[], &[]), Err(epoch));
    assert_eq!(sessions.acknowledge(&key("a"), 0), Err(epoch));
    assert_eq!(
        read(&sessions, "b", OPEN, &[0], &[]),
        Err(ErrorCode::ShareSessionLimitReached)
    );
    assert_eq!(sessions.acknowledge(&key("a"), CLOSE), Ok(()));
    assert_eq!(sessions.close(&key("a")), partitions(&[0]));
    assert_eq!(read(&sessions, "b", OPEN, &[0], &[]), Ok(vec![0]));
}
