//! The APIs, one file each: decode, ask the domain, answer.

mod add_offsets_to_txn;
mod add_partitions_to_txn;
mod alter_user_scram_credentials;
mod api_versions;
mod consumer_group_describe;
mod consumer_group_heartbeat;
mod create_acls;
mod create_delegation_token;
mod create_partitions;
mod create_topics;
mod delete_acls;
mod delete_groups;
mod delete_topics;
mod describe_acls;
mod describe_delegation_token;
mod describe_groups;
mod describe_producers;
mod describe_transactions;
mod describe_user_scram_credentials;
mod end_txn;
mod expire_delegation_token;
mod fetch;
mod find_coordinator;
mod heartbeat;
mod init_producer_id;
mod join_group;
mod leave_group;
mod list_groups;
mod list_offsets;
mod list_transactions;
mod metadata;
mod offset_commit;
mod offset_fetch;
mod offset_for_leader_epoch;
mod produce;
mod renew_delegation_token;
mod sasl;
mod sync_group;
mod txn_offset_commit;
mod write_txn_markers;

use bytes::Bytes;
use kafka_proto::api::Api;
use kafka_proto::codec::{Encoded, Request};
use kafka_proto::error_code::ErrorCode;
use kafka_proto::frame::{decode_request_header, encode_response};
use kafka_proto::messages::*;

use crate::connection::Closed;
use crate::node::{Call, Client, Node};

/// The keys of the APIs that [`answer`] knows, as they are advertised.
const SERVED: [i16; 41] = [
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
    CreateDelegationTokenRequest::KEY,
    RenewDelegationTokenRequest::KEY,
    ExpireDelegationTokenRequest::KEY,
    DescribeDelegationTokenRequest::KEY,
    DeleteGroupsRequest::KEY,
    DescribeUserScramCredentialsRequest::KEY,
    AlterUserScramCredentialsRequest::KEY,
    DescribeProducersRequest::KEY,
    DescribeTransactionsRequest::KEY,
    ListTransactionsRequest::KEY,
    ConsumerGroupHeartbeatRequest::KEY,
    ConsumerGroupDescribeRequest::KEY,
];

/// Answers a request; `None` where it wants no answer.
pub(crate) async fn answer(
    node: &Node,
    client: &Client,
    frame: Bytes,
) -> Result<Option<Encoded>, Closed> {
    let (header, api, body) = decode_request_header(&frame).map_err(Closed::Header)?;
    let (key, version) = (header.request_api_key, header.request_api_version);
    let api = api.ok_or(Closed::UnknownApi { key, version })?;
    let call = Call {
        node,
        version,
        client_id: header.client_id.clone(),
        client_host: client.host.clone(),
        client,
    };
    node.count_request(key);
    let exchange = Exchange::new(api, &header);
    tracing::trace!(api = api.name, version, client_id = ?call.client_id, "request");

    let response =
        match key {
            ProduceRequest::KEY => {
                let request: ProduceRequest = exchange.read(body)?;
                let acks = request.acks;
                let response = produce::answer(&call, request);
                if acks == 0 {
                    return produce::unacknowledged(&response).map(|()| None);
                }
                exchange.write::<ProduceRequest>(&response)
            }
            FetchRequest::KEY => {
                exchange.write::<FetchRequest>(&fetch::answer(&call, exchange.read(body)?).await)
            }
            ListOffsetsRequest::KEY => exchange
                .write::<ListOffsetsRequest>(&list_offsets::answer(&call, exchange.read(body)?)),
            MetadataRequest::KEY => {
                exchange.write::<MetadataRequest>(&metadata::answer(&call, exchange.read(body)?))
            }
            OffsetCommitRequest::KEY => exchange
                .write::<OffsetCommitRequest>(&offset_commit::answer(&call, exchange.read(body)?)),
            OffsetFetchRequest::KEY => exchange
                .write::<OffsetFetchRequest>(&offset_fetch::answer(&call, exchange.read(body)?)),
            FindCoordinatorRequest::KEY => exchange.write::<FindCoordinatorRequest>(
                &find_coordinator::answer(&call, exchange.read(body)?),
            ),
            JoinGroupRequest::KEY => exchange
                .write::<JoinGroupRequest>(&join_group::answer(&call, exchange.read(body)?).await),
            HeartbeatRequest::KEY => {
                exchange.write::<HeartbeatRequest>(&heartbeat::answer(&call, exchange.read(body)?))
            }
            LeaveGroupRequest::KEY => exchange
                .write::<LeaveGroupRequest>(&leave_group::answer(&call, exchange.read(body)?)),
            SyncGroupRequest::KEY => exchange
                .write::<SyncGroupRequest>(&sync_group::answer(&call, exchange.read(body)?).await),
            DescribeGroupsRequest::KEY => exchange.write::<DescribeGroupsRequest>(
                &describe_groups::answer(&call, exchange.read(body)?),
            ),
            ListGroupsRequest::KEY => exchange
                .write::<ListGroupsRequest>(&list_groups::answer(&call, exchange.read(body)?)),
            DeleteGroupsRequest::KEY => exchange
                .write::<DeleteGroupsRequest>(&delete_groups::answer(&call, exchange.read(body)?)),
            SaslHandshakeRequest::KEY => exchange.write::<SaslHandshakeRequest>(
                &sasl::answer_handshake(&call, exchange.read(body)?),
            ),
            ApiVersionsRequest::KEY if !ApiVersionsRequest::STABLE.contains(version) => {
                // A client that is newer has to be able to read this (KIP-511).
                exchange
                    .in_version(0)
                    .write::<ApiVersionsRequest>(&api_versions::unsupported_version())
            }
            ApiVersionsRequest::KEY => exchange
                .write::<ApiVersionsRequest>(&api_versions::answer(&call, exchange.read(body)?)),
            CreateTopicsRequest::KEY => exchange
                .write::<CreateTopicsRequest>(&create_topics::answer(&call, exchange.read(body)?)),
            CreatePartitionsRequest::KEY => exchange.write::<CreatePartitionsRequest>(
                &create_partitions::answer(&call, exchange.read(body)?),
            ),
            DeleteTopicsRequest::KEY => exchange
                .write::<DeleteTopicsRequest>(&delete_topics::answer(&call, exchange.read(body)?)),
            InitProducerIdRequest::KEY => exchange.write::<InitProducerIdRequest>(
                &init_producer_id::answer(&call, exchange.read(body)?),
            ),
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
            DescribeAclsRequest::KEY => exchange
                .write::<DescribeAclsRequest>(&describe_acls::answer(&call, exchange.read(body)?)),
            CreateAclsRequest::KEY => exchange
                .write::<CreateAclsRequest>(&create_acls::answer(&call, exchange.read(body)?)),
            DeleteAclsRequest::KEY => exchange
                .write::<DeleteAclsRequest>(&delete_acls::answer(&call, exchange.read(body)?)),
            CreateDelegationTokenRequest::KEY => exchange.write::<CreateDelegationTokenRequest>(
                &create_delegation_token::answer(&call, exchange.read(body)?),
            ),
            RenewDelegationTokenRequest::KEY => exchange.write::<RenewDelegationTokenRequest>(
                &renew_delegation_token::answer(&call, exchange.read(body)?),
            ),
            ExpireDelegationTokenRequest::KEY => exchange.write::<ExpireDelegationTokenRequest>(
                &expire_delegation_token::answer(&call, exchange.read(body)?),
            ),
            DescribeDelegationTokenRequest::KEY => {
                exchange.write::<DescribeDelegationTokenRequest>(
                    &describe_delegation_token::answer(&call, exchange.read(body)?),
                )
            }
            DescribeUserScramCredentialsRequest::KEY => exchange
                .write::<DescribeUserScramCredentialsRequest>(
                    &describe_user_scram_credentials::answer(&call, exchange.read(body)?),
                ),
            AlterUserScramCredentialsRequest::KEY => {
                exchange.write::<AlterUserScramCredentialsRequest>(
                    &alter_user_scram_credentials::answer(&call, exchange.read(body)?),
                )
            }
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
            SaslAuthenticateRequest::KEY => exchange.write::<SaslAuthenticateRequest>(
                &sasl::answer_authenticate(&call, exchange.read(body)?),
            ),
            _ => Err(Closed::UnknownApi { key, version }),
        };
    response.map(Some)
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
