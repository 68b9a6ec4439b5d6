//! Reads what is pushed, strictly: OpenTelemetry's `MetricsData`, and nothing that it does not have.

use std::collections::BTreeMap;

/// A metric that was pushed.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Pushed {
    pub(crate) name: String,
    pub(crate) attributes: BTreeMap<String, String>,
    /// For a sum, whether it is one since the last push; `None` for a gauge.
    pub(crate) is_delta: Option<bool>,
    pub(crate) start: u64,
    pub(crate) time: u64,
    pub(crate) value: f64,
}

/// The labels of the resource, and its metrics.
pub(crate) type Payload = (BTreeMap<String, String>, Vec<Pushed>);

enum Value<'a> {
    Varint(u64),
    Fixed(u64),
    Bytes(&'a [u8]),
}

impl<'a> Value<'a> {
    fn bytes(self) -> &'a [u8] {
        match self {
            Self::Bytes(bytes) => bytes,
            _ => panic!("not a message or a text"),
        }
    }

    fn text(self) -> String {
        String::from_utf8(self.bytes().to_vec()).expect("UTF-8")
    }
}

fn varint(bytes: &mut &[u8]) -> u64 {
    let (mut value, mut shift) = (0, 0);
    loop {
        let byte = bytes[0];
        *bytes = &bytes[1..];
        value |= u64::from(byte & 0x7f) << shift;
        shift += 7;
        if byte < 0x80 {
            return value;
        }
    }
}

fn fields(mut bytes: &[u8]) -> Vec<(u64, Value<'_>)> {
    let mut fields = Vec::new();
    while !bytes.is_empty() {
        let key = varint(&mut bytes);
        let value = match key & 7 {
            0 => Value::Varint(varint(&mut bytes)),
            1 => {
                let (value, rest) = bytes.split_at(8);
                bytes = rest;
                Value::Fixed(u64::from_le_bytes(value.try_into().unwrap()))
            }
            2 => {
                let length = usize::try_from(varint(&mut bytes)).unwrap();
                let (value, rest) = bytes.split_at(length);
                bytes = rest;
                Value::Bytes(value)
            }
            wire => panic!("wire type {wire}"),
        };
        fields.push((key >> 3, value));
    }
    fields
}

fn attribute(bytes: &[u8], into: &mut BTreeMap<String, String>) {
    let (mut key, mut text) = (None, None);
    for (field, value) in fields(bytes) {
        match field {
            1 => key = Some(value.text()),
            2 => {
                for (field, value) in fields(value.bytes()) {
                    assert_eq!(field, 1, "a string");
                    text = Some(value.text());
                }
            }
            _ => panic!("KeyValue has no field {field}"),
        }
    }
    let earlier = into.insert(key.expect("a key"), text.expect("a value"));
    assert_eq!(earlier, None, "an attribute twice");
}

fn point(bytes: &[u8], into: &mut Pushed) {
    for (field, value) in fields(bytes) {
        match (field, value) {
            (2, Value::Fixed(start)) => into.start = start,
            (3, Value::Fixed(time)) => into.time = time,
            (4, Value::Fixed(bits)) => into.value = f64::from_bits(bits),
            (7, value) => attribute(value.bytes(), &mut into.attributes),
            (field, _) => panic!("NumberDataPoint has no such field {field}"),
        }
    }
}

fn metric(bytes: &[u8]) -> Pushed {
    let mut metric = Pushed {
        name: String::new(),
        attributes: BTreeMap::new(),
        is_delta: None,
        start: 0,
        time: 0,
        value: f64::NAN,
    };
    for (field, value) in fields(bytes) {
        match field {
            1 => metric.name = value.text(),
            5 => {
                for (field, value) in fields(value.bytes()) {
                    assert_eq!(field, 1, "a point");
                    point(value.bytes(), &mut metric);
                }
            }
            7 => {
                let mut is_monotonic = false;
                for (field, value) in fields(value.bytes()) {
                    match (field, value) {
                        (1, value) => point(value.bytes(), &mut metric),
                        (2, Value::Varint(temporality)) => metric.is_delta = Some(temporality == 1),
                        (3, Value::Varint(monotonic)) => is_monotonic = monotonic == 1,
                        (field, _) => panic!("Sum has no such field {field}"),
                    }
                }
                assert!(is_monotonic, "{metric:?}");
            }
            _ => panic!("Metric has no field {field} here"),
        }
    }
    assert!(
        !metric.name.is_empty() && !metric.value.is_nan() && metric.time > 0,
        "{metric:?}"
    );
    metric
}

pub(crate) fn read(payload: &[u8]) -> Payload {
    let (mut labels, mut metrics) = (BTreeMap::new(), Vec::new());
    for (field, value) in fields(payload) {
        assert_eq!(field, 1, "MetricsData has resource metrics");
        for (field, value) in fields(value.bytes()) {
            match field {
                1 => {
                    for (field, value) in fields(value.bytes()) {
                        assert_eq!(field, 1, "an attribute");
                        attribute(value.bytes(), &mut labels);
                    }
                }
                2 => {
                    for (field, value) in fields(value.bytes()) {
                        assert_eq!(field, 2, "a metric");
                        metrics.push(metric(value.bytes()));
                    }
                }
                _ => panic!("ResourceMetrics has no field {field} here"),
            }
        }
    }
    (labels, metrics)
}
