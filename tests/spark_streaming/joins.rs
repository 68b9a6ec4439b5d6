//! Several streams together.

use stream_engine::testkit::secs;
use stream_engine::{DStream, EngineError};

use crate::run::{Run, same_as_spark};

/// What has to do with each ad.
fn by_ad(run: &Run, name: &str) -> Result<DStream<(String, String)>, EngineError> {
    Ok(run.input(name)?.map(|line| {
        let (ad, with) = line.split_once(' ').unwrap_or_default();
        (ad.to_owned(), with.to_owned())
    }))
}

fn or_none(value: Option<String>) -> String {
    value.unwrap_or("none".to_owned())
}

fn sorted(mut values: Vec<String>) -> String {
    values.sort_unstable();
    values.join(",")
}

/// Impressions of ads and clicks on them.
#[test]
fn joins() {
    same_as_spark(|run| {
        let (impressions, clicks) = (by_ad(run, "impressions")?, by_ad(run, "clicks")?);
        run.record(
            "join",
            &impressions
                .join(&clicks)
                .map(|(ad, (page, user))| format!("{ad} {page} {user}")),
        );
        let left = impressions.left_outer_join(&clicks);
        run.record(
            "left_outer_join",
            &left.map(|(ad, (page, user))| format!("{ad} {page} {}", or_none(user))),
        );
        let right = impressions.right_outer_join(&clicks);
        run.record(
            "right_outer_join",
            &right.map(|(ad, (page, user))| format!("{ad} {} {user}", or_none(page))),
        );
        let full = impressions.full_outer_join(&clicks);
        run.record(
            "full_outer_join",
            &full.map(|(ad, (page, user))| format!("{ad} {} {}", or_none(page), or_none(user))),
        );
        let groups = impressions.cogroup(&clicks);
        run.record(
            "cogroup",
            &groups.map(|(ad, (pages, users))| {
                format!("{ad} [{}] [{}]", sorted(pages), sorted(users))
            }),
        );
        let windowed = impressions.window(secs(5), None)?.join(&clicks);
        run.record(
            "windowed_join",
            &windowed.map(|(ad, (page, user))| format!("{ad} {page} {user}")),
        );
        Ok(())
    });
}

/// Clicks with the prices of the ads that have one, and those without.
#[test]
fn static_join() {
    same_as_spark(|run| {
        let prices =
            [("ad1", 15), ("ad3", 7), ("ad9", 1)].map(|(ad, price)| (ad.to_owned(), price));
        let prices = run.context().rdd_context().parallelize(prices, 2).cache();
        let clicks = by_ad(run, "clicks")?;
        let known = prices.clone();
        let priced = clicks.transform(move |rdd| rdd.join(&known));
        run.record(
            "static_join",
            &priced.map(|(ad, (user, price))| format!("{ad} {user} {price}")),
        );
        let unknown = clicks
            .transform(move |rdd| rdd.left_outer_join(&prices))
            .filter(|(_, (_, price))| price.is_none());
        run.record(
            "static_left_outer_join",
            &unknown.map(|(ad, (user, _))| format!("{ad} {user}")),
        );
        Ok(())
    });
}

/// How often each ad was shown and clicked, batch by batch, with the batch's time.
#[test]
fn transform_with() {
    same_as_spark(|run| {
        let shown = by_ad(run, "impressions")?.map_values(|_| 1);
        let clicked = by_ad(run, "clicks")?.map_values(|_| 1000);
        let both = shown.transform_with_and_time(&clicked, |a, b, time| {
            a.union(&b)
                .reduce_by_key(|a, b| a + b)
                .map(move |(ad, n)| (format!("{ad} at {time}"), n))
        });
        run.record_pairs("transform_with", &both);
        Ok(())
    });
}

/// Three streams as one.
#[test]
fn union() {
    same_as_spark(|run| {
        let streams = [
            run.input("impressions")?,
            run.input("clicks")?,
            run.input("visits")?,
        ];
        run.record("union", &run.context().union(&streams));
        run.record(
            "union_of_two",
            &run.input("clicks")?.union(&run.input("clicks")?),
        );
        Ok(())
    });
}
