//! What holds for a message whatever its bytes are.

use bytes::Bytes;
use kafka_proto::codec::{DecodeError, DecodeErrorKind, Message, json};

use crate::allocation;

/// What a byte of a message can make of memory, at most: an empty string is one byte and 32 in memory, and the largest
/// ratio of all has `ListGroupsResponse.groups` with 136 bytes for 3. Arrays grow by doubling, so twice that, and a bit.
const PER_BYTE: usize = 128;

/// The JSON form has a map for a struct, with a name and a value for each of its fields, also for those past an error.
const JSON_PER_BYTE: usize = 640;
const JSON_FIXED: usize = 16 * 1024;

/// What an error takes, and the first allocations of what grows.
const FIXED: usize = 4096;

/// Reads a message from bytes that may be anything, and checks what has to hold for all bytes:
///
/// - reading takes no more memory than the bytes' size times a number;
/// - an error says a place in the bytes, and a field of the message;
/// - what could be read can be written, and what was written is read as the same;
/// - the JSON form is there for the same bytes, and means the same.
///
/// # Errors
/// When the bytes are not the message.
///
/// # Panics
/// When one of these does not hold.
pub fn check<M: Message>(bytes: &Bytes, version: i16) -> Result<M, DecodeError> {
    let about = || format!("{} v{version} of {bytes:?}", M::NAME);
    let (decoded, peak) = allocation::peak(|| M::decode(bytes.clone(), version));
    let len = bytes.len();
    let most = FIXED + len * PER_BYTE;
    assert!(
        peak <= most,
        "{peak} bytes of memory for {len}: {}",
        about()
    );
    check_json::<M>(bytes, version, decoded.is_ok());
    match &decoded {
        Ok(message) => check_written(message, version, &about),
        Err(error) => {
            assert!(error.offset <= len, "{error}: {}", about());
            assert!(error.path.starts_with(M::NAME), "{error}: {}", about());
        }
    }
    decoded
}

fn check_written<M: Message>(message: &M, version: i16, about: &impl Fn() -> String) {
    let encoded = message.encode(version);
    let encoded = encoded.unwrap_or_else(|error| panic!("{error}: {}", about()));
    assert_eq!(message.encoded_size(version), Ok(encoded.len()));
    let encoded = encoded.into_bytes();
    let again = M::decode(encoded.clone(), version);
    let again = again.unwrap_or_else(|error| panic!("{error}: {}", about()));
    // A number that is none (NaN) differs from itself.
    #[allow(clippy::eq_op, reason = "it may differ")]
    let comparable = message == message;
    assert!(
        again == *message || !comparable,
        "written as another: {}",
        about()
    );
    let encoded_again = again.encode(version).map(|encoded| encoded.into_bytes());
    assert_eq!(encoded_again.as_ref(), Ok(&encoded), "{}", about());
}

fn check_json<M: Message>(bytes: &Bytes, version: i16, readable: bool) {
    let about = || format!("{} v{version} of {bytes:?}", M::NAME);
    let cx = M::context(version).expect("a version of the message");
    let (json, peak) = allocation::peak(|| json::read(M::SCHEMA, bytes, cx));
    let most = JSON_FIXED + bytes.len() * JSON_PER_BYTE;
    assert!(peak <= most, "JSON: {peak} bytes of memory: {}", about());
    assert_eq!(json.is_ok(), readable, "JSON: {json:?}: {}", about());
    let Ok(json) = json else { return };
    match json::write(M::SCHEMA, &json, cx) {
        Ok(written) => assert_eq!(json::read(M::SCHEMA, &written, cx), Ok(json), "{}", about()),
        // JSON has no form for numbers that are none or infinite.
        Err(error) => {
            let no_number = matches!(&error.kind, DecodeErrorKind::Json(text)
                if text == "expected a number, found null");
            assert!(no_number, "{error}: {}", about());
        }
    }
}
