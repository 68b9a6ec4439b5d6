use kafka_proto::api::api_of;
use kafka_proto::codec::Request;
use kafka_proto::error_code::ErrorCode;
use kafka_proto::frame::decode_response;
use kafka_proto::messages::*;

use crate::connection::{Connection, broker};

/// The keys of the APIs below, all that this broker has.
const SERVED: [i16; 69] = [
    0, 1, 2, 3, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28,
    29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40, 41, 42, 43, 44, 45, 46, 47, 48, 49, 50, 51, 55,
    57, 60, 61, 64, 65, 66, 68, 69, 74, 75, 76, 77, 78, 79, 80, 81, 89, 90, 91, 92,
];

#[tokio::test]
async fn every_version_of_every_api_is_answered() {
    let broker = broker().await;
    let mut connection = Connection::open(&broker).await;
    async fn all<R: Request>(connection: &mut Connection, request: R) {
        for version in R::STABLE.min..=R::STABLE.max {
            connection.call(&request, version).await;
        }
    }
    let c = &mut connection;
    all(
        c,
        ProduceRequest {
            acks: 1,
            ..Default::default()
        },
    )
    .await;
    all(c, FetchRequest::default()).await;
    all(c, ListOffsetsRequest::default()).await;
    all(c, MetadataRequest::default()).await;
    all(c, OffsetCommitRequest::default()).await;
    all(c, OffsetFetchRequest::default()).await;
    all(c, FindCoordinatorRequest::default()).await;
    all(c, JoinGroupRequest::default()).await;
    all(c, HeartbeatRequest::default()).await;
    all(c, LeaveGroupRequest::default()).await;
    all(c, SyncGroupRequest::default()).await;
    all(c, SaslHandshakeRequest::default()).await;
    all(c, ApiVersionsRequest::default()).await;
    all(c, CreateTopicsRequest::default()).await;
    all(c, DeleteTopicsRequest::default()).await;
    all(
        c,
        InitProducerIdRequest {
            transactional_id: None,
            ..Default::default()
        },
    )
    .await;
    all(c, OffsetForLeaderEpochRequest::default()).await;
    all(c, AddPartitionsToTxnRequest::default()).await;
    all(c, AddOffsetsToTxnRequest::default()).await;
    all(c, EndTxnRequest::default()).await;
    all(c, WriteTxnMarkersRequest::default()).await;
    all(c, TxnOffsetCommitRequest::default()).await;
    all(c, SaslAuthenticateRequest::default()).await;
    all(c, DescribeProducersRequest::default()).await;
    all(c, DescribeTransactionsRequest::default()).await;
    all(c, ListTransactionsRequest::default()).await;
    all(c, ShareGroupHeartbeatRequest::default()).await;
    all(c, ShareGroupDescribeRequest::default()).await;
    all(c, StreamsGroupDescribeRequest::default()).await;
    all(c, ShareFetchRequest::default()).await;
    all(c, ShareAcknowledgeRequest::default()).await;
    all(c, DescribeShareGroupOffsetsRequest::default()).await;
    all(c, AlterShareGroupOffsetsRequest::default()).await;
    all(c, DeleteShareGroupOffsetsRequest::default()).await;
    all(c, DescribeAclsRequest::default()).await;
    all(c, CreateAclsRequest::default()).await;
    all(c, DeleteAclsRequest::default()).await;
    all(c, DescribeUserScramCredentialsRequest::default()).await;
    all(c, AlterUserScramCredentialsRequest::default()).await;
    all(c, CreateDelegationTokenRequest::default()).await;
    all(c, RenewDelegationTokenRequest::default()).await;
    all(c, ExpireDelegationTokenRequest::default()).await;
    all(c, DescribeDelegationTokenRequest::default()).await;
    all(c, DeleteRecordsRequest::default()).await;
    all(c, DescribeConfigsRequest::default()).await;
    all(c, AlterConfigsRequest::default()).await;
    all(c, AlterReplicaLogDirsRequest::default()).await;
    all(c, DescribeLogDirsRequest::default()).await;
    all(c, ElectLeadersRequest::default()).await;
    all(c, IncrementalAlterConfigsRequest::default()).await;
    all(c, AlterPartitionReassignmentsRequest::default()).await;
    all(c, ListPartitionReassignmentsRequest::default()).await;
    all(c, OffsetDeleteRequest::default()).await;
    all(c, DescribeClientQuotasRequest::default()).await;
    all(c, AlterClientQuotasRequest::default()).await;
    all(c, DescribeQuorumRequest::default()).await;
    all(c, UpdateFeaturesRequest::default()).await;
    all(c, DescribeClusterRequest::default()).await;
    all(c, UnregisterBrokerRequest::default()).await;
    all(c, ListConfigResourcesRequest::default()).await;
    all(c, DescribeTopicPartitionsRequest::default()).await;
    all(c, AddRaftVoterRequest::default()).await;
    all(c, RemoveRaftVoterRequest::default()).await;
}

#[tokio::test]
async fn what_is_advertised_is_what_is_served() {
    let broker = broker().await;
    let mut connection = Connection::open(&broker).await;
    let request = ApiVersionsRequest {
        client_software_name: "test-client".into(),
        client_software_version: "1.0".into(),
        ..Default::default()
    };
    for version in 0..=4 {
        let response = connection.call(&request, version).await;
        assert_eq!(response.error_code, 0);
        let advertised: Vec<_> = response.api_keys.iter().map(|api| api.api_key).collect();
        assert_eq!(advertised, SERVED);
        for advertised in &response.api_keys {
            let api = api_of(advertised.api_key).unwrap();
            assert_eq!(advertised.max_version, api.stable.max, "{}", api.name);
        }
        assert_eq!(
            response.api_keys[0].min_version, 0,
            "old clients need to see version 0 of Produce"
        );
    }
}

#[tokio::test]
async fn a_newer_client_is_told_which_versions_it_may_ask_for() {
    let broker = broker().await;
    let mut connection = Connection::open(&broker).await;
    // A header of version 2 with a body that nobody knows yet.
    let mut frame = vec![0, 18, 0, 99, 0, 0, 0, 7, 0xff, 0xff, 0, 1, 2, 3];
    frame.splice(0..0, (frame.len() as i32).to_be_bytes());
    connection.write(&frame).await;
    let response =
        decode_response::<ApiVersionsRequest>(connection.next_frame().await.unwrap(), 0).unwrap();
    assert_eq!(
        ErrorCode::from(response.error_code),
        ErrorCode::UnsupportedVersion
    );
    let [only] = &response.api_keys[..] else {
        panic!("{:?}", response.api_keys)
    };
    assert_eq!(
        (only.api_key, only.min_version, only.max_version),
        (18, 0, 4)
    );
    let again = connection.call(&ApiVersionsRequest::default(), 2).await;
    assert_eq!(again.error_code, 0, "the connection goes on");
}

#[tokio::test]
async fn a_client_says_a_proper_name() {
    let broker = broker().await;
    let mut connection = Connection::open(&broker).await;
    for (name, good) in [
        ("apache-kafka-java", true),
        ("a", true),
        ("", false),
        ("-a", false),
        ("a b", false),
    ] {
        let request = ApiVersionsRequest {
            client_software_name: name.into(),
            client_software_version: "4.3.0".into(),
            ..Default::default()
        };
        let error = ErrorCode::from(connection.call(&request, 3).await.error_code);
        assert_eq!(
            error,
            if good {
                ErrorCode::None
            } else {
                ErrorCode::InvalidRequest
            },
            "{name:?}"
        );
    }
}

#[tokio::test]
async fn sasl_is_refused_where_there_is_none() {
    let broker = broker().await;
    let mut connection = Connection::open(&broker).await;
    let handshake = connection
        .call(
            &SaslHandshakeRequest {
                mechanism: "PLAIN".into(),
                ..Default::default()
            },
            1,
        )
        .await;
    assert_eq!(
        ErrorCode::from(handshake.error_code),
        ErrorCode::IllegalSaslState
    );
    let authenticate = connection
        .call(&SaslAuthenticateRequest::default(), 2)
        .await;
    assert_eq!(
        ErrorCode::from(authenticate.error_code),
        ErrorCode::IllegalSaslState
    );
}

#[tokio::test]
async fn idempotent_producers_get_identities_of_their_own() {
    let broker = broker().await;
    let mut connection = Connection::open(&broker).await;
    let idempotent = InitProducerIdRequest {
        transactional_id: None,
        ..Default::default()
    };
    let first = connection.call(&idempotent, 5).await;
    let second = connection.call(&idempotent, 0).await;
    assert_eq!((first.error_code, first.producer_epoch), (0, 0));
    assert_ne!(first.producer_id, second.producer_id);
}

#[tokio::test]
async fn the_broker_coordinates_groups_and_transactions() {
    let broker = broker().await;
    let mut connection = Connection::open(&broker).await;
    for (key_type, known) in [(0, true), (1, true), (2, false), (9, false)] {
        let request = FindCoordinatorRequest {
            key_type,
            key: "k".into(),
            ..Default::default()
        };
        let single = connection.call(&request, 2).await;
        let keys = vec!["a".into(), "b".into()];
        let request = FindCoordinatorRequest {
            key_type,
            coordinator_keys: keys,
            ..Default::default()
        };
        let several = connection.call(&request, 6).await.coordinators;
        assert_eq!(
            several.iter().map(|c| &*c.key).collect::<Vec<_>>(),
            ["a", "b"]
        );
        for (error, host, port) in [
            (single.error_code, single.host, single.port),
            (
                several[1].error_code,
                several[1].host.clone(),
                several[1].port,
            ),
        ] {
            assert_eq!(error == 0, known, "key type {key_type}");
            assert_eq!(
                format!("{host}:{port}") == broker.bootstrap_servers(),
                known,
                "key type {key_type}"
            );
        }
    }
}
