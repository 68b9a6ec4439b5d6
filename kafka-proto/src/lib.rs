//! The Kafka wire protocol in pure Rust: bytes in, bytes out. No sockets, no clocks, no threads.
//!
//! - [`messages`]: one file per API key, holding its request and its response as declarations;
//! - [`payloads`]: what else travels or lies inside of Kafka: control records, and the records of its own topics;
//! - [`codec`]: what follows from a declaration, for every version: encoding, decoding, sizes, JSON;
//! - [`frame`]: messages with their headers, as they cross a connection;
//! - [`api`]: the APIs as a table;
//! - [`error_code`]: Kafka's error codes, their names and what a client may do about them;
//! - [`records`]: record batches; [`compression`]: their codecs; [`murmur2`]: which partition a key belongs to;
//! - [`coordinator`]: which partition keeps the state of a group; [`crc`]: checksums; [`varint`]: variable-length integers.
//!
//! # A fetch response, by hand
//!
//! A client gets the same with [`frame::decode_response`] instead of the four lines about header and body.
//!
//! ```
//! use bytes::BytesMut;
//! use kafka_proto::codec::{Decoder, Message, Request};
//! use kafka_proto::error_code::ErrorCode;
//! use kafka_proto::frame::take_frame;
//! use kafka_proto::messages::{FetchRequest, FetchResponse, ResponseHeader};
//! use kafka_proto::records::Batches;
//!
//! /// Prints the answer to a Fetch of this version from what a connection has received, if all of it is there.
//! fn print(received: &mut BytesMut, version: i16) -> Result<usize, Box<dyn std::error::Error>> {
//!     let Some(frame) = take_frame(received, 100 << 20)? else { return Ok(0) };
//!     let mut decoder = Decoder::new(&frame);
//!     ResponseHeader::decode_from(&mut decoder, FetchRequest::response_header_version(version))?;
//!     let response = FetchResponse::decode_from(&mut decoder, version)?;
//!     decoder.finish()?;
//!
//!     let mut printed = 0;
//!     for topic in response.responses {
//!         for partition in topic.partitions {
//!             ErrorCode::from(partition.error_code).into_result()?;
//!             for batch in Batches::new(partition.records.unwrap_or_default()) {
//!                 let batch = batch?;
//!                 batch.verify_crc()?;
//!                 // Ends of transactions and the like are not for users.
//!                 if batch.is_control() { continue }
//!                 let block = batch.decompressed(16 << 20)?;
//!                 for record in &block {
//!                     let record = record?;
//!                     println!("{} at {}: {:?}", topic.topic, record.offset(), record.value());
//!                     printed += 1;
//!                 }
//!             }
//!         }
//!     }
//!     Ok(printed)
//! }
//! # use kafka_proto::frame::encode_response;
//! # use kafka_proto::messages::fetch::{FetchableTopicResponse, PartitionData};
//! # use kafka_proto::records::{RecordBatchBuilder, Seal};
//! # let mut batch = RecordBatchBuilder::new();
//! # batch.append(1, Some(b"k"), Some(b"v"), &[])?;
//! # batch.append(2, None, Some(b"w"), &[])?;
//! # let partition = PartitionData { records: Some(batch.finish(&Seal::default())?), ..Default::default() };
//! # let topic = FetchableTopicResponse { topic: "orders".into(), partitions: vec![partition], ..Default::default() };
//! # let response = kafka_proto::messages::FetchResponse { responses: vec![topic], ..Default::default() };
//! # let bytes = encode_response::<FetchRequest>(&response, 12, 7)?.into_bytes();
//! # assert_eq!(print(&mut BytesMut::from(&bytes[..20]), 12)?, 0);
//! # assert_eq!(print(&mut BytesMut::from(&bytes[..]), 12)?, 2);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Defining a message
//!
//! A message is declared once, and nothing about it stands anywhere else. This is the file `messages/heartbeat.rs`:
//!
//! ```text
//! message! {
//!     /// Keeps a member of a classic group alive; sent to the group's coordinator.
//!     HeartbeatRequest: request 12 -> HeartbeatResponse, versions "0-4", flexible "4+" {
//!         group_id: ByteString,
//!         generation_id: i32,
//!         member_id: ByteString,
//!         group_instance_id: Option<ByteString> ["3+", nullable "3+"],
//!     }
//! }
//!
//! message! {
//!     /// Whether the member is still one, and whether it has to join again.
//!     HeartbeatResponse: response, versions "0-4", flexible "4+" {
//!         throttle_time_ms: i32 ["1+", ignorable],
//!         error_code: i16,
//!     }
//! }
//! ```
//!
//! A field is `name: Type [versions, attributes] = default`. Without versions it is in all of them; without a default it
//! has its type's: zero, empty, `None`. A type is a number, `bool`, [`Uuid`](codec::Uuid), `ByteString`, `Bytes`, a
//! struct that follows in the same block, or `Vec` of any of these. Attributes:
//!
//! | attribute | what it means |
//! | --- | --- |
//! | `nullable "3+"` | may be null in these versions; the type is an `Option` |
//! | `tag 0 "12+"` | a tagged field in these versions: not there while it has its default |
//! | `ignorable` | where a version lacks the field, its value is dropped and not refused |
//! | `rigid` | keeps the old form of its length in flexible versions |
//!
//! `message!` is internal to the crate. To add an API: a file of its own in `src/messages/`, its two lines in
//! `src/messages/mod.rs`, and its line in [`api::APIS`]. From that follow the structs with their defaults, the traits
//! [`Message`](codec::Message) and [`Request`](codec::Request) with header versions, encoding and decoding of every
//! version, [JSON](codec#json) and the [declaration as data](codec::Schema). The suites in `tests/` hold it against
//! Kafka's own definition, and against bytes that Kafka's own classes wrote.
//!
//! # Versions
//!
//! One struct serves all versions: it has the fields of all of them. After decoding, a field that the version lacks is at
//! its default. For encoding, it has to be at its default, too, or `ignorable`: where dropping a value would change what
//! is meant, it is refused. So a program names the fields that it means, and adds `..Default::default()`.
//!
//! Versions are *flexible* from one on (KIP-482): lengths are compact, and every struct ends in tagged fields. Those that
//! a definition does not name are kept as they came, in `unknown_tagged_fields`, and are written again. The headers have
//! versions of their own, which follow from this.
//!
//! The newest version of an API may be *unstable*: Kafka does not offer it, nor should a client ask for it.
//!
//! ```
//! use kafka_proto::codec::{Message, Request, Versions};
//! use kafka_proto::messages::InitProducerIdRequest;
//!
//! assert_eq!(InitProducerIdRequest::VERSIONS, Versions::parse("0-6"));
//! assert_eq!(InitProducerIdRequest::STABLE, Versions::parse("0-5"));
//! assert_eq!(InitProducerIdRequest::FLEXIBLE, Versions::parse("2+"));
//! assert_eq!((InitProducerIdRequest::header_version(1), InitProducerIdRequest::header_version(2)), (1, 2));
//! // The version to use with a broker whose answer to ApiVersions says 0 to 4:
//! assert_eq!(InitProducerIdRequest::STABLE.intersect(Versions { min: 0, max: 4 }).max, 4);
//! ```
//!
//! # Errors
//!
//! Bytes are never trusted: whatever they are, the answer is a message or an error, and no length makes memory be taken
//! that the bytes do not fill. A [`DecodeError`](codec::DecodeError) says what is wrong, in which field and at which byte;
//! a [`RecordsError`](records::RecordsError) names the batch, its place and the byte.
//!
//! ```
//! use bytes::Bytes;
//! use kafka_proto::codec::{DecodeErrorKind, Message};
//! use kafka_proto::messages::HeartbeatRequest;
//!
//! let error = HeartbeatRequest::decode(Bytes::from_static(b"\0\x01g\0\0\0\x03\0\x05m"), 0).unwrap_err();
//! assert_eq!(error.kind, DecodeErrorKind::Truncated { needed: 5, left: 1 });
//! assert_eq!(
//!     error.to_string(),
//!     "HeartbeatRequest.member_id: the bytes end early: 5 needed, 1 left, at byte 9",
//! );
//! ```
//!
//! # Memory
//!
//! Strings and byte fields of a decoded message, and so the batches in it, are slices of the received frame: nothing is
//! copied, and as long as one of them lives, so does the whole frame. What is kept for long (a topic's name, one record out
//! of a large response) is better copied: `Bytes::copy_from_slice(&field)`, `field.to_string()`.
//!
//! Records borrow from the [`RecordBlock`](records::RecordBlock) of their batch and are read where they lie; only
//! decompression makes a copy. Who reads from others sets the limits: the largest frame in [`frame::take_frame`], the
//! most that a batch may decompress to in [`RecordBatch::decompressed`](records::RecordBatch::decompressed) and
//! [`Compression::decompress`](compression::Compression::decompress), which hold whatever the data claims.

#![forbid(unsafe_code)]

pub mod api;
pub mod codec;
pub mod compression;
pub mod coordinator;
pub mod crc;
pub mod error_code;
pub mod frame;
pub mod messages;
pub mod murmur2;
pub mod payloads;
pub mod records;
pub mod varint;
