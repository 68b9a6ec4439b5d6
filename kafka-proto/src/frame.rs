//! Frames: a message and its header behind a length of four bytes, as they cross a connection.

use bytes::{Buf, Bytes, BytesMut};
use bytestring::ByteString;
use thiserror::Error;

use crate::api::{Api, api_of};
use crate::codec::{
    DecodeError, Decoder, EncodeError, EncodeErrorKind, Encoded, Encoder, Message, Request, Struct,
};
use crate::messages::{RequestHeader, ResponseHeader};

/// What does not fit the frame format.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum FrameError {
    /// A length that is negative or over the limit: the peer does not speak Kafka, or not in plain text.
    #[error(
        "a frame of {len} bytes (the limit is {max}): is the other side a Kafka listener, and without TLS?"
    )]
    Length {
        /// The length that was read.
        len: i32,
        /// The largest allowed.
        max: usize,
    },
}

/// Takes the next whole frame off the front of what was received, or says `None` while it is not all there.
///
/// What is returned is the frame's content without its length; it shares the buffer's memory.
///
/// # Errors
/// [`FrameError::Length`] before anything is waited for or allocated.
pub fn take_frame(received: &mut BytesMut, max_len: usize) -> Result<Option<Bytes>, FrameError> {
    let len = match missing(received, max_len)? {
        Frame::Whole(len) => len,
        Frame::Missing(_) => return Ok(None),
    };
    received.advance(4);
    Ok(Some(received.split_to(len).freeze()))
}

/// How much of a frame there is at the front of what was received.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Frame {
    /// All of it; the length of its content.
    Whole(usize),
    /// Not all; how many bytes are missing at least.
    Missing(usize),
}

/// Looks at the front of what was received, so that a reader can make room for what is missing.
///
/// # Errors
/// [`FrameError::Length`].
pub fn missing(received: &[u8], max_len: usize) -> Result<Frame, FrameError> {
    let Some((len, content)) = received.split_first_chunk() else {
        return Ok(Frame::Missing(4 - received.len()));
    };
    let len = i32::from_be_bytes(*len);
    match usize::try_from(len) {
        Ok(whole) if whole <= max_len => Ok(match whole.checked_sub(content.len()) {
            None | Some(0) => Frame::Whole(whole),
            Some(missing) => Frame::Missing(missing),
        }),
        _ => Err(FrameError::Length { len, max: max_len }),
    }
}

/// A request as it crosses the connection.
///
/// # Errors
/// When the version cannot express the request.
pub fn encode_request<R: Request>(
    request: &R,
    version: i16,
    correlation_id: i32,
    client_id: Option<&ByteString>,
) -> Result<Encoded, EncodeError> {
    let header = RequestHeader {
        request_api_key: R::KEY,
        request_api_version: version,
        correlation_id,
        client_id: client_id.cloned(),
        ..Default::default()
    };
    frame(|to| {
        header.encode_to(to, R::header_version(version))?;
        request.encode_to(to, version)
    })
}

/// A response as it crosses the connection.
///
/// # Errors
/// When the version cannot express the response.
pub fn encode_response<R: Request>(
    response: &R::Response,
    version: i16,
    correlation_id: i32,
) -> Result<Encoded, EncodeError> {
    let header = ResponseHeader {
        correlation_id,
        ..Default::default()
    };
    frame(|to| {
        header.encode_to(to, R::response_header_version(version))?;
        response.encode_to(to, version)
    })
}

/// Reads a frame's request header, and gives what is behind it: the request. The API is `None` where the key has no
/// definition, and then the header's version is not known either and only its first fields are read.
///
/// # Errors
/// When the bytes are no request header.
pub fn decode_request_header(
    frame: &Bytes,
) -> Result<(RequestHeader, Option<&'static Api>, Bytes), DecodeError> {
    let mut decoder = Decoder::new(frame);
    // The header's own version follows from what stands in it first.
    let [key, version] = [0; 2].map(|_| i16::from_be_bytes(decoder.array(None)));
    decoder
        .check()
        .map_err(|error| error.within(RequestHeader::NAME))?;
    let api = api_of(key).ok();
    let mut decoder = Decoder::new(frame);
    let header_version = api.map_or(1, |api| (api.request_header)(version));
    let header = RequestHeader::decode_from(&mut decoder, header_version)?;
    Ok((header, api, decoder.rest()))
}

/// Reads the correlation id that every response begins with, whatever its version.
///
/// # Errors
/// When the frame is shorter than that.
pub fn correlation_id(frame: &Bytes) -> Result<i32, DecodeError> {
    let mut decoder = Decoder::new(frame);
    let id = i32::from_be_bytes(decoder.array(None));
    let checked = decoder.check();
    checked.map_err(|error| error.within("correlation_id").within(ResponseHeader::NAME))?;
    Ok(id)
}

/// Reads a frame's response.
///
/// # Errors
/// When the bytes are no such response.
#[inline]
pub fn decode_response<R: Request>(frame: Bytes, version: i16) -> Result<R::Response, DecodeError> {
    let mut decoder = Decoder::new(&frame);
    ResponseHeader::decode_from(&mut decoder, R::response_header_version(version))?;
    let response = R::Response::decode_from(&mut decoder, version)?;
    decoder
        .finish()
        .map_err(|error| error.within(<R::Response as Struct>::NAME))?;
    Ok(response)
}

/// Puts the length before what `write` writes.
fn frame(
    write: impl FnOnce(&mut Encoder) -> Result<(), EncodeError>,
) -> Result<Encoded, EncodeError> {
    let mut frame = Encoder::new();
    frame.slice(&[0; 4]);
    write(&mut frame)?;
    let content = frame.len() - 4;
    frame.patch_front(i32::try_from(content).map_err(|_| {
        EncodeError::from(EncodeErrorKind::TooLong {
            len: content,
            max: i32::MAX as usize,
        })
    })?);
    frame.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::messages::{HeartbeatRequest, HeartbeatResponse};

    #[test]
    fn a_request_comes_out_of_its_frame_as_it_went_in() {
        let request = HeartbeatRequest {
            group_id: "g".into(),
            member_id: "m".into(),
            ..Default::default()
        };
        for version in 0..=4 {
            let encoded = encode_request(&request, version, 77, Some(&"me".into())).unwrap();
            let mut received = BytesMut::from(&encoded.into_bytes()[..]);
            let frame = take_frame(&mut received, 1000).unwrap().unwrap();
            assert!(received.is_empty());
            let (header, api, body) = decode_request_header(&frame).unwrap();
            assert_eq!(
                (header.correlation_id, header.client_id.as_deref()),
                (77, Some("me"))
            );
            assert_eq!(api.unwrap().name, "Heartbeat");
            assert_eq!(HeartbeatRequest::decode(body, version), Ok(request.clone()));
        }
    }

    #[test]
    fn a_response_comes_out_of_its_frame_as_it_went_in() {
        let response = HeartbeatResponse {
            error_code: 27,
            ..Default::default()
        };
        let encoded = encode_response::<HeartbeatRequest>(&response, 4, 5)
            .unwrap()
            .into_bytes();
        let frame = encoded.slice(4..);
        assert_eq!(correlation_id(&frame), Ok(5));
        assert_eq!(decode_response::<HeartbeatRequest>(frame, 4), Ok(response));
    }

    #[test]
    fn part_of_a_frame_is_waited_for() {
        let whole = encode_request(&HeartbeatRequest::default(), 0, 1, None)
            .unwrap()
            .into_bytes();
        for len in 0..whole.len() {
            let mut received = BytesMut::from(&whole[..len]);
            assert_eq!(take_frame(&mut received, 1000), Ok(None));
            assert_eq!(received.len(), len, "nothing is taken before it is whole");
        }
    }

    #[test]
    fn a_length_that_no_frame_has_is_refused_at_once() {
        for len in [-1, i32::MIN, 101, i32::from_be_bytes(*b"HTTP")] {
            let mut received = BytesMut::from(&len.to_be_bytes()[..]);
            assert_eq!(
                take_frame(&mut received, 100),
                Err(FrameError::Length { len, max: 100 })
            );
        }
    }
}
