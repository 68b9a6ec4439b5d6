//! Requests and responses: an API, one of its versions, and the bytes of the message.

use std::sync::LazyLock;

use bytes::Bytes;
use kafka_proto::codec::{Message, Request};
use tests::apis::{PerApi, every};
use tests::hostile;

/// Reads a message in a version that it has.
type Check = fn(&Bytes, i16);

/// The two messages of an API.
struct Api {
    /// Its lowest version.
    min: i16,
    /// How many there are.
    versions: i16,
    request: Check,
    response: Check,
}

impl PerApi for Api {
    type Made = Self;

    fn made<R: Request>() -> Self {
        Self {
            min: R::VERSIONS.min,
            versions: R::VERSIONS.max - R::VERSIONS.min + 1,
            request: check::<R>,
            response: check::<R::Response>,
        }
    }
}

static APIS: LazyLock<Vec<Api>> = LazyLock::new(every::<Api>);

fn check<M: Message>(bytes: &Bytes, version: i16) {
    // Whether it is the message does not matter.
    let _ = hostile::check::<M>(bytes, version);
}

/// The bytes as a request.
pub fn request(data: &[u8]) {
    read(data, |api| api.request);
}

/// The bytes as a response.
pub fn response(data: &[u8]) {
    read(data, |api| api.response);
}

fn read(data: &[u8], check: fn(&Api) -> Check) {
    let &[api, version, ref message @ ..] = data else {
        return;
    };
    let api = &APIS[usize::from(api) % APIS.len()];
    let version = api.min + i16::from(version) % api.versions;
    check(api)(&Bytes::copy_from_slice(message), version);
}

/// The bytes as the request with this key, if there is such a version of it.
pub(crate) fn request_of(key: i16, version: i16, message: &Bytes) {
    let apis = kafka_proto::api::APIS;
    let Ok(at) = apis.binary_search_by_key(&key, |api| api.key) else {
        return;
    };
    if apis[at].versions.contains(version) {
        (APIS[at].request)(message, version);
    }
}

/// What stands before a message so that [`request`] or [`response`] reads it as such.
pub fn prefix(key: i16, version: i16) -> Option<[u8; 2]> {
    let apis = kafka_proto::api::APIS;
    let at = apis.binary_search_by_key(&key, |api| api.key).ok()?;
    let version = version - apis[at].versions.min;
    Some([u8::try_from(at).ok()?, u8::try_from(version).ok()?])
}
