use bytes::Bytes;
use proptest::prelude::*;

use super::control::Voter;
use super::offsets_topic::{OffsetCommitKey, OffsetCommitValue};
use super::sticky_assignor::TopicAssignment;
use super::*;
use crate::codec::Message;
use crate::messages::ConsumerProtocolAssignment;
use crate::records::{ControlRecord, ControlType};

fn unhex(digits: &str) -> Bytes {
    (0..digits.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&digits[at..at + 2], 16).expect("hexadecimal digits"))
        .collect()
}

fn topic(topic: &str, partitions: &[i32]) -> TopicAssignment {
    TopicAssignment {
        topic: topic.into(),
        partitions: partitions.to_vec(),
        ..Default::default()
    }
}

/// The bytes are Java's own: `StickyAssignor` and `CooperativeStickyAssignor` of Kafka 4.3.
#[test]
fn the_user_data_of_sticky_assignors_is_read_and_written_as_java_does() {
    let v1 = "00000002000170000000010000000100066f72646572730000000200000000000000070000002a";
    let v0 = "0000000100066f7264657273000000020000000000000007";
    for (hex, version, previous_assignment, generation) in [
        (v1, 1, vec![topic("p", &[1]), topic("orders", &[0, 7])], 42),
        ("00000000ffffffff", 1, vec![], -1),
        (v0, 0, vec![topic("orders", &[0, 7])], -1),
    ] {
        let expected = StickyAssignorUserData {
            previous_assignment,
            generation,
            ..Default::default()
        };
        let bytes = unhex(hex);
        assert_eq!(
            StickyAssignorUserData::parse(bytes.clone()),
            Ok(expected.clone())
        );
        assert_eq!(
            expected.encode(version).expect("encodes").into_bytes(),
            bytes
        );
        for len in 0..bytes.len() {
            // Version 1 without its generation is version 0, which is why the two can be told apart.
            let is_v0 = version == 1 && len == bytes.len() - 4;
            let read = StickyAssignorUserData::parse(bytes.slice(..len));
            assert_eq!(read.is_ok(), is_v0, "{len} bytes of {hex}");
        }
    }
    let cooperative = CooperativeStickyAssignorUserData::decode(unhex("0000002a"), 0);
    assert_eq!(cooperative.expect("decodes").generation, 42);
}

#[test]
fn a_version_that_nobody_knows_is_named_with_those_that_are() {
    let key = Bytes::from_static(b"\0\x01\0\x01g\0\x01t\0\0\0\x07");
    let value = Bytes::from_static(&[0, 5, 0, 0, 0, 0, 0, 0, 0, 0]);
    let error = OffsetsRecord::parse(key, Some(value)).expect_err("version 5");
    assert!(
        error
            .to_string()
            .starts_with("OffsetCommitValue has no version 5 (it has 0-4)"),
        "{error}"
    );

    let error = TransactionLogRecord::parse(Bytes::from_static(&[0]), None).expect_err("one byte");
    assert_eq!(
        error.to_string(),
        "TransactionLogRecord: the bytes end early: 2 needed, 1 left, at byte 0"
    );
    let error =
        Versioned::<EndTxnMarker>::decode_lenient(Bytes::from_static(&[0xff, 0xff, 0, 0, 0, 0]));
    assert!(error.is_err(), "a negative version is not a newer one");
}

#[test]
fn a_type_of_record_that_nobody_knows_is_reported_and_no_error() {
    for (number, value) in [
        (9, None),
        (24, Some(Bytes::from_static(b"anything"))),
        (-1, None),
    ] {
        let key = Bytes::from([&i16::to_be_bytes(number)[..], b"whatever"].concat());
        let record = OffsetsRecord::parse(key.clone(), value.clone()).expect("no error");
        assert_eq!(
            record,
            OffsetsRecord::Unknown {
                record_type: number
            }
        );
        assert_eq!(record.record_type(), number);
        let record = TransactionLogRecord::parse(key, value).expect("no error");
        assert_eq!(
            record,
            TransactionLogRecord::Unknown {
                record_type: number
            }
        );
    }
}

/// KIP-915: what a newer broker adds to a flexible value does not keep an older reader from reading it.
#[test]
fn fields_that_a_newer_broker_has_added_do_not_get_in_the_way() {
    let value = Versioned {
        version: 4,
        message: OffsetCommitValue {
            offset: 12,
            unknown_tagged_fields: vec![crate::codec::RawTaggedField {
                tag: 9,
                data: Bytes::from_static(b"new"),
            }]
            .into(),
            ..Default::default()
        },
    };
    let key = Bytes::from_static(b"\0\x01\0\x01g\0\x01t\0\0\0\x07");
    let record = OffsetsRecord::parse(key, Some(value.encode().expect("encodes")));
    let key = OffsetCommitKey {
        group: "g".into(),
        topic: "t".into(),
        partition: 7,
        ..Default::default()
    };
    assert_eq!(record, Ok(OffsetsRecord::OffsetCommit(key, Some(value))));
}

#[test]
fn what_grows_at_its_end_is_read_in_newer_versions() {
    let newer = Bytes::from_static(b"\0\x09\0\0\0\0\xff\xff\xff\xffsomething new");
    let read = Versioned::<ConsumerProtocolAssignment>::decode_lenient(newer.clone());
    assert_eq!(read.expect("decodes").version, 3);
    assert!(Versioned::<ConsumerProtocolAssignment>::decode(newer).is_err());

    let newer = Bytes::from_static(&[0, 1, 0, 0, 0, 7, 1]);
    let marker = EndTxnMarker {
        coordinator_epoch: 7,
        ..Default::default()
    };
    let read = ControlValue::decode(ControlType::Abort, newer);
    assert_eq!(read, Ok(ControlValue::EndTransaction(marker)));
}

#[test]
fn the_end_of_a_transaction_is_written_in_one_way() {
    for coordinator_epoch in [0, 7, -1, i32::MAX] {
        let marker = Versioned {
            version: 0,
            message: EndTxnMarker {
                coordinator_epoch,
                ..Default::default()
            },
        };
        let bytes = marker.encode().expect("encodes");
        assert_eq!(
            bytes[..],
            ControlRecord::end_transaction_value(coordinator_epoch)
        );
        let read = ControlValue::decode(ControlType::Commit, bytes);
        assert_eq!(read, Ok(ControlValue::EndTransaction(marker.message)));
    }
}

#[test]
fn messages_of_kraft_are_read_in_the_version_that_they_name() {
    let voter = Voter {
        voter_id: 3,
        voter_directory_id: crate::codec::Uuid([7; 16]),
        ..Default::default()
    };
    let change = LeaderChangeMessage {
        version: 1,
        leader_id: 3,
        voters: vec![voter.clone()],
        granting_voters: vec![voter],
        ..Default::default()
    };
    let bytes = change.encode(1).expect("encodes").into_bytes();
    let read = ControlValue::decode(ControlType::LeaderChange, bytes);
    assert_eq!(read, Ok(ControlValue::LeaderChange(change)));

    let error = ControlValue::decode(ControlType::SnapshotFooter, Bytes::from_static(&[0, 1, 0]));
    let error = error.expect_err("version 1").to_string();
    assert!(
        error.contains("SnapshotFooterRecord has no version 1"),
        "{error}"
    );
}

#[test]
fn the_type_of_a_control_record_comes_out_as_it_went_in() {
    for number in -2..12 {
        let key = Bytes::from([&[0, 0][..], &i16::to_be_bytes(number)].concat());
        let control = ControlRecord::parse(&key).expect("a key");
        assert_eq!(control.key()[..], key[..]);
        assert_eq!(
            matches!(control.kind, ControlType::Unknown(_)),
            !(0..=6).contains(&number)
        );
        let schema = Versioned::<ControlRecordTypeSchema>::decode(key).expect("a key");
        assert_eq!(schema.message.r#type, number);
    }
}

proptest! {
    #[test]
    fn hostile_payloads_are_errors_and_never_a_panic(
        record_type in -1i16..26,
        version in -1i16..6,
        key in prop::collection::vec(any::<u8>(), 0..40),
        value in prop::collection::vec(any::<u8>(), 0..200),
    ) {
        // Some of the keys are right, so that the values get read.
        let right = b"\0\x01g\0\x06member\0\0\0\0";
        for key in [&key[..], &right[..3], &right[..11], &right[..]] {
            let key = Bytes::from([&record_type.to_be_bytes()[..], key].concat());
            let value = Bytes::from([&version.to_be_bytes()[..], &value].concat());
            let _ = OffsetsRecord::parse(key.clone(), Some(value.clone()));
            let _ = OffsetsRecord::parse(value.clone(), None);
            let _ = TransactionLogRecord::parse(key.clone(), Some(value.clone()));
            let _ = StickyAssignorUserData::parse(value.clone());
            if let Ok(control) = ControlRecord::parse(&[0, 0, 0, record_type as u8]) {
                let _ = ControlValue::decode(control.kind, value);
            }
        }
    }
}
