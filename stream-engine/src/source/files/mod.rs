//! Files as batches of a stream, and as RDDs of their own.

mod batch;
mod open;
mod select;
mod stream;

pub use open::FileError;
pub use stream::FileStreamOptions;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use crate::Time;

/// A file in a directory.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Listed {
    path: PathBuf,
    modified: Time,
}

/// The files directly in `directory` that `wanted` lets through, in no particular order. Links count as what they lead to; a
/// file that is gone before it was looked at was not there.
fn list(directory: &Path, mut wanted: impl FnMut(&Path) -> bool) -> Result<Vec<Listed>, FileError> {
    let failed = |source| FileError::List {
        directory: directory.to_owned(),
        source,
    };
    let mut files = Vec::new();
    for entry in fs::read_dir(directory).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if !wanted(&path) {
            continue;
        }
        let metadata = match fs::metadata(&path) {
            Ok(metadata) => metadata,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
            Err(source) => return Err(FileError::Open { path, source }),
        };
        if metadata.is_file() {
            let modified = metadata.modified().map_err(failed)?;
            let since_epoch = modified.duration_since(UNIX_EPOCH).unwrap_or_default();
            let millis = u64::try_from(since_epoch.as_millis()).unwrap_or(u64::MAX);
            files.push(Listed {
                path,
                modified: Time::from_millis(millis),
            });
        }
    }
    Ok(files)
}

/// Whether a path's last part begins with this character.
fn name_starts_with(path: &Path, character: u8) -> bool {
    path.file_name()
        .is_some_and(|name| name.as_encoded_bytes().first() == Some(&character))
}
