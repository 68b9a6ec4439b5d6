//! The few messages of OpenTelemetry's `metrics.proto` that a push consists of, in protobuf's encoding.
//!
//! Written by hand: there are eight messages with two or three fields each, and they are only written.

/// A message being written.
#[derive(Debug, Default, Clone)]
pub(super) struct Message(Vec<u8>);

/// How a field's value is written.
enum Wire {
    Varint = 0,
    Fixed64 = 1,
    Bytes = 2,
}

impl Message {
    /// Its bytes.
    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.0
    }

    fn key(&mut self, field: u32, wire: Wire) {
        self.number(u64::from(field << 3 | wire as u32));
    }

    fn number(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.0.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.0.push(value as u8);
    }

    fn varint(&mut self, field: u32, value: u64) {
        self.key(field, Wire::Varint);
        self.number(value);
    }

    fn fixed64(&mut self, field: u32, value: u64) {
        self.key(field, Wire::Fixed64);
        self.0.extend_from_slice(&value.to_le_bytes());
    }

    fn bytes(&mut self, field: u32, value: &[u8]) {
        self.key(field, Wire::Bytes);
        self.number(value.len() as u64);
        self.0.extend_from_slice(value);
    }

    fn message(&mut self, field: u32, fill: impl FnOnce(&mut Self)) {
        let mut inner = Self::default();
        fill(&mut inner);
        self.bytes(field, &inner.0);
    }

    /// A `KeyValue` with a `string_value`.
    fn attribute(&mut self, field: u32, key: &str, value: &str) {
        self.message(field, |pair| {
            pair.bytes(1, key.as_bytes());
            pair.message(2, |any| any.bytes(1, value.as_bytes()));
        });
    }
}

/// What a number means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Data {
    Gauge,
    /// A sum that only grows, since the point's start: since the last push, or since the client was made.
    Sum {
        is_delta: bool,
    },
}

/// A metric with one value.
#[derive(Debug, Clone)]
pub(super) struct Point<'a> {
    pub(super) name: &'a str,
    pub(super) data: Data,
    pub(super) attributes: &'a [(String, &'a str)],
    /// Nanoseconds since 1970; 0 for a gauge, which has no beginning.
    pub(super) start: u64,
    pub(super) time: u64,
    pub(super) value: f64,
}

/// Writes `ScopeMetrics`: one metric after another.
#[derive(Debug, Default)]
pub(super) struct ScopeMetrics(Message);

impl ScopeMetrics {
    pub(super) fn add(&mut self, point: &Point<'_>) {
        const DELTA: u64 = 1;
        const CUMULATIVE: u64 = 2;
        self.0.message(2, |metric| {
            metric.bytes(1, point.name.as_bytes());
            match point.data {
                Data::Gauge => {
                    metric.message(5, |gauge| gauge.message(1, |data| point.write(data)))
                }
                Data::Sum { is_delta } => metric.message(7, |sum| {
                    sum.message(1, |data| point.write(data));
                    sum.varint(2, if is_delta { DELTA } else { CUMULATIVE });
                    sum.varint(3, 1);
                }),
            }
        });
    }

    /// The `MetricsData` of one resource that has these metrics.
    pub(super) fn into_metrics_data(self, resource: &[(&'static str, String)]) -> Vec<u8> {
        let mut data = Message::default();
        data.message(1, |resource_metrics| {
            resource_metrics.message(1, |attributes| {
                for (key, value) in resource {
                    attributes.attribute(1, key, value);
                }
            });
            resource_metrics.bytes(2, &self.0.0);
        });
        data.into_bytes()
    }
}

impl Point<'_> {
    /// As a `NumberDataPoint`.
    fn write(&self, point: &mut Message) {
        if self.start > 0 {
            point.fixed64(2, self.start);
        }
        point.fixed64(3, self.time);
        // Also a zero has to be there: it says which kind of number it is.
        point.fixed64(4, self.value.to_bits());
        for (key, value) in self.attributes {
            point.attribute(7, key, value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_seven_bits_a_byte_the_lowest_first() {
        for (value, bytes) in [
            (0, &[0][..]),
            (127, &[127]),
            (128, &[0x80, 1]),
            (300, &[0xac, 2]),
            (u64::MAX, &[255, 255, 255, 255, 255, 255, 255, 255, 255, 1]),
        ] {
            let mut message = Message::default();
            message.number(value);
            assert_eq!(message.into_bytes(), bytes, "{value}");
        }
    }

    #[test]
    fn a_sum_is_written_as_protobuf_has_it() {
        let mut metrics = ScopeMetrics::default();
        metrics.add(&Point {
            name: "m",
            data: Data::Sum { is_delta: true },
            attributes: &[("k".to_owned(), "v")],
            start: 1,
            time: 2,
            value: 0.0,
        });
        let pair = |field: u8| [field, 8, 0x0a, 1, b'k', 0x12, 3, 0x0a, 1, b'v'];
        let mut point = vec![0x11, 1, 0, 0, 0, 0, 0, 0, 0];
        point.extend([0x19, 2, 0, 0, 0, 0, 0, 0, 0]);
        point.extend([0x21, 0, 0, 0, 0, 0, 0, 0, 0]);
        point.extend(pair(0x3a));
        let within = |field: u8, inner: Vec<u8>| {
            let mut outer = vec![field, u8::try_from(inner.len()).unwrap()];
            outer.extend(inner);
            outer
        };
        let mut sum = within(0x0a, point);
        sum.extend([0x10, 1, 0x18, 1]);
        let mut metric = vec![0x0a, 1, b'm'];
        metric.extend(within(0x3a, sum));
        let mut resource_metrics = within(0x0a, pair(0x0a).to_vec());
        resource_metrics.extend(within(0x12, within(0x12, metric)));
        let expected = within(0x0a, resource_metrics);
        let written = metrics.into_metrics_data(&[("k", "v".to_owned())]);
        assert_eq!(written, expected);
    }
}
