//! The APIs, one file each: decode, ask the domain, answer.

mod add_offsets_to_txn;
mod add_partitions_to_txn;
mod alter_client_quotas;
mod alter_configs;
mod alter_partition_reassignments;
mod alter_replica_log_dirs;
mod api_versions;
mod config_resources;
mod consumer_group_describe;
mod consumer_group_heartbeat;
mod create_partitions;
mod create_topics;
mod delete_groups;
mod delete_records;
mod delete_topics;
mod describe_client_quotas;
mod describe_cluster;
mod describe_configs;
mod describe_groups;
mod describe_log_dirs;
mod describe_producers;
mod describe_quorum;
mod describe_topic_partitions;
mod describe_transactions;
mod elect_leaders;
mod end_txn;
mod fetch;
mod find_coordinator;
mod heartbeat;
mod incremental_alter_configs;
mod init_producer_id;
mod join_group;
mod leave_group;
mod list_config_resources;
mod list_groups;
mod list_offsets;
mod list_partition_reassignments;
mod list_transactions;
mod metadata;
mod offset_commit;
mod offset_delete;
mod offset_fetch;
mod offset_for_leader_epoch;
mod produce;
mod raft_voters;
mod sasl;
mod sync_group;
mod txn_offset_commit;
mod unregister_broker;
mod update_features;
mod write_txn_markers;

use std::sync::atomic::AtomicU32;
use std::time::{Duration, Instant};

use bytes::Bytes;
use bytestring::ByteString;
use kafka_proto::codec::{Encoded, Request};
use kafka_proto::error_code::ErrorCode;
use kafka_proto::frame::{decode_request_header, encode_response};
use kafka_proto::messages::*;

use crate::connection::Closed;
use crate::node::{Call, Node};
use crate::quotas::Quota;

/// The keys of the APIs that [`answer`] knows, as they are advertised.
const SERVED: [i16; 52] = [
    ProduceRequest::KEY,
    FetchRequest::KEY,
    ListOffsetsRequest::KEY,
    MetadataRequest::KEY,
    OffsetCommitRequest::KEY,
    OffsetFetchRequest::KEY,
    FindCoordinatorRequest::KEY,
    JoinGroupRequest::KEY,
    HeartbeatRequest::KEY,
    LeaveGroupRequest::KEY,
    SyncGroupRequest::KEY,
    DescribeGroupsRequest::KEY,
    ListGroupsRequest::KEY,
    SaslHandshakeRequest::KEY,
    ApiVersionsRequest::KEY,
    CreateTopicsRequest::KEY,
    DeleteTopicsRequest::KEY,
    InitProducerIdRequest::KEY,
    OffsetForLeaderEpochRequest::KEY,
    AddPartitionsToTxnRequest::KEY,
    AddOffsetsToTxnRequest::KEY,
    EndTxnRequest::KEY,
    WriteTxnMarkersRequest::KEY,
    TxnOffsetCommitRequest::KEY,
    SaslAuthenticateRequest::KEY,
    CreatePartitionsRequest::KEY,
    DeleteGroupsRequest::KEY,
    DescribeProducersRequest::KEY,
    DescribeTransactionsRequest::KEY,
    ListTransactionsRequest::KEY,
    ConsumerGroupHeartbeatRequest::KEY,
    ConsumerGroupDescribeRequest::KEY,
    DeleteRecordsRequest::KEY,
    DescribeConfigsRequest::KEY,
    AlterConfigsRequest::KEY,
    AlterReplicaLogDirsRequest::KEY,
    DescribeLogDirsRequest::KEY,
    ElectLeadersRequest::KEY,
    IncrementalAlterConfigsRequest::KEY,
    AlterPartitionReassignmentsRequest::KEY,
    ListPartitionReassignmentsRequest::KEY,
    OffsetDeleteRequest::KEY,
    DescribeClientQuotasRequest::KEY,
    AlterClientQuotasRequest::KEY,
    DescribeQuorumRequest::KEY,
    UpdateFeaturesRequest::KEY,
    DescribeClusterRequest::KEY,
    UnregisterBrokerRequest::KEY,
    ListConfigResourcesRequest::KEY,
    DescribeTopicPartitionsRequest::KEY,
    AddRaftVoterRequest::KEY,
    RemoveRaftVoterRequest::KEY,
];

/// What a request leads to.
pub(crate) struct Answered {
    /// `None` where it wants no answer.
    pub(crate) response: Option<Encoded>,
    /// For how long the client is not listened to afterwards.
    pub(crate) wait: Duration,
}

/// Answers a request.
pub(crate) async fn answer(
    node: &Node,
    client_host: &ByteString,
    frame: Bytes,
) -> Result<Answered, Closed> {
    let started = Instant::now();
    let (header, api, body) = decode_request_header(&frame).map_err(Closed::Header)?;
    let (key, version) = (header.request_api_key, header.request_api_version);
    let api = api.ok_or(Closed::UnknownApi { key, version })?;
    let call = Call {
        node,
        version,
        client_id: header.client_id,
        client_host: client_host.clone(),
        throttle: AtomicU32::default(),
    };
    node.count_request(key);
    let exchange = Exchange {
        api: api.name,
        version,
        correlation_id: header.correlation_id,
    };
    tracing::trace!(api = api.name, version, client_id = ?call.client_id, "request");

    let response = match key {
        ProduceRequest::KEY => {
            let request: ProduceRequest = exchange.read(body)?;
            let acks = request.acks;
            let mut response = produce::answer(&call, request);
            call.use_bytes(Quota::ProducerByteRate, frame.len());
            if acks == 0 {
                return produce::unacknowledged(&response).map(|()| call.answered(None));
            }
            response.throttle_time_ms = call.throttle_millis();
            exchange.write::<ProduceRequest>(&response)
        }
        FetchRequest::KEY => {
            exchange.write::<FetchRequest>(&fetch::answer(&call, exchange.read(body)?).await)
        }
        ListOffsetsRequest::KEY => {
            exchange.write::<ListOffsetsRequest>(&list_offsets::answer(&call, exchange.read(body)?))
        }
        MetadataRequest::KEY => {
            exchange.write::<MetadataRequest>(&metadata::answer(&call, exchange.read(body)?))
        }
        OffsetCommitRequest::KEY => exchange
            .write::<OffsetCommitRequest>(&offset_commit::answer(&call, exchange.read(body)?)),
        OffsetFetchRequest::KEY => {
            exchange.write::<OffsetFetchRequest>(&offset_fetch::answer(&call, exchange.read(body)?))
        }
        FindCoordinatorRequest::KEY => exchange.write::<FindCoordinatorRequest>(
            &find_coordinator::answer(&call, exchange.read(body)?),
        ),
        JoinGroupRequest::KEY => exchange
            .write::<JoinGroupRequest>(&join_group::answer(&call, exchange.read(body)?).await),
        HeartbeatRequest::KEY => {
            exchange.write::<HeartbeatRequest>(&heartbeat::answer(&call, exchange.read(body)?))
        }
        LeaveGroupRequest::KEY => {
            exchange.write::<LeaveGroupRequest>(&leave_group::answer(&call, exchange.read(body)?))
        }
        SyncGroupRequest::KEY => exchange
            .write::<SyncGroupRequest>(&sync_group::answer(&call, exchange.read(body)?).await),
        DescribeGroupsRequest::KEY => exchange
            .write::<DescribeGroupsRequest>(&describe_groups::answer(&call, exchange.read(body)?)),
        ListGroupsRequest::KEY => {
            exchange.write::<ListGroupsRequest>(&list_groups::answer(&call, exchange.read(body)?))
        }
        DeleteGroupsRequest::KEY => exchange
            .write::<DeleteGroupsRequest>(&delete_groups::answer(&call, exchange.read(body)?)),
        SaslHandshakeRequest::KEY => {
            exchange.write::<SaslHandshakeRequest>(&sasl::answer_handshake(exchange.read(body)?))
        }
        ApiVersionsRequest::KEY if !ApiVersionsRequest::STABLE.contains(version) => {
            // A client that is newer has to be able to read this (KIP-511).
            exchange
                .in_version(0)
                .write::<ApiVersionsRequest>(&api_versions::unsupported_version())
        }
        ApiVersionsRequest::KEY => {
            exchange.write::<ApiVersionsRequest>(&api_versions::answer(&call, exchange.read(body)?))
        }
        CreateTopicsRequest::KEY => exchange
            .write::<CreateTopicsRequest>(&create_topics::answer(&call, exchange.read(body)?)),
        CreatePartitionsRequest::KEY => exchange.write::<CreatePartitionsRequest>(
            &create_partitions::answer(&call, exchange.read(body)?),
        ),
        DeleteTopicsRequest::KEY => exchange
            .write::<DeleteTopicsRequest>(&delete_topics::answer(&call, exchange.read(body)?)),
        InitProducerIdRequest::KEY => exchange
            .write::<InitProducerIdRequest>(&init_producer_id::answer(&call, exchange.read(body)?)),
        OffsetForLeaderEpochRequest::KEY => exchange.write::<OffsetForLeaderEpochRequest>(
            &offset_for_leader_epoch::answer(&call, exchange.read(body)?),
        ),
        AddPartitionsToTxnRequest::KEY => exchange.write::<AddPartitionsToTxnRequest>(
            &add_partitions_to_txn::answer(&call, exchange.read(body)?),
        ),
        AddOffsetsToTxnRequest::KEY => exchange.write::<AddOffsetsToTxnRequest>(
            &add_offsets_to_txn::answer(&call, exchange.read(body)?),
        ),
        EndTxnRequest::KEY => {
            exchange.write::<EndTxnRequest>(&end_txn::answer(&call, exchange.read(body)?))
        }
        WriteTxnMarkersRequest::KEY => exchange.write::<WriteTxnMarkersRequest>(
            &write_txn_markers::answer(&call, exchange.read(body)?),
        ),
        TxnOffsetCommitRequest::KEY => exchange.write::<TxnOffsetCommitRequest>(
            &txn_offset_commit::answer(&call, exchange.read(body)?),
        ),
        DescribeProducersRequest::KEY => exchange.write::<DescribeProducersRequest>(
            &describe_producers::answer(&call, exchange.read(body)?),
        ),
        DescribeTransactionsRequest::KEY => exchange.write::<DescribeTransactionsRequest>(
            &describe_transactions::answer(&call, exchange.read(body)?),
        ),
        ListTransactionsRequest::KEY => exchange.write::<ListTransactionsRequest>(
            &list_transactions::answer(&call, exchange.read(body)?),
        ),
        ConsumerGroupHeartbeatRequest::KEY => exchange.write::<ConsumerGroupHeartbeatRequest>(
            &consumer_group_heartbeat::answer(&call, exchange.read(body)?),
        ),
        ConsumerGroupDescribeRequest::KEY => exchange.write::<ConsumerGroupDescribeRequest>(
            &consumer_group_describe::answer(&call, exchange.read(body)?),
        ),
        SaslAuthenticateRequest::KEY => exchange
            .write::<SaslAuthenticateRequest>(&sasl::answer_authenticate(exchange.read(body)?)),
        DeleteRecordsRequest::KEY => exchange
            .write::<DeleteRecordsRequest>(&delete_records::answer(&call, exchange.read(body)?)),
        DescribeConfigsRequest::KEY => exchange.write::<DescribeConfigsRequest>(
            &describe_configs::answer(&call, exchange.read(body)?),
        ),
        AlterConfigsRequest::KEY => exchange
            .write::<AlterConfigsRequest>(&alter_configs::answer(&call, exchange.read(body)?)),
        AlterReplicaLogDirsRequest::KEY => exchange.write::<AlterReplicaLogDirsRequest>(
            &alter_replica_log_dirs::answer(&call, exchange.read(body)?),
        ),
        DescribeLogDirsRequest::KEY => exchange.write::<DescribeLogDirsRequest>(
            &describe_log_dirs::answer(&call, exchange.read(body)?),
        ),
        ElectLeadersRequest::KEY => exchange
            .write::<ElectLeadersRequest>(&elect_leaders::answer(&call, exchange.read(body)?)),
        IncrementalAlterConfigsRequest::KEY => exchange.write::<IncrementalAlterConfigsRequest>(
            &incremental_alter_configs::answer(&call, exchange.read(body)?),
        ),
        AlterPartitionReassignmentsRequest::KEY => {
            exchange.write::<AlterPartitionReassignmentsRequest>(
                &alter_partition_reassignments::answer(&call, exchange.read(body)?),
            )
        }
        ListPartitionReassignmentsRequest::KEY => exchange
            .write::<ListPartitionReassignmentsRequest>(&list_partition_reassignments::answer(
                &exchange.read(body)?,
            )),
        OffsetDeleteRequest::KEY => exchange
            .write::<OffsetDeleteRequest>(&offset_delete::answer(&call, exchange.read(body)?)),
        DescribeClientQuotasRequest::KEY => exchange.write::<DescribeClientQuotasRequest>(
            &describe_client_quotas::answer(&call, exchange.read(body)?),
        ),
        AlterClientQuotasRequest::KEY => exchange.write::<AlterClientQuotasRequest>(
            &alter_client_quotas::answer(&call, exchange.read(body)?),
        ),
        DescribeQuorumRequest::KEY => exchange
            .write::<DescribeQuorumRequest>(&describe_quorum::answer(&call, exchange.read(body)?)),
        UpdateFeaturesRequest::KEY => exchange
            .write::<UpdateFeaturesRequest>(&update_features::answer(&call, exchange.read(body)?)),
        DescribeClusterRequest::KEY => exchange.write::<DescribeClusterRequest>(
            &describe_cluster::answer(&call, exchange.read(body)?),
        ),
        UnregisterBrokerRequest::KEY => exchange.write::<UnregisterBrokerRequest>(
            &unregister_broker::answer(&call, &exchange.read(body)?),
        ),
        ListConfigResourcesRequest::KEY => exchange.write::<ListConfigResourcesRequest>(
            &list_config_resources::answer(&call, exchange.read(body)?),
        ),
        DescribeTopicPartitionsRequest::KEY => exchange.write::<DescribeTopicPartitionsRequest>(
            &describe_topic_partitions::answer(&call, exchange.read(body)?),
        ),
        AddRaftVoterRequest::KEY => {
            exchange.write::<AddRaftVoterRequest>(&raft_voters::add(&call, &exchange.read(body)?))
        }
        RemoveRaftVoterRequest::KEY => exchange
            .write::<RemoveRaftVoterRequest>(&raft_voters::remove(&call, &exchange.read(body)?)),
        _ => Err(Closed::UnknownApi { key, version }),
    };
    // The time of long polls is not spent, but waited: what they do at the end is counted there.
    if ![
        FetchRequest::KEY,
        JoinGroupRequest::KEY,
        SyncGroupRequest::KEY,
    ]
    .contains(&key)
    {
        call.use_time(started);
    }
    response.map(|response| call.answered(Some(response)))
}

/// What a producer is told that was fenced: before this version it does not know of PRODUCER_FENCED.
fn fenced_as(error: ErrorCode, version: i16, first_version: i16) -> ErrorCode {
    match error {
        ErrorCode::ProducerFenced if version < first_version => ErrorCode::InvalidProducerEpoch,
        other => other,
    }
}

/// What reading a request and writing its response depend on.
#[derive(Clone, Copy)]
struct Exchange {
    api: &'static str,
    version: i16,
    correlation_id: i32,
}

impl Exchange {
    fn in_version(self, version: i16) -> Self {
        Self { version, ..self }
    }

    fn read<R: Request>(self, body: Bytes) -> Result<R, Closed> {
        R::decode(body, self.version).map_err(|source| Closed::Request {
            api: self.api,
            version: self.version,
            source,
        })
    }

    fn write<R: Request>(self, response: &R::Response) -> Result<Encoded, Closed> {
        encode_response::<R>(response, self.version, self.correlation_id).map_err(|source| {
            Closed::Response {
                api: self.api,
                version: self.version,
                source,
            }
        })
    }
}
