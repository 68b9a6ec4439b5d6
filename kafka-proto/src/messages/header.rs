//! What stands before every request and response.

use bytestring::ByteString;

use crate::codec::message;

message! {
    /// Before a request. Version 1 or 2, as [`Request::header_version`](crate::codec::Request::header_version) says.
    RequestHeader: data, versions "1-2", flexible "2+" {
        request_api_key: i16,
        request_api_version: i16,
        /// Comes back with the response.
        correlation_id: i32,
        /// Keeps its 16-bit length in version 2: a broker reads it before it knows anything else.
        client_id: Option<ByteString> ["1+", nullable "1+", rigid],
    }
}

message! {
    /// Before a response. Version 0 or 1, as
    /// [`Request::response_header_version`](crate::codec::Request::response_header_version) says.
    ResponseHeader: data, versions "0-1", flexible "1+" {
        correlation_id: i32,
    }
}
