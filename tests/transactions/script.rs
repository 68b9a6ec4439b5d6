//! A connection that asks one thing after another and writes down what it is answered, in words that do not depend on
//! what the cluster was used for before: producer ids are numbered as they are first seen, and names are left out.

use std::fmt::Write as _;
use std::time::{SystemTime, UNIX_EPOCH};

use bytes::{Bytes, BytesMut};
use kafka_proto::codec::Request;
use kafka_proto::error_code::ErrorCode;
use kafka_proto::frame::{correlation_id, decode_response, encode_request, take_frame};
use kafka_proto::messages::add_partitions_to_txn::*;
use kafka_proto::messages::create_topics::CreatableTopic;
use kafka_proto::messages::describe_producers::TopicRequest;
use kafka_proto::messages::fetch::{FetchPartition, FetchTopic};
use kafka_proto::messages::join_group::JoinGroupRequestProtocol;
use kafka_proto::messages::list_offsets::{ListOffsetsPartition, ListOffsetsTopic};
use kafka_proto::messages::offset_commit::*;
use kafka_proto::messages::offset_fetch::{OffsetFetchRequestGroup, OffsetFetchRequestTopics};
use kafka_proto::messages::produce::{PartitionProduceData, TopicProduceData};
use kafka_proto::messages::txn_offset_commit::*;
use kafka_proto::messages::update_features::FeatureUpdateKey;
use kafka_proto::messages::write_txn_markers::{WritableTxnMarker, WritableTxnMarkerTopic};
use kafka_proto::messages::*;
use kafka_proto::records::{
    Batches, ControlRecord, ProducerSequence, RecordBatch, RecordBatchBuilder, Seal,
};
use tests::kafka::{WAIT, unique};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// Who a producer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Producer {
    pub(crate) id: i64,
    pub(crate) epoch: i16,
}

impl Producer {
    pub(crate) const NONE: Self = Self { id: -1, epoch: -1 };

    /// The same at another epoch.
    pub(crate) fn at(self, epoch: i16) -> Self {
        Self { epoch, ..self }
    }
}

/// What is produced.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Batch {
    pub(crate) producer: Producer,
    pub(crate) sequence: i32,
    pub(crate) records: usize,
    pub(crate) transactional: bool,
}

impl Batch {
    pub(crate) fn new(producer: Producer, sequence: i32, records: usize) -> Self {
        Self {
            producer,
            sequence,
            records,
            transactional: true,
        }
    }
}

pub(crate) struct Script {
    socket: TcpStream,
    received: BytesMut,
    last_id: i32,
    topic: String,
    name: String,
    /// In milliseconds since 1970, long enough ago that what the broker writes is told from what is produced.
    base_timestamp: i64,
    producers: Vec<i64>,
    written: String,
}

/// When records are produced, and when the broker certainly writes its own, in milliseconds after the base.
const RECORDS: i64 = 1_000;
const MARKERS: i64 = 500_000;

fn error(code: i16) -> &'static str {
    ErrorCode::from(code).name()
}

impl Script {
    /// Connects, and makes a topic of 4 partitions.
    pub(crate) async fn start(address: &str, name: &str) -> Self {
        let socket = timeout(WAIT, TcpStream::connect(address)).await;
        let mut script = Self {
            socket: socket.expect("a connection in time").expect("a connection"),
            received: BytesMut::new(),
            last_id: 0,
            topic: unique(name),
            name: unique(name),
            base_timestamp: SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .map_or(0, |now| now.as_millis() as i64 - 2 * MARKERS),
            producers: Vec::new(),
            written: String::new(),
        };
        let topic = CreatableTopic {
            name: script.topic.as_str().into(),
            num_partitions: 4,
            replication_factor: 1,
            ..Default::default()
        };
        let request = CreateTopicsRequest {
            topics: vec![topic],
            timeout_ms: 10_000,
            ..Default::default()
        };
        let created = script.call(&request, 5).await;
        assert_eq!(error(created.topics[0].error_code), "NONE");
        // A broker hears of the topic after the controller has made it.
        for partition in 0..4 {
            while script.offset_of(partition, 0, -1).await.0 != "NONE" {}
        }
        // And the coordinators' own topics come into being with the first request.
        for key_type in [0, 1] {
            let request = FindCoordinatorRequest {
                key: script.name.as_str().into(),
                key_type,
                ..Default::default()
            };
            while script.call(&request, 2).await.error_code != 0 {}
        }
        script
    }

    /// Asks again as long as a coordinator is not up yet: that says nothing of transactions.
    async fn call_coordinator<R: Request>(
        &mut self,
        request: &R,
        version: i16,
        error: impl Fn(&R::Response) -> i16,
    ) -> R::Response {
        loop {
            let answer = self.call(request, version).await;
            if !matches!(
                ErrorCode::from(error(&answer)),
                ErrorCode::NotCoordinator
                    | ErrorCode::CoordinatorNotAvailable
                    | ErrorCode::CoordinatorLoadInProgress
            ) {
                return answer;
            }
        }
    }

    /// What was answered.
    pub(crate) fn written(self) -> String {
        self.written
    }

    fn line(&mut self, line: impl AsRef<str>) {
        let _ = writeln!(self.written, "{}", line.as_ref());
    }

    pub(crate) fn heading(&mut self, heading: &str) {
        self.line(format!("# {heading}"));
    }

    fn producer(&mut self, producer: Producer) -> String {
        if producer.id < 0 {
            return format!("none/{}", producer.epoch);
        }
        let known = self.producers.iter().position(|id| *id == producer.id);
        let index = known.unwrap_or_else(|| {
            self.producers.push(producer.id);
            self.producers.len() - 1
        });
        format!("p{index}/{}", producer.epoch)
    }

    /// A transactional id, and a group's id.
    pub(crate) fn id(&self, id: &str) -> String {
        if id.is_empty() {
            String::new()
        } else {
            format!("{}-{id}", self.name)
        }
    }

    async fn call<R: Request>(&mut self, request: &R, version: i16) -> R::Response {
        self.last_id += 1;
        let client = "script".into();
        let bytes = encode_request(request, version, self.last_id, Some(&client))
            .expect("a request")
            .into_bytes();
        let exchange = async {
            self.socket.write_all(&bytes).await.expect("a write");
            loop {
                if let Some(frame) = take_frame(&mut self.received, usize::MAX).expect("a frame") {
                    return frame;
                }
                let read = self.socket.read_buf(&mut self.received).await;
                assert_ne!(read.expect("a read"), 0, "{} {version}: closed", R::NAME);
            }
        };
        let frame = timeout(WAIT, exchange)
            .await
            .unwrap_or_else(|_| panic!("waited {WAIT:?} for an answer to {}", R::NAME));
        assert_eq!(correlation_id(&frame), Ok(self.last_id));
        decode_response::<R>(frame, version).expect("a response")
    }

    /// What the broker supports, and what is finalized, of `transaction.version`.
    async fn transaction_version(&mut self) -> (Option<(i16, i16)>, Option<(i16, i16)>) {
        const NAME: &str = "transaction.version";
        let request = ApiVersionsRequest {
            client_software_name: "script".into(),
            client_software_version: "1".into(),
            ..Default::default()
        };
        let answer = self.call(&request, 4).await;
        let mut supported = answer.supported_features.iter();
        let supported = supported.find(|feature| feature.name == NAME);
        let mut finalized = answer.finalized_features.iter();
        let finalized = finalized.find(|feature| feature.name == NAME);
        (
            supported.map(|feature| (feature.min_version, feature.max_version)),
            finalized.map(|feature| (feature.min_version_level, feature.max_version_level)),
        )
    }

    pub(crate) async fn features(&mut self) {
        let (supported, finalized) = self.transaction_version().await;
        self.line(format!(
            "transaction.version: supported {supported:?}, finalized {finalized:?}"
        ));
    }

    /// Sets the cluster's `transaction.version`, and waits until the broker knows.
    pub(crate) async fn set_transaction_version(&mut self, level: i16) {
        let wanted = (level > 0).then_some((level, level));
        let current = self.transaction_version().await.1.map_or(0, |(_, max)| max);
        let update = FeatureUpdateKey {
            feature: "transaction.version".into(),
            max_version_level: level,
            upgrade_type: if level < current { 2 } else { 1 },
            ..Default::default()
        };
        let request = UpdateFeaturesRequest {
            feature_updates: vec![update],
            ..Default::default()
        };
        if level != current {
            let updated = self.call(&request, 2).await;
            assert_eq!(error(updated.error_code), "NONE", "{updated:?}");
        }
        let wait = async { while self.transaction_version().await.1 != wanted {} };
        timeout(WAIT, wait).await.expect("the feature in time");
    }

    pub(crate) async fn init_with(
        &mut self,
        version: i16,
        id: &str,
        timeout_ms: i32,
        expected: Producer,
    ) -> Producer {
        let request = InitProducerIdRequest {
            transactional_id: Some(self.id(id).into()),
            transaction_timeout_ms: timeout_ms,
            producer_id: expected.id,
            producer_epoch: expected.epoch,
            ..Default::default()
        };
        let answer = self
            .call_coordinator(&request, version, |answer| answer.error_code)
            .await;
        let producer = Producer {
            id: answer.producer_id,
            epoch: answer.producer_epoch,
        };
        let (told, asked) = (self.producer(producer), self.producer(expected));
        self.line(format!(
            "init v{version} {id:?} {timeout_ms} ms as {asked}: {} {told}",
            error(answer.error_code)
        ));
        producer
    }

    pub(crate) async fn init(&mut self, version: i16, id: &str) -> Producer {
        self.init_with(version, id, 60_000, Producer::NONE).await
    }

    pub(crate) async fn add(
        &mut self,
        version: i16,
        id: &str,
        producer: Producer,
        partitions: &[i32],
    ) {
        self.add_to(version, id, producer, self.topic.clone(), partitions, false)
            .await;
    }

    pub(crate) async fn verify(&mut self, id: &str, producer: Producer, partitions: &[i32]) {
        self.add_to(5, id, producer, self.topic.clone(), partitions, true)
            .await;
    }

    pub(crate) async fn add_unknown_topic(&mut self, version: i16, id: &str, producer: Producer) {
        let topic = unique("no-such-topic");
        self.add_to(version, id, producer, topic, &[0], false).await;
    }

    async fn add_to(
        &mut self,
        version: i16,
        id: &str,
        producer: Producer,
        topic: String,
        partitions: &[i32],
        verify_only: bool,
    ) {
        let topics = vec![AddPartitionsToTxnTopic {
            name: topic.into(),
            partitions: partitions.to_vec(),
            ..Default::default()
        }];
        let request = if version < 4 {
            AddPartitionsToTxnRequest {
                v3_and_below_transactional_id: self.id(id).into(),
                v3_and_below_producer_id: producer.id,
                v3_and_below_producer_epoch: producer.epoch,
                v3_and_below_topics: topics,
                ..Default::default()
            }
        } else {
            let transaction = AddPartitionsToTxnTransaction {
                transactional_id: self.id(id).into(),
                producer_id: producer.id,
                producer_epoch: producer.epoch,
                verify_only,
                topics,
                ..Default::default()
            };
            AddPartitionsToTxnRequest {
                transactions: vec![transaction],
                ..Default::default()
            }
        };
        let answer = self.call(&request, version).await;
        let mut topics = answer.results_by_topic_v3_and_below;
        topics.extend(
            answer
                .results_by_transaction
                .into_iter()
                .flat_map(|transaction| transaction.topic_results),
        );
        let mut errors: Vec<_> = topics
            .iter()
            .flat_map(|topic| &topic.results_by_partition)
            .map(|result| (result.partition_index, error(result.partition_error_code)))
            .collect();
        errors.sort_unstable();
        let (told, what) = (
            self.producer(producer),
            if verify_only { "verify" } else { "add" },
        );
        self.line(format!("{what} v{version} {id:?} {told}: {errors:?}"));
    }

    pub(crate) async fn add_offsets(
        &mut self,
        version: i16,
        id: &str,
        producer: Producer,
        group: &str,
    ) {
        let request = AddOffsetsToTxnRequest {
            transactional_id: self.id(id).into(),
            producer_id: producer.id,
            producer_epoch: producer.epoch,
            group_id: self.id(group).into(),
            ..Default::default()
        };
        let answer = self
            .call_coordinator(&request, version, |answer| answer.error_code)
            .await;
        let told = self.producer(producer);
        self.line(format!(
            "add offsets v{version} {id:?} {told} {group:?}: {}",
            error(answer.error_code)
        ));
    }

    /// Commits a position of partition 0.
    pub(crate) async fn commit_offset(
        &mut self,
        version: i16,
        id: &str,
        producer: Producer,
        (group, generation, member): (&str, i32, &str),
        (partition, offset): (i32, i64),
    ) {
        let metadata = if offset == 4097 {
            "x".repeat(4097)
        } else {
            String::new()
        };
        let partition = TxnOffsetCommitRequestPartition {
            partition_index: partition,
            committed_offset: offset,
            committed_metadata: Some(metadata.into()),
            ..Default::default()
        };
        let topic = TxnOffsetCommitRequestTopic {
            name: self.topic.as_str().into(),
            partitions: vec![partition],
            ..Default::default()
        };
        let request = TxnOffsetCommitRequest {
            transactional_id: self.id(id).into(),
            group_id: self.id(group).into(),
            producer_id: producer.id,
            producer_epoch: producer.epoch,
            generation_id: generation,
            member_id: member.into(),
            topics: vec![topic],
            ..Default::default()
        };
        let answer = self
            .call_coordinator(&request, version, |answer| {
                answer.topics[0].partitions[0].error_code
            })
            .await;
        let told = self.producer(producer);
        self.line(format!(
            "commit offset v{version} {id:?} {told} {group:?} {generation} {} {offset}: {}",
            if member.len() > 1 { "member" } else { member },
            error(answer.topics[0].partitions[0].error_code)
        ));
    }

    /// Becomes the only member of a group, in its first generation; answers with the member's id.
    pub(crate) async fn join(&mut self, group: &str) -> String {
        let protocol = JoinGroupRequestProtocol {
            name: "range".into(),
            ..Default::default()
        };
        let join = JoinGroupRequest {
            group_id: self.id(group).into(),
            session_timeout_ms: 30_000,
            rebalance_timeout_ms: 30_000,
            protocol_type: "consumer".into(),
            protocols: vec![protocol],
            ..Default::default()
        };
        // In this version a member need not come back with the id that it is given.
        let joined = self
            .call_coordinator(&join, 3, |answer| answer.error_code)
            .await;
        let told = (error(joined.error_code), joined.generation_id);
        self.line(format!("join {group:?}: {told:?}"));
        joined.member_id.to_string()
    }

    /// Commits a position of partition 0 outside of any transaction.
    pub(crate) async fn commit_offset_plainly(&mut self, group: &str, offset: i64) {
        let partition = OffsetCommitRequestPartition {
            committed_offset: offset,
            ..Default::default()
        };
        let topic = OffsetCommitRequestTopic {
            name: self.topic.as_str().into(),
            partitions: vec![partition],
            ..Default::default()
        };
        let request = OffsetCommitRequest {
            group_id: self.id(group).into(),
            topics: vec![topic],
            ..Default::default()
        };
        let answer = self.call(&request, 8).await;
        self.line(format!(
            "commit offset plainly {group:?} {offset}: {}",
            error(answer.topics[0].partitions[0].error_code)
        ));
    }

    /// The positions of a group: partition 0, and all that it has.
    pub(crate) async fn offsets(&mut self, group: &str) {
        for require_stable in [false, true] {
            let topic = OffsetFetchRequestTopics {
                name: self.topic.as_str().into(),
                partition_indexes: vec![0],
                ..Default::default()
            };
            for topics in [Some(vec![topic.clone()]), None] {
                let which = if topics.is_some() { "one" } else { "all" };
                let wanted = OffsetFetchRequestGroup {
                    group_id: self.id(group).into(),
                    topics,
                    ..Default::default()
                };
                let request = OffsetFetchRequest {
                    groups: vec![wanted],
                    require_stable,
                    ..Default::default()
                };
                let answer = self.call(&request, 8).await;
                let group_answer = &answer.groups[0];
                let positions: Vec<_> = group_answer
                    .topics
                    .iter()
                    .flat_map(|topic| &topic.partitions)
                    .map(|partition| (partition.committed_offset, error(partition.error_code)))
                    .collect();
                self.line(format!(
                    "offsets {group:?} {which} stable={require_stable}: {} {positions:?}",
                    error(group_answer.error_code)
                ));
            }
        }
    }

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
        let answer = self.call(&request, version).await;
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

    pub(crate) async fn end(
        &mut self,
        version: i16,
        id: &str,
        producer: Producer,
        committed: bool,
    ) -> Producer {
        let request = EndTxnRequest {
            transactional_id: self.id(id).into(),
            producer_id: producer.id,
            producer_epoch: producer.epoch,
            committed,
            ..Default::default()
        };
        let answer = self
            .call_coordinator(&request, version, |answer| answer.error_code)
            .await;
        let next = Producer {
            id: answer.producer_id,
            epoch: answer.producer_epoch,
        };
        let (told, next_told) = (self.producer(producer), self.producer(next));
        let what = if committed { "commit" } else { "abort" };
        self.line(format!(
            "{what} v{version} {id:?} {told}: {} {next_told}",
            error(answer.error_code)
        ));
        self.settled(id).await;
        next
    }

    async fn state(&mut self, id: &str) -> describe_transactions::TransactionState {
        let request = DescribeTransactionsRequest {
            transactional_ids: vec![self.id(id).into()],
            ..Default::default()
        };
        let mut answer = self
            .call_coordinator(&request, 0, |answer| {
                answer.transaction_states[0].error_code
            })
            .await;
        answer.transaction_states.remove(0)
    }

    /// Waits until the transaction's markers are written.
    async fn settled(&mut self, id: &str) {
        let wait = async {
            while self
                .state(id)
                .await
                .transaction_state
                .starts_with("Prepare")
            {}
        };
        timeout(WAIT, wait).await.expect("markers in time");
    }

    /// Waits until the broker has aborted the transaction.
    pub(crate) async fn timed_out(&mut self, id: &str) {
        let wait = async { while self.state(id).await.transaction_state != "CompleteAbort" {} };
        timeout(WAIT, wait).await.expect("an abort in time");
    }

    pub(crate) async fn describe(&mut self, id: &str) {
        let state = self.state(id).await;
        let producer = self.producer(Producer {
            id: state.producer_id,
            epoch: state.producer_epoch,
        });
        let topics: Vec<_> = state
            .topics
            .iter()
            .map(|topic| {
                let mut partitions = topic.partitions.clone();
                partitions.sort_unstable();
                match &*topic.topic {
                    "__consumer_offsets" => "offsets".to_owned(),
                    _ => format!("{partitions:?}"),
                }
            })
            .collect();
        self.line(format!(
            "describe {id:?}: {} {:?} {producer} {} ms started={} {topics:?}",
            error(state.error_code),
            &*state.transaction_state,
            state.transaction_timeout_ms,
            state.transaction_start_time_ms > 0
        ));
    }

    /// Lists those transactions that are of this script.
    pub(crate) async fn list(&mut self, version: i16, mut request: ListTransactionsRequest) {
        let what = format!(
            "states {:?} producers {} older than {} pattern {:?}",
            request.state_filters,
            request.producer_id_filters.len(),
            request.duration_filter,
            request.transactional_id_pattern
        );
        let pattern = request.transactional_id_pattern.take();
        request.transactional_id_pattern =
            pattern.map(|pattern| pattern.replace("NAME", &self.name).into());
        let mut answer = self.call(&request, version).await;
        answer.unknown_state_filters.sort_unstable();
        let prefix = format!("{}-", self.name);
        let mut states: Vec<_> = answer
            .transaction_states
            .iter()
            .filter_map(|state| {
                let id = state.transactional_id.strip_prefix(prefix.as_str())?;
                Some((id, &*state.transaction_state))
            })
            .collect();
        states.sort_unstable();
        let line = format!(
            "list v{version} {what}: {} unknown {:?} {states:?}",
            error(answer.error_code),
            answer.unknown_state_filters
        );
        self.line(line);
    }

    pub(crate) async fn producers(&mut self, partition: i32) {
        let topic = TopicRequest {
            name: self.topic.as_str().into(),
            partition_indexes: vec![partition],
            ..Default::default()
        };
        let request = DescribeProducersRequest {
            topics: vec![topic],
            ..Default::default()
        };
        let answer = self.call(&request, 0).await;
        let described = &answer.topics[0].partitions[0];
        let mut producers: Vec<_> = described
            .active_producers
            .iter()
            .map(|state| {
                let producer = self.producer(Producer {
                    id: state.producer_id,
                    epoch: state.producer_epoch as i16,
                });
                let timestamp = match state.last_timestamp - self.base_timestamp {
                    MARKERS.. => "marker".to_owned(),
                    other => other.to_string(),
                };
                format!(
                    "{producer} #{} at {timestamp} coordinator {} since @{}",
                    state.last_sequence, state.coordinator_epoch, state.current_txn_start_offset
                )
            })
            .collect();
        producers.sort_unstable();
        self.line(format!(
            "producers of {partition}: {} {producers:?}",
            error(described.error_code)
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
        let answer = self.call(&request, version).await;
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
            let answer = self.call(&request, 12).await;
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

    async fn offset_of(
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
        let answer = self.call(&request, 7).await;
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
