//! A batch of Kafka records as an RDD: one partition for each Kafka partition, decoded when it is iterated over.

use kafka_client::consumer::{OwnedRecord, OwnedRecords, PartitionBatch};

use crate::{BoxError, CHUNK, RddSource, RecordReader};

/// The records of a batch, in memory as they were received.
#[derive(Debug)]
pub(super) struct KafkaBatch {
    /// For each partition its record batches, in order.
    pub(super) partitions: Vec<Vec<PartitionBatch>>,
}

impl RddSource<OwnedRecord> for KafkaBatch {
    fn name(&self) -> &'static str {
        "kafka_direct_stream"
    }

    fn partitions(&self) -> usize {
        self.partitions.len()
    }

    fn bytes(&self) -> Option<u64> {
        let batches = self.partitions.iter().flatten();
        Some(batches.map(|batch| batch.size() as u64).sum())
    }

    fn open(&self, partition: usize) -> Result<Box<dyn RecordReader<OwnedRecord>>, BoxError> {
        // Record batches share their bytes, so this copies none.
        Ok(Box::new(Reader {
            batches: self.partitions[partition].clone().into_iter(),
            current: None,
        }))
    }
}

struct Reader {
    batches: std::vec::IntoIter<PartitionBatch>,
    current: Option<OwnedRecords>,
}

impl RecordReader<OwnedRecord> for Reader {
    fn read(&mut self, out: &mut Vec<OwnedRecord>) -> Result<bool, BoxError> {
        let end = out.len() + CHUNK;
        while out.len() < end {
            match self
                .current
                .take()
                .or_else(|| self.batches.next().map(PartitionBatch::into_iter))
            {
                None => return Ok(false),
                Some(mut records) => {
                    out.extend(records.by_ref().take(end - out.len()));
                    self.current = Some(records).filter(|records| records.len() > 0);
                }
            }
        }
        Ok(true)
    }
}
