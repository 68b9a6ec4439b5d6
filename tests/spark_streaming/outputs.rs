//! What leaves a program, and what can be looked at from outside.

use std::io::{self, Write};
use std::path::Path;
use std::sync::{Arc, Mutex};

use stream_engine::testkit::secs;
use stream_engine::{EngineError, Time};

use crate::run::same_as_spark;
use crate::words::{pairs, words};

/// Looks back: in each third batch, at the batches of the last three seconds, by times that lie between batches.
#[test]
fn slice() {
    same_as_spark(|run| {
        run.context().remember(secs(10))?;
        let lines = run.input("lines")?;
        let (recorder, looked_at) = (run.recorder("slice"), lines.clone());
        lines.foreach_rdd_with_time(move |_, time| {
            let now = time.as_millis();
            if now % 3000 != 0 {
                return Ok(());
            }
            let batches =
                looked_at.slice(Time::from_millis(now - 2500), Time::from_millis(now + 400))?;
            let mut found = vec![format!("{} batches", batches.len())];
            for (n, batch) in (1..).zip(&batches) {
                found.extend(batch.collect()?.iter().map(|line| format!("{n} {line}")));
            }
            recorder(now, found);
            Ok::<_, EngineError>(())
        });
        Ok(())
    });
}

/// Standard output of a program.
#[derive(Clone, Default)]
struct Printed(Arc<Mutex<Vec<u8>>>);

impl Write for Printed {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The text that print writes, line by line.
#[test]
fn print() {
    same_as_spark(|run| {
        run.batches(8);
        let (lines, words, printed) = (run.input("lines")?, words(run)?, Printed::default());
        words.print_to(10, printed.clone());
        words
            .map(|word| (word.clone(), word.len()))
            .print_to(2, printed.clone());
        words
            .map(|word| (word.len() as f64 * 0.5, word.len() > 3))
            .print_to(3, printed.clone());
        lines.count().print_to(10, printed.clone());
        let recorder = run.recorder("print");
        lines.foreach_rdd_with_time(move |_, time| {
            let text =
                String::from_utf8(std::mem::take(&mut *printed.0.lock().unwrap())).expect("text");
            let numbered = text
                .split('\n')
                .enumerate()
                .map(|(n, line)| format!("{n:03}:{line}"));
            recorder(time.as_millis(), numbered.collect());
        });
        Ok(())
    });
}

/// The folders and files of each batch, with their lines.
#[test]
fn save_as_text_files() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"))
        .join(format!("spark-streaming-{}", std::process::id()));
    let saved = folder.clone();
    same_as_spark(move |run| {
        run.batches(6);
        let lines = run.input("lines")?;
        lines.save_as_text_files(saved.join("lines"), "txt");
        let counts = pairs(run)?.reduce_by_key_with_partitions(1, |a, b| a + b);
        counts
            .map(|(word, count)| format!("({word},{count})"))
            .save_as_text_files(saved.join("counts"), "");
        let recorder = run.recorder("save_as_text_files");
        lines.foreach_rdd_with_time(move |_, time| {
            recorder(time.as_millis(), saved_lines(&saved, time)?);
            Ok::<_, io::Error>(())
        });
        Ok(())
    });
    std::fs::remove_dir_all(folder).unwrap();
}

fn saved_lines(folder: &Path, time: Time) -> io::Result<Vec<String>> {
    let mut found = Vec::new();
    for batch in std::fs::read_dir(folder)? {
        let batch = batch?;
        let name = batch.file_name().to_string_lossy().into_owned();
        if !name.contains(&format!("-{}", time.as_millis())) {
            continue;
        }
        for file in std::fs::read_dir(batch.path())? {
            let file = file?;
            let path = format!("{name}/{}", file.file_name().to_string_lossy());
            let text = std::fs::read_to_string(file.path())?;
            found.extend(text.lines().map(|line| format!("{path}: {line}")));
            found.push(path);
        }
    }
    Ok(found)
}
