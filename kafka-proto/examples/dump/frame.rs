//! Requests and responses as JSON: which API, the header, the body.

use bytes::Bytes;
use kafka_proto::api::{APIS, Api, api_of};
use kafka_proto::codec::{
    Context, DecodeError, Decoder, EncodeError, Message, UnsupportedVersion, json,
};
use kafka_proto::frame::decode_request_header;
use kafka_proto::messages::ResponseHeader;
use serde_json::{Value as Json, json};
use thiserror::Error;

use super::hex::HexError;

/// Why bytes are no frame.
#[derive(Debug, Error)]
pub(crate) enum FrameError {
    /// What should be hexadecimal digits is not.
    #[error(transparent)]
    Hex(#[from] HexError),
    /// Too little for a header.
    #[error("{0} bytes are no request: its API key and version alone take 4")]
    TooShort(usize),
    /// An API without a definition.
    #[error(
        "API key {key} is not known{hint}; there are, by key and with versions: {}",
        known()
    )]
    UnknownKey { key: i16, hint: String },
    /// A version without a definition.
    #[error("{source}{hint}")]
    Version {
        source: UnsupportedVersion,
        hint: String,
    },
    /// Bytes that are not the message.
    #[error("{source} of the input{hint}")]
    Decode { source: DecodeError, hint: String },
    /// A header without a JSON form.
    #[error(transparent)]
    Header(#[from] EncodeError),
}

/// A frame without its length.
struct Frame {
    bytes: Bytes,
    /// Where it starts in the input.
    start: usize,
}

impl Frame {
    /// The first four bytes are the length if they say how many follow.
    fn new(input: Bytes) -> Self {
        let rest = input.len().saturating_sub(4);
        let has_length = first_number(&input).is_some_and(|len| usize::try_from(len) == Ok(rest));
        let start = if has_length { 4 } else { 0 };
        Self {
            bytes: input.slice(start..),
            start,
        }
    }

    /// How the input was read, where that may be why it makes no sense.
    fn hint(&self) -> String {
        match first_number(&self.bytes) {
            Some(number) if self.start == 0 => format!(
                " (taken for a frame without its length: the first four bytes would say {number}, and {} follow)",
                self.bytes.len() - 4
            ),
            _ => String::new(),
        }
    }

    /// What the form of the messages depends on.
    fn context(&self, api: &Api, version: i16) -> Result<Context, FrameError> {
        let hint = |source| FrameError::Version {
            source,
            hint: self.hint(),
        };
        api.context(version).map_err(hint)
    }

    /// The error of a part that ends with the frame, as one of the input.
    fn within(&self, part: &Bytes, mut source: DecodeError) -> FrameError {
        source.offset += self.start + self.bytes.len() - part.len();
        let hint = self.hint();
        FrameError::Decode { source, hint }
    }
}

fn first_number(bytes: &[u8]) -> Option<i32> {
    bytes
        .first_chunk()
        .map(|number| i32::from_be_bytes(*number))
}

/// The JSON form of a request.
pub(super) fn request(input: Bytes) -> Result<Json, FrameError> {
    let frame = Frame::new(input);
    let Some(&[a, b, c, d]) = frame.bytes.first_chunk() else {
        return Err(FrameError::TooShort(frame.bytes.len()));
    };
    // The form of everything behind these two follows from them.
    let (key, version) = (i16::from_be_bytes([a, b]), i16::from_be_bytes([c, d]));
    let api = api_of(key).map_err(|_| FrameError::UnknownKey {
        key,
        hint: frame.hint(),
    })?;
    let cx = frame.context(api, version)?;
    let (header, _, body) =
        decode_request_header(&frame.bytes).map_err(|error| frame.within(&frame.bytes, error))?;
    let header = header.to_json((api.request_header)(version))?;
    let body = json::read(api.request, &body, cx).map_err(|error| frame.within(&body, error))?;
    Ok(json!({"api": api.name, "version": version, "header": header, "body": body}))
}

/// The JSON form of a response.
pub(super) fn response(api: &Api, version: i16, input: Bytes) -> Result<Json, FrameError> {
    let frame = Frame::new(input.clone());
    read_response(api, version, frame).or_else(|error| {
        // A correlation id, which a response begins with, may look like a length.
        let whole = Frame {
            bytes: input,
            start: 0,
        };
        read_response(api, version, whole).map_err(|_| error)
    })
}

fn read_response(api: &Api, version: i16, frame: Frame) -> Result<Json, FrameError> {
    let cx = frame.context(api, version)?;
    let header_version = (api.response_header)(version);
    let mut decoder = Decoder::new(&frame.bytes);
    let header = ResponseHeader::decode_from(&mut decoder, header_version)
        .map_err(|error| frame.within(&frame.bytes, error))?;
    let header = header.to_json(header_version)?;
    let body = decoder.rest();
    let body = json::read(api.response, &body, cx).map_err(|error| frame.within(&body, error))?;
    Ok(json!({"api": api.name, "version": version, "header": header, "body": body}))
}

/// The API that has this name or key.
pub(super) fn api(text: &str) -> Result<&'static Api, String> {
    let found = match text.parse() {
        Ok(key) => api_of(key).ok(),
        Err(_) => APIS.iter().find(|api| api.name.eq_ignore_ascii_case(text)),
    };
    found.ok_or_else(|| format!("there are, by key and with versions: {}", known()))
}

/// Every API with its key and versions.
fn known() -> String {
    let one = |api: &Api| format!("{} = {} {}", api.key, api.name, api.versions);
    APIS.iter().map(one).collect::<Vec<_>>().join(", ")
}
