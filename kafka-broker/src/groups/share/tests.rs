//! The state machine on a clock of its own.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use kafka_proto::codec::Uuid;
use kafka_proto::error_code::ErrorCode;

use super::assignor::{Assignment, assign};
use super::*;
use crate::groups::{JOIN, LEAVE};
use crate::topics_image::TopicsImage;

const SESSION: Duration = Duration::from_secs(45);

fn topics(version: u64, topics: &[(&str, u8, i32)]) -> TopicsImage {
    let topics = topics.iter();
    TopicsImage::new(
        version,
        topics.map(|(name, id, partitions)| ((*name).into(), Uuid([*id; 16]), *partitions)),
    )
}

fn beat(id: &str, epoch: i32, names: Option<&[&str]>) -> ShareHeartbeat {
    ShareHeartbeat {
        member_id: id.into(),
        member_epoch: epoch,
        rack_id: None,
        topic_names: names.map(|names| names.iter().map(|name| (*name).into()).collect()),
        client_id: "test".into(),
        client_host: "/127.0.0.1".into(),
        max_size: 3,
        session_timeout: SESSION,
    }
}

/// Its epoch, and how many partitions it is told to read.
fn told(
    group: &mut ShareGroup,
    beat: &ShareHeartbeat,
    image: &TopicsImage,
) -> (i32, Option<usize>) {
    let beaten = group.heartbeat("g", beat, image, Instant::now()).unwrap();
    (
        beaten.member_epoch,
        beaten.assignment.map(|assigned| assigned.len()),
    )
}

#[test]
fn members_share_partitions_and_may_read_the_same() {
    let image = topics(1, &[("t", 1, 2)]);
    let mut group = ShareGroup::default();
    assert_eq!(
        told(&mut group, &beat("a", JOIN, Some(&["t"])), &image),
        (2, Some(2))
    );
    assert_eq!(
        told(&mut group, &beat("a", 2, None), &image),
        (2, None),
        "no news"
    );
    assert_eq!(
        told(&mut group, &beat("b", JOIN, Some(&["t"])), &image),
        (3, Some(1))
    );
    assert_eq!(told(&mut group, &beat("a", 2, None), &image), (3, Some(1)));
    let (epoch, third) = told(&mut group, &beat("c", JOIN, Some(&["t"])), &image);
    assert!(
        epoch == 4 && third >= Some(1),
        "more members than partitions: {third:?}"
    );
    assert_eq!(group.state(), "Stable");
    assert_eq!(
        told(&mut group, &beat("c", LEAVE, None), &image),
        (-1, None)
    );
    assert_eq!(
        told(&mut group, &beat("b", LEAVE, None), &image),
        (-1, None)
    );
    assert_eq!(told(&mut group, &beat("a", 3, None), &image), (6, Some(2)));
}

#[test]
fn topics_that_come_and_grow_are_read() {
    let mut group = ShareGroup::default();
    let nothing = topics(1, &[]);
    assert_eq!(
        told(&mut group, &beat("a", JOIN, Some(&["t"])), &nothing),
        (2, Some(0))
    );
    let created = topics(2, &[("t", 1, 2)]);
    assert_eq!(
        told(&mut group, &beat("a", 2, None), &created),
        (3, Some(2))
    );
    let grown = topics(3, &[("t", 1, 3)]);
    assert_eq!(told(&mut group, &beat("a", 3, None), &grown), (4, Some(3)));
    let anew = topics(4, &[("t", 2, 1)]);
    assert_eq!(told(&mut group, &beat("a", 4, None), &anew), (5, Some(1)));
    assert_eq!(group.partitions().len(), 1);
}

#[test]
fn who_is_not_who_it_takes_itself_for_is_told_so() {
    let image = topics(1, &[("t", 1, 1)]);
    let mut group = ShareGroup::default();
    let mut refused = |beat: ShareHeartbeat| {
        let refused = group.heartbeat("g", &beat, &image, Instant::now());
        refused.map_or_else(|refusal| refusal.error, |_| ErrorCode::None)
    };
    assert_eq!(refused(beat("a", 1, None)), ErrorCode::UnknownMemberId);
    assert_eq!(refused(beat("a", LEAVE, None)), ErrorCode::UnknownMemberId);
    for id in ["a", "b", "c"] {
        assert_eq!(refused(beat(id, JOIN, Some(&["t"]))), ErrorCode::None);
    }
    assert_eq!(
        refused(beat("d", JOIN, Some(&["t"]))),
        ErrorCode::GroupMaxSizeReached
    );
    assert_eq!(
        refused(beat("a", JOIN, Some(&["t"]))),
        ErrorCode::None,
        "again"
    );
    assert_eq!(refused(beat("a", 9, None)), ErrorCode::FencedMemberEpoch);
    assert_eq!(refused(beat("a", 2, None)), ErrorCode::None, "one behind");
    assert_eq!(refused(beat("a", 1, None)), ErrorCode::FencedMemberEpoch);
}

#[test]
fn who_is_not_heard_of_is_out() {
    let image = topics(1, &[("t", 1, 1)]);
    let mut group = ShareGroup::default();
    let start = Instant::now();
    let join = beat("a", JOIN, Some(&["t"]));
    group.heartbeat("g", &join, &image, start).unwrap();
    assert_eq!(group.next_deadline(), Some(start + SESSION));
    group.on_timeout(start + SESSION - Duration::from_millis(1));
    assert!(!group.is_empty());
    group.on_timeout(start + SESSION);
    assert!(group.is_empty() && group.next_deadline().is_none());
    assert_eq!(group.state(), "Empty");
}

#[test]
fn every_partition_is_read_and_every_member_reads() {
    for (partitions, count) in (1..12).flat_map(|p| (1..15).map(move |m| (p, m))) {
        let id = Uuid([1; 16]);
        let counted = BTreeMap::from([(id, partitions)]);
        let members: BTreeMap<_, _> = (0..count)
            .map(|member| (format!("m{member:02}").into(), BTreeSet::from([id])))
            .collect();
        let first = assign(&counted, &members, &Assignment::new());
        let mut smaller = members.clone();
        smaller.pop_last();
        for (members, assignment) in [
            (&members, first.clone()),
            (&members, assign(&counted, &members, &first)),
            (&smaller, assign(&counted, &smaller, &first)),
        ] {
            let read: BTreeSet<_> = assignment.values().flatten().collect();
            let sizes = assignment.values().map(BTreeSet::len);
            if members.is_empty() {
                continue;
            }
            assert_eq!(read.len(), partitions as usize, "{partitions} to {count}");
            assert!(
                sizes.clone().all(|size| size > 0),
                "{partitions} to {count}"
            );
        }
        assert_eq!(
            assign(&counted, &members, &first),
            first,
            "nothing changes by itself"
        );
    }
}
