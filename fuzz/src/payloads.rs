//! What travels or lies inside of Kafka: the first byte says what the rest is.

use bytes::Bytes;
use kafka_proto::codec::{DecodeError, Message};
use kafka_proto::messages::{
    ConsumerProtocolAssignment, ConsumerProtocolSubscription, DefaultPrincipalData,
};
use kafka_proto::payloads::{
    ControlValue, CooperativeStickyAssignorUserData, OffsetsRecord, StickyAssignorUserData,
    TransactionLogRecord, Versioned,
};
use kafka_proto::records::ControlRecord;
use tests::hostile;

/// Reads bytes as one kind of payload.
type Kind = fn(&Bytes);

/// Every kind, in the order in which the first byte counts them.
const KINDS: [Kind; 8] = [
    offsets_record,
    transaction_log_record,
    control_record,
    versioned::<ConsumerProtocolSubscription>,
    versioned::<ConsumerProtocolAssignment>,
    versioned::<DefaultPrincipalData>,
    sticky_assignor,
    |bytes| {
        drop(hostile::check::<CooperativeStickyAssignorUserData>(
            bytes, 0,
        ))
    },
];

/// Which of the kinds a payload is.
#[derive(Debug, Clone, Copy)]
#[allow(missing_docs, reason = "they say what they are")]
pub enum Payload {
    OffsetsRecord,
    TransactionLogRecord,
    ControlRecord,
    Subscription,
    Assignment,
    Principal,
    StickyAssignor,
    CooperativeStickyAssignor,
}

/// The bytes as the kind of payload that the first one says.
pub fn check(data: &[u8]) {
    let &[kind, ref rest @ ..] = data else {
        return;
    };
    KINDS[usize::from(kind) % KINDS.len()](&Bytes::copy_from_slice(rest));
}

/// Bytes that [`check`] reads as this.
pub fn input(payload: Payload, bytes: &[u8]) -> Vec<u8> {
    [&[payload as u8], bytes].concat()
}

/// Bytes that are a record: the length of its key, the key, and a value unless the length says that there is none.
pub fn record(key: &[u8], value: Option<&[u8]>) -> Vec<u8> {
    let len = key.len() as u8 & 0x7f | if value.is_some() { 0x80 } else { 0 };
    [&[len], key, value.unwrap_or_default()].concat()
}

fn key_and_value(bytes: &Bytes) -> Option<(Bytes, Option<Bytes>)> {
    let len = usize::from(*bytes.first()?);
    let (key, has_value) = (1 + (len & 0x7f), len & 0x80 != 0);
    let key = key.min(bytes.len());
    Some((bytes.slice(1..key), has_value.then(|| bytes.slice(key..))))
}

fn offsets_record(bytes: &Bytes) {
    let Some((key, value)) = key_and_value(bytes) else {
        return;
    };
    if let Ok(record) = OffsetsRecord::parse(key, value) {
        record.to_json().expect("what was read has a JSON form");
    }
}

fn transaction_log_record(bytes: &Bytes) {
    let Some((key, value)) = key_and_value(bytes) else {
        return;
    };
    if let Ok(record) = TransactionLogRecord::parse(key, value) {
        record.to_json().expect("what was read has a JSON form");
    }
}

fn control_record(bytes: &Bytes) {
    let Some((key, value)) = key_and_value(bytes) else {
        return;
    };
    if let Ok(record) = ControlRecord::parse(&key) {
        assert_eq!(record.key(), key[..4], "written as it was read");
        let _ = ControlValue::decode(record.kind, value.unwrap_or_default());
    }
}

fn versioned<M: Message>(bytes: &Bytes) {
    let lenient = Versioned::<M>::decode_lenient(bytes.clone());
    let strict = Versioned::<M>::decode(bytes.clone());
    if let Ok(message) = &strict {
        assert_eq!(lenient.as_ref(), Ok(message), "lenient is never stricter");
        let body = bytes.slice(2..);
        assert_eq!(
            hostile::check::<M>(&body, message.version).as_ref(),
            Ok(&message.message)
        );
    }
    for message in [lenient, strict].into_iter().flatten() {
        let encoded = message.encode().expect("what was read can be written");
        assert_eq!(Versioned::decode(encoded), Ok(message));
    }
}

fn sticky_assignor(bytes: &Bytes) {
    let parsed = StickyAssignorUserData::parse(bytes.clone());
    let versions = [0, 1].map(|version| hostile::check::<StickyAssignorUserData>(bytes, version));
    let is_one = |version: &Result<_, DecodeError>| version.is_ok();
    assert_eq!(parsed.is_ok(), versions.iter().any(is_one));
    assert!(!versions.iter().all(is_one), "no bytes are both: {bytes:?}");
}
