//! The text that Prometheus scrapes.

use std::borrow::Cow;
use std::fmt::Write;

use super::families::{Family, families};
use crate::metrics::{MetricKind, Metrics};

/// The `Content-Type` of [`to_prometheus`].
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// The `Content-Type` of [`to_openmetrics`].
pub const OPENMETRICS_CONTENT_TYPE: &str =
    "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// The metrics of some clients as Prometheus' text, version 0.0.4. See the [module](super) for the names.
pub fn to_prometheus<'a>(snapshots: impl IntoIterator<Item = &'a Metrics>) -> String {
    let mut text = String::new();
    for (name, family) in families(snapshots) {
        write_family(&mut text, &name, &name, &family);
    }
    text
}

/// The metrics of some clients as [OpenMetrics](https://prometheus.io/docs/specs/om/open_metrics_spec/) text, version 1.0.
/// See the [module](super) for the names.
pub fn to_openmetrics<'a>(snapshots: impl IntoIterator<Item = &'a Metrics>) -> String {
    let mut text = String::new();
    for (name, family) in families(snapshots) {
        // A counter is called without the suffix that its values have.
        let called = match family.kind {
            MetricKind::Counter => name.strip_suffix("_total").unwrap_or(&name),
            MetricKind::Gauge => &name,
        };
        write_family(&mut text, called, &name, &family);
    }
    text.push_str("# EOF\n");
    text
}

fn write_family(text: &mut String, called: &str, name: &str, family: &Family<'_>) {
    let kind = match family.kind {
        MetricKind::Counter => "counter",
        MetricKind::Gauge => "gauge",
    };
    let help = escaped(&family.help);
    // Writing to a string never fails.
    let _ = writeln!(text, "# HELP {called} {help}\n# TYPE {called} {kind}");
    for (labels, value) in &family.samples {
        text.push_str(name);
        let mut before = '{';
        for (key, value) in labels {
            let _ = write!(text, "{before}{key}=\"{}\"", escaped(value));
            before = ',';
        }
        let _ = writeln!(text, "}} {}", Number(*value));
    }
}

/// As both a label's value and a help text may be written.
pub(super) fn escaped(value: &str) -> Cow<'_, str> {
    if !value.contains(['\\', '"', '\n']) {
        return value.into();
    }
    let value = value.replace('\\', r"\\").replace('"', "\\\"");
    value.replace('\n', r"\n").into()
}

/// A number as Prometheus reads it.
struct Number(f64);

impl std::fmt::Display for Number {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            f64::INFINITY => f.write_str("+Inf"),
            f64::NEG_INFINITY => f.write_str("-Inf"),
            value => value.fmt(f),
        }
    }
}
