//! What is asked. Each scenario has topics and groups of its own.

use crate::script::{Beat, Owned, Script};

/// Requests that make sense, and that do not.
pub(crate) async fn requests(s: &mut Script) {
    s.create("t", 3).await;
    let join = Beat::join("a", &["t"]);
    s.heading("who joins says all");
    for wrong in [
        Beat {
            id: "",
            ..join.clone()
        },
        Beat {
            timeout: -1,
            ..join.clone()
        },
        Beat {
            names: None,
            ..join.clone()
        },
        Beat {
            owned: None,
            ..join.clone()
        },
        Beat {
            instance: Some(""),
            ..join.clone()
        },
        Beat {
            rack: Some(""),
            ..join.clone()
        },
        Beat {
            assignor: Some(""),
            ..join.clone()
        },
        Beat {
            assignor: Some("sticky"),
            ..join.clone()
        },
        Beat {
            regex: Some("("),
            ..join.clone()
        },
    ] {
        s.beat(wrong).await;
    }
    s.describe().await;
    s.heading("there is no group");
    for epoch in [1, -1, -2, -3] {
        s.beat(Beat::of("a").at(epoch)).await;
        s.beat(Beat {
            version: 0,
            ..Beat::of("a").at(epoch)
        })
        .await;
        s.beat(Beat::of("a").at(epoch).instance("i")).await;
        s.beat(Beat::of("").at(epoch)).await;
        s.beat(Beat {
            version: 0,
            ..Beat::of("").at(epoch)
        })
        .await;
    }
    s.describe().await;
    s.describe_as_classic(5).await;
    s.describe_as_classic(6).await;
    s.list(&[], &[]).await;
    s.delete_group().await;
    s.heading("nothing is wanted");
    s.beat(Beat::join("a", &[])).await;
    s.beat(Beat {
        names: None,
        regex: Some(""),
        ..Beat::join("b", &[])
    })
    .await;
    s.describe().await;
    s.heading("a broker makes an id");
    s.beat(Beat {
        version: 0,
        id: "",
        ..join.clone()
    })
    .await;
    s.describe().await;
    s.delete_group().await;
}

pub(crate) async fn rebalances(s: &mut Script) {
    s.create("t", 6).await;
    s.beat(Beat {
        rack: Some("r"),
        ..Beat::join("a", &["t"])
    })
    .await;
    s.describe().await;
    s.list(&["stable"], &["consumer"]).await;
    s.list(&["STABLE"], &["CONSUMER"]).await;
    s.list(&[], &["classic"]).await;
    s.beat(Beat::of("a")).await;
    s.heading("another one joins");
    s.beat(Beat::join("b", &["t"])).await;
    s.describe().await;
    s.list(&[], &[]).await;
    s.beat(Beat::of("a")).await;
    s.describe().await;
    s.beat(Beat::of("b")).await;
    s.beat(Beat::of("a")).await;
    s.beat(Beat::of("a").owning(Owned::ToldBefore)).await;
    s.beat(Beat::of("a").owning(Owned::Told)).await;
    s.describe().await;
    s.beat(Beat::of("b")).await;
    s.beat(Beat::of("b")).await;
    s.describe().await;
    s.heading("a third one joins and leaves before it has got anything");
    s.beat(Beat::join("c", &["t"])).await;
    s.beat(Beat::of("a")).await;
    s.beat(Beat::of("b")).await;
    s.beat(Beat::of("c").at(-1)).await;
    s.describe().await;
    s.beat(Beat::of("a").owning(Owned::Told)).await;
    s.beat(Beat::of("b").owning(Owned::Told)).await;
    s.describe().await;
    s.heading("who was there joins again");
    s.beat(Beat::join("a", &["t"])).await;
    s.heading("all leave");
    s.beat(Beat::of("b").at(-1)).await;
    s.describe().await;
    s.beat(Beat::of("a")).await;
    s.beat(Beat::of("b").at(4)).await;
    s.beat(Beat::of("a").at(-1)).await;
    s.describe().await;
    s.list(&["Empty"], &[]).await;
    s.beat(Beat::of("a").at(1)).await;
    s.beat(Beat::join("a", &["t"])).await;
    s.delete_group().await;
    s.beat(Beat::of("a").at(-1)).await;
    s.delete_group().await;
    s.beat(Beat::join("a", &["t"])).await;
}

pub(crate) async fn lost_answers(s: &mut Script) {
    s.create("t", 4).await;
    s.beat(Beat::join("a", &["t"])).await;
    s.beat(Beat::join("a", &["t"])).await;
    s.beat(Beat::join("b", &["t"])).await;
    s.beat(Beat::of("a")).await;
    s.beat(Beat::of("a").owning(Owned::Told)).await;
    s.heading("epochs that are over, and that are none yet");
    let all = Beat {
        timeout: 60_000,
        names: Some(&["t"]),
        ..Beat::of("a")
    };
    s.beat(all.clone().at(2).owning(Owned::Told)).await;
    s.beat(all.clone().at(2).owning(Owned::Nothing)).await;
    s.beat(all.clone().at(2)).await;
    s.beat(Beat::of("a").at(2).owning(Owned::Told)).await;
    s.beat(Beat::of("a").at(4)).await;
    s.beat(Beat::of("a").at(2)).await;
    s.beat(Beat::of("b").at(2).owning(Owned::Nothing)).await;
    s.heading("all is said in this epoch");
    s.beat(all.clone().owning(Owned::Told)).await;
    s.beat(
        Beat {
            names: None,
            ..all.clone()
        }
        .owning(Owned::Told),
    )
    .await;
    s.beat(Beat::of("b")).await;
    s.heading("one epoch behind and a new one to come");
    s.beat(Beat::join("c", &["t"])).await;
    s.beat(Beat::of("a").owning(Owned::Told)).await;
    s.beat(Beat::of("b").owning(Owned::Told)).await;
    s.beat(Beat::of("a").owning(Owned::Told)).await;
    s.beat(Beat::of("b").owning(Owned::Told)).await;
    s.beat(all.clone().at(3).owning(Owned::Told)).await;
    s.beat(Beat::of("c").owning(Owned::Nothing)).await;
    s.describe().await;
}

pub(crate) async fn static_members(s: &mut Script) {
    s.create("t", 4).await;
    let (i, j) = (
        Beat::join("a", &["t"]).instance("i"),
        Beat::join("b", &["t"]).instance("j"),
    );
    s.beat(i.clone()).await;
    s.beat(Beat {
        id: "x",
        ..i.clone()
    })
    .await;
    s.beat(i.clone()).await;
    s.beat(j.clone()).await;
    let a = Beat::of("a").instance("i");
    s.beat(a.clone()).await;
    s.beat(a.clone().owning(Owned::Told)).await;
    s.beat(Beat::of("b").instance("j")).await;
    s.heading("who is not who it says");
    for (id, instance, epoch) in [
        ("b", "i", 3),
        ("x", "i", 3),
        ("a", "x", 3),
        ("b", "i", -1),
        ("b", "i", -2),
        ("a", "x", -2),
        ("x", "x", -1),
    ] {
        s.beat(Beat::of(id).instance(instance).at(epoch)).await;
    }
    s.beat(Beat::of("a")).await;
    s.heading("a restart");
    s.beat(a.clone().at(-2)).await;
    s.describe().await;
    s.beat(a.clone().at(3)).await;
    s.beat(Beat::of("b").instance("j")).await;
    s.beat(Beat {
        id: "c",
        ..i.clone()
    })
    .await;
    s.describe().await;
    s.beat(a.clone().at(3)).await;
    s.heading("the same id comes back");
    s.beat(Beat::of("c").instance("i").at(-2)).await;
    s.beat(Beat {
        id: "c",
        ..i.clone()
    })
    .await;
    s.heading("with another subscription");
    s.create("u", 2).await;
    s.beat(Beat::of("c").instance("i").at(-2)).await;
    s.beat(Beat {
        id: "d",
        names: Some(&["u"]),
        ..i.clone()
    })
    .await;
    s.describe().await;
    s.beat(Beat::of("d").instance("i").owning(Owned::Told))
        .await;
    s.describe().await;
    s.heading("for good");
    s.beat(Beat::of("d").instance("i").at(-1)).await;
    s.beat(Beat::of("b").instance("j")).await;
    s.beat(Beat::of("b").at(-1)).await;
    s.describe().await;
}

pub(crate) async fn subscriptions(s: &mut Script) {
    s.create("t", 4).await;
    s.create("u", 2).await;
    s.beat(Beat {
        assignor: Some("range"),
        ..Beat::join("a", &["t"])
    })
    .await;
    s.describe().await;
    s.beat(Beat {
        assignor: Some("uniform"),
        ..Beat::join("b", &["t", "u"])
    })
    .await;
    s.beat(Beat {
        assignor: Some("uniform"),
        ..Beat::join("c", &["none"])
    })
    .await;
    s.describe().await;
    s.beat(Beat::of("a")).await;
    s.beat(Beat::of("a").owning(Owned::Told)).await;
    s.beat(Beat::of("b")).await;
    s.beat(Beat::of("b")).await;
    s.describe().await;
    s.heading("another topic instead");
    s.beat(Beat {
        names: Some(&["u"]),
        ..Beat::of("a")
    })
    .await;
    s.describe().await;
    s.beat(Beat::of("a").owning(Owned::Told)).await;
    s.beat(Beat::of("b").owning(Owned::Told)).await;
    s.beat(Beat::of("b").owning(Owned::Told)).await;
    s.beat(Beat::of("a").owning(Owned::Told)).await;
    s.describe().await;
    s.heading("nothing any more");
    s.beat(
        Beat {
            names: Some(&[]),
            ..Beat::of("a")
        }
        .owning(Owned::Told),
    )
    .await;
    s.beat(Beat::of("a").owning(Owned::Told)).await;
    s.beat(Beat::of("b")).await;
    s.heading("another assignor is no new epoch");
    s.beat(Beat {
        assignor: Some("range"),
        ..Beat::of("b")
    })
    .await;
    s.beat(Beat {
        assignor: Some("range"),
        ..Beat::of("c")
    })
    .await;
    s.describe().await;
}

pub(crate) async fn expressions(s: &mut Script) {
    s.create("t", 2).await;
    s.create("tt", 1).await;
    s.create("u", 1).await;
    s.sums = true;
    s.beat(Beat {
        names: None,
        regex: Some("t+"),
        ..Beat::join("a", &[])
    })
    .await;
    s.beat_until_told(Beat::of("a")).await;
    s.describe().await;
    s.heading("an expression that is known");
    s.beat(Beat {
        names: None,
        regex: Some("t+"),
        ..Beat::join("b", &[])
    })
    .await;
    s.beat(Beat::of("a")).await;
    s.beat(Beat::of("a").owning(Owned::Told)).await;
    s.beat(Beat::of("b")).await;
    s.describe().await;
    s.heading("none any more");
    s.beat(
        Beat {
            names: Some(&["u"]),
            regex: Some(""),
            ..Beat::of("b")
        }
        .owning(Owned::Told),
    )
    .await;
    s.beat(Beat::of("b").owning(Owned::Told)).await;
    s.beat(Beat::of("a")).await;
    s.describe().await;
    s.heading("one that is none");
    s.beat(Beat {
        regex: Some("("),
        ..Beat::of("a")
    })
    .await;
    s.beat(Beat {
        regex: Some("[z-a]"),
        ..Beat::of("a")
    })
    .await;
    s.beat(Beat::of("a")).await;
    s.group("names-too", "names and an expression");
    s.beat(Beat {
        regex: Some("t+"),
        ..Beat::join("a", &["u"])
    })
    .await;
    s.beat_until_told(Beat::of("a").owning(Owned::Told)).await;
    s.describe().await;
    s.group("no-match", "nothing matches");
    s.beat(Beat {
        names: None,
        regex: Some("x.*"),
        ..Beat::join("a", &[])
    })
    .await;
    s.beat(Beat::of("a")).await;
    s.describe().await;
}

pub(crate) async fn topics(s: &mut Script) {
    s.create("t", 2).await;
    s.beat(Beat::join("a", &["t", "later"])).await;
    s.heading("partitions");
    s.grow("t", 4).await;
    s.beat_until_told(Beat::of("a")).await;
    s.heading("a topic that was missing");
    s.create("later", 1).await;
    s.beat_until_told(Beat::of("a")).await;
    s.describe().await;
    s.heading("a topic goes");
    s.delete("t").await;
    s.beat_until_told(Beat::of("a")).await;
    s.beat(Beat::of("a").owning(Owned::Told)).await;
    s.describe().await;
    s.heading("and comes again");
    s.create("t", 3).await;
    s.beat_until_told(Beat::of("a")).await;
    s.describe().await;
}

pub(crate) async fn positions(s: &mut Script) {
    s.create("t", 2).await;
    s.heading("no group");
    s.commit(9, ("a", 1), "t", &[0], 1).await;
    s.commit(8, ("a", 1), "t", &[0], 1).await;
    s.fetch(9, (Some("a"), 1), "t", 0).await;
    s.fetch(9, (None, -1), "t", 0).await;
    s.fetch(8, (None, -1), "t", 0).await;
    s.heading("a member");
    s.beat(Beat::join("a", &["t"])).await;
    for version in [2, 8, 9, 10] {
        s.commit(version, ("a", 2), "t", &[0, 1], 2).await;
    }
    for (member, epoch) in [("a", 1), ("a", 3), ("a", -1), ("b", 1), ("", -1), ("", 1)] {
        for version in [8, 9, 10] {
            s.commit(version, (member, epoch), "t", &[0], 3).await;
        }
    }
    for (member, epoch) in [
        (Some("a"), 2),
        (Some("a"), 1),
        (Some("a"), 3),
        (Some("a"), -1),
        (Some("b"), 1),
        (Some(""), -1),
        (Some(""), 1),
        (None, -1),
    ] {
        s.fetch(9, (member, epoch), "t", 0).await;
    }
    s.fetch(8, (None, -1), "t", 1).await;
    s.heading("an earlier epoch");
    s.grow("t", 4).await;
    s.beat_until_told(Beat::of("a")).await;
    s.describe().await;
    for partitions in [&[0, 1][..], &[2], &[0, 2], &[2, 0]] {
        s.commit(9, ("a", 2), "t", partitions, 4).await;
        s.commit(10, ("a", 2), "t", partitions, 5).await;
    }
    s.fetch(9, (Some("a"), 2), "t", 0).await;
    s.fetch(9, (Some("a"), 3), "t", 0).await;
    s.commit(9, ("a", 1), "t", &[0], 5).await;
    s.heading("nobody is there");
    s.beat(Beat::of("a").at(-1)).await;
    s.commit(9, ("a", 3), "t", &[0], 6).await;
    s.commit(9, ("", -1), "t", &[0], 7).await;
    s.commit(2, ("", -1), "t", &[1], 8).await;
    s.fetch(9, (Some("a"), 3), "t", 0).await;
    s.fetch(9, (None, -1), "t", 0).await;
}

pub(crate) async fn both_protocols(s: &mut Script) {
    s.create("t", 2).await;
    s.heading("a consumer group without members becomes classic");
    s.beat(Beat::join("a", &["t"])).await;
    s.commit(9, ("a", 2), "t", &[0], 1).await;
    s.beat(Beat::of("a").at(-1)).await;
    let member = s.join_as_classic("", "consumer").await;
    s.list(&[], &[]).await;
    s.describe().await;
    s.describe_as_classic(6).await;
    s.sync_as_classic(&member).await;
    s.describe_as_classic(6).await;
    s.beat_as_classic(&member.0, 1).await;
    s.fetch(9, (None, -1), "t", 0).await;
    s.heading("where members of the consumer protocol are nobody");
    s.beat(Beat::of("a").at(1)).await;
    s.beat(Beat::of("a").at(-1)).await;
    s.fetch(9, (Some("a"), 1), "t", 0).await;
    s.commit(9, ("a", 1), "t", &[0], 1).await;
    s.heading("and a classic group without members becomes one of consumers");
    s.leave_as_classic(&member.0).await;
    s.list(&[], &[]).await;
    s.beat(Beat::join("b", &["t"])).await;
    s.list(&[], &[]).await;
    s.fetch(9, (None, -1), "t", 0).await;
    s.heading("where members of the classic protocol are nobody");
    s.beat_as_classic(&member.0, 1).await;
    s.beat_as_classic("b", 1).await;
    s.sync_as_classic(&member).await;
    s.leave_as_classic(&member.0).await;
    s.join_as_classic("", "connect").await;
    s.describe_as_classic(5).await;
    s.describe_as_classic(6).await;
    s.group("positions", "a group that has but positions");
    s.commit(9, ("", -1), "t", &[0], 1).await;
    s.list(&[], &[]).await;
    s.describe().await;
    s.beat(Beat::join("a", &["t"])).await;
    s.list(&[], &[]).await;
    s.group("connect", "a group of others than consumers");
    let worker = s.join_as_classic("", "connect").await;
    s.sync_as_classic(&worker).await;
    s.list(&[], &[]).await;
    s.beat(Beat::join("a", &["t"])).await;
    s.describe_as_classic(6).await;
}
