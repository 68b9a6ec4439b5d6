mod building;
mod hostile;
mod legacy;
mod properties;
mod reading;

use super::{RecordBatch, RecordBatchBuilder, RecordsError, Seal};

const LIMIT: usize = 1 << 20;
const NOW: i64 = 1_700_000_000_000;

fn batch_of(values: &[&[u8]], seal: &Seal) -> RecordBatch {
    let mut builder = RecordBatchBuilder::new();
    for value in values {
        builder
            .append(NOW, None, Some(value), &[])
            .expect("it fits");
    }
    RecordBatch::parse(builder.finish(seal).expect("it compresses")).expect("a batch")
}

fn read_all(batch: &RecordBatch) -> Result<usize, RecordsError> {
    let block = batch.decompressed(LIMIT)?;
    let mut read = 0;
    for record in &block {
        for header in record?.headers() {
            header?;
        }
        read += 1;
    }
    Ok(read)
}
