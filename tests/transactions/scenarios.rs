//! What is asked. Each scenario has a topic, transactional ids and groups of its own.

use kafka_proto::messages::ListTransactionsRequest;

use crate::script::{Batch, Producer, Script};

/// Nobody whom a coordinator has ever given an id.
const STRANGER: Producer = Producer {
    id: i64::MAX / 2,
    epoch: 0,
};

/// Transactions of producers that add their partitions, and keep their epoch.
pub(crate) async fn first_protocol(s: &mut Script) {
    s.features().await;
    let p = s.init(4, "t").await;
    s.describe("t").await;
    s.heading("not added");
    for version in [7, 10, 11] {
        s.produce(version, Some("t"), 0, Batch::new(p, 0, 2)).await;
    }
    s.heading("commit");
    s.add(3, "t", p, &[0, 1]).await;
    s.add(3, "t", p, &[1]).await;
    s.verify("t", p, &[0, 2]).await;
    s.describe("t").await;
    s.produce(11, Some("t"), 0, Batch::new(p, 0, 2)).await;
    s.produce(11, Some("t"), 0, Batch::new(p, 0, 2)).await;
    s.produce(11, Some("t"), 0, Batch::new(p, 7, 2)).await;
    s.produce(11, Some("t"), 0, Batch::new(p, 2, 1)).await;
    s.producers(0).await;
    s.read(0, 0).await;
    s.read(0, 3).await;
    s.read(0, 4).await;
    s.look_up(0).await;
    s.end(4, "t", p, true).await;
    s.describe("t").await;
    s.producers(0).await;
    s.read(0, 0).await;
    s.read(1, 0).await;
    s.look_up(0).await;
    s.heading("abort");
    s.produce(11, Some("t"), 0, Batch::new(p, 3, 1)).await;
    s.add(0, "t", p, &[0]).await;
    s.produce(11, Some("t"), 0, Batch::new(p, 3, 1)).await;
    s.read(0, 0).await;
    s.end(0, "t", p, false).await;
    s.read(0, 0).await;
    s.read(0, 5).await;
    s.read(0, 6).await;
    s.heading("what comes after a marker goes on with the sequence");
    s.add(3, "t", p, &[0]).await;
    s.produce(11, Some("t"), 0, Batch::new(p, 0, 1)).await;
    s.produce(11, Some("t"), 0, Batch::new(p, 4, 1)).await;
    s.end(4, "t", p, true).await;
    s.read(0, 0).await;
}

/// Transactions of producers that add partitions by writing to them, and have an epoch for each.
pub(crate) async fn second_protocol(s: &mut Script) {
    let p = s.init(5, "t").await;
    s.produce(12, Some("t"), 0, Batch::new(p, 0, 2)).await;
    s.describe("t").await;
    s.produce(12, Some("t"), 0, Batch::new(p, 2, 1)).await;
    s.produce(12, Some("t"), 1, Batch::new(p, 5, 1)).await;
    s.produce(12, Some("t"), 1, Batch::new(p, 0, 1)).await;
    s.read(0, 0).await;
    let q = s.end(5, "t", p, true).await;
    s.describe("t").await;
    s.producers(0).await;
    s.read(0, 0).await;
    s.heading("a batch that comes late");
    s.produce(12, Some("t"), 0, Batch::new(p, 3, 1)).await;
    s.produce(12, Some("t"), 2, Batch::new(p, 0, 1)).await;
    s.produce(11, Some("t"), 0, Batch::new(p, 3, 1)).await;
    s.heading("abort");
    s.produce(12, Some("t"), 0, Batch::new(q, 3, 1)).await;
    s.produce(12, Some("t"), 0, Batch::new(q, 0, 1)).await;
    s.produce(12, Some("t"), 0, Batch::new(q, 0, 1)).await;
    let r = s.end(5, "t", q, false).await;
    s.read(0, 0).await;
    s.heading("nothing written");
    let t = s.end(5, "t", r, false).await;
    s.describe("t").await;
    s.end(5, "t", t, true).await;
    s.produce(12, Some("t"), 0, Batch::new(t, 0, 1)).await;
    s.end(5, "t", t, true).await;
    s.read(0, 4).await;
}

/// The end of a transaction by the first protocol, in every state.
pub(crate) async fn ends_of_the_first_protocol(s: &mut Script) {
    for version in [1, 2, 4] {
        let id = format!("t{version}");
        let t = id.as_str();
        s.end(version, t, STRANGER.at(0), true).await;
        s.end(version, "", STRANGER.at(0), true).await;
        let p = s.init(4, t).await;
        s.heading("empty");
        s.end(version, t, p, true).await;
        s.end(version, t, p, false).await;
        s.heading("ongoing");
        s.add(3, t, p, &[0]).await;
        s.end(version, t, p.at(1), true).await;
        s.end(version, t, p.at(-1), true).await;
        s.end(version, t, STRANGER.at(p.epoch), true).await;
        s.end(version, t, p, true).await;
        s.heading("committed");
        s.end(version, t, p, true).await;
        s.end(version, t, p, false).await;
        s.add(3, t, p, &[0]).await;
        s.end(version, t, p, false).await;
        s.heading("aborted");
        s.end(version, t, p, false).await;
        s.end(version, t, p, true).await;
        s.describe(t).await;
    }
}

/// The end of a transaction by the second protocol, in every state.
pub(crate) async fn ends_of_the_second_protocol(s: &mut Script) {
    let p = s.init(5, "t").await;
    s.end(5, "none", p, true).await;
    s.heading("empty");
    s.end(5, "t", p, true).await;
    s.end(5, "t", p.at(-1), false).await;
    let p = s.end(5, "t", p, false).await;
    s.describe("t").await;
    s.heading("ongoing");
    s.produce(12, Some("t"), 0, Batch::new(p, 0, 1)).await;
    s.end(5, "t", p.at(p.epoch - 1), true).await;
    s.end(5, "t", p.at(p.epoch + 1), true).await;
    s.end(5, "t", STRANGER.at(p.epoch), true).await;
    s.end(5, "t", p, true).await;
    s.heading("committed, asked again");
    let q = s.end(5, "t", p, true).await;
    s.end(5, "t", p, false).await;
    s.heading("committed, with the new epoch");
    s.end(5, "t", q, true).await;
    let q = s.end(5, "t", q, false).await;
    s.heading("aborted, asked again");
    s.end(5, "t", q.at(q.epoch - 1), true).await;
    s.end(5, "t", q.at(q.epoch - 1), false).await;
    s.heading("aborted, with the new epoch");
    s.end(5, "t", q, true).await;
    let q = s.end(5, "t", q, false).await;
    s.heading("a mixture of protocols");
    s.add(3, "t", q, &[1]).await;
    s.produce(11, Some("t"), 1, Batch::new(q, 0, 1)).await;
    let q = s.end(5, "t", q, true).await;
    s.end(4, "t", q, true).await;
    s.end(4, "t", q.at(q.epoch - 1), true).await;
    s.produce(12, Some("t"), 1, Batch::new(q, 0, 1)).await;
    s.end(4, "t", q, true).await;
    s.describe("t").await;
    s.read(0, 0).await;
    s.read(1, 0).await;
}

/// Who takes a transactional id over, and what becomes of the one before.
pub(crate) async fn fencing(s: &mut Script) {
    let old = s.init(4, "t").await;
    s.add(3, "t", old, &[0]).await;
    s.produce(11, Some("t"), 0, Batch::new(old, 0, 1)).await;
    s.heading("an open transaction is aborted");
    s.init(4, "t").await;
    s.timed_out("t").await;
    s.describe("t").await;
    let new = s.init(4, "t").await;
    s.read(0, 0).await;
    s.heading("the old one is told");
    for version in [3, 10, 11, 12] {
        let batch = Batch::new(old, 1, 1);
        s.produce(version, Some("t"), 0, batch).await;
        s.produce(version, Some("t"), 1, batch).await;
    }
    for version in [0, 1, 2, 3, 4, 5] {
        s.add(version, "t", old, &[0]).await;
    }
    s.verify("t", old, &[0]).await;
    for version in [1, 2, 3, 4] {
        s.add_offsets(version, "t", old, "g").await;
    }
    for version in [2, 3, 4, 5] {
        s.commit_offset(version, "t", old, ("g", -1, ""), (0, 1))
            .await;
    }
    for version in [1, 2, 4, 5] {
        s.end(version, "t", old, true).await;
    }
    s.init_with(3, "t", 60_000, old).await;
    s.init_with(4, "t", 60_000, old).await;
    s.heading("the new one works");
    s.produce(12, Some("t"), 0, Batch::new(new, 0, 1)).await;
    s.end(5, "t", new, true).await;
    s.read(0, 0).await;
    s.heading("nobody knows it");
    s.add(3, "none", new, &[0]).await;
    s.add(3, "", new, &[0]).await;
    s.add(5, "none", new, &[0]).await;
    s.verify("none", new, &[0]).await;
    s.add_offsets(4, "none", new, "g").await;
    s.produce(11, Some("none"), 2, Batch::new(new, 0, 1)).await;
    s.produce(12, Some("none"), 2, Batch::new(new, 0, 1)).await;
    s.commit_offset(4, "none", new, ("g", -1, ""), (0, 1)).await;
    s.commit_offset(5, "none", new, ("g", -1, ""), (0, 1)).await;
    s.heading("a partition that is not there");
    let p = s.init(4, "t").await;
    s.add(3, "t", p, &[0, 4]).await;
    s.add(5, "t", p, &[0, 4]).await;
    s.add_unknown_topic(3, "t", p).await;
    s.describe("t").await;
}

/// Producers that ask for an identity.
pub(crate) async fn identities(s: &mut Script) {
    for timeout in [0, -1, i32::MIN, 900_001, i32::MAX] {
        s.init_with(4, "t", timeout, Producer::NONE).await;
    }
    s.describe("t").await;
    s.init(4, "").await;
    s.init_with(4, "t", 900_000, Producer::NONE).await;
    s.init_with(4, "t", 1, Producer::NONE).await;
    s.describe("t").await;
    s.heading("half an identity");
    s.init_with(4, "t", 1000, STRANGER.at(-1)).await;
    s.init_with(4, "t", 1000, Producer { id: -1, epoch: 5 })
        .await;
    s.heading("going on after an error");
    let p = s.init(4, "u").await;
    let q = s.init_with(4, "u", 1000, p).await;
    s.init_with(4, "u", 1000, p).await;
    let r = s.init_with(4, "u", 1000, q).await;
    s.init_with(4, "u", 1000, p).await;
    s.init_with(4, "u", 1000, r.at(r.epoch + 5)).await;
    s.init_with(4, "u", 1000, STRANGER.at(r.epoch)).await;
    let n = s.init(4, "u").await;
    s.init_with(4, "u", 1000, r).await;
    s.init_with(4, "u", 1000, n).await;
    s.heading("of an id that nobody knows");
    s.init_with(4, "v", 1000, Producer { id: n.id, epoch: 7 })
        .await;
    s.heading("going on in an open transaction");
    let p = s.init(4, "w").await;
    s.add(3, "w", p, &[0]).await;
    s.init_with(4, "w", 1000, p).await;
    s.timed_out("w").await;
    s.init_with(4, "w", 1000, p).await;
    s.init(4, "w").await;
    s.heading("after the end of a transaction");
    let p = s.init(4, "x").await;
    s.produce(12, Some("x"), 0, Batch::new(p, 0, 1)).await;
    let q = s.end(5, "x", p, true).await;
    s.init_with(4, "x", 1000, p).await;
    s.init_with(4, "x", 1000, q).await;
    s.init(4, "x").await;
}

/// Positions of groups in transactions.
pub(crate) async fn offsets(s: &mut Script) {
    let p = s.init(4, "t").await;
    s.heading("not added");
    for version in [2, 3, 4] {
        s.commit_offset(version, "t", p, ("g", -1, ""), (0, 5))
            .await;
    }
    s.add_offsets(3, "t", p, "g").await;
    s.describe("t").await;
    s.commit_offset(4, "t", p, ("g", -1, ""), (0, 5)).await;
    s.offsets("g").await;
    s.end(4, "t", p, true).await;
    s.offsets("g").await;
    s.heading("aborted");
    s.add_offsets(3, "t", p, "g").await;
    s.commit_offset(3, "t", p, ("g", -1, ""), (0, 6)).await;
    s.offsets("g").await;
    s.end(4, "t", p, false).await;
    s.offsets("g").await;
    s.heading("added by being committed");
    s.commit_offset(5, "t", p, ("g", -1, ""), (0, 7)).await;
    s.describe("t").await;
    s.commit_offset(5, "t", p, ("g", -1, ""), (0, 8)).await;
    s.heading("what is committed plainly meanwhile is newer");
    s.commit_offset_plainly("g", 3).await;
    s.offsets("g").await;
    let p = s.end(5, "t", p, true).await;
    s.offsets("g").await;
    s.heading("two transactions at once");
    let q = s.init(4, "u").await;
    s.commit_offset(5, "u", q, ("g", -1, ""), (0, 20)).await;
    s.commit_offset(5, "t", p, ("g", -1, ""), (0, 21)).await;
    let p = s.end(5, "t", p, true).await;
    s.offsets("g").await;
    s.end(5, "u", q, true).await;
    s.offsets("g").await;
    s.heading("of whom it is not known");
    s.commit_offset(5, "t", p, ("h", 3, "m"), (0, 1)).await;
    s.commit_offset(5, "t", p, ("h", 0, ""), (0, 1)).await;
    s.commit_offset(5, "t", p, ("h", -1, "m"), (0, 1)).await;
    s.commit_offset(5, "t", p, ("", -1, ""), (0, 1)).await;
    s.commit_offset(5, "t", p, ("h", -1, ""), (9, 1)).await;
    s.commit_offset(5, "t", p, ("h", -1, ""), (0, 4097)).await;
    s.commit_offset(5, "t", p, ("g", 2, "m"), (0, 1)).await;
    s.end(5, "t", p, true).await;
    s.offsets("h").await;
    s.offsets("i").await;
}

/// Positions of members of a group, which has not got its assignments yet.
pub(crate) async fn members(s: &mut Script) {
    let member = s.join("g").await;
    let p = s.init(4, "t").await;
    for version in [2, 3, 5] {
        if version < 5 {
            s.add_offsets(3, "t", p, "g").await;
        }
        s.commit_offset(version, "t", p, ("g", -1, ""), (0, 1))
            .await;
        if version < 3 {
            continue;
        }
        s.commit_offset(version, "t", p, ("g", 1, &member), (0, 2))
            .await;
        s.commit_offset(version, "t", p, ("g", 0, &member), (0, 3))
            .await;
        s.commit_offset(version, "t", p, ("g", 2, &member), (0, 4))
            .await;
        s.commit_offset(version, "t", p, ("g", -1, &member), (0, 5))
            .await;
        s.commit_offset(version, "t", p, ("g", 1, "m"), (0, 6))
            .await;
        s.commit_offset(version, "t", p, ("g", 1, ""), (0, 7)).await;
    }
    s.offsets("g").await;
    s.end(5, "t", p, true).await;
    s.offsets("g").await;
}

/// Several producers in one partition.
pub(crate) async fn interleaved(s: &mut Script) {
    let [a, b, c] = [
        s.init(4, "a").await,
        s.init(4, "b").await,
        s.init(4, "c").await,
    ];
    s.produce(12, Some("a"), 0, Batch::new(a, 0, 1)).await;
    s.produce(12, Some("b"), 0, Batch::new(b, 0, 2)).await;
    s.produce(12, Some("c"), 0, Batch::new(c, 0, 3)).await;
    s.read(0, 0).await;
    s.end(5, "b", b, false).await;
    s.read(0, 0).await;
    s.producers(0).await;
    s.end(5, "a", a, true).await;
    s.read(0, 0).await;
    s.read(0, 3).await;
    s.end(5, "c", c, false).await;
    s.read(0, 0).await;
    s.read(0, 2).await;
    s.read(0, 7).await;
    s.read(0, 8).await;
    s.heading("plainly between");
    let plain = Batch {
        producer: Producer::NONE,
        sequence: -1,
        records: 1,
        transactional: false,
    };
    let a = s.init(4, "a").await;
    s.produce(12, Some("a"), 1, Batch::new(a, 0, 1)).await;
    s.produce(12, None, 1, plain).await;
    s.read(1, 0).await;
    s.look_up(1).await;
    s.end(5, "a", a, true).await;
    s.read(1, 0).await;
}

/// Batches that do not belong to the transaction they say, and markers past the coordinator.
pub(crate) async fn odd_batches_and_markers(s: &mut Script) {
    let p = s.init(4, "t").await;
    let plain = |producer, sequence| Batch {
        transactional: false,
        ..Batch::new(producer, sequence, 1)
    };
    s.produce(12, None, 0, Batch::new(p, 0, 1)).await;
    s.produce(11, None, 0, Batch::new(p, 0, 1)).await;
    s.produce(12, Some("t"), 0, plain(p, 0)).await;
    s.describe("t").await;
    s.produce(12, Some("t"), 0, Batch::new(p, 1, 1)).await;
    s.produce(12, Some("t"), 0, plain(p, 2)).await;
    s.produce(12, Some("t"), 1, Batch::new(p, 4, 1)).await;
    s.producers(0).await;
    s.heading("markers");
    s.marker(1, p, (9, false), (0, 0)).await;
    s.marker(1, p, (0, false), (-1, 0)).await;
    s.read(0, 0).await;
    s.producers(0).await;
    s.marker(1, p, (0, true), (3, 0)).await;
    s.marker(1, p, (0, true), (2, 0)).await;
    s.marker(2, p, (0, true), (3, 2)).await;
    s.produce(12, Some("t"), 0, Batch::new(p, 2, 1)).await;
    s.marker(2, p, (0, false), (3, 2)).await;
    s.marker(2, p, (0, false), (3, 1)).await;
    s.marker(2, p.at(1), (0, true), (3, 2)).await;
    s.marker(2, p, (0, true), (3, 2)).await;
    s.read(0, 0).await;
    s.producers(0).await;
    s.marker(1, STRANGER.at(3), (2, true), (0, 0)).await;
    s.read(2, 0).await;
    s.describe("t").await;
}

/// Transactions that take too long.
pub(crate) async fn time_outs(s: &mut Script) {
    let p = s.init_with(4, "t", 100, Producer::NONE).await;
    s.produce(12, Some("t"), 0, Batch::new(p, 0, 1)).await;
    s.commit_offset(5, "t", p, ("g", -1, ""), (0, 5)).await;
    s.timed_out("t").await;
    s.describe("t").await;
    s.read(0, 0).await;
    s.offsets("g").await;
    s.produce(12, Some("t"), 0, Batch::new(p, 1, 1)).await;
    s.produce(12, Some("t"), 1, Batch::new(p, 0, 1)).await;
    s.produce(11, Some("t"), 0, Batch::new(p, 1, 1)).await;
    s.add(3, "t", p, &[0]).await;
    s.end(5, "t", p, true).await;
    s.end(4, "t", p, false).await;
    s.init_with(4, "t", 100, p).await;
    s.init(4, "t").await;
}

/// What an admin is told.
pub(crate) async fn listed(s: &mut Script) {
    s.describe("none").await;
    s.describe("").await;
    let p = s.init(4, "done").await;
    s.produce(12, Some("done"), 0, Batch::new(p, 0, 1)).await;
    s.end(5, "done", p, true).await;
    let open = s.init(4, "open").await;
    s.produce(12, Some("open"), 3, Batch::new(open, 0, 1)).await;
    s.produce(12, Some("open"), 1, Batch::new(open, 0, 1)).await;
    s.init(4, "idle").await;
    for id in ["done", "open", "idle"] {
        s.describe(id).await;
    }
    let all = ListTransactionsRequest::default;
    let states = |states: &[&str]| ListTransactionsRequest {
        state_filters: states.iter().map(|state| (*state).into()).collect(),
        ..all()
    };
    s.list(0, all()).await;
    s.list(0, states(&["Ongoing"])).await;
    s.list(
        0,
        states(&["Ongoing", "Empty", "Sleeping", "Dead", "ongoing"]),
    )
    .await;
    s.list(0, states(&["Sleeping"])).await;
    s.list(
        0,
        ListTransactionsRequest {
            producer_id_filters: vec![open.id],
            ..all()
        },
    )
    .await;
    s.list(
        1,
        ListTransactionsRequest {
            duration_filter: 1_000_000,
            ..all()
        },
    )
    .await;
    s.list(
        1,
        ListTransactionsRequest {
            duration_filter: 0,
            ..states(&["Empty"])
        },
    )
    .await;
    for pattern in [
        "",
        "NAME-.*",
        "NAME-d.*",
        "NAME-(idle|open)",
        "open",
        "NAME-(",
    ] {
        let pattern = Some(pattern.into());
        s.list(
            2,
            ListTransactionsRequest {
                transactional_id_pattern: pattern,
                ..all()
            },
        )
        .await;
    }
    s.producers(3).await;
    s.producers(9).await;
}
