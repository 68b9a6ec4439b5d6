use std::path::{Path, PathBuf};

use bytes::Bytes;

use super::open::{Files, check_length};
use super::{list, name_starts_with};
use crate::read::{FixedRecords, Lines};
use crate::{EngineError, Operator, Rdd, RddContext};

impl RddContext {
    /// The lines of a file, or of the files in a directory in the order of their names: one partition for each file, read
    /// when an action reaches it (Spark's `SparkContext.textFile`). Files whose name starts with `.` or `_` are left out, such
    /// as the `_SUCCESS` that [`Rdd::save_as_text_file`] writes. For how lines are made see [`Lines`].
    ///
    /// ```
    /// use stream_engine::RddContext;
    ///
    /// # let folder = std::env::temp_dir().join(format!("stream-engine-doc-{}", std::process::id()));
    /// let context = RddContext::new(2)?;
    /// context.parallelize(["to be", "or not"], 2).save_as_text_file(&folder)?;
    /// assert_eq!(context.text_file(&folder)?.collect()?, ["to be", "or not"]);
    /// # std::fs::remove_dir_all(&folder)?;
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`EngineError::Failed`] with a [`FileError`](crate::FileError) if there is nothing at `path`, or the directory cannot be
    /// listed. Reading fails the action the same way.
    #[track_caller]
    pub fn text_file(&self, path: impl AsRef<Path>) -> Result<Rdd<String>, EngineError> {
        let operator = Operator::here("text_file");
        let paths = paths(operator, path.as_ref())?;
        let open = |file, _: &Path| Ok(Lines::new(file));
        Ok(self.read_at(
            operator,
            Files {
                name: operator.name(),
                paths,
                open,
            },
        ))
    }

    /// The records of `record_length` bytes in a file or in the files of a directory, as [`RddContext::text_file`] takes
    /// them (Spark's `SparkContext.binaryRecords`).
    ///
    /// # Errors
    /// As there, and [`EngineError::Setting`] for a length of 0. A file whose length is no multiple of the records' fails the
    /// action, naming the file.
    #[track_caller]
    pub fn binary_records(
        &self,
        path: impl AsRef<Path>,
        record_length: usize,
    ) -> Result<Rdd<Bytes>, EngineError> {
        let operator = Operator::here("binary_records");
        check_record_length(record_length)?;
        let paths = paths(operator, path.as_ref())?;
        let open = move |file, _: &Path| {
            check_length(&file, record_length)?;
            Ok(FixedRecords::new(file, record_length))
        };
        Ok(self.read_at(
            operator,
            Files {
                name: operator.name(),
                paths,
                open,
            },
        ))
    }
}

pub(super) fn check_record_length(record_length: usize) -> Result<(), EngineError> {
    if record_length > 0 {
        return Ok(());
    }
    Err(EngineError::Setting {
        setting: "record_length",
        problem: "a record of 0 bytes: give the length that every record has".to_owned(),
    })
}

/// The file itself, or the files of the directory.
fn paths(operator: Operator, path: &Path) -> Result<Vec<PathBuf>, EngineError> {
    let failed = |error: super::FileError| EngineError::failed(operator, error.into());
    let metadata = std::fs::metadata(path).map_err(|source| {
        failed(super::FileError::Open {
            path: path.to_owned(),
            source,
        })
    })?;
    if !metadata.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let shown = |path: &Path| !name_starts_with(path, b'.') && !name_starts_with(path, b'_');
    let mut paths: Vec<PathBuf> = list(path, shown)
        .map_err(failed)?
        .into_iter()
        .map(|file| file.path)
        .collect();
    paths.sort();
    Ok(paths)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::scratch::Scratch;

    #[test]
    fn every_shown_file_is_a_partition_in_the_order_of_names() {
        let (folder, context) = (Scratch::new(), RddContext::new(2).unwrap());
        for (name, content) in [
            ("b", "3\n4"),
            ("a", "1\n2\n"),
            (".c", "hidden"),
            ("_SUCCESS", ""),
            ("empty", ""),
        ] {
            fs::write(folder.path().join(name), content).unwrap();
        }
        fs::create_dir(folder.path().join("folder")).unwrap();
        let rdd = context.text_file(folder.path()).unwrap();
        assert_eq!(
            rdd.collect_partitions().unwrap(),
            [vec!["1", "2"], vec!["3", "4"], vec![]]
        );
        let file = context.text_file(folder.path().join(".c")).unwrap();
        assert_eq!(file.collect().unwrap(), ["hidden"]);
    }

    #[test]
    fn records_of_one_length_are_read_and_others_are_an_error_that_names_the_file() {
        let (folder, context) = (Scratch::new(), RddContext::new(2).unwrap());
        fs::write(folder.path().join("a"), "abcdef").unwrap();
        let records = context.binary_records(folder.path(), 3).unwrap();
        assert_eq!(records.collect().unwrap(), ["abc", "def"]);
        fs::write(folder.path().join("b"), "abcde").unwrap();
        let records = context.binary_records(folder.path(), 3).unwrap();
        let error = records.collect().unwrap_err().to_string();
        let expected = format!(
            "failed: file {}: its 5 bytes are no multiple of the record length 3: ",
            folder.path().join("b").display()
        );
        assert!(error.contains(&expected), "{error}");
        let error = context.binary_records(folder.path(), 0).unwrap_err();
        assert!(
            error.to_string().starts_with("setting record_length: "),
            "{error}"
        );
    }

    #[test]
    fn what_is_not_there_is_named() {
        let (folder, context) = (Scratch::new(), RddContext::new(1).unwrap());
        let path = folder.path().join("lines");
        let error = context.text_file(&path).unwrap_err().to_string();
        let expected = format!("failed: file {} cannot be opened: ", path.display());
        assert!(
            error.starts_with("text_file at ") && error.contains(&expected),
            "{error}"
        );
        fs::write(&path, "x").unwrap();
        let rdd = context.text_file(&path).unwrap();
        fs::remove_file(&path).unwrap();
        let error = rdd.count().unwrap_err().to_string();
        assert!(
            error.contains(&expected) && error.contains("must stay until"),
            "{error}"
        );
    }
}
