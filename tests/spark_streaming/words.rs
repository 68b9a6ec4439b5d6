//! Words of each batch.

use stream_engine::testkit::secs;
use stream_engine::{DStream, EngineError};

use crate::run::{Run, same_as_spark};

pub(crate) fn words(run: &Run) -> Result<DStream<String>, EngineError> {
    Ok(run
        .input("lines")?
        .flat_map(|line| line.split(' ').map(str::to_owned).collect::<Vec<_>>()))
}

pub(crate) fn pairs(run: &Run) -> Result<DStream<(String, u64)>, EngineError> {
    Ok(words(run)?.map(|word| (word, 1)))
}

#[test]
fn word_count() {
    same_as_spark(|run| {
        let counts = words(run)?
            .map(|word| (word, 1))
            .reduce_by_key(|a, b| a + b);
        run.record_pairs("word_count", &counts);
        Ok(())
    });
}

/// What is left of a batch without records.
#[test]
fn empty_batches() {
    same_as_spark(|run| {
        let lines = run.input("lines")?;
        run.record("count", &lines.count());
        run.record("reduce", &lines.map(|line| line.len()).reduce(|a, b| a + b));
        run.record_pairs(
            "count_by_value",
            &lines.map(|line| line.len()).count_by_value(),
        );
        run.record_pairs(
            "group_by_key",
            &pairs(run)?.group_by_key().map_values(|ones| ones.len()),
        );
        Ok(())
    });
}

/// The average length of the words with each first letter.
#[test]
fn averages() {
    same_as_spark(|run| {
        let averages = words(run)?
            .map(|word| (word[..1].to_owned(), word.len() as f64))
            .combine_by_key(
                |length| (length, 1),
                |sum, length| *sum = (sum.0 + length, sum.1 + 1),
                |a, b| *a = (a.0 + b.0, a.1 + b.1),
            )
            .map_values(|(sum, count)| sum / f64::from(count));
        run.record(
            "averages",
            &averages.map(|(letter, average)| format!("{letter} {average:.3}")),
        );
        Ok(())
    });
}

/// The three most frequent words of the last five seconds; of equally frequent ones, the last in the alphabet.
#[test]
fn top_words() {
    same_as_spark(|run| {
        let counts = pairs(run)?.reduce_by_key_and_window(|a, b| a + b, secs(5), secs(1))?;
        let top = counts
            .map(|(word, count)| (format!("{count:04} {word}"), 0))
            .transform(|rdd| rdd.sort_by_key(false));
        let recorder = run.recorder("top_words");
        top.foreach_rdd_with_time(move |rdd, time| {
            recorder(time.as_millis(), rdd.keys().take(3)?);
            Ok::<_, EngineError>(())
        });
        Ok(())
    });
}
