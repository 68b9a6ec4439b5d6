//! What is asked. Each scenario has topics and groups of its own.

use std::time::Duration;

use crate::script::{Beat, Read, Script};

/// Requests that make sense, and that do not.
pub(crate) async fn requests(s: &mut Script<'_>) {
    s.create("t", 2).await;
    s.group("k", "the topic is known");
    s.settle("a", &["t"], 2).await;
    s.group("g", "who joins says all");
    let join = Beat::join("a", &["t"]);
    for wrong in [
        Beat { id: "", ..join },
        Beat {
            names: None,
            ..join
        },
        Beat {
            names: Some(&[]),
            ..join
        },
        Beat {
            rack: Some(""),
            ..join
        },
        join.at(-2),
    ] {
        s.beat(wrong).await;
    }
    s.heading("there is no group");
    for epoch in [1, -1] {
        s.beat(Beat::of("a").at(epoch)).await;
    }
    s.describe().await;
    s.offsets(None).await;
    s.offsets(Some(("t", &[0]))).await;
    s.list(&[], &[]).await;
    s.delete_group().await;
    s.delete_offsets("t").await;
    s.heading("there is a group");
    s.settle("a", &["t"], 2).await;
    for epoch in [9, -1] {
        s.beat(Beat::of("b").at(epoch)).await;
    }
    s.beat(Beat::of("a").at(100)).await;
    s.delete_group().await;
    s.delete_offsets("t").await;
    s.alter_offsets("t", &[(0, 1)]).await;
}

pub(crate) async fn members(s: &mut Script<'_>) {
    s.create("t", 2).await;
    s.create("u", 1).await;
    s.settle("a", &["t", "u"], 3).await;
    s.describe().await;
    for (states, types) in [
        (&["stable"][..], &["share"][..]),
        (&["STABLE"], &["SHARE"]),
        (&["empty"], &[]),
        (&[], &["consumer"]),
        (&[], &[]),
    ] {
        s.list(states, types).await;
    }
    s.beat(Beat::of("a")).await;
    s.heading("another one joins");
    s.beat_told(Beat::join("b", &["t", "u"])).await;
    s.beat_told(Beat::of("a")).await;
    s.beat(Beat::of("a")).await;
    s.beat(Beat::of("b")).await;
    s.describe_sums().await;
    s.heading("a third and a fourth one");
    for member in ["c", "d"] {
        s.beat_told(Beat::join(member, &["t", "u"])).await;
        for member in ["a", "b", "c", "d"] {
            s.beat_quietly(Beat::of(member)).await;
        }
        s.describe_sums().await;
    }
    s.heading("somebody wants something else");
    s.beat(Beat {
        names: Some(&["u"]),
        ..Beat::of("d")
    })
    .await;
    s.beat(Beat {
        rack: Some("r"),
        ..Beat::of("d")
    })
    .await;
    s.heading("who was there joins again");
    s.beat(Beat::join("d", &["u"])).await;
    s.heading("all leave");
    for member in ["d", "c", "b"] {
        s.beat(Beat::of(member).at(-1)).await;
    }
    s.beat(Beat::of("a")).await;
    s.beat(Beat::of("b")).await;
    s.beat(Beat::of("a").at(-1)).await;
    s.describe().await;
    s.list(&["Empty"], &[]).await;
    s.beat(Beat::join("a", &["t"])).await;
    s.delete_group().await;
    s.beat(Beat::of("a").at(-1)).await;
    s.delete_group().await;
    s.describe().await;
    s.heading("topics that are not there");
    s.group("v", "nothing to read");
    s.beat(Beat::join("a", &["nowhere"])).await;
    s.describe().await;
}

/// A group is of one protocol.
pub(crate) async fn other_protocols(s: &mut Script<'_>) {
    s.create("t", 1).await;
    s.settle("a", &["t"], 1).await;
    s.beat_as_consumer(0).await;
    s.join_as_classic().await;
    for (version, member, epoch) in [(8, "", -1), (9, "", -1), (9, "a", 1)] {
        s.commit(version, member, epoch).await;
    }
    s.fetch_positions(8).await;
    s.fetch_positions(9).await;
    s.heading("nobody is there any more");
    s.beat(Beat::of("a").at(-1)).await;
    s.beat_as_consumer(0).await;
    s.join_as_classic().await;
    s.commit(9, "", -1).await;
    s.group("c", "a consumer group");
    s.beat_as_consumer(0).await;
    s.beat(Beat::join("a", &["t"])).await;
    s.describe().await;
    s.offsets(None).await;
    s.alter_offsets("t", &[(0, 1)]).await;
    s.delete_offsets("t").await;
    s.beat_as_consumer(-1).await;
    s.beat(Beat::join("a", &["t"])).await;
    s.group("p", "positions of nobody");
    s.commit(9, "", -1).await;
    s.beat(Beat::join("a", &["t"])).await;
}

pub(crate) async fn sessions(s: &mut Script<'_>) {
    s.create("t", 2).await;
    s.create("u", 1).await;
    s.configure("share.auto.offset.reset", "earliest").await;
    s.settle("a", &["t", "u"], 3).await;
    s.produce("t", &[2]).await;
    s.heading("there is no session");
    let read = Read::of("a", "t");
    s.read(read.at(1)).await;
    s.read(Read::of("a", "").at(-1)).await;
    s.acknowledge("a", Some(0), "t", &[(0, 0, &[1])]).await;
    s.acknowledge("a", Some(1), "t", &[(0, 0, &[1])]).await;
    s.acknowledge("a", Some(-1), "t", &[(0, 0, &[1])]).await;
    s.read(read.at(0).acks(&[(0, 0, &[1])])).await;
    s.heading("there is one");
    s.read_some(read).await;
    s.read(read.at(1000)).await;
    s.acknowledge("a", Some(1000), "t", &[(0, 0, &[1])]).await;
    s.acknowledge("a", Some(0), "t", &[(0, 0, &[1])]).await;
    s.acknowledge("a", None, "t", &[(0, 0, &[1])]).await;
    s.produce("t", &[1]).await;
    s.read_some(Read::of("a", "")).await;
    s.heading("what is not there");
    s.acknowledge("a", None, "nowhere", &[(0, 0, &[1])]).await;
    s.heading("a partition is left out");
    s.produce("t", &[1]).await;
    s.read(Read {
        forget: true,
        ..read
    })
    .await;
    s.read_some(read).await;
    s.heading("it begins anew, and keeps what it has");
    s.read(read.at(0)).await;
    s.acknowledge("a", None, "t", &[(1, 3, &[2, 1, 2])]).await;
    s.read_some(read).await;
    s.heading("it ends with a word, and gives back the rest");
    s.acknowledge("a", Some(-1), "t", &[(3, 3, &[1])]).await;
    s.read(read.at(7)).await;
    s.read_some(Read::of("b", "t")).await;
    s.heading("it ends, and gives back all");
    s.read(Read::of("b", "").at(-1)).await;
    s.read_some(read).await;
    s.read(read.at(-1).acks(&[(1, 1, &[3])])).await;
    s.offsets(Some(("t", &[0]))).await;
    s.heading("its connection ends");
    s.produce("t", &[1]).await;
    s.read_some(Read::of("c", "t")).await;
    s.reconnect().await;
    s.read_some(Read::of("d", "t")).await;
    s.read(Read::of("c", "t").at(1)).await;
    s.heading("its member leaves the group");
    s.beat(Beat::of("a").at(-1)).await;
    s.acknowledge("d", None, "t", &[(4, 4, &[1])]).await;
}

pub(crate) async fn records(s: &mut Script<'_>) {
    s.create("t", 1).await;
    s.configure("share.auto.offset.reset", "earliest").await;
    s.settle("a", &["t"], 1).await;
    s.offsets(None).await;
    s.produce("t", &[4, 4, 4]).await;
    let (a, b) = (Read::of("a", "t"), Read::of("b", "t"));
    s.read_some(a.most(4, 0)).await;
    s.offsets(None).await;
    s.read_some(b).await;
    s.read(a).await;
    s.heading("each may have a word of its own");
    s.acknowledge("a", None, "t", &[(0, 3, &[1, 2, 3, 0])])
        .await;
    s.offsets(None).await;
    s.read_some(a).await;
    s.heading("words that make no sense");
    for wrong in [
        &[(1, 0, &[1][..])][..],
        &[(1, 1, &[])],
        &[(1, 1, &[5])],
        &[(1, 1, &[4])],
        &[(1, 1, &[-1])],
        &[(1, 1, &[1, 1])],
        &[(4, 5, &[1]), (1, 1, &[1])],
        &[(1, 1, &[1]), (1, 1, &[1])],
        &[(4, 5, &[1])],
        &[(2, 2, &[1])],
        &[(20, 21, &[1])],
        &[(11, 12, &[1])],
        &[(-1, 0, &[1])],
        &[(0, 0, &[1])],
        &[],
    ] {
        s.acknowledge("a", None, "t", wrong).await;
    }
    s.heading("all or nothing");
    s.acknowledge("b", None, "t", &[(4, 5, &[1]), (1, 1, &[1])])
        .await;
    s.acknowledge("b", None, "t", &[(6, 7, &[1]), (20, 20, &[1])])
        .await;
    s.acknowledge("b", None, "t", &[(4, 5, &[1]), (6, 7, &[2])])
        .await;
    s.acknowledge("b", None, "t", &[(4, 5, &[1])]).await;
    s.offsets(None).await;
    s.acknowledge("a", None, "t", &[(1, 1, &[1])]).await;
    s.acknowledge("a", None, "t", &[(1, 1, &[1])]).await;
    s.offsets(None).await;
    s.heading("words with the next request");
    s.read_some(b.acks(&[(8, 9, &[1])])).await;
    s.read(b.acks(&[(6, 7, &[1]), (9, 9, &[1])])).await;
    s.read(b.acks(&[(6, 7, &[1]), (10, 11, &[1])])).await;
    s.offsets(None).await;
}

pub(crate) async fn limits(s: &mut Script<'_>) {
    s.create("t", 1).await;
    s.configure("share.auto.offset.reset", "earliest").await;
    s.settle("a", &["t"], 1).await;
    s.produce("t", &[3, 3, 3]).await;
    let read = Read::of("a", "t");
    s.heading("whole batches");
    s.read_some(read.most(4, 0)).await;
    s.heading("not one more");
    s.read_some(read.most(2, 1)).await;
    s.acknowledge("a", None, "t", &[(0, 7, &[2])]).await;
    s.read_some(read.most(2, 1)).await;
    s.read_some(read.most(2, 0)).await;
    s.read_some(read.most(3, 0)).await;
    s.read(read.most(0, 0)).await;
    // What it leaves to the end of its session, Kafka gives back some time after the answer.
    s.acknowledge("a", Some(-1), "t", &[(0, 7, &[1]), (8, 8, &[2])])
        .await;
    s.heading("a record that fails often");
    s.produce("t", &[8]).await;
    s.read_some(read).await;
    s.acknowledge("a", None, "t", &[(8, 8, &[1]), (9, 16, &[2])])
        .await;
    for last in [16, 16, 12, 9] {
        s.read_some(read).await;
        s.acknowledge("a", None, "t", &[(9, last, &[2])]).await;
        s.offsets(None).await;
    }
    s.read_some(read).await;
    s.produce("t", &[2]).await;
    s.read_some(read).await;
    s.read_some(Read::of("b", "t")).await;
    s.heading("fewer tries");
    s.group("two", "two tries");
    s.configure("share.auto.offset.reset", "earliest").await;
    s.configure("share.delivery.count.limit", "2").await;
    s.settle("a", &["t"], 1).await;
    s.read_some(read).await;
    s.acknowledge("a", None, "t", &[(0, 18, &[2])]).await;
    s.read_some(read).await;
    s.acknowledge("a", None, "t", &[(0, 18, &[2])]).await;
    s.offsets(None).await;
    s.group("few", "few at a time");
    s.configure("share.auto.offset.reset", "earliest").await;
    s.configure("share.partition.max.record.locks", "100").await;
    s.settle("a", &["t"], 1).await;
    s.produce("t", &[50, 50, 50, 50]).await;
    s.read_some(read).await;
    s.read(Read::of("b", "t")).await;
    s.read(Read::of("b", "t")).await;
    s.acknowledge("a", None, "t", &[(3, 8, &[1])]).await;
    s.read(Read::of("b", "t")).await;
    s.acknowledge("a", None, "t", &[(0, 2, &[1])]).await;
    s.read(Read::of("b", "t")).await;
    s.acknowledge("a", None, "t", &[(9, 99, &[1])]).await;
    s.read_some(Read::of("b", "t")).await;
    s.group("size", "batches of a size");
    s.configure("share.auto.offset.reset", "earliest").await;
    s.settle("a", &["t"], 1).await;
    s.read_some(Read {
        batch_size: 5,
        ..read
    })
    .await;
}

pub(crate) async fn locks(s: &mut Script<'_>) {
    s.create("t", 1).await;
    s.configure("share.auto.offset.reset", "earliest").await;
    s.configure("share.record.lock.duration.ms", "1500").await;
    s.settle("a", &["t"], 1).await;
    s.produce("t", &[4]).await;
    let read = Read::of("a", "t");
    s.read_some(read).await;
    s.acknowledge("a", None, "t", &[(1, 1, &[1])]).await;
    s.heading("locks end");
    s.read_until(Read::of("b", "t"), 3).await;
    s.acknowledge("a", None, "t", &[(0, 0, &[1])]).await;
    s.offsets(None).await;
    s.heading("locks are renewed");
    s.renew("b", "t", &[(0, 0, &[4])]).await;
    s.acknowledge("b", None, "t", &[(0, 0, &[4])]).await;
    s.renew("b", "t", &[(1, 1, &[4])]).await;
    s.renew("b", "t", &[(2, 3, &[1, 4])]).await;
    s.read(Read {
        renews: true,
        ..Read::of("b", "t").acks(&[(3, 3, &[4])])
    })
    .await;
    s.read(Read::of("b", "t").acks(&[(3, 3, &[4])])).await;
    s.configure("share.renew.acknowledge.enable", "false").await;
    s.renew("b", "t", &[(3, 3, &[4])]).await;
}

pub(crate) async fn offsets(s: &mut Script<'_>) {
    s.create("t", 2).await;
    s.create("u", 1).await;
    s.configure("share.auto.offset.reset", "earliest").await;
    s.settle("a", &["t"], 2).await;
    s.produce("t", &[5]).await;
    s.produce("u", &[5]).await;
    let read = Read::of("a", "t");
    s.read_some(read).await;
    s.offsets(None).await;
    s.acknowledge("a", None, "t", &[(0, 0, &[1]), (2, 3, &[1])])
        .await;
    s.offsets(None).await;
    s.offsets(Some(("t", &[0, 1]))).await;
    s.offsets(Some(("u", &[0]))).await;
    s.heading("not as long as somebody is there");
    s.alter_offsets("t", &[(0, 2)]).await;
    s.delete_offsets("t").await;
    s.acknowledge("a", None, "t", &[]).await;
    s.reconnect().await;
    s.beat(Beat::of("a").at(-1)).await;
    s.heading("elsewhere");
    s.alter_offsets("t", &[(0, 2), (1, 0), (7, 0)]).await;
    s.alter_offsets("u", &[(0, 3)]).await;
    s.alter_offsets("nowhere", &[(0, 3)]).await;
    s.offsets(None).await;
    s.describe().await;
    s.settle("a", &["t"], 2).await;
    s.read_some(read.at(0)).await;
    s.acknowledge("a", Some(-1), "t", &[]).await;
    s.beat(Beat::of("a").at(-1)).await;
    s.heading("forgotten");
    s.delete_offsets("t").await;
    s.delete_offsets("t").await;
    s.delete_offsets("nowhere").await;
    s.offsets(None).await;
    s.delete_group().await;
    s.offsets(None).await;
    s.group("new", "a group that nobody was in");
    s.alter_offsets("t", &[(0, 4)]).await;
    s.describe().await;
    s.list(&[], &[]).await;
    s.offsets(None).await;
    s.settle("a", &["t"], 2).await;
    s.read_some(read).await;
}

pub(crate) async fn transactions(s: &mut Script<'_>) {
    s.create("t", 1).await;
    let mut producer = s.producer().await;
    s.produce("t", &[1]).await;
    s.produce_in(&mut producer, "t", 2).await;
    s.produce("t", &[1]).await;
    s.end_transaction(&mut producer, false).await;
    s.produce_in(&mut producer, "t", 2).await;
    s.end_transaction(&mut producer, true).await;
    s.produce_in(&mut producer, "t", 1).await;
    s.produce("t", &[1]).await;
    let read = Read::of("a", "t");
    for (group, isolation, count) in [("u", "read_uncommitted", 10), ("c", "read_committed", 6)] {
        s.group(group, isolation);
        s.configure("share.auto.offset.reset", "earliest").await;
        s.configure("share.isolation.level", isolation).await;
        s.settle("a", &["t"], 1).await;
        // How much comes at a time is up to the log.
        s.read_until(read, count).await;
        s.read(read).await;
        s.offsets(None).await;
    }
    s.end_transaction(&mut producer, false).await;
    s.read_until(read, 2).await;
    s.acknowledge("a", None, "t", &[(0, 0, &[1]), (3, 3, &[1])])
        .await;
    s.offsets(None).await;
}

/// Where a group begins.
pub(crate) async fn beginnings(s: &mut Script<'_>) {
    s.create("t", 1).await;
    s.produce_old("t", 3, Duration::from_secs(7200)).await;
    s.produce_old("t", 2, Duration::from_secs(60)).await;
    for (group, reset) in [
        ("e", "earliest"),
        ("d", "by_duration:PT1H"),
        ("all", "by_duration:P1D"),
    ] {
        s.group(group, reset);
        s.configure("share.auto.offset.reset", reset).await;
        s.settle("a", &["t"], 1).await;
        s.read_some(Read::of("a", "t")).await;
    }
    s.group("l", "latest");
    s.settle("a", &["t"], 1).await;
    s.read(Read {
        max_wait_ms: 1500,
        ..Read::of("a", "t")
    })
    .await;
    s.produce("t", &[1]).await;
    s.read_some(Read::of("a", "t")).await;
}
