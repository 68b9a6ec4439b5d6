use std::ffi::OsString;
use std::fmt::Display;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::{Data, PartitionIter, Rdd};
use crate::source::FileError;
use crate::{BoxError, EngineError, Operator, Outcome};

/// How many encoded bytes are written at once.
const BLOCK: usize = 64 * 1024;

/// What to do if the directory is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum IfExists {
    Fail,
    Replace,
}

impl<T: Data> Rdd<T> {
    /// Writes every record as a line into a new directory: a file `part-00000`, `part-00001`, ... for each partition and an
    /// empty file `_SUCCESS` (Spark's `saveAsTextFile`). Missing directories above it are made.
    ///
    /// Everything is written and synced under a name that starts with a `.` beside it, and then renamed: whoever reads the
    /// directory never finds half of it.
    ///
    /// # Errors
    /// [`EngineError::Failed`] with a [`FileError`] if the directory exists already or cannot be written, and like every
    /// action.
    #[track_caller]
    pub fn save_as_text_file(&self, path: impl AsRef<Path>) -> Result<(), EngineError>
    where
        T: Display,
    {
        let operator = Operator::here("save_as_text_file");
        self.save_at(operator, path.as_ref(), IfExists::Fail, &encode_line)
    }

    /// As [`Rdd::save_as_text_file`], with bytes of one's own: `encode` appends a record to the buffer, with what is to stand
    /// between records. It may return a `Result`: an error fails the action.
    ///
    /// # Errors
    /// As there.
    #[track_caller]
    pub fn save_as_files<R: Outcome>(
        &self,
        path: impl AsRef<Path>,
        encode: impl Fn(&T, &mut Vec<u8>) -> R + Send + Sync,
    ) -> Result<(), EngineError> {
        let operator = Operator::here("save_as_files");
        self.save_at(operator, path.as_ref(), IfExists::Fail, &encode)
    }

    pub(crate) fn save_at<R: Outcome>(
        &self,
        operator: Operator,
        path: &Path,
        if_exists: IfExists,
        encode: &(impl Fn(&T, &mut Vec<u8>) -> R + Send + Sync),
    ) -> Result<(), EngineError> {
        let failed = |error: FileError| EngineError::failed(operator, error.into());
        let target = Target::prepare(path, if_exists).map_err(failed)?;
        let saved = self
            .for_each_partition_at(operator, |partition, records| {
                write_part(
                    &target.temporary.join(format!("part-{partition:05}")),
                    records,
                    encode,
                )
            })
            .and_then(|()| target.publish().map_err(failed));
        if saved.is_err() {
            // What is left is cleared away by the next attempt too.
            let _ = fs::remove_dir_all(&target.temporary);
        }
        saved
    }
}

/// A record as a line.
pub(crate) fn encode_line<T: Display>(record: &T, out: &mut Vec<u8>) -> io::Result<()> {
    writeln!(out, "{record}")
}

fn write_part<T, R: Outcome>(
    path: &Path,
    records: PartitionIter<T>,
    encode: impl Fn(&T, &mut Vec<u8>) -> R,
) -> Result<(), BoxError> {
    let failed = |error| not_written(path, error);
    let mut file = File::create(path).map_err(failed)?;
    let mut block = Vec::with_capacity(BLOCK);
    for record in records {
        encode(&record, &mut block).into_result()?;
        if block.len() >= BLOCK {
            file.write_all(&block).map_err(failed)?;
            block.clear();
        }
    }
    file.write_all(&block).map_err(failed)?;
    file.sync_all().map_err(failed)?;
    Ok(())
}

fn not_written(path: &Path, source: io::Error) -> FileError {
    FileError::Write {
        path: path.to_owned(),
        source,
    }
}

/// A directory that is to appear all at once.
struct Target {
    directory: PathBuf,
    /// The directory it is in.
    parent: PathBuf,
    /// Where it is written first.
    temporary: PathBuf,
    /// Where what it replaces is kept until it is replaced.
    replaced: PathBuf,
    if_exists: IfExists,
}

impl Target {
    fn prepare(directory: &Path, if_exists: IfExists) -> Result<Target, FileError> {
        let name = directory.file_name().ok_or_else(|| {
            let problem = io::Error::other("the path has no name for a directory");
            not_written(directory, problem)
        })?;
        let parent = match directory.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
            _ => PathBuf::from("."),
        };
        let beside = |ending: &str| {
            let mut hidden = OsString::from(".");
            hidden.push(name);
            hidden.push(ending);
            parent.join(hidden)
        };
        let target = Target {
            directory: directory.to_owned(),
            temporary: beside(".tmp"),
            replaced: beside(".old"),
            parent,
            if_exists,
        };
        target.refuse_if_it_exists()?;
        for leftover in [&target.temporary, &target.replaced] {
            remove(leftover)?;
        }
        fs::create_dir_all(&target.temporary)
            .map_err(|error| not_written(&target.temporary, error))?;
        Ok(target)
    }

    fn refuse_if_it_exists(&self) -> Result<(), FileError> {
        if self.if_exists == IfExists::Fail && fs::symlink_metadata(&self.directory).is_ok() {
            return Err(FileError::Exists {
                directory: self.directory.clone(),
            });
        }
        Ok(())
    }

    /// Gives the directory its name.
    fn publish(&self) -> Result<(), FileError> {
        let success = self.temporary.join("_SUCCESS");
        File::create(&success)
            .and_then(|file| file.sync_all())
            .map_err(|error| not_written(&success, error))?;
        sync_directory(&self.temporary)?;
        self.refuse_if_it_exists()?;
        let rename = |from: &Path, to: &Path| {
            fs::rename(from, to).map_err(|error| not_written(&self.directory, error))
        };
        // A directory that is not empty cannot be replaced in one step.
        let replaces = fs::symlink_metadata(&self.directory).is_ok();
        if replaces {
            rename(&self.directory, &self.replaced)?;
        }
        rename(&self.temporary, &self.directory)?;
        sync_directory(&self.parent)?;
        if replaces {
            remove(&self.replaced)
        } else {
            Ok(())
        }
    }
}

/// Removes a file or directory, if there is one.
fn remove(path: &Path) -> Result<(), FileError> {
    let removed = match fs::symlink_metadata(path) {
        Ok(metadata) if metadata.is_dir() => fs::remove_dir_all(path),
        Ok(_) => fs::remove_file(path),
        Err(_) => Ok(()),
    };
    removed.map_err(|error| not_written(path, error))
}

/// Makes renames and new files in a directory survive a power failure. Not everywhere can directories be opened.
fn sync_directory(path: &Path) -> Result<(), FileError> {
    if !cfg!(unix) {
        return Ok(());
    }
    File::open(path)
        .and_then(|directory| directory.sync_all())
        .map_err(|error| not_written(path, error))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::RddContext;
    use crate::scratch::Scratch;

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn each_partition_is_a_file_and_reading_gives_the_records_back() {
        let (folder, context) = (Scratch::new(), RddContext::new(2).unwrap());
        let out = folder.path().join("deep").join("out");
        let numbers = context.parallelize(0..100_000u32, 3);
        numbers.save_as_text_file(&out).unwrap();
        assert_eq!(
            names(&out),
            ["_SUCCESS", "part-00000", "part-00001", "part-00002"]
        );
        let read = context.text_file(&out).unwrap().collect().unwrap();
        assert!(read.into_iter().eq((0..100_000u32).map(|n| n.to_string())));
        assert_eq!(names(out.parent().unwrap()), ["out"]);
    }

    #[test]
    fn a_directory_that_exists_is_left_alone() {
        let (folder, context) = (Scratch::new(), RddContext::new(1).unwrap());
        let (out, rdd) = (folder.path().join("out"), context.parallelize([1], 1));
        rdd.save_as_text_file(&out).unwrap();
        let error = context
            .parallelize([2], 1)
            .save_as_text_file(&out)
            .unwrap_err();
        let expected = format!(
            "failed: directory {} exists already: choose another, or remove it first",
            out.display()
        );
        assert!(error.to_string().ends_with(&expected), "{error}");
        assert_eq!(context.text_file(&out).unwrap().collect().unwrap(), ["1"]);
    }

    #[test]
    fn a_failure_leaves_nothing_behind() {
        let (folder, context) = (Scratch::new(), RddContext::new(2).unwrap());
        let out = folder.path().join("out");
        let error = context
            .parallelize(0..10, 2)
            .save_as_files(&out, |n, _| if *n == 7 { Err("seven") } else { Ok(()) })
            .unwrap_err()
            .to_string();
        assert!(
            error.starts_with("save_as_files at ") && error.ends_with(" failed: seven"),
            "{error}"
        );
        assert!(names(folder.path()).is_empty());
    }

    #[test]
    fn replacing_removes_what_was_there_and_leftovers_of_a_crash() {
        let (folder, context) = (Scratch::new(), RddContext::new(2).unwrap());
        let out = folder.path().join("out");
        for leftover in [".out.tmp", ".out.old"] {
            fs::create_dir(folder.path().join(leftover)).unwrap();
            fs::write(folder.path().join(leftover).join("part-00009"), "x").unwrap();
        }
        let operator = Operator::here("save");
        for (records, partitions) in [(5, 4), (3, 1)] {
            context
                .parallelize(0..records, partitions)
                .save_at(operator, &out, IfExists::Replace, &encode_line)
                .unwrap();
        }
        assert_eq!(names(&out), ["_SUCCESS", "part-00000"]);
        assert_eq!(names(folder.path()), ["out"]);
    }

    #[test]
    fn paths_without_a_name_or_below_a_file_are_refused() {
        let (folder, context) = (Scratch::new(), RddContext::new(1).unwrap());
        let rdd = context.parallelize([1], 1);
        let error = rdd.save_as_text_file("/").unwrap_err().to_string();
        assert!(
            error.contains("/ cannot be written: the path has no name"),
            "{error}"
        );
        let file = folder.path().join("file");
        fs::write(&file, "").unwrap();
        let error = rdd.save_as_text_file(file.join("out")).unwrap_err();
        assert!(
            error.to_string().contains(" cannot be written: "),
            "{error}"
        );
    }
}
