//! Metrics sorted as Prometheus wants them: by name, with a label for each tag.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap, HashSet};

use crate::metrics::{Metric, MetricKind, Metrics};

/// A label and its value.
pub(super) type Label<'a> = (Cow<'static, str>, Cow<'a, str>);

/// All values of one name.
#[derive(Debug)]
pub(super) struct Family<'a> {
    pub(super) kind: MetricKind,
    pub(super) help: String,
    pub(super) samples: Vec<(Vec<Label<'a>>, f64)>,
}

/// The metrics of some clients, by name; a counter's ends in `_total`.
pub(super) fn families<'a>(
    snapshots: impl IntoIterator<Item = &'a Metrics>,
) -> BTreeMap<String, Family<'a>> {
    let mut families = BTreeMap::<String, Family<'_>>::new();
    let mut namesakes = HashMap::new();
    for metrics in snapshots {
        // The groups of a client begin with its kind.
        let group = metrics.iter().next().map(|metric| metric.group);
        let kind = group.and_then(|group| group.split('-').next());
        let number = namesakes.entry((kind, metrics.client_id())).or_insert(0);
        *number += 1;
        let client_id = match *number {
            1 => Cow::Borrowed(metrics.client_id()),
            number => format!("{}-{number}", metrics.client_id()).into(),
        };
        let of_all: HashSet<(&str, &str)> = metrics
            .iter()
            .filter(|metric| metric.tags.is_empty())
            .map(|metric| (metric.group, metric.name))
            .collect();
        for metric in metrics {
            let is_share = of_all.contains(&(metric.group, metric.name));
            let family = families
                .entry(name(metric, is_share))
                .or_insert_with(|| Family {
                    kind: metric.kind,
                    help: help(metric),
                    samples: Vec::new(),
                });
            let client = (Cow::Borrowed("client_id"), client_id.clone());
            let tags = metric.tags.iter().map(|(key, value)| {
                let key = snake(key);
                (key, Cow::Borrowed(&**value))
            });
            let labels = [client].into_iter().chain(tags).collect();
            family.samples.push((labels, metric.value));
        }
    }
    families
}

fn snake(name: &'static str) -> Cow<'static, str> {
    if name.contains('-') {
        name.replace('-', "_").into()
    } else {
        name.into()
    }
}

/// The name; `is_share` where there is the same for the whole client.
fn name(metric: &Metric, is_share: bool) -> String {
    let group = metric.group.strip_suffix("-metrics");
    let mut name = format!("kafka_{}", snake(group.unwrap_or(metric.group)));
    if is_share && let Some((level, _)) = metric.tags.last() {
        name.push('_');
        name.push_str(&snake(level));
    }
    name.push('_');
    name.push_str(&snake(metric.name));
    name
}

/// What it is about, and what its last word means.
fn help(metric: &Metric) -> String {
    let about = metric.description;
    let what = [
        // Of two sizes, and not a second.
        ("compression-rate", ""),
        ("compression-rate-avg", " The mean of the last windows."),
        ("-rate-per-hour", " An hour."),
        ("-rate", " A second."),
        ("-avg", " The mean of the last windows."),
        ("-max", " The largest of the last windows."),
        ("-min", " The smallest of the last windows."),
    ];
    let meaning = what.iter().find(|(end, _)| metric.name.ends_with(end));
    format!("{about}{}", meaning.map_or("", |(_, meaning)| meaning))
}
