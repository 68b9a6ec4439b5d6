//! One Produce request: from batches to what became of them.

use std::collections::{BTreeMap, HashMap};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use kafka_proto::codec::Uuid;
use kafka_proto::compression::{Codec, Compression};
use kafka_proto::error_code::ErrorCode;
use kafka_proto::messages::produce::{
    PartitionProduceData, PartitionProduceResponse, TopicProduceData,
};
use kafka_proto::messages::{ProduceRequest, ProduceResponse};
use tokio::sync::oneshot;

use super::accumulator::{Failure, Request};
use super::batch::Batch;
use super::config::Acks;
use super::delivery::Written;
use super::sender::Shared;
use super::transaction::Protocol;
use crate::clock::now;
use crate::cluster::{BrokerInfo, Lane, NewLeader, Node};
use crate::error::{Error, Result};
use crate::metrics::Shipment;
use crate::net::Connection;
use crate::types::TopicPartition;

/// What became of a request.
#[derive(Debug)]
pub(super) struct Produced {
    pub(super) broker: i32,
    /// Whether the connection is no good any more.
    pub(super) is_lost: bool,
    pub(super) batches: Vec<(Batch, Outcome)>,
}

type Outcome = std::result::Result<Written, Failure>;

/// Links a request to the one before it, so that they go out in the order in which they were made, on the same connection:
/// whichever is compressed first, and whatever happens to the connection, no batch gets past an earlier one.
#[derive(Debug)]
pub(super) struct Link(oneshot::Receiver<Arc<Connection>>);

/// A request's turn to be sent.
#[derive(Debug)]
pub(super) struct Turn {
    previous: Option<Link>,
    next: oneshot::Sender<Arc<Connection>>,
}

impl Link {
    /// A turn behind the previous request, if that may still be on its way, and what the next one is linked to.
    pub(super) fn after(previous: Option<Self>) -> (Turn, Self) {
        let (next, link) = oneshot::channel();
        (Turn { previous, next }, Self(link))
    }
}

impl Turn {
    /// Waits for the turn. Returns the connection to use, and what to tell once the request has its place on it: dropped,
    /// the next request fails without being sent.
    async fn wait(
        self,
        shared: &Shared,
        broker: i32,
    ) -> Result<(Arc<Connection>, oneshot::Sender<Arc<Connection>>)> {
        let connection = match self.previous {
            None => {
                shared
                    .cluster
                    .connection(Node::Broker(broker), Lane::Main)
                    .await?
            }
            Some(Link(previous)) => previous.await.map_err(|_| Error::Disconnected {
                broker: format!("broker {broker}"),
                reason: "the request before this one could not be sent".to_owned(),
            })?,
        };
        Ok((connection, self.next))
    }
}

/// Sends one request and sorts its answer by batch.
#[tracing::instrument(
    level = "debug",
    target = "kafka_client::produce",
    skip_all,
    fields(broker = request.broker, batches = request.batches.len())
)]
pub(super) async fn produce(shared: Arc<Shared>, request: Request, turn: Turn) -> Produced {
    let Request {
        broker,
        batches,
        transaction,
        ..
    } = request;
    let codec = shared.config.compression;
    let (sealed, mut done) = sealed(batches, codec, transaction.is_some()).await;
    let payload: Vec<_> = sealed
        .iter()
        .map(|(batch, bytes)| (batch.partition.clone(), bytes.clone()))
        .collect();
    let now = now();
    let shipments: Vec<Shipment> = sealed
        .iter()
        .map(|(batch, _)| batch.shipment(now))
        .collect();
    let batches = sealed.into_iter().map(|(batch, _)| batch);
    let answers = match turn.wait(&shared, broker).await {
        Ok((connection, next)) if payload.is_empty() => {
            let _ = next.send(connection);
            Ok(HashMap::new())
        }
        Ok((connection, next)) => {
            let sent = Sent { broker, shipments };
            exchange(&shared, &connection, next, transaction, payload, &sent).await
        }
        Err(error) => Err(Failure {
            error,
            maybe_written: false,
        }),
    };
    let is_lost = answers.is_err();
    match answers {
        Ok(mut answers) => done.extend(batches.map(|batch| {
            let outcome = match answers.remove(&batch.partition) {
                Some(answer) => outcome_of(&batch.partition, &answer),
                None if shared.config.acks == Acks::None => Ok(Written::SOMEWHERE),
                None => Err(Failure {
                    error: Error::broker(
                        ErrorCode::UnknownServerError,
                        format!("no answer for {}", batch.partition),
                    ),
                    maybe_written: true,
                }),
            };
            (batch, outcome)
        })),
        Err(Failure {
            error,
            maybe_written,
        }) => {
            done.extend(batches.map(|batch| {
                (
                    batch,
                    Err(Failure {
                        error: error.clone(),
                        maybe_written,
                    }),
                )
            }));
        }
    }
    Produced {
        broker,
        is_lost,
        batches: done,
    }
}

/// The batches with their bytes, and those of which none could be made.
async fn sealed(
    batches: Vec<Batch>,
    codec: Codec,
    transactional: bool,
) -> (Vec<(Batch, Bytes)>, Vec<(Batch, Outcome)>) {
    // Compressing takes its time, which nothing else of the connection should have to wait for.
    let results = if codec.compression() == Compression::None {
        seal(batches, codec, transactional)
    } else {
        // It does not panic. It is cancelled only when the runtime ends, and with it all that waits.
        tokio::task::spawn_blocking(move || seal(batches, codec, transactional))
            .await
            .unwrap_or_default()
    };
    let (mut sealed, mut failed) = (Vec::new(), Vec::new());
    for (batch, bytes) in results {
        match bytes {
            Ok(bytes) => sealed.push((batch, bytes)),
            Err(reason) => {
                let error = Error::Protocol {
                    what: format!("a batch for {}", batch.partition),
                    reason,
                };
                failed.push((
                    batch,
                    Err(Failure {
                        error,
                        maybe_written: false,
                    }),
                ));
            }
        }
    }
    (sealed, failed)
}

fn seal(
    batches: Vec<Batch>,
    codec: Codec,
    transactional: bool,
) -> Vec<(Batch, std::result::Result<Bytes, String>)> {
    let seal = |mut batch: Batch| {
        // A batch must not get lost over a compressor's fault.
        let bytes = catch_unwind(AssertUnwindSafe(|| batch.seal(codec, transactional)));
        let bytes = bytes.map_err(|_| "compressing it panicked".to_owned());
        (
            batch,
            bytes.and_then(|bytes| bytes.map_err(|error| error.to_string())),
        )
    };
    batches.into_iter().map(seal).collect()
}

/// What goes out, for those who count.
struct Sent {
    broker: i32,
    shipments: Vec<Shipment>,
}

impl Sent {
    fn begin(&self, shared: &Shared) {
        let moment = shared.telemetry().metrics.moment();
        shared.meters.sent(&self.shipments, moment);
    }

    fn answered(&self, shared: &Shared, since: Instant, throttle_millis: i32) {
        let metrics = &shared.telemetry().metrics;
        let now = now();
        let after = now.saturating_duration_since(since);
        let throttled = Duration::from_millis(throttle_millis.max(0) as u64);
        let moment = metrics.moment_of(now);
        shared.meters.answered(after, throttled, moment);
        let node = metrics.network.node(Some(self.broker));
        node.answered(after, moment);
    }
}

/// Sends a request on its turn and waits for the answer.
async fn exchange(
    shared: &Shared,
    connection: &Arc<Connection>,
    next: oneshot::Sender<Arc<Connection>>,
    transaction: Option<Protocol>,
    payload: Vec<(TopicPartition, Bytes)>,
    sent: &Sent,
) -> std::result::Result<HashMap<TopicPartition, PartitionProduceResponse>, Failure> {
    let not_sent = |error| Failure {
        error,
        maybe_written: false,
    };
    // Whatever was wrong with the connection, the broker may have taken the request before.
    let unknown = |error| Failure {
        error,
        maybe_written: true,
    };
    let limit = shared.config.client.request_timeout;
    let metadata = shared.cluster.metadata();
    let id_of = |topic: &Arc<str>| {
        metadata
            .topics
            .get(topic)
            .map_or(Uuid::ZERO, |info| info.id)
    };
    let mut by_topic: BTreeMap<Arc<str>, Vec<PartitionProduceData>> = BTreeMap::new();
    for (partition, records) in payload {
        let data = PartitionProduceData {
            index: partition.partition,
            records: Some(records),
            ..Default::default()
        };
        by_topic.entry(partition.topic).or_default().push(data);
    }
    // From version 13 on topics have no names any more, which takes a cluster that gave them all ids.
    let all_have_ids = by_topic.keys().all(|topic| !id_of(topic).is_zero());
    let max_version = if all_have_ids { i16::MAX } else { 12 };
    let max_version = transaction.map_or(max_version, |protocol| {
        protocol.max_produce().min(max_version)
    });
    let version = connection
        .version_of::<ProduceRequest>(max_version)
        .map_err(not_sent)?;
    // A topic may be made anew before the answer is here: it is told by the ids that the request had.
    let names: HashMap<Uuid, Arc<str>> = by_topic
        .keys()
        .map(|topic| (id_of(topic), topic.clone()))
        .collect();
    let topic_data = by_topic
        .into_iter()
        .map(|(topic, partition_data)| TopicProduceData {
            topic_id: if version >= 13 {
                id_of(&topic)
            } else {
                Uuid::ZERO
            },
            name: (&*topic).into(),
            partition_data,
            ..Default::default()
        });
    let request = ProduceRequest {
        transactional_id: shared.config.transactional_id.as_deref().map(Into::into),
        acks: shared.config.acks.code(),
        timeout_ms: i32::try_from(limit.as_millis()).unwrap_or(i32::MAX),
        topic_data: topic_data.collect(),
        ..Default::default()
    };
    if shared.config.acks == Acks::None {
        connection
            .send_unanswered(&request, version, limit)
            .await
            .map_err(unknown)?;
        sent.begin(shared);
        let _ = next.send(connection.clone());
        return Ok(HashMap::new());
    }
    let pending = connection
        .begin(&request, version, limit)
        .await
        .map_err(not_sent)?;
    let since = now();
    sent.begin(shared);
    let _ = next.send(connection.clone());
    // The batches have what they need for a retry; the request's share of them is not needed any more.
    drop(request);
    let answer = pending.answer(limit).await.map_err(unknown)?;
    sent.answered(shared, since, answer.throttle_time_ms);
    Ok(answers_by_partition(shared, &names, version, answer))
}

fn answers_by_partition(
    shared: &Shared,
    names: &HashMap<Uuid, Arc<str>>,
    version: i16,
    answer: ProduceResponse,
) -> HashMap<TopicPartition, PartitionProduceResponse> {
    let endpoints: HashMap<i32, BrokerInfo> = answer
        .node_endpoints
        .iter()
        .map(|node| {
            (
                node.node_id,
                BrokerInfo::named(node.node_id, &node.host, node.port, node.rack.as_deref()),
            )
        })
        .collect();
    let mut leaders = Vec::new();
    let mut answers = HashMap::new();
    for topic in answer.responses {
        let name = match names.get(&topic.topic_id) {
            Some(name) if version >= 13 => name.clone(),
            _ => Arc::from(&*topic.name),
        };
        for partition in topic.partition_responses {
            let at = TopicPartition::new(name.clone(), partition.index);
            let named = &partition.current_leader;
            if named.leader_id >= 0 {
                leaders.push(NewLeader {
                    partition: at.clone(),
                    leader: named.leader_id,
                    epoch: named.leader_epoch,
                    broker: endpoints.get(&named.leader_id).cloned(),
                });
            }
            answers.insert(at, partition);
        }
    }
    shared.cluster.learn_leaders(&leaders);
    answers
}

fn outcome_of(partition: &TopicPartition, answer: &PartitionProduceResponse) -> Outcome {
    let code = ErrorCode::from(answer.error_code);
    match code {
        ErrorCode::None => Ok(Written {
            base_offset: Some(answer.base_offset).filter(|offset| *offset >= 0),
            log_append_time: Some(answer.log_append_time_ms).filter(|time| *time >= 0),
        }),
        // It was written the first time, and the broker no longer knows where.
        ErrorCode::DuplicateSequenceNumber => Ok(Written::SOMEWHERE),
        code => Err(Failure {
            maybe_written: matches!(
                code,
                ErrorCode::RequestTimedOut | ErrorCode::NotEnoughReplicasAfterAppend
            ),
            error: Error::Broker {
                code,
                what: format!("partition {partition}"),
                message: answer.error_message.as_ref().map(ToString::to_string),
            },
        }),
    }
}
