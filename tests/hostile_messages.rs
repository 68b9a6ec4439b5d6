//! Bytes that nobody should send, read as every message in every version: never a panic, never more memory than the
//! bytes' size times a small number. What has to hold for each is in [`tests::hostile`].

use std::collections::BTreeMap;
use std::sync::LazyLock;

use bytes::Bytes;
use kafka_proto::api::{APIS, Api};
use kafka_proto::codec::{
    Context, DecodeError, DecodeErrorKind, Message, Request, Schema, Type, Uuid, json,
};
use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::{Map, Value as Json};
use tests::allocation::Counting;
use tests::apis::{self, PerApi};
use tests::{golden, hostile};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// What is done with each message.
struct Checks {
    /// [`hostile::check`].
    read: fn(&Bytes, i16) -> Result<(), DecodeError>,
    /// Reads bytes and writes what they meant.
    rewrite: fn(&Bytes, i16) -> Bytes,
}

impl Checks {
    fn of<M: Message>() -> Self {
        Self {
            read: |bytes, version| hostile::check::<M>(bytes, version).map(drop),
            rewrite: |bytes, version| {
                let message = M::decode(bytes.clone(), version).expect("decodes");
                message.encode(version).expect("encodes").into_bytes()
            },
        }
    }
}

/// The checks of a request and its response.
struct Both;

impl PerApi for Both {
    type Made = [Checks; 2];

    fn made<R: Request>() -> Self::Made {
        [Checks::of::<R>(), Checks::of::<R::Response>()]
    }
}

static CHECKS: LazyLock<BTreeMap<&str, Checks>> = LazyLock::new(|| {
    let names = APIS
        .iter()
        .flat_map(|api| [api.request.name, api.response.name]);
    names
        .zip(apis::every::<Both>().into_iter().flatten())
        .collect()
});

/// A golden vector of each message, version and variant up to a size, which the hostile bytes are made of.
struct Vector {
    checks: &'static Checks,
    about: String,
    version: i16,
    bytes: Bytes,
}

/// Larger vectors differ from smaller ones by long strings and arrays only, and take most of the time.
const LARGEST: usize = 256;

fn vectors() -> impl Iterator<Item = Vector> {
    golden::lines("messages").filter_map(|line| {
        let text = |field: &str| line[field].as_str().expect("a text").to_owned();
        let kind = match text("kind").as_str() {
            "request" => "Request",
            "response" => "Response",
            _ => return None,
        };
        let name = text("api") + kind;
        let version = line["version"].as_i64().expect("a version") as i16;
        let vector = Vector {
            checks: &CHECKS[name.as_str()],
            about: format!("{name} v{version} {}", text("variant")),
            version,
            bytes: golden::unhex(&text("hex")),
        };
        (vector.bytes.len() <= LARGEST).then_some(vector)
    })
}

#[test]
fn a_message_that_ends_early_is_an_error_wherever_it_ends() {
    let mut checked = 0;
    for vector in vectors() {
        for len in 0..vector.bytes.len() {
            let about = || format!("{} cut off after {len}", vector.about);
            let error = (vector.checks.read)(&vector.bytes.slice(..len), vector.version);
            let error = error.expect_err(&about());
            let truncated = matches!(error.kind, DecodeErrorKind::Truncated { needed, left }
                if needed > left && left <= len);
            assert!(truncated, "{error}: {}", about());
            checked += 1;
        }
    }
    println!("{checked} messages cut off");
    assert!(checked > 50_000, "{checked}");
}

#[test]
fn a_changed_byte_is_another_message_or_an_error() {
    let mut random = Random(1);
    let (mut errors, mut checked) = (0, 0);
    for vector in vectors().filter(|vector| !vector.bytes.is_empty()) {
        for _ in 0..8 {
            let mut bytes = vector.bytes.to_vec();
            let at = random.below(bytes.len());
            bytes[at] ^= 1 + random.below(255) as u8;
            errors += usize::from((vector.checks.read)(&bytes.into(), vector.version).is_err());
            checked += 1;
        }
    }
    println!("{checked} messages with a changed byte: {errors} are none");
    assert!(0 < errors && errors < checked);
}

/// Lengths and counts in all the forms that they have: of 16 and of 32 bits and variable-length.
const LENGTHS: [&[u8]; 9] = [
    &i32::MAX.to_be_bytes(),
    &i32::MIN.to_be_bytes(),
    &(-2i32).to_be_bytes(),
    &(1i32 << 24).to_be_bytes(),
    &i16::MAX.to_be_bytes(),
    &i16::MIN.to_be_bytes(),
    &[0xff, 0xff, 0xff, 0xff, 0x0f],
    &[0x80, 0x80, 0x80, 0x80, 0x08],
    &[0xff, 0xff, 0xff, 0xff, 0xff],
];

#[test]
fn a_huge_length_takes_no_memory_wherever_it_stands() {
    let mut random = Random(2);
    let mut errors = 0;
    for vector in vectors() {
        for length in LENGTHS {
            let mut bytes = vector.bytes.to_vec();
            let at = random.below(bytes.len() + 1);
            let end = bytes.len().min(at + length.len());
            bytes.splice(at..end, length.iter().copied());
            errors += usize::from((vector.checks.read)(&bytes.into(), vector.version).is_err());
        }
    }
    println!("{errors} messages with such a length are none");
    assert!(errors > 0);
}

/// Numbers that are the same in every run (xorshift64).
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % end as u64) as usize
    }
}

/// A message of any API in any of its versions, in its JSON form.
fn any_message() -> impl Strategy<Value = (&'static Api, &'static Schema, Context, Json)> {
    let message = (0..APIS.len(), any::<bool>(), any::<prop::sample::Index>());
    message.prop_flat_map(|(api, is_request, version)| {
        let api = &APIS[api];
        let schema = if is_request {
            api.request
        } else {
            api.response
        };
        let versions = (api.versions.max - api.versions.min) as usize + 1;
        let version = api.versions.min + version.index(versions) as i16;
        let cx = api.context(version).expect("a version of the API");
        (Just(api), Just(schema), Just(cx), any_struct(schema, cx))
    })
}

fn any_struct(schema: &'static Schema, cx: Context) -> BoxedStrategy<Json> {
    let mut fields = Vec::new();
    for field in schema.fields {
        if !field.versions.contains(cx.version) {
            continue;
        }
        let name = json_name(field.name);
        let value = any_value(field.ty, field.nullable.contains(cx.version), cx);
        let value = value.prop_map(move |value| (name.clone(), value));
        fields.push(if field.in_place(cx.version) {
            value.prop_map(Some).boxed()
        } else {
            prop::option::of(value).boxed()
        });
    }
    let object = |fields: Vec<_>| Json::Object(Map::from_iter(fields.into_iter().flatten()));
    fields.prop_map(object).boxed()
}

fn any_value(ty: Type, nullable: bool, cx: Context) -> BoxedStrategy<Json> {
    let value = match ty {
        Type::Bool => any::<bool>().prop_map(Json::from).boxed(),
        Type::Int8 => any::<i8>().prop_map(Json::from).boxed(),
        Type::Int16 => any::<i16>().prop_map(Json::from).boxed(),
        Type::Uint16 => any::<u16>().prop_map(Json::from).boxed(),
        Type::Int32 => any::<i32>().prop_map(Json::from).boxed(),
        Type::Uint32 => any::<u32>().prop_map(Json::from).boxed(),
        Type::Int64 => any::<i64>().prop_map(Json::from).boxed(),
        Type::Float64 => any::<i32>()
            .prop_map(|eighths| Json::from(f64::from(eighths) / 8.0))
            .boxed(),
        Type::Uuid => any::<[u8; 16]>()
            .prop_map(|id| Uuid(id).to_string().into())
            .boxed(),
        Type::String => "\\PC{0,9}".prop_map(Json::from).boxed(),
        // Whole groups of four digits, so that they are base64 whatever they are.
        Type::Bytes => "([A-Za-z0-9+/]{4}){0,4}".prop_map(Json::from).boxed(),
        Type::Struct(schema) => any_struct(schema, cx),
        // An element is never null.
        Type::Array(element) => vec(any_value(*element, false, cx), 0..4)
            .prop_map(Json::Array)
            .boxed(),
    };
    if nullable {
        prop_oneof![1 => Just(Json::Null), 3 => value].boxed()
    } else {
        value
    }
}

/// `topic_data` as Kafka writes it: `topicData`.
fn json_name(name: &str) -> String {
    let mut camel = String::new();
    for word in name.split('_') {
        let (first, rest) = word.split_at(1);
        match camel.is_empty() {
            true => camel.push_str(first),
            false => camel.push_str(&first.to_uppercase()),
        }
        camel.push_str(rest);
    }
    camel
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..Default::default() })]

    /// The bytes are the same, but for tagged fields that were given their default: those are left out.
    #[test]
    fn a_message_of_any_values_is_read_as_it_was_written((api, schema, cx, message) in any_message()) {
        let about = format!("{} v{} {message}", schema.name, cx.version);
        let bytes = json::write(schema, &message, cx).expect(&about);
        prop_assert_eq!(json::read(schema, &bytes, cx), Ok(message), "{}", about);
        let checks = &CHECKS[schema.name];
        prop_assert_eq!((checks.read)(&bytes, cx.version), Ok(()));
        let rewritten = (checks.rewrite)(&bytes, cx.version);
        prop_assert!(rewritten == bytes || api.flexible.contains(cx.version) && rewritten.len() < bytes.len(), "{}", about);
        prop_assert_eq!((checks.rewrite)(&rewritten, cx.version), rewritten);
    }

    #[test]
    fn bytes_of_any_kind_are_a_message_or_an_error(
        name in 0..2 * APIS.len(),
        version in any::<prop::sample::Index>(),
        bytes in vec(prop_oneof![3 => 0..4u8, 1 => any::<u8>()], 0..200),
    ) {
        let api = &APIS[name / 2];
        let versions = (api.versions.max - api.versions.min) as usize + 1;
        let version = api.versions.min + version.index(versions) as i16;
        let schema = [api.request, api.response][name % 2];
        // What it is does not matter.
        let _ = (CHECKS[schema.name].read)(&bytes.into(), version);
    }
}
