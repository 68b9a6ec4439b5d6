//! The APIs, one file each: decode, ask the domain, answer.

mod add_offsets_to_txn;
mod add_partitions_to_txn;
mod alter_client_quotas;
mod alter_configs;
mod alter_partition_reassignments;
mod alter_replica_log_dirs;
mod alter_share_group_offsets;
mod alter_user_scram_credentials;
mod api_versions;
mod config_resources;
mod consumer_group_describe;
mod consumer_group_heartbeat;
mod create_acls;
mod create_delegation_token;
mod create_partitions;
mod create_topics;
mod delete_acls;
mod delete_groups;
mod delete_records;
mod delete_share_group_offsets;
mod delete_topics;
mod describe_acls;
mod describe_client_quotas;
mod describe_cluster;
mod describe_configs;
mod describe_delegation_token;
mod describe_groups;
mod describe_log_dirs;
mod describe_producers;
mod describe_quorum;
mod describe_share_group_offsets;
mod describe_topic_partitions;
mod describe_transactions;
mod describe_user_scram_credentials;
mod elect_leaders;
mod end_txn;
mod expire_delegation_token;
mod fetch;
mod find_coordinator;
mod get_telemetry_subscriptions;
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
mod push_telemetry;
mod raft_voters;
mod renew_delegation_token;
mod sasl;
mod share_acknowledge;
mod share_fetch;
mod share_group_describe;
mod share_group_heartbeat;
mod share_partitions;
mod streams_group_describe;
mod sync_group;
mod txn_offset_commit;
mod unregister_broker;
mod update_features;
mod write_txn_markers;

use std::sync::atomic::AtomicU32;
use std::time::{Duration, Instant};

use bytes::Bytes;
use kafka_proto::api::Api;
use kafka_proto::codec::{Encoded, Request};
use kafka_proto::error_code::ErrorCode;
use kafka_proto::frame::{decode_request_header, encode_response};
use kafka_proto::messages::*;

use crate::connection::Closed;
use crate::node::{Call, Client, Node};
use crate::quotas::Quota;

/// The keys of the APIs that [`answer`] knows, as they are advertised.
const SERVED: &[i16] = &[
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
    DescribeAclsRequest::KEY,
    CreateAclsRequest::KEY,
    DeleteAclsRequest::KEY,
    SaslAuthenticateRequest::KEY,
    CreatePartitionsRequest::KEY,
    DeleteGroupsRequest::KEY,
    DescribeUserScramCredentialsRequest::KEY,
    AlterUserScramCredentialsRequest::KEY,
    DescribeProducersRequest::KEY,
    DescribeTransactionsRequest::KEY,
    ListTransactionsRequest::KEY,
    ConsumerGroupHeartbeatRequest::KEY,
    ConsumerGroupDescribeRequest::KEY,
    GetTelemetrySubscriptionsRequest::KEY,
    PushTelemetryRequest::KEY,
    ShareGroupHeartbeatRequest::KEY,
    ShareGroupDescribeRequest::KEY,
    ShareFetchRequest::KEY,
    ShareAcknowledgeRequest::KEY,
    DescribeShareGroupOffsetsRequest::KEY,
    AlterShareGroupOffsetsRequest::KEY,
    DeleteShareGroupOffsetsRequest::KEY,
    CreateDelegationTokenRequest::KEY,
    RenewDelegationTokenRequest::KEY,
    ExpireDelegationTokenRequest::KEY,
    DescribeDelegationTokenRequest::KEY,
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
    StreamsGroupDescribeRequest::KEY,
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
pub(crate) async fn answer(node: &Node, client: &Client, frame: Bytes) -> Result<Answered, Closed> {
    let started = Instant::now();
    let (header, api, body) = decode_request_header(&frame).map_err(Closed::Header)?;
    let (key, version) = (header.request_api_key, header.request_api_version);
    let api = api.ok_or(Closed::UnknownApi { key, version })?;
    let call = Call {
        node,
        version,
        client_id: header.client_id.clone(),
        client_host: client.host.clone(),
        client,
        throttle: AtomicU32::default(),
    };
    node.count_request(key);
    let exchange = Exchange::new(api, &header);
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
        ListOffsetsRequest::KEY => exchange.answer(&call, body, list_offsets::answer),
        MetadataRequest::KEY => exchange.answer(&call, body, metadata::answer),
        OffsetCommitRequest::KEY => exchange.answer(&call, body, offset_commit::answer),
        OffsetFetchRequest::KEY => exchange.answer(&call, body, offset_fetch::answer),
        FindCoordinatorRequest::KEY => exchange.answer(&call, body, find_coordinator::answer),
        JoinGroupRequest::KEY => exchange
            .write::<JoinGroupRequest>(&join_group::answer(&call, exchange.read(body)?).await),
        HeartbeatRequest::KEY => exchange.answer(&call, body, heartbeat::answer),
        LeaveGroupRequest::KEY => exchange.answer(&call, body, leave_group::answer),
        SyncGroupRequest::KEY => exchange
            .write::<SyncGroupRequest>(&sync_group::answer(&call, exchange.read(body)?).await),
        DescribeGroupsRequest::KEY => exchange.answer(&call, body, describe_groups::answer),
        ListGroupsRequest::KEY => exchange.answer(&call, body, list_groups::answer),
        DeleteGroupsRequest::KEY => exchange.answer(&call, body, delete_groups::answer),
        SaslHandshakeRequest::KEY => exchange.answer(&call, body, sasl::answer_handshake),
        ApiVersionsRequest::KEY if !ApiVersionsRequest::STABLE.contains(version) => {
            // A client that is newer has to be able to read this (KIP-511).
            exchange
                .in_version(0)
                .write::<ApiVersionsRequest>(&api_versions::unsupported_version())
        }
        ApiVersionsRequest::KEY => exchange.answer(&call, body, api_versions::answer),
        CreateTopicsRequest::KEY => exchange.answer(&call, body, create_topics::answer),
        CreatePartitionsRequest::KEY => exchange.answer(&call, body, create_partitions::answer),
        DeleteTopicsRequest::KEY => exchange.answer(&call, body, delete_topics::answer),
        InitProducerIdRequest::KEY => exchange.answer(&call, body, init_producer_id::answer),
        OffsetForLeaderEpochRequest::KEY => {
            exchange.answer(&call, body, offset_for_leader_epoch::answer)
        }
        AddPartitionsToTxnRequest::KEY => {
            exchange.answer(&call, body, add_partitions_to_txn::answer)
        }
        AddOffsetsToTxnRequest::KEY => exchange.answer(&call, body, add_offsets_to_txn::answer),
        EndTxnRequest::KEY => exchange.answer(&call, body, end_txn::answer),
        WriteTxnMarkersRequest::KEY => exchange.answer(&call, body, write_txn_markers::answer),
        TxnOffsetCommitRequest::KEY => exchange.answer(&call, body, txn_offset_commit::answer),
        DescribeAclsRequest::KEY => exchange.answer(&call, body, describe_acls::answer),
        CreateAclsRequest::KEY => exchange.answer(&call, body, create_acls::answer),
        DeleteAclsRequest::KEY => exchange.answer(&call, body, delete_acls::answer),
        DescribeUserScramCredentialsRequest::KEY => {
            exchange.answer(&call, body, describe_user_scram_credentials::answer)
        }
        AlterUserScramCredentialsRequest::KEY => {
            exchange.answer(&call, body, alter_user_scram_credentials::answer)
        }
        DescribeProducersRequest::KEY => exchange.answer(&call, body, describe_producers::answer),
        DescribeTransactionsRequest::KEY => {
            exchange.answer(&call, body, describe_transactions::answer)
        }
        ListTransactionsRequest::KEY => exchange.answer(&call, body, list_transactions::answer),
        ConsumerGroupHeartbeatRequest::KEY => {
            exchange.answer(&call, body, consumer_group_heartbeat::answer)
        }
        ConsumerGroupDescribeRequest::KEY => {
            exchange.answer(&call, body, consumer_group_describe::answer)
        }
        GetTelemetrySubscriptionsRequest::KEY => {
            exchange.answer(&call, body, get_telemetry_subscriptions::answer)
        }
        PushTelemetryRequest::KEY => exchange.answer(&call, body, push_telemetry::answer),
        SaslAuthenticateRequest::KEY => exchange.answer(&call, body, sasl::answer_authenticate),
        ShareGroupHeartbeatRequest::KEY => {
            exchange.answer(&call, body, share_group_heartbeat::answer)
        }
        ShareGroupDescribeRequest::KEY => {
            exchange.answer(&call, body, share_group_describe::answer)
        }
        ShareFetchRequest::KEY => exchange
            .write::<ShareFetchRequest>(&share_fetch::answer(&call, exchange.read(body)?).await),
        ShareAcknowledgeRequest::KEY => exchange.answer(&call, body, share_acknowledge::answer),
        DescribeShareGroupOffsetsRequest::KEY => {
            exchange.answer(&call, body, describe_share_group_offsets::answer)
        }
        AlterShareGroupOffsetsRequest::KEY => {
            exchange.answer(&call, body, alter_share_group_offsets::answer)
        }
        DeleteShareGroupOffsetsRequest::KEY => {
            exchange.answer(&call, body, delete_share_group_offsets::answer)
        }
        CreateDelegationTokenRequest::KEY => {
            exchange.answer(&call, body, create_delegation_token::answer)
        }
        RenewDelegationTokenRequest::KEY => {
            exchange.answer(&call, body, renew_delegation_token::answer)
        }
        ExpireDelegationTokenRequest::KEY => {
            exchange.answer(&call, body, expire_delegation_token::answer)
        }
        DescribeDelegationTokenRequest::KEY => {
            exchange.answer(&call, body, describe_delegation_token::answer)
        }
        DeleteRecordsRequest::KEY => exchange.answer(&call, body, delete_records::answer),
        DescribeConfigsRequest::KEY => exchange.answer(&call, body, describe_configs::answer),
        AlterConfigsRequest::KEY => exchange.answer(&call, body, alter_configs::answer),
        AlterReplicaLogDirsRequest::KEY => {
            exchange.answer(&call, body, alter_replica_log_dirs::answer)
        }
        DescribeLogDirsRequest::KEY => exchange.answer(&call, body, describe_log_dirs::answer),
        ElectLeadersRequest::KEY => exchange.answer(&call, body, elect_leaders::answer),
        IncrementalAlterConfigsRequest::KEY => {
            exchange.answer(&call, body, incremental_alter_configs::answer)
        }
        AlterPartitionReassignmentsRequest::KEY => {
            exchange.answer(&call, body, alter_partition_reassignments::answer)
        }
        ListPartitionReassignmentsRequest::KEY => {
            exchange.answer(&call, body, list_partition_reassignments::answer)
        }
        OffsetDeleteRequest::KEY => exchange.answer(&call, body, offset_delete::answer),
        DescribeClientQuotasRequest::KEY => {
            exchange.answer(&call, body, describe_client_quotas::answer)
        }
        AlterClientQuotasRequest::KEY => exchange.answer(&call, body, alter_client_quotas::answer),
        DescribeQuorumRequest::KEY => exchange.answer(&call, body, describe_quorum::answer),
        UpdateFeaturesRequest::KEY => exchange.answer(&call, body, update_features::answer),
        DescribeClusterRequest::KEY => exchange.answer(&call, body, describe_cluster::answer),
        UnregisterBrokerRequest::KEY => exchange.answer(&call, body, unregister_broker::answer),
        ListConfigResourcesRequest::KEY => {
            exchange.answer(&call, body, list_config_resources::answer)
        }
        DescribeTopicPartitionsRequest::KEY => {
            exchange.answer(&call, body, describe_topic_partitions::answer)
        }
        StreamsGroupDescribeRequest::KEY => {
            exchange.answer(&call, body, streams_group_describe::answer)
        }
        AddRaftVoterRequest::KEY => exchange.answer(&call, body, raft_voters::add),
        RemoveRaftVoterRequest::KEY => exchange.answer(&call, body, raft_voters::remove),
        _ => Err(Closed::UnknownApi { key, version }),
    };
    // The time of long polls is not spent, but waited: what they do at the end is counted there.
    let is_long_poll = matches!(
        key,
        FetchRequest::KEY | JoinGroupRequest::KEY | ShareFetchRequest::KEY | SyncGroupRequest::KEY
    );
    if !is_long_poll {
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
#[derive(Debug, Clone, Copy)]
pub(crate) struct Exchange {
    api: &'static str,
    version: i16,
    correlation_id: i32,
}

impl Exchange {
    pub(crate) fn new(api: &Api, header: &RequestHeader) -> Self {
        Self {
            api: api.name,
            version: header.request_api_version,
            correlation_id: header.correlation_id,
        }
    }

    /// The name of the API.
    pub(crate) fn api(self) -> &'static str {
        self.api
    }

    fn in_version(self, version: i16) -> Self {
        Self { version, ..self }
    }

    pub(crate) fn read<R: Request>(self, body: Bytes) -> Result<R, Closed> {
        R::decode(body, self.version).map_err(|source| Closed::Request {
            api: self.api,
            version: self.version,
            source,
        })
    }

    /// Reads the request, has it answered and writes the answer.
    fn answer<R: Request>(
        self,
        call: &Call<'_>,
        body: Bytes,
        answer: impl FnOnce(&Call<'_>, R) -> R::Response,
    ) -> Result<Encoded, Closed> {
        self.write::<R>(&answer(call, self.read(body)?))
    }

    pub(crate) fn write<R: Request>(self, response: &R::Response) -> Result<Encoded, Closed> {
        encode_response::<R>(response, self.version, self.correlation_id).map_err(|source| {
            Closed::Response {
                api: self.api,
                version: self.version,
                source,
            }
        })
    }
}
