//! DescribeCluster: brokers or controllers of the cluster (API key 60).

use bytestring::ByteString;

use crate::codec::message;

message! {
    /// Asks for the cluster (KIP-700): 1 for its brokers, 2 for its controllers, which only a
    /// controller answers (KIP-919). Fenced brokers are left out unless asked for (KIP-1073).
    DescribeClusterRequest: request 60 -> DescribeClusterResponse, versions "0-2", flexible "0+" {
        include_cluster_authorized_operations: bool,
        endpoint_type: i8 ["1+"] = 1,
        include_fenced_brokers: bool ["2+"],
    }
}

message! {
    /// The cluster. The controller that a broker names is any living broker: it forwards what
    /// is meant for the controller.
    DescribeClusterResponse: response, versions "0-2", flexible "0+" {
        throttle_time_ms: i32,
        error_code: i16,
        error_message: Option<ByteString> ["0+", nullable "0+"],
        endpoint_type: i8 ["1+"] = 1,
        cluster_id: ByteString,
        controller_id: i32 = -1,
        brokers: Vec<DescribeClusterBroker>,
        cluster_authorized_operations: i32 = -2147483648,
    }

    /// A broker or a controller, and where it listens.
    DescribeClusterBroker {
        broker_id: i32,
        host: ByteString,
        port: i32,
        rack: Option<ByteString> ["0+", nullable "0+"],
        is_fenced: bool ["2+"],
    }
}
