//! Two nodes of a cluster that do as they are told, and write down what they were asked.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use kafka_client::ErrorCode;
use kafka_client::producer::{Producer, ProducerBuilder};
use kafka_proto::codec::{Request, Uuid};
use kafka_proto::frame;
use kafka_proto::messages::api_versions::{ApiVersion, FinalizedFeatureKey};
use kafka_proto::messages::find_coordinator::Coordinator;
use kafka_proto::messages::metadata::{
    MetadataResponseBroker, MetadataResponsePartition, MetadataResponseTopic,
};
use kafka_proto::messages::*;
use kafka_proto::records::RecordBatch;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;

/// No wait of a test is longer.
pub(crate) const LIMIT: Duration = Duration::from_secs(30);

/// Waits for something, and says what it was if it does not come.
pub(crate) async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    tokio::time::timeout(LIMIT, future)
        .await
        .unwrap_or_else(|_| panic!("{what}: not within {LIMIT:?}"))
}

/// What becomes of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reaction {
    /// It is answered with this error.
    Refuse(ErrorCode),
    /// Its connection ends.
    HangUp,
}

/// A request that a node was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Asked {
    pub(crate) node: i32,
    pub(crate) key: i16,
    pub(crate) version: i16,
    /// What the tests look at of its content.
    pub(crate) what: String,
}

pub(crate) struct State {
    /// `transaction.version`.
    pub(crate) feature: i16,
    pub(crate) coordinator: i32,
    /// Whom the next InitProducerId, or EndTxn from version 5 on, gives the producer the identity of.
    pub(crate) next_identity: (i64, i16),
    script: VecDeque<(i16, Reaction)>,
    asked: Vec<Asked>,
    features_epoch: i64,
    ports: Vec<SocketAddr>,
}

/// The cluster.
#[derive(Clone)]
pub(crate) struct Nodes {
    state: Arc<Mutex<State>>,
    kick: Arc<Notify>,
}

impl Nodes {
    pub(crate) async fn start(feature: i16) -> Self {
        let listeners = [
            TcpListener::bind("127.0.0.1:0").await.unwrap(),
            TcpListener::bind("127.0.0.1:0").await.unwrap(),
        ];
        let ports = listeners.iter().map(|node| node.local_addr().unwrap());
        let state = State {
            feature,
            coordinator: 1,
            next_identity: (7, 0),
            script: VecDeque::new(),
            asked: Vec::new(),
            features_epoch: 1,
            ports: ports.collect(),
        };
        let nodes = Self {
            state: Arc::new(Mutex::new(state)),
            kick: Arc::default(),
        };
        for (node, listener) in (1..).zip(listeners) {
            let nodes = nodes.clone();
            tokio::spawn(async move {
                while let Ok((stream, _)) = listener.accept().await {
                    tokio::spawn(nodes.clone().serve(node, stream));
                }
            });
        }
        nodes
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    pub(crate) fn servers(&self) -> String {
        self.state().ports[0].to_string()
    }

    /// What the next requests of an API meet, in this order; those after them are answered.
    pub(crate) fn react<R: Request>(&self, reactions: impl IntoIterator<Item = Reaction>) {
        let reactions = reactions.into_iter().map(|reaction| (R::KEY, reaction));
        self.state().script.extend(reactions);
    }

    /// Forgets what the script has left.
    pub(crate) fn relent(&self) {
        self.state().script.clear();
    }

    /// Changes the cluster's feature, and ends all connections, so that everybody hears of it.
    pub(crate) fn set_feature(&self, level: i16) {
        let mut state = self.state();
        state.feature = level;
        state.features_epoch += 1;
        drop(state);
        self.kick.notify_waiters();
    }

    /// What was asked since this was called last, but for what every client asks.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        let asked = std::mem::take(&mut self.state().asked);
        let general = [ApiVersionsRequest::KEY, MetadataRequest::KEY];
        asked
            .into_iter()
            .filter(|asked| !general.contains(&asked.key))
            .collect()
    }

    pub(crate) async fn producer(
        &self,
        set: impl FnOnce(ProducerBuilder) -> ProducerBuilder,
    ) -> Producer {
        let builder = Producer::builder()
            .bootstrap_servers(self.servers())
            .transactional_id("tx")
            .linger(Duration::ZERO)
            .properties([("retry.backoff.ms", "5"), ("retry.backoff.max.ms", "5")])
            .unwrap();
        within("a producer", set(builder).build()).await.unwrap()
    }

    /// A producer whose first transaction is open.
    pub(crate) async fn begun(
        &self,
        set: impl FnOnce(ProducerBuilder) -> ProducerBuilder,
    ) -> Producer {
        let producer = self.producer(set).await;
        within("its id", producer.init_transactions())
            .await
            .unwrap();
        within("a transaction", producer.begin_transaction())
            .await
            .unwrap();
        producer
    }

    async fn serve(self, node: i32, mut stream: TcpStream) {
        let mut received = BytesMut::new();
        let kicked = self.kick.notified();
        tokio::pin!(kicked);
        kicked.as_mut().enable();
        loop {
            while let Some(frame) = frame::take_frame(&mut received, 1 << 24).unwrap() {
                let Some(answer) = self.state().answer(node, frame) else {
                    return;
                };
                if stream.write_all(&answer).await.is_err() {
                    return;
                }
            }
            tokio::select! {
                () = &mut kicked => return,
                read = stream.read_buf(&mut received) => {
                    if !read.is_ok_and(|read| read > 0) {
                        return;
                    }
                }
            }
        }
    }
}

impl State {
    /// The answer to a request; `None` where the connection ends instead.
    fn answer(&mut self, node: i32, frame: Bytes) -> Option<Bytes> {
        let (header, _, body) = frame::decode_request_header(&frame).unwrap();
        let (key, version) = (header.request_api_key, header.request_api_version);
        let reaction = match self.script.front() {
            Some((of, reaction)) if *of == key => {
                let reaction = *reaction;
                self.script.pop_front();
                Some(reaction)
            }
            _ => None,
        };
        let code = match reaction {
            Some(Reaction::Refuse(code)) => code,
            _ => ErrorCode::None,
        };
        let call = Call {
            version,
            correlation_id: header.correlation_id,
            code: code.code(),
            body,
        };
        let (what, answer) = self.reply(key, &call);
        self.asked.push(Asked {
            node,
            key,
            version,
            what,
        });
        (reaction != Some(Reaction::HangUp)).then_some(answer)
    }

    fn reply(&self, key: i16, call: &Call) -> (String, Bytes) {
        let error_code = call.code;
        match key {
            ApiVersionsRequest::KEY => {
                call.reply::<ApiVersionsRequest>(|_| (String::new(), self.versions()))
            }
            MetadataRequest::KEY => {
                call.reply::<MetadataRequest>(|_| (String::new(), self.metadata()))
            }
            FindCoordinatorRequest::KEY => call.reply::<FindCoordinatorRequest>(|request| {
                let key = request.coordinator_keys[0].clone();
                let coordinator = Coordinator {
                    key: key.clone(),
                    node_id: self.coordinator,
                    host: "127.0.0.1".into(),
                    port: i32::from(self.ports[self.coordinator as usize - 1].port()),
                    error_code,
                    ..Default::default()
                };
                let answer = FindCoordinatorResponse {
                    coordinators: vec![coordinator],
                    ..Default::default()
                };
                (format!("{} {key}", request.key_type), answer)
            }),
            InitProducerIdRequest::KEY => call.reply::<InitProducerIdRequest>(|request| {
                let (producer_id, producer_epoch) = self.next_identity;
                let answer = InitProducerIdResponse {
                    error_code,
                    producer_id,
                    producer_epoch,
                    ..Default::default()
                };
                (
                    identity(request.producer_id, request.producer_epoch),
                    answer,
                )
            }),
            AddPartitionsToTxnRequest::KEY => {
                call.reply::<AddPartitionsToTxnRequest>(|request| added(request, error_code))
            }
            AddOffsetsToTxnRequest::KEY => call.reply::<AddOffsetsToTxnRequest>(|request| {
                let answer = AddOffsetsToTxnResponse {
                    error_code,
                    ..Default::default()
                };
                (request.group_id.to_string(), answer)
            }),
            TxnOffsetCommitRequest::KEY => {
                call.reply::<TxnOffsetCommitRequest>(|request| positions(request, error_code))
            }
            EndTxnRequest::KEY => call.reply::<EndTxnRequest>(|request| {
                let (producer_id, producer_epoch) = self.next_identity;
                let answer = EndTxnResponse {
                    error_code,
                    producer_id,
                    producer_epoch,
                    ..Default::default()
                };
                let identity = identity(request.producer_id, request.producer_epoch);
                let how = if request.committed { "commit" } else { "abort" };
                (format!("{how} {identity}"), answer)
            }),
            ProduceRequest::KEY => {
                call.reply::<ProduceRequest>(|request| produced(request, error_code))
            }
            OffsetFetchRequest::KEY => {
                call.reply::<OffsetFetchRequest>(|request| committed(request, error_code))
            }
            key => panic!("nobody should ask for API {key}"),
        }
    }

    fn versions(&self) -> ApiVersionsResponse {
        // Nobody wants metrics here.
        let telemetry = GetTelemetrySubscriptionsRequest::KEY;
        let apis = kafka_proto::api::APIS.iter();
        let apis = apis.filter(|api| api.key != telemetry);
        let keys = apis.map(|api| ApiVersion {
            api_key: api.key,
            min_version: api.stable.min,
            max_version: api.stable.max,
            ..Default::default()
        });
        let feature = FinalizedFeatureKey {
            name: "transaction.version".into(),
            max_version_level: self.feature,
            min_version_level: self.feature,
            ..Default::default()
        };
        ApiVersionsResponse {
            api_keys: keys.collect(),
            finalized_features_epoch: self.features_epoch,
            finalized_features: vec![feature],
            ..Default::default()
        }
    }

    fn metadata(&self) -> MetadataResponse {
        let brokers = (1..)
            .zip(&self.ports)
            .map(|(id, port)| MetadataResponseBroker {
                node_id: id,
                host: "127.0.0.1".into(),
                port: i32::from(port.port()),
                ..Default::default()
            });
        let partitions = (0..3).map(|number| MetadataResponsePartition {
            partition_index: number,
            leader_id: 2,
            ..Default::default()
        });
        let topic = MetadataResponseTopic {
            name: Some("t".into()),
            topic_id: Uuid([1; 16]),
            partitions: partitions.collect(),
            ..Default::default()
        };
        MetadataResponse {
            brokers: brokers.collect(),
            topics: vec![topic],
            ..Default::default()
        }
    }
}

fn identity(id: i64, epoch: i16) -> String {
    format!("{id}/{epoch}")
}

fn added(request: AddPartitionsToTxnRequest, code: i16) -> (String, AddPartitionsToTxnResponse) {
    use kafka_proto::messages::add_partitions_to_txn::*;
    let mut names = Vec::new();
    let topics = request.v3_and_below_topics.iter().map(|topic| {
        let partitions = topic.partitions.iter().map(|number| {
            names.push(format!("{}-{number}", topic.name));
            AddPartitionsToTxnPartitionResult {
                partition_index: *number,
                partition_error_code: code,
                ..Default::default()
            }
        });
        AddPartitionsToTxnTopicResult {
            name: topic.name.clone(),
            results_by_partition: partitions.collect(),
            ..Default::default()
        }
    });
    let answer = AddPartitionsToTxnResponse {
        results_by_topic_v3_and_below: topics.collect(),
        ..Default::default()
    };
    names.sort();
    (names.join(" "), answer)
}

fn positions(request: TxnOffsetCommitRequest, code: i16) -> (String, TxnOffsetCommitResponse) {
    use kafka_proto::messages::txn_offset_commit::*;
    let mut names = Vec::new();
    let topics = request.topics.iter().map(|topic| {
        let partitions = topic.partitions.iter().map(|partition| {
            let (number, offset) = (partition.partition_index, partition.committed_offset);
            names.push(format!("{}-{number}@{offset}", topic.name));
            TxnOffsetCommitResponsePartition {
                partition_index: number,
                error_code: code,
                ..Default::default()
            }
        });
        TxnOffsetCommitResponseTopic {
            name: topic.name.clone(),
            partitions: partitions.collect(),
            ..Default::default()
        }
    });
    let answer = TxnOffsetCommitResponse {
        topics: topics.collect(),
        ..Default::default()
    };
    let (group, member) = (&request.group_id, &request.member_id);
    let generation = request.generation_id;
    let names = names.join(" ");
    (
        format!("{group} {generation} \"{member}\": {names}"),
        answer,
    )
}

fn produced(request: ProduceRequest, code: i16) -> (String, ProduceResponse) {
    use kafka_proto::messages::produce::*;
    let mut batches = Vec::new();
    let topics = request.topic_data.iter().map(|topic| {
        let partitions = topic.partition_data.iter().map(|data| {
            let batch = RecordBatch::parse(data.records.clone().unwrap()).unwrap();
            let identity = identity(batch.producer_id(), batch.producer_epoch());
            assert!(batch.is_transactional());
            batches.push(format!(
                "{} {identity} {}",
                data.index,
                batch.base_sequence()
            ));
            PartitionProduceResponse {
                index: data.index,
                error_code: code,
                base_offset: 0,
                ..Default::default()
            }
        });
        TopicProduceResponse {
            name: topic.name.clone(),
            topic_id: topic.topic_id,
            partition_responses: partitions.collect(),
            ..Default::default()
        }
    });
    let answer = ProduceResponse {
        responses: topics.collect(),
        ..Default::default()
    };
    assert_eq!(request.transactional_id.as_deref(), Some("tx"));
    batches.sort();
    (batches.join(", "), answer)
}

fn committed(request: OffsetFetchRequest, code: i16) -> (String, OffsetFetchResponse) {
    use kafka_proto::messages::offset_fetch::*;
    let group = &request.groups[0];
    let topics = group.topics.iter().flatten().map(|topic| {
        let partitions =
            topic
                .partition_indexes
                .iter()
                .map(|number| OffsetFetchResponsePartitions {
                    partition_index: *number,
                    committed_offset: if code == 0 { 5 } else { -1 },
                    error_code: code,
                    ..Default::default()
                });
        OffsetFetchResponseTopics {
            name: topic.name.clone(),
            partitions: partitions.collect(),
            ..Default::default()
        }
    });
    let answer = OffsetFetchResponseGroup {
        group_id: group.group_id.clone(),
        topics: topics.collect(),
        ..Default::default()
    };
    let answer = OffsetFetchResponse {
        groups: vec![answer],
        ..Default::default()
    };
    (format!("stable: {}", request.require_stable), answer)
}

/// A request to be answered.
struct Call {
    version: i16,
    correlation_id: i32,
    code: i16,
    body: Bytes,
}

impl Call {
    fn reply<R: Request>(
        &self,
        answer: impl FnOnce(R) -> (String, R::Response),
    ) -> (String, Bytes) {
        let request = R::decode(self.body.clone(), self.version).unwrap();
        let (what, answer) = answer(request);
        let bytes = frame::encode_response::<R>(&answer, self.version, self.correlation_id);
        (what, bytes.unwrap().into_bytes())
    }
}

/// What was asked, without the nodes: `EndTxn 5: commit 7/0`.
pub(crate) fn told(asked: &[Asked]) -> Vec<String> {
    let name = |key| kafka_proto::api::api_of(key).map_or("?", |api| api.name);
    let text = |asked: &Asked| format!("{} {}: {}", name(asked.key), asked.version, asked.what);
    asked.iter().map(text).collect()
}
