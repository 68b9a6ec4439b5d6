use std::ffi::OsString;
use std::fmt::Display;
use std::path::{Path, PathBuf};

use super::DStream;
use crate::rdd::{IfExists, encode_line};
use crate::{Data, Operator, Outcome, Time};

/// The directory of a batch: `prefix-<milliseconds>.suffix`, each part only if it is there (Spark's `rddToFileName`).
fn batch_path(prefix: &Path, suffix: &str, time: Time) -> PathBuf {
    let mut path = OsString::from(prefix);
    if !path.is_empty() {
        path.push("-");
    }
    path.push(time.as_millis().to_string());
    if !suffix.is_empty() {
        path.push(".");
        path.push(suffix);
    }
    path.into()
}

/// Output to directories, one for each batch.
impl<T: Data> DStream<T> {
    /// Writes each batch to a directory `prefix-<time in ms>`, or `prefix-<time in ms>.suffix` if the suffix is not empty: a
    /// line for each record, a file `part-00000`, `part-00001`, ... for each partition, and a file `_SUCCESS` (Spark's
    /// `saveAsTextFiles`).
    ///
    /// A directory appears when all of it is written and synced, so readers never find half a batch. If it is there already,
    /// because the batch ran before and was not committed, it is replaced. Batches without records have directories too.
    ///
    /// Pairs have no text of their own in Rust: `map` them to one, or use [`save_as_files`](DStream::save_as_files).
    ///
    /// ```no_run
    /// # let ssc = stream_engine::StreamingContext::builder("lines").batch_duration(std::time::Duration::from_secs(1)).build()?;
    /// # let words: stream_engine::DStream<(String, u64)> = ssc.queue_stream(&stream_engine::RddQueue::new())?;
    /// words.map(|(word, count)| format!("{word}\t{count}")).save_as_text_files("out/counts", "tsv");
    /// # Ok::<_, stream_engine::EngineError>(())
    /// ```
    #[track_caller]
    pub fn save_as_text_files(&self, prefix: impl AsRef<Path>, suffix: &str)
    where
        T: Display,
    {
        self.save_files_at(
            Operator::here("save_as_text_files"),
            prefix.as_ref(),
            suffix,
            encode_line,
        );
    }

    /// As [`DStream::save_as_text_files`], with bytes of one's own: `encode` appends a record to the buffer, with what is to
    /// stand between records. It may return a `Result`: an error fails the batch.
    ///
    /// It takes the place of Spark's `saveAsObjectFiles` and `saveAsHadoopFiles`: Rust has no serialization that every type
    /// comes with, so the program names one.
    ///
    /// ```no_run
    /// # let ssc = stream_engine::StreamingContext::builder("numbers").batch_duration(std::time::Duration::from_secs(1)).build()?;
    /// # let numbers: stream_engine::DStream<u64> = ssc.queue_stream(&stream_engine::RddQueue::new())?;
    /// numbers.save_as_files("out/numbers", "bin", |number, out| out.extend(number.to_be_bytes()));
    /// # Ok::<_, stream_engine::EngineError>(())
    /// ```
    #[track_caller]
    pub fn save_as_files<R: Outcome>(
        &self,
        prefix: impl AsRef<Path>,
        suffix: &str,
        encode: impl Fn(&T, &mut Vec<u8>) -> R + Send + Sync + 'static,
    ) {
        let operator = Operator::here("save_as_files");
        self.save_files_at(operator, prefix.as_ref(), suffix, encode);
    }

    fn save_files_at<R: Outcome>(
        &self,
        operator: Operator,
        prefix: &Path,
        suffix: &str,
        encode: impl Fn(&T, &mut Vec<u8>) -> R + Send + Sync + 'static,
    ) {
        let (prefix, suffix) = (prefix.to_owned(), suffix.to_owned());
        self.foreach_rdd_at(operator, move |rdd, time| {
            let path = batch_path(&prefix, &suffix, time);
            rdd.save_at(operator, &path, IfExists::Replace, &encode)
        });
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::RddContext;
    use crate::scratch::Scratch;
    use crate::testkit::TestKit;

    #[test]
    fn directories_are_named_like_sparks() {
        let time = Time::from_millis(1500);
        for (prefix, suffix, expected) in [
            ("out/words", "", "out/words-1500"),
            ("words", "txt", "words-1500.txt"),
            ("", "", "1500"),
            ("", "txt", "1500.txt"),
        ] {
            assert_eq!(
                batch_path(Path::new(prefix), suffix, time),
                Path::new(expected)
            );
        }
    }

    #[test]
    fn every_batch_has_its_directory_and_replaces_what_a_lost_run_left() {
        let folder = Scratch::new();
        let prefix = folder.path().join("n");
        let again = folder.path().join("n-2000.txt");
        fs::create_dir(&again).unwrap();
        fs::write(again.join("part-00007"), "of a run that was not committed").unwrap();
        let save = |s: &DStream<u32>| {
            s.save_as_text_files(&prefix, "txt");
            s.clone()
        };
        TestKit::default()
            .run(&[vec![1, 2, 3], vec![4], vec![]], save)
            .unwrap();
        let context = RddContext::new(1).unwrap();
        for (time, expected) in [
            (1000, vec!["1", "2", "3"]),
            (2000, vec!["4"]),
            (3000, vec![]),
        ] {
            let directory = folder.path().join(format!("n-{time}.txt"));
            assert!(directory.join("_SUCCESS").exists());
            let lines = context.text_file(directory).unwrap();
            assert_eq!(lines.num_partitions(), 2);
            assert_eq!(lines.collect().unwrap(), expected);
        }
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 3);
    }

    #[test]
    fn a_failed_batch_leaves_no_directory() {
        let folder = Scratch::new();
        let prefix = folder.path().join("n");
        let save = |s: &DStream<u32>| {
            s.save_as_files(&prefix, "", |n, out| {
                out.push(b'x');
                if *n == 2 { Err("two") } else { Ok(()) }
            });
            s.clone()
        };
        let error = TestKit::default()
            .run(&[vec![1, 2]], save)
            .unwrap_err()
            .to_string();
        assert!(
            error.starts_with("batch 1000 ms, output operation save_as_files at ")
                && error.ends_with(" failed: two"),
            "{error}"
        );
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
