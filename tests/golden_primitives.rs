//! Hashes, numbers, identifiers and error codes, against those of Kafka's own classes.

use std::num::NonZeroU32;

use kafka_proto::codec::Uuid;
use kafka_proto::coordinator::{java_string_hash, partition_for_id};
use kafka_proto::crc::{crc32, crc32c};
use kafka_proto::error_code::ErrorCode;
use kafka_proto::murmur2::{murmur2, partition_for_key};
use kafka_proto::varint;
use serde_json::Value as Json;
use tests::golden;

#[test]
fn keys_go_to_the_partitions_that_the_java_client_chooses() {
    let mut checked = 0;
    for vector in golden::lines("partitioner") {
        golden::check_fields(&vector, &["key", "murmur2", "partition"]);
        let key = golden::unhex(text(&vector, "key"));
        assert_eq!(
            i64::from(murmur2(&key)),
            number(&vector, "murmur2"),
            "{vector}"
        );
        for (partitions, partition) in vector["partition"].as_object().expect("partitions") {
            let partitions = partitions.parse().expect("a number of partitions");
            assert_eq!(
                Some(u64::from(partition_for_key(&key, partitions))),
                partition.as_u64(),
                "{vector}"
            );
        }
        checked += 1;
    }
    println!("partitioner: {checked} vectors checked");
    assert!(checked > 0, "no vectors");
}

#[test]
fn primitives_are_read_and_written_as_kafka_does() {
    let mut checked = 0;
    for vector in golden::lines("primitives") {
        golden::check_fields(
            &vector,
            match text(&vector, "type") {
                "crc" => &["type", "hex", "crc32c", "crc32"],
                "coordinator" => &["type", "value", "java_hash", "partition_of_50"],
                _ => &["type", "value", "hex"],
            },
        );
        match text(&vector, "type") {
            "varint" => {
                let value = number(&vector, "value") as i32;
                check_varint(
                    &vector,
                    value,
                    varint::varint_len,
                    varint::put_varint,
                    varint::get_varint,
                );
            }
            "varlong" => {
                let value = number(&vector, "value");
                check_varint(
                    &vector,
                    value,
                    varint::varlong_len,
                    varint::put_varlong,
                    varint::get_varlong,
                );
            }
            "unsigned_varint" => {
                let value = number(&vector, "value") as u32;
                check_varint(
                    &vector,
                    value,
                    varint::unsigned_varint_len,
                    varint::put_unsigned_varint,
                    varint::get_unsigned_varint,
                );
            }
            "uuid" => {
                let uuid: Uuid = text(&vector, "value").parse().expect("a UUID");
                assert_eq!(&uuid.0[..], golden::unhex(text(&vector, "hex")), "{vector}");
                assert_eq!(uuid.to_string(), text(&vector, "value"), "{vector}");
            }
            "crc" => {
                let bytes = golden::unhex(text(&vector, "hex"));
                assert_eq!(
                    i64::from(crc32c(&bytes)),
                    number(&vector, "crc32c"),
                    "{vector}"
                );
                assert_eq!(
                    i64::from(crc32(&bytes)),
                    number(&vector, "crc32"),
                    "{vector}"
                );
            }
            "coordinator" => {
                let group = text(&vector, "value");
                assert_eq!(
                    i64::from(java_string_hash(group)),
                    number(&vector, "java_hash"),
                    "{vector}"
                );
                let partition = partition_for_id(group, NonZeroU32::new(50).expect("not zero"));
                assert_eq!(
                    i64::from(partition),
                    number(&vector, "partition_of_50"),
                    "{vector}"
                );
            }
            other => panic!("the type {other} of a primitive is not known: {vector}"),
        }
        checked += 1;
    }
    println!("primitives: {checked} vectors checked");
    assert!(checked > 0, "no vectors");
}

fn check_varint<T: Copy + PartialEq + std::fmt::Debug>(
    vector: &Json,
    value: T,
    len: fn(T) -> usize,
    put: fn(&mut Vec<u8>, T),
    get: fn(&mut &[u8]) -> Result<T, varint::VarintError>,
) {
    let expected = golden::unhex(text(vector, "hex"));
    let mut written = Vec::new();
    put(&mut written, value);
    assert_eq!(written, expected, "{vector}");
    assert_eq!(len(value), expected.len(), "{vector}");
    let mut input = &expected[..];
    assert_eq!(get(&mut input), Ok(value), "{vector}");
    assert!(input.is_empty(), "{vector}");
}

#[test]
fn error_codes_are_kafkas() {
    let mut checked = 0;
    for vector in golden::lines("errors") {
        golden::check_fields(&vector, &["code", "name", "retriable", "refresh_metadata"]);
        let code = number(&vector, "code") as i16;
        let error = ErrorCode::from(code);
        assert_eq!(i16::from(error), code);
        assert_eq!(error.name(), text(&vector, "name"));
        assert_eq!(
            Some(error.is_retriable()),
            vector["retriable"].as_bool(),
            "{vector}"
        );
        assert_eq!(
            Some(error.refreshes_metadata()),
            vector["refresh_metadata"].as_bool(),
            "{vector}"
        );
        assert!(!matches!(error, ErrorCode::Unknown(_)), "{vector}");
        assert_eq!(
            ErrorCode::ALL[checked],
            error,
            "in order, and none that Kafka does not have"
        );
        checked += 1;
    }
    println!("errors: {checked} vectors checked");
    assert_eq!(checked, ErrorCode::ALL.len());
}

fn text<'a>(vector: &'a Json, field: &str) -> &'a str {
    vector[field]
        .as_str()
        .unwrap_or_else(|| panic!("no text {field}: {vector}"))
}

fn number(vector: &Json, field: &str) -> i64 {
    vector[field]
        .as_i64()
        .unwrap_or_else(|| panic!("no number {field}: {vector}"))
}
