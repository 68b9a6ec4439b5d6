use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use crate::read::FormatError;
use crate::{BoxError, RddSource, RecordReader};

/// What went wrong with a file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FileError {
    /// A directory cannot be listed.
    #[error("directory {} cannot be listed: {source}", directory.display())]
    List {
        /// The directory.
        directory: PathBuf,
        /// The operating system's answer.
        source: io::Error,
    },
    /// A file cannot be opened.
    #[error("file {} cannot be opened: {source}{}", path.display(), hint(source))]
    Open {
        /// The file.
        path: PathBuf,
        /// The operating system's answer.
        source: io::Error,
    },
    /// A file's content cannot be read, or is not what its reader expects.
    #[error("file {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: BoxError,
    },
    /// A file cannot be written, renamed or removed.
    #[error("{} cannot be written: {source}", path.display())]
    Write {
        /// The file or directory.
        path: PathBuf,
        /// The operating system's answer.
        source: io::Error,
    },
    /// A directory to write to is there already.
    #[error("directory {} exists already: choose another, or remove it first", directory.display())]
    Exists {
        /// The directory.
        directory: PathBuf,
    },
}

fn hint(error: &io::Error) -> &'static str {
    if error.kind() == io::ErrorKind::NotFound {
        " (a file must stay until the batch that took it is done)"
    } else {
        ""
    }
}

/// Files as the partitions of an RDD, opened when a task reaches them.
pub(super) struct Files<F> {
    pub(super) name: &'static str,
    pub(super) paths: Vec<PathBuf>,
    pub(super) open: F,
}

impl<T, R, F> RddSource<T> for Files<F>
where
    T: 'static,
    R: RecordReader<T> + 'static,
    F: Fn(File, &Path) -> Result<R, BoxError> + Send + Sync + 'static,
{
    fn name(&self) -> &'static str {
        self.name
    }

    fn partitions(&self) -> usize {
        self.paths.len()
    }

    fn open(&self, partition: usize) -> Result<Box<dyn RecordReader<T>>, BoxError> {
        let path = &self.paths[partition];
        let file = File::open(path).map_err(|source| FileError::Open {
            path: path.clone(),
            source,
        })?;
        let reader = (self.open)(file, path).map_err(|source| failed(path, source))?;
        Ok(Box::new(Named {
            path: path.clone(),
            reader,
        }))
    }
}

/// A reader whose errors name the file.
struct Named<R> {
    path: PathBuf,
    reader: R,
}

impl<T, R: RecordReader<T>> RecordReader<T> for Named<R> {
    fn read(&mut self, out: &mut Vec<T>) -> Result<bool, BoxError> {
        self.reader
            .read(out)
            .map_err(|source| failed(&self.path, source).into())
    }
}

fn failed(path: &Path, source: BoxError) -> FileError {
    FileError::Read {
        path: path.to_owned(),
        source,
    }
}

/// Refuses a file that does not consist of whole records.
pub(super) fn check_length(file: &File, record_length: usize) -> Result<(), BoxError> {
    let length = file.metadata()?.len();
    if length.is_multiple_of(record_length as u64) {
        return Ok(());
    }
    Err(FormatError::NoMultiple {
        length,
        record_length,
    }
    .into())
}
