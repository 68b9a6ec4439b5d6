//! FindCoordinator: which broker looks after a group or a transaction (API key 10).

use bytestring::ByteString;

use crate::codec::message;

message! {
    /// Asks which broker coordinates a group (key type 0), a transactional id (1) or a share
    /// group's partition (2). From version 4 on for several keys.
    FindCoordinatorRequest: request 10 -> FindCoordinatorResponse, versions "0-6", flexible "3+" {
        key: ByteString ["0-3"],
        key_type: i8 ["1+"],
        coordinator_keys: Vec<ByteString> ["4+"],
    }
}

message! {
    /// The coordinators.
    FindCoordinatorResponse: response, versions "0-6", flexible "3+" {
        throttle_time_ms: i32 ["1+", ignorable],
        error_code: i16 ["0-3"],
        error_message: Option<ByteString> ["1-3", nullable "1-3", ignorable] = Some(ByteString::new()),
        node_id: i32 ["0-3"],
        host: ByteString ["0-3"],
        port: i32 ["0-3"],
        coordinators: Vec<Coordinator> ["4+"],
    }

    /// The coordinator of one key.
    Coordinator {
        key: ByteString ["4+"],
        node_id: i32 ["4+"],
        host: ByteString ["4+"],
        port: i32 ["4+"],
        error_code: i16 ["4+"],
        error_message: Option<ByteString> ["4+", nullable "4+", ignorable] = Some(ByteString::new()),
    }
}
