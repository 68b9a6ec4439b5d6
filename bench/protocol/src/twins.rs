//! One message as both crates have it.

use bytes::{Bytes, BytesMut};
use kafka_proto::codec::Message;
use kafka_protocol::protocol::{Decodable, Encodable, Message as PeerMessage};

use crate::batches::Sums;
use crate::comparison::Comparisons;

/// A message in our type and in the peer's, and the bytes that both make of it.
pub(crate) struct Twins<O, P> {
    ours: O,
    peer: P,
    bytes: Bytes,
    /// The newest that both have.
    version: i16,
}

impl<O: Message, P: PeerMessage + Encodable + Decodable> Twins<O, P> {
    /// Has the peer read what ours encodes to.
    ///
    /// # Panics
    /// When the crates do not agree: then it is not the same work.
    pub(crate) fn new(ours: O) -> Self {
        let version = O::VERSIONS.max.min(P::VERSIONS.max);
        let bytes = encode_ours(&ours, version);
        let peer = decode_peer::<P>(&bytes, version);
        let theirs = encode_peer(&peer, version, BytesMut::new());
        assert!(bytes == theirs, "{}: the peer encodes other bytes", O::NAME);
        let read = decode_ours::<O>(&theirs, version);
        assert!(read == ours, "{}: the bytes give another message", O::NAME);
        Self {
            ours,
            peer,
            bytes,
            version,
        }
    }

    /// Compares decoding together with reading all records, checksums included.
    ///
    /// # Panics
    /// When the crates read other records.
    pub(crate) fn compare_records(
        &self,
        name: &str,
        comparisons: &mut Comparisons,
        sum_ours: impl Fn(&O) -> Sums,
        sum_peer: impl Fn(&P) -> Sums,
    ) {
        let ours = || sum_ours(&decode_ours(&self.bytes, self.version));
        let peer = || sum_peer(&decode_peer(&self.bytes, self.version));
        assert_eq!(ours(), peer(), "{name}: other records");
        comparisons.compare(format!("{name}: decode to the last header"), ours, peer);
    }

    /// Compares decoding, where records stay bytes, and encoding in two ways: as each crate does it when nothing else is
    /// said, and into one piece of exactly the size.
    pub(crate) fn compare(&self, name: &str, comparisons: &mut Comparisons) {
        let Self {
            ours,
            peer,
            bytes,
            version,
        } = self;
        let version = *version;
        comparisons.compare(
            format!("{name}: decode"),
            || decode_ours::<O>(bytes, version),
            || decode_peer::<P>(bytes, version),
        );
        // Ours are segments to be written one behind the other, where large byte fields are shared; the peer's a buffer
        // that grows.
        comparisons.compare(
            format!("{name}: encode"),
            || ours.encode(version).expect("it encodes"),
            || encode_peer(peer, version, BytesMut::new()),
        );
        comparisons.compare(
            format!("{name}: encode in one piece"),
            || encode_ours(ours, version),
            || {
                let size = peer.compute_size(version).expect("it encodes");
                encode_peer(peer, version, BytesMut::with_capacity(size))
            },
        );
    }
}

fn encode_ours<O: Message>(message: &O, version: i16) -> Bytes {
    message.encode(version).expect("it encodes").into_bytes()
}

fn encode_peer<P: Encodable>(message: &P, version: i16, mut buffer: BytesMut) -> Bytes {
    message.encode(&mut buffer, version).expect("it encodes");
    buffer.freeze()
}

fn decode_ours<O: Message>(bytes: &Bytes, version: i16) -> O {
    O::decode(bytes.clone(), version).expect("it decodes")
}

fn decode_peer<P: Decodable>(bytes: &Bytes, version: i16) -> P {
    P::decode(&mut bytes.clone(), version).expect("it decodes")
}
