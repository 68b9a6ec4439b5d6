//! What metrics are at one moment.

use std::fmt;
use std::sync::Arc;

use super::meter::{Meter, Moment};

/// Whether a metric only grows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MetricKind {
    /// It only grows, from 0 when the client was made: the names that end in `-total`.
    Counter,
    /// It goes up and down.
    Gauge,
}

/// A tag of a metric and its value: `("topic", "orders")`.
pub type MetricTag = (&'static str, Arc<str>);

/// One metric at one moment.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Metric {
    /// Kafka's name of the group it belongs to: `producer-topic-metrics`.
    pub group: &'static str,
    /// Kafka's name: `record-send-rate`.
    pub name: &'static str,
    /// What it is about, if not the whole client; `topic`, `partition` and `node-id`, in the order of the Java client.
    pub tags: Vec<MetricTag>,
    /// Whether it only grows.
    pub kind: MetricKind,
    /// What it is about, with its unit.
    pub description: &'static str,
    /// The value; NaN where nothing was measured in the last windows.
    pub value: f64,
}

impl Metric {
    fn is(&self, group: &str, name: &str, tags: &[(&str, &str)]) -> bool {
        self.group == group
            && self.name == name
            && self.tags.len() == tags.len()
            && tags.iter().all(|tag| self.has_tag(*tag))
    }

    fn has_tag(&self, (key, value): (&str, &str)) -> bool {
        let mut own = self.tags.iter();
        own.any(|(own_key, own_value)| *own_key == key && &**own_value == value)
    }
}

/// All metrics of a client at one moment; see the [module](super) for their names.
///
/// ```no_run
/// # fn example(producer: kafka_client::producer::Producer) {
/// let metrics = producer.metrics();
/// if let Some(rate) = metrics.get("producer-metrics", "record-send-rate", &[]) {
///     println!("{rate:.1} records a second");
/// }
/// for metric in metrics.iter().filter(|metric| metric.group == "producer-topic-metrics") {
///     println!("{} {:?} {}", metric.name, metric.tags, metric.value);
/// }
/// println!("{metrics}");
/// # }
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Metrics {
    client_id: String,
    all: Vec<Metric>,
}

impl Metrics {
    /// The `client.id` of the client that they are of: Kafka's tag `client-id`, which all of them have.
    pub fn client_id(&self) -> &str {
        &self.client_id
    }

    /// The value of a metric with exactly these tags, in any order; `None` if there is none. NaN where nothing was
    /// measured in the last windows.
    pub fn get(&self, group: &str, name: &str, tags: &[(&str, &str)]) -> Option<f64> {
        let found = self.all.iter().find(|metric| metric.is(group, name, tags));
        found.map(|metric| metric.value)
    }

    /// The metrics, those of a group together.
    pub fn iter(&self) -> std::slice::Iter<'_, Metric> {
        self.all.iter()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.all.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }
}

impl IntoIterator for Metrics {
    type Item = Metric;
    type IntoIter = std::vec::IntoIter<Metric>;

    fn into_iter(self) -> Self::IntoIter {
        self.all.into_iter()
    }
}

impl<'a> IntoIterator for &'a Metrics {
    type Item = &'a Metric;
    type IntoIter = std::slice::Iter<'a, Metric>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

/// A table: a line a metric, under the name of its group. What was not measured is a dash.
impl fmt::Display for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut group = "";
        for metric in &self.all {
            if metric.group != group {
                group = metric.group;
                writeln!(f, "{group}")?;
            }
            let tags = metric
                .tags
                .iter()
                .map(|(key, value)| format!("{key}={value}"));
            let name = [metric.name.to_owned()].into_iter().chain(tags);
            let name = name.collect::<Vec<_>>().join(" ");
            write!(f, "  {name:<50} ")?;
            match metric.value {
                value if value.is_nan() => writeln!(f, "{:>16}", "-")?,
                value if value.fract() == 0.0 => writeln!(f, "{value:>16.0}")?,
                value => writeln!(f, "{value:>16.3}")?,
            }
        }
        Ok(())
    }
}

/// Gathers metrics.
///
/// A pair of names shares its description, for the suffix says the rest: `-rate` is a second, `-total` since the client
/// was made, `-avg`, `-max` and `-min` of the last windows.
#[derive(Debug)]
pub(crate) struct Report {
    moment: Moment,
    group: &'static str,
    tags: Vec<MetricTag>,
    metrics: Metrics,
}

impl Report {
    pub(crate) fn new(client_id: &str, moment: Moment) -> Self {
        Self {
            moment,
            group: "",
            tags: Vec::new(),
            metrics: Metrics {
                client_id: client_id.to_owned(),
                all: Vec::new(),
            },
        }
    }

    pub(crate) fn moment(&self) -> Moment {
        self.moment
    }

    pub(crate) fn finish(self) -> Metrics {
        let mut metrics = self.metrics;
        // Groups are filled by several parts of a client.
        metrics.all.sort_by_key(|metric| metric.group);
        metrics
    }

    /// What follows belongs to this group.
    pub(crate) fn group(&mut self, group: &'static str) -> &mut Self {
        self.tagged(group, Vec::new())
    }

    /// What follows belongs to this group and is about this.
    pub(crate) fn tagged(&mut self, group: &'static str, tags: Vec<MetricTag>) -> &mut Self {
        self.group = group;
        self.tags = tags;
        self
    }

    fn add(
        &mut self,
        kind: MetricKind,
        name: &'static str,
        description: &'static str,
        value: f64,
    ) -> &mut Self {
        self.metrics.all.push(Metric {
            group: self.group,
            name,
            tags: self.tags.clone(),
            kind,
            description,
            value,
        });
        self
    }

    pub(crate) fn gauge(
        &mut self,
        name: &'static str,
        description: &'static str,
        value: f64,
    ) -> &mut Self {
        self.add(MetricKind::Gauge, name, description, value)
    }

    pub(crate) fn counter(
        &mut self,
        name: &'static str,
        description: &'static str,
        value: f64,
    ) -> &mut Self {
        self.add(MetricKind::Counter, name, description, value)
    }

    /// The rate and the total of what was recorded.
    pub(crate) fn amount(
        &mut self,
        [rate, total]: [&'static str; 2],
        description: &'static str,
        meter: &Meter,
    ) -> &mut Self {
        let moment = self.moment;
        self.gauge(rate, description, meter.rate(moment))
            .counter(total, description, meter.total())
    }

    /// The rate and the total of how often something was recorded.
    pub(crate) fn times(
        &mut self,
        [rate, total]: [&'static str; 2],
        description: &'static str,
        meter: &Meter,
    ) -> &mut Self {
        let moment = self.moment;
        self.gauge(rate, description, meter.frequency(moment))
            .counter(total, description, meter.count())
    }

    /// The mean and the largest of what was recorded.
    pub(crate) fn spread(
        &mut self,
        [avg, max]: [&'static str; 2],
        description: &'static str,
        meter: &Meter,
    ) -> &mut Self {
        let moment = self.moment;
        self.gauge(avg, description, meter.avg(moment))
            .gauge(max, description, meter.max(moment))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn metrics() -> Metrics {
        let mut report = Report::new("it", Moment::after(Duration::from_secs(10)));
        let mut meter = Meter::default();
        meter.record(5.0, report.moment());
        report
            .tagged(
                "topics",
                vec![("topic", "orders".into()), ("partition", "3".into())],
            )
            .amount(["sent-rate", "sent-total"], "Records.", &meter);
        report
            .group("all")
            .spread(["time-avg", "time-max"], "ms", &Meter::default());
        report.finish()
    }

    #[test]
    fn metrics_are_found_by_group_name_and_all_their_tags() {
        let metrics = metrics();
        let tags = [("partition", "3"), ("topic", "orders")];
        assert_eq!(metrics.get("topics", "sent-rate", &tags), Some(0.5));
        assert_eq!(metrics.get("topics", "sent-total", &tags), Some(5.0));
        assert_eq!(metrics.get("topics", "sent-total", &tags[..1]), None);
        assert!(metrics.get("all", "time-avg", &[]).unwrap().is_nan());
        assert_eq!((metrics.client_id(), metrics.len()), ("it", 4));
        assert!(!metrics.is_empty());
        let kinds: Vec<MetricKind> = metrics.into_iter().map(|metric| metric.kind).collect();
        use MetricKind::{Counter, Gauge};
        assert_eq!(kinds, [Gauge, Gauge, Gauge, Counter]);
    }

    #[test]
    fn the_table_has_a_line_a_metric_under_its_group() {
        let text = metrics().to_string();
        let lines: Vec<Vec<&str>> = text
            .lines()
            .map(|line| line.split_whitespace().collect())
            .collect();
        assert_eq!(lines[0], ["all"]);
        assert_eq!(lines[1], ["time-avg", "-"]);
        assert_eq!(lines[3], ["topics"]);
        assert_eq!(
            lines[4],
            ["sent-rate", "topic=orders", "partition=3", "0.500"]
        );
        assert_eq!(lines[5][3], "5");
    }
}
