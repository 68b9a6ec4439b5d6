//! What several batches hold together.

use stream_engine::EngineError;
use stream_engine::testkit::secs;

use crate::recording::{Recording, spark};
use crate::run::{Run, run, run_one, same_as_spark};
use crate::words::{pairs, words};

#[test]
fn windowed_counts() {
    same_as_spark(|run| {
        run.record_pairs(
            "windowed_counts",
            &pairs(run)?.reduce_by_key_and_window(|a, b| a + b, secs(5), secs(1))?,
        );
        Ok(())
    });
}

fn inverse_window(run: &mut Run) -> Result<(), EngineError> {
    let counts = pairs(run)?.reduce_by_key_and_window_with_inverse(
        |a, b| a + b,
        |a, b| a - b,
        secs(5),
        secs(1),
    )?;
    run.record_pairs("inverse_window", &counts);
    Ok(())
}

/// In Spark, a word that was seen once stays for ever.
#[test]
fn an_inverse_window_forgets_what_has_left_it_where_spark_keeps_zeros() {
    let spark = spark("inverse_window");
    let is_zero = |record: &str| record.ends_with(" 0");
    let empty = &spark.0[&20_000];
    assert!(
        empty.len() > 20 && empty.iter().all(|record| is_zero(record)),
        "the window is empty"
    );
    run_one(inverse_window).check(&spark.filter(|record| !is_zero(record)));
}

/// In Spark it takes a filter to have what we have without one.
#[test]
fn filtered_inverse_window() {
    run_one(inverse_window).check(&spark("filtered_inverse_window"));
}

/// Only words that occur at least twice in the window. In Spark, a filter that drops a word which is still in the window makes
/// it forget that word's older occurrences, and fails when they leave.
#[test]
fn a_filter_behind_an_inverse_window_does_no_harm_where_spark_s_inside_it_does() {
    let frequent = run_one(|run| {
        let counts = pairs(run)?.reduce_by_key_and_window_with_inverse(
            |a, b| a + b,
            |a, b| a - b,
            secs(5),
            secs(1),
        )?;
        run.record_pairs("filter_trap", &counts.filter(|(_, count)| *count > 1));
        Ok(())
    });
    let more_than_one = |record: &str| !record.ends_with(" 1");
    frequent.check(&spark("windowed_counts").filter(more_than_one));

    let spark = spark("filter_trap");
    let reason = "failed: Neither previous window has value for key, nor new values found.";
    let failed = spark
        .records()
        .find(|(_, record)| record.starts_with(reason));
    let (failed, _) = failed.expect("Spark fails");
    let wrong = spark
        .0
        .iter()
        .find(|(time, records)| frequent.0[time] != **records);
    assert!(wrong.is_some_and(|(time, _)| *time <= failed));
}

/// Spark has no record before the first data, and one with 0 after the last.
#[test]
fn count_by_window_counts_0_before_the_first_data_where_spark_says_nothing() {
    let mut expected = spark("count_by_window");
    assert_eq!(expected.0[&1000], [""; 0], "the first batch is empty");
    assert_eq!(expected.0[&19_000], ["0"], "so is this window");
    expected.add(1000, vec!["0".to_owned()]);
    let counts = run_one(|run| {
        run.record(
            "count_by_window",
            &run.input("lines")?.count_by_window(secs(4), secs(1))?,
        );
        Ok(())
    });
    counts.check(&expected);
}

#[test]
fn count_by_value_and_window() {
    same_as_spark(|run| {
        run.record_pairs(
            "count_by_value_and_window",
            &words(run)?.count_by_value_and_window(secs(3), secs(1))?,
        );
        Ok(())
    });
}

/// The number of characters in the window. Spark's form with an inverse has a 0 for an empty window, its other form has
/// nothing; ours both have nothing.
#[test]
fn reduce_by_window_has_no_record_for_an_empty_window_where_spark_s_inverse_has_0() {
    let recorded = run(|run| {
        let lengths = run.input("lines")?.map(|line| line.len());
        run.record(
            "reduce_by_window",
            &lengths.reduce_by_window(|a, b| a + b, secs(4), secs(2))?,
        );
        run.record(
            "reduce_by_window_with_inverse",
            &lengths.reduce_by_window_with_inverse(|a, b| a + b, |a, b| a - b, secs(4), secs(2))?,
        );
        Ok(())
    });
    let expected: Recording = spark("reduce_by_window");
    assert_eq!(expected.0[&18_000], [""; 0], "the window is empty");
    recorded["reduce_by_window"].check(&expected);
    recorded["reduce_by_window_with_inverse"].check(&expected);
    let inverse = spark("reduce_by_window_with_inverse");
    assert_eq!(inverse.0[&18_000], ["0"]);
    inverse.filter(|record| record != "0").check(&expected);
}

/// Windows that slide by more than a batch: overlapping, tumbling, and with gaps.
#[test]
fn slow_slide() {
    same_as_spark(|run| {
        let (pairs, sum) = (pairs(run)?, |a, b| a + b);
        run.record_pairs(
            "slow_slide_overlapping",
            &pairs.reduce_by_key_and_window(sum, secs(6), secs(3))?,
        );
        run.record_pairs(
            "slow_slide_tumbling",
            &pairs.reduce_by_key_and_window(sum, secs(4), secs(4))?,
        );
        run.record_pairs(
            "slow_slide_gaps",
            &pairs.window(secs(2), secs(5))?.reduce_by_key(sum),
        );
        run.record_pairs(
            "slow_slide_filtered_inverse",
            &pairs.reduce_by_key_and_window_with_inverse(sum, |a, b| a - b, secs(6), secs(3))?,
        );
        run.record_pairs(
            "slow_slide_nested",
            &pairs
                .window(secs(2), secs(2))?
                .reduce_by_key_and_window(sum, secs(6), secs(4))?,
        );
        Ok(())
    });
}

/// The words of the window by their first letter.
#[test]
fn group_by_key_and_window() {
    same_as_spark(|run| {
        let groups = words(run)?
            .map(|word| (word[..1].to_owned(), word))
            .group_by_key_and_window(secs(3), secs(1))?;
        let sorted = groups.map_values(|mut words| {
            words.sort_unstable();
            words.join(",")
        });
        run.record_pairs("group_by_key_and_window", &sorted);
        Ok(())
    });
}
