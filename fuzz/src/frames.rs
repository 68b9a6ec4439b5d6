//! Frames as they come in, in pieces, and the headers in them.

use bytes::{Bytes, BytesMut};
use kafka_proto::codec::{Decoder, Message};
use kafka_proto::frame;
use kafka_proto::messages::{RequestHeader, ResponseHeader};
use tests::hostile;

use crate::messages;

/// The longest frame that is taken.
const MAX_FRAME: usize = 1 << 16;

/// The bytes as a stream of frames that comes in pieces of as many bytes as the first one says, and as what is in a frame.
pub fn check(data: &[u8]) {
    let &[piece, ref rest @ ..] = data else {
        return;
    };
    take_frames(rest, usize::from(piece) + 1);
    content(&Bytes::copy_from_slice(rest));
    // The same behind its length.
    let framed = [&(rest.len() as i32).to_be_bytes(), rest].concat();
    let whole = frame::take_frame(&mut BytesMut::from(&framed[..]), MAX_FRAME);
    if rest.len() <= MAX_FRAME {
        assert_eq!(whole, Ok(Some(Bytes::copy_from_slice(rest))));
    }
}

/// Whatever the pieces are, the frames are those of the whole.
fn take_frames(stream: &[u8], piece: usize) {
    let take_all = |received: &mut BytesMut, frames: &mut Vec<Bytes>| {
        loop {
            let before = received.len();
            let missing = frame::missing(received, MAX_FRAME);
            match frame::take_frame(received, MAX_FRAME) {
                Ok(Some(frame)) => {
                    assert_eq!(missing, Ok(frame::Frame::Whole(frame.len())));
                    frames.push(frame);
                }
                Ok(None) => {
                    assert!(
                        matches!(missing, Ok(frame::Frame::Missing(1..))),
                        "{missing:?}"
                    );
                    assert_eq!(
                        received.len(),
                        before,
                        "nothing is taken before it is whole"
                    );
                    return Ok(());
                }
                Err(error) => {
                    assert_eq!(missing, Err(error.clone()));
                    return Err(error);
                }
            }
        }
    };
    let mut whole = Vec::new();
    let ended = take_all(&mut BytesMut::from(stream), &mut whole);
    let (mut received, mut frames) = (BytesMut::new(), Vec::new());
    let mut ended_in_pieces = Ok(());
    for piece in stream.chunks(piece) {
        received.extend_from_slice(piece);
        ended_in_pieces = take_all(&mut received, &mut frames);
        if ended_in_pieces.is_err() {
            break;
        }
    }
    assert_eq!((frames, ended_in_pieces), (whole, ended));
}

/// What is in a frame, as a request and as a response.
fn content(frame: &Bytes) {
    let id = frame::correlation_id(frame);
    assert_eq!(id.is_ok(), frame.len() >= 4);
    for version in [0, 1] {
        if let Ok(header) = header::<ResponseHeader>(frame, version) {
            assert_eq!(id, Ok(header.correlation_id));
        }
    }
    for version in [1, 2] {
        let _ = header::<RequestHeader>(frame, version);
    }
    match frame::decode_request_header(frame) {
        Ok((header, api, body)) => {
            assert!(frame.ends_with(&body));
            assert_eq!(
                api.map_or(header.request_api_key, |api| api.key),
                header.request_api_key
            );
            messages::request_of(header.request_api_key, header.request_api_version, &body);
        }
        Err(error) => assert!(error.offset <= frame.len(), "{error}"),
    }
}

/// A header in front of anything; what it takes up is no other header.
fn header<H: Message>(frame: &Bytes, version: i16) -> Result<H, kafka_proto::codec::DecodeError> {
    let mut decoder = Decoder::new(frame);
    let header = H::decode_from(&mut decoder, version)?;
    let bytes = frame.slice(..frame.len() - decoder.remaining());
    assert_eq!(hostile::check::<H>(&bytes, version).as_ref(), Ok(&header));
    Ok(header)
}
