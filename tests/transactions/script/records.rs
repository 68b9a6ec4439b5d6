//! What is written to partitions and read from them.

use super::*;

impl Script {
    pub(crate) async fn produce(
        &mut self,
        version: i16,
        id: Option<&str>,
        partition: i32,
        batch: Batch,
    ) {
        let mut builder = RecordBatchBuilder::new();
        for n in 0..batch.records {
            builder
                .append(
                    self.base_timestamp + RECORDS + n as i64,
                    None,
                    Some(b"value"),
                    &[],
                )
                .expect("a record");
        }
        let producer = ProducerSequence {
            producer_id: batch.producer.id,
            producer_epoch: batch.producer.epoch,
            base_sequence: batch.sequence,
        };
        let seal = Seal {
            producer,
            transactional: batch.transactional,
            ..Seal::default()
        };
        let data = PartitionProduceData {
            index: partition,
            records: Some(builder.finish(&seal).expect("a batch")),
            ..Default::default()
        };
        let topic = TopicProduceData {
            name: self.topic.as_str().into(),
            partition_data: vec![data],
            ..Default::default()
        };
        let request = ProduceRequest {
            transactional_id: id.map(|id| self.id(id).into()),
            acks: -1,
            timeout_ms: 10_000,
            topic_data: vec![topic],
            ..Default::default()
        };
        let answer = self.wire.call(&request, version).await;
        let produced = &answer.responses[0].partition_responses[0];
        let told = self.producer(batch.producer);
        let kind = if batch.transactional { "" } else { " plainly" };
        self.line(format!(
            "produce{kind} v{version} {id:?} {told} #{} x{} to {partition}: {} @{}",
            batch.sequence,
            batch.records,
            error(produced.error_code),
            produced.base_offset
        ));
    }

    /// Writes a marker past the coordinator.
    pub(crate) async fn marker(
        &mut self,
        version: i16,
        producer: Producer,
        (partition, committed): (i32, bool),
        (coordinator_epoch, transaction_version): (i32, i8),
    ) {
        let topic = WritableTxnMarkerTopic {
            name: self.topic.as_str().into(),
            partition_indexes: vec![partition],
            ..Default::default()
        };
        let marker = WritableTxnMarker {
            producer_id: producer.id,
            producer_epoch: producer.epoch,
            transaction_result: committed,
            topics: vec![topic],
            coordinator_epoch,
            transaction_version,
            ..Default::default()
        };
        let request = WriteTxnMarkersRequest {
            markers: vec![marker],
            ..Default::default()
        };
        let answer = self.wire.call(&request, version).await;
        let told = self.producer(producer);
        self.line(format!(
            "marker v{version} {told} commit={committed} to {partition} coordinator {coordinator_epoch} TV{transaction_version}: {}",
            error(answer.markers[0].topics[0].partitions[0].error_code)
        ));
    }

    /// Reads a partition at both isolation levels.
    pub(crate) async fn read(&mut self, partition: i32, from: i64) {
        for isolation_level in [0, 1] {
            let wanted = FetchPartition {
                partition,
                fetch_offset: from,
                partition_max_bytes: 1 << 20,
                ..Default::default()
            };
            let topic = FetchTopic {
                topic: self.topic.as_str().into(),
                partitions: vec![wanted],
                ..Default::default()
            };
            let request = FetchRequest {
                max_bytes: 1 << 20,
                isolation_level,
                topics: vec![topic],
                ..Default::default()
            };
            let answer = self.wire.call(&request, 12).await;
            let data = &answer.responses[0].partitions[0];
            let batches: Vec<_> = Batches::new(data.records.clone().unwrap_or_default())
                .map(|batch| self.batch(&batch.expect("a batch")))
                .collect();
            let aborted = data.aborted_transactions.as_ref().map(|aborted| {
                let aborted = aborted.iter().map(|transaction| {
                    let producer = Producer {
                        id: transaction.producer_id,
                        epoch: 0,
                    };
                    let told = self.producer(producer);
                    format!(
                        "{}@{}",
                        told.trim_end_matches("/0"),
                        transaction.first_offset
                    )
                });
                aborted.collect::<Vec<_>>()
            });
            self.line(format!(
                "read {partition} from {from} isolation {isolation_level}: {} hw {} lso {} aborted {aborted:?} {batches:?}",
                error(data.error_code),
                data.high_watermark,
                data.last_stable_offset
            ));
        }
    }

    fn batch(&mut self, batch: &RecordBatch) -> String {
        let producer = self.producer(Producer {
            id: batch.producer_id(),
            epoch: batch.producer_epoch(),
        });
        let mut told = format!(
            "{}-{} {producer} #{}",
            batch.base_offset(),
            batch.last_offset(),
            batch.base_sequence()
        );
        if batch.is_transactional() {
            told += " T";
        }
        if batch.is_control() {
            let block = batch.decompressed(1 << 20).expect("records");
            for record in &block {
                let record = record.expect("a record");
                let control = ControlRecord::parse(record.key().expect("a key")).expect("control");
                let value = Bytes::copy_from_slice(record.value().expect("a value"));
                let _ = write!(told, " {:?} v{} {value:?}", control.kind, control.version);
            }
        }
        told
    }

    pub(super) async fn offset_of(
        &mut self,
        partition: i32,
        isolation_level: i8,
        timestamp: i64,
    ) -> (&'static str, i64) {
        let partition = ListOffsetsPartition {
            partition_index: partition,
            timestamp,
            ..Default::default()
        };
        let topic = ListOffsetsTopic {
            name: self.topic.as_str().into(),
            partitions: vec![partition],
            ..Default::default()
        };
        let request = ListOffsetsRequest {
            replica_id: -1,
            isolation_level,
            topics: vec![topic],
            ..Default::default()
        };
        let answer = self.wire.call(&request, 7).await;
        let found = &answer.topics[0].partitions[0];
        (error(found.error_code), found.offset)
    }

    /// Looks offsets up at both isolation levels: first, last, by timestamp, and that of the largest timestamp.
    pub(crate) async fn look_up(&mut self, partition: i32) {
        for isolation_level in [0, 1] {
            let mut found = Vec::new();
            for (what, timestamp) in [
                ("first", -2),
                ("last", -1),
                ("any", self.base_timestamp),
                ("second", self.base_timestamp + RECORDS + 1),
                ("marker", self.base_timestamp + MARKERS),
                ("largest", -3),
            ] {
                let (error, offset) = self.offset_of(partition, isolation_level, timestamp).await;
                found.push(format!("{what}: {error} @{offset}"));
            }
            self.line(format!(
                "look up {partition} isolation {isolation_level}: {found:?}"
            ));
        }
    }
}
