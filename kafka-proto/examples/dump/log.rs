//! A segment of a log, batch by batch.

use std::io::{self, Read, Write};

use kafka_proto::records::{RecordBatch, RecordsError};
use thiserror::Error;

use super::batch::{Detail, Dumped};

/// Offset, length and all up to the magic byte, which is the same in every format: after so many bytes it is known how long
/// a batch is.
const HEAD: usize = 17;

/// What is wrong with a log.
#[derive(Debug, Error)]
pub(crate) enum LogError {
    /// It cannot be read any further.
    #[error("{0}: nothing was read from there on")]
    Unreadable(RecordsError),
    /// The file cannot be read any further.
    #[error("{source}, at byte {position}")]
    Read { position: usize, source: io::Error },
    /// Everything could be read, but not all of it is as it was written.
    #[error("{damaged} of {batches} batches have \"isvalid\" false or an \"error\"")]
    Damaged { damaged: usize, batches: usize },
}

/// Prints the batches of `log` to `out`, one a line. The outer error is that of `out`.
pub(super) fn print(
    log: &mut impl Read,
    detail: Detail,
    out: &mut impl Write,
) -> io::Result<Result<(), LogError>> {
    let (mut position, mut batches, mut damaged) = (0, 0, 0);
    loop {
        let batch = match next(log, position) {
            Ok(Some(batch)) => batch,
            Ok(None) if damaged == 0 => return Ok(Ok(())),
            Ok(None) => return Ok(Err(LogError::Damaged { damaged, batches })),
            Err(error) => return Ok(Err(error)),
        };
        let dumped = Dumped::new(&batch, position, detail);
        writeln!(out, "{}", dumped.json)?;
        batches += 1;
        damaged += usize::from(!dumped.sound);
        position += batch.bytes().len();
    }
}

/// Reads the batch at `position`, where the log stands; `None` at its end. Takes no more memory than there are bytes,
/// whatever a damaged length says.
fn next(log: &mut impl Read, position: usize) -> Result<Option<RecordBatch>, LogError> {
    let mut bytes = Vec::new();
    let mut read = |bytes: &mut Vec<u8>, len: usize| {
        let missing = (len - bytes.len()) as u64;
        let result = log.by_ref().take(missing).read_to_end(bytes);
        result.map_err(|source| LogError::Read { position, source })
    };
    if read(&mut bytes, HEAD)? == 0 {
        return Ok(None);
    }
    let unreadable = |error| LogError::Unreadable(placed(error, position));
    // The head alone is cut off, and that is how it says how long the batch is.
    let needed = match RecordBatch::parse(bytes.clone().into()) {
        Err(RecordsError::Truncated { needed, .. }) => needed,
        Err(error) => return Err(unreadable(error)),
        Ok(batch) => return Ok(Some(batch)),
    };
    read(&mut bytes, needed)?;
    RecordBatch::parse(bytes.into())
        .map(Some)
        .map_err(unreadable)
}

/// The error of a batch that was read on its own, as that of one in a log.
pub(super) fn placed(mut error: RecordsError, place: usize) -> RecordsError {
    match &mut error {
        RecordsError::Truncated { position, .. } => *position = place,
        RecordsError::TrailingBytes { batch, .. }
        | RecordsError::UnknownMagic { batch, .. }
        | RecordsError::OldMagic { batch, .. }
        | RecordsError::BadLength { batch, .. }
        | RecordsError::BadLastOffset { batch, .. }
        | RecordsError::BadCrc { batch, .. }
        | RecordsError::Compression { batch, .. }
        | RecordsError::BadCount { batch, .. }
        | RecordsError::BytesAfterRecords { batch, .. }
        | RecordsError::CorruptRecord { batch, .. } => batch.position = place,
        RecordsError::CorruptHeader { .. }
        | RecordsError::BadControlKey(_)
        | RecordsError::TooLarge { .. }
        | RecordsError::BadOffsetDelta { .. } => {}
    }
    error
}
