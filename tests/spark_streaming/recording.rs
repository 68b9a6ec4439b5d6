//! What a stream had in each batch.

use std::collections::BTreeMap;
use std::fmt::{self, Display};
use std::path::{Path, PathBuf};

/// By the batch's time in milliseconds, its records, sorted. A batch without an RDD is missing, one without records is not.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Recording(pub(crate) BTreeMap<u64, Vec<String>>);

/// Where the programs for Spark are, with their inputs and what was recorded.
pub(crate) fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("spark")
}

pub(crate) fn read(path: PathBuf) -> String {
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The batches of a recorded input.
pub(crate) fn input(name: &str) -> Vec<Vec<String>> {
    let mut batches = Vec::new();
    for line in read(folder().join(format!("input/{name}.txt"))).lines() {
        let (batch, record) = line.split_once(' ').expect("a batch's number and a record");
        let batch: usize = batch.parse().expect("a batch's number");
        batches.resize(batches.len().max(batch), Vec::new());
        batches[batch - 1].push(record.to_owned());
    }
    batches
}

/// What Spark gave for a stream.
pub(crate) fn spark(name: &str) -> Recording {
    let mut recording = Recording::default();
    for line in read(folder().join(format!("recorded/{name}.txt"))).lines() {
        match line.strip_prefix("  ") {
            Some(record) => {
                let mut last = recording
                    .0
                    .last_entry()
                    .expect("a time before the first record");
                last.get_mut().push(record.to_owned());
            }
            None => {
                let time = line.strip_suffix(" ms").expect("a time");
                recording
                    .0
                    .insert(time.parse().expect("a time"), Vec::new());
            }
        }
    }
    recording
}

impl Recording {
    pub(crate) fn add(&mut self, time: u64, mut records: Vec<String>) {
        records.sort_unstable();
        self.0.insert(time, records);
    }

    /// The records of each batch that `keep` says yes to.
    pub(crate) fn filter(mut self, keep: impl Fn(&str) -> bool) -> Self {
        self.0
            .values_mut()
            .for_each(|records| records.retain(|record| keep(record)));
        self
    }

    /// All records.
    pub(crate) fn records(&self) -> impl Iterator<Item = (u64, &str)> {
        self.0
            .iter()
            .flat_map(|(time, records)| records.iter().map(|record| (*time, record.as_str())))
    }

    /// Fails with the first batch that differs.
    #[track_caller]
    pub(crate) fn check(&self, expected: &Recording) {
        let times = self.0.keys().chain(expected.0.keys());
        let Some(time) = times
            .filter(|time| self.0.get(time) != expected.0.get(time))
            .min()
        else {
            return;
        };
        let show = |records: Option<&Vec<String>>| {
            records.map_or("no RDD".to_owned(), |records| format!("{records:#?}"))
        };
        panic!(
            "batch {time} ms:\nexpected {}\n     got {}",
            show(expected.0.get(time)),
            show(self.0.get(time))
        );
    }
}

impl Display for Recording {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (time, records) in &self.0 {
            writeln!(f, "{time} ms")?;
            records
                .iter()
                .try_for_each(|record| writeln!(f, "  {record}"))?;
        }
        Ok(())
    }
}
