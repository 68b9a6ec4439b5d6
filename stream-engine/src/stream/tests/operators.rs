//! All operators in one program, over random batches, partitions and windows, against plain recomputations of a few lines.
//! A new operator needs a row in [`table`].

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use proptest::prelude::*;

use crate::testkit::{Stepper, TestKit, secs};
use crate::{DStream, Data, EngineError, Grouped, ManualClock, Outer, StreamingContext};

type Pair = (u8, i64);
type Batches = Vec<Vec<Pair>>;
type Stream = DStream<Pair>;
/// Every record's text, sorted, for each batch in which the operator has an RDD.
type Shown = Vec<Vec<String>>;

/// An operator, or several together, and what it must give.
struct Row {
    name: &'static str,
    engine: Engine,
    plain: Plain,
}

type Engine = Box<dyn Fn(&Stream, &Stream, &Windows) -> Result<DStream<String>, EngineError>>;
type Plain = Box<dyn Fn(&Batches, &Batches, &Windows) -> Shown>;

/// When the batches of a case take place, and the durations of its windows, in seconds.
#[derive(Clone, Debug)]
struct Windows {
    window: u64,
    slide: u64,
    /// The time of each batch. Intervals between them have been missed.
    times: Vec<u64>,
}

impl Windows {
    fn window(&self) -> Duration {
        secs(self.window)
    }

    fn slide(&self) -> Duration {
        secs(self.slide)
    }

    /// The records of each window: there is one in each batch by which another multiple of the slide has passed.
    fn of(&self, batches: &Batches, slide: u64) -> Vec<Vec<Pair>> {
        let mut last = 0;
        let mut windows = Vec::new();
        for &end in &self.times {
            if end / slide > last / slide {
                let held = self.times.iter().zip(batches);
                let held = held.filter(|(time, _)| **time <= end && **time + self.window > end);
                windows.push(held.flat_map(|(_, batch)| batch.clone()).collect());
            }
            last = end;
        }
        windows
    }
}

fn shown<T: Debug>(records: impl IntoIterator<Item = T>) -> Vec<String> {
    let mut texts: Vec<String> = records.into_iter().map(|r| format!("{r:?}")).collect();
    texts.sort();
    texts
}

/// An operator that sees one batch of both streams at a time.
fn each_batch<T: Data + Debug>(
    name: &'static str,
    engine: impl Fn(&Stream, &Stream) -> DStream<T> + 'static,
    plain: impl Fn(&[Pair], &[Pair]) -> Vec<T> + 'static,
) -> Row {
    Row {
        name,
        engine: Box::new(move |a, b, _| Ok(engine(a, b).map(|record| format!("{record:?}")))),
        plain: Box::new(move |a, b, _| a.iter().zip(b).map(|(a, b)| shown(plain(a, b))).collect()),
    }
}

/// An operator that sees the windows of the first stream.
fn each_window<T: Data + Debug>(
    name: &'static str,
    engine: impl Fn(&Stream, Duration, Duration) -> Result<DStream<T>, EngineError> + 'static,
    plain: impl Fn(&[Pair]) -> Vec<T> + 'static,
) -> Row {
    Row {
        name,
        engine: Box::new(move |a, _, windows| {
            let stream = engine(a, windows.window(), windows.slide())?;
            Ok(stream.map(|record| format!("{record:?}")))
        }),
        plain: Box::new(move |a, _, windows| {
            let windows = windows.of(a, windows.slide);
            windows.iter().map(|window| shown(plain(window))).collect()
        }),
    }
}

fn groups(pairs: &[Pair]) -> BTreeMap<u8, Vec<i64>> {
    let mut groups: BTreeMap<u8, Vec<i64>> = BTreeMap::new();
    for (key, value) in pairs {
        groups.entry(*key).or_default().push(*value);
    }
    groups
}

fn sums(pairs: &[Pair]) -> Vec<Pair> {
    let sum = |(key, values): (u8, Vec<i64>)| (key, values.iter().sum());
    groups(pairs).into_iter().map(sum).collect()
}

fn counts(pairs: &[Pair]) -> Vec<(Pair, u64)> {
    let mut counts = BTreeMap::new();
    pairs
        .iter()
        .for_each(|pair| *counts.entry(*pair).or_default() += 1);
    counts.into_iter().collect()
}

fn total(pairs: &[Pair]) -> Vec<Pair> {
    pairs.iter().copied().reduce(add).into_iter().collect()
}

fn add(a: Pair, b: Pair) -> Pair {
    (a.0.wrapping_add(b.0), a.1 + b.1)
}

fn subtract(a: Pair, b: Pair) -> Pair {
    (a.0.wrapping_sub(b.0), a.1 - b.1)
}

fn cogrouped(a: &[Pair], b: &[Pair]) -> Vec<(u8, Grouped<i64, i64>)> {
    let (mut a, mut b) = (groups(a), groups(b));
    let keys: BTreeSet<u8> = a.keys().chain(b.keys()).copied().collect();
    let sides = |key| {
        (
            key,
            (
                a.remove(&key).unwrap_or_default(),
                b.remove(&key).unwrap_or_default(),
            ),
        )
    };
    keys.into_iter().map(sides).collect()
}

/// All combinations of both sides' values, with `None` where one has none.
fn joined(a: &[Pair], b: &[Pair]) -> Vec<(u8, Outer<i64, i64>)> {
    let optional = |values: Vec<i64>| match values.is_empty() {
        true => vec![None],
        false => values.into_iter().map(Some).collect(),
    };
    let mut joined = Vec::new();
    for (key, (left, right)) in cogrouped(a, b) {
        let right = optional(right);
        for v in optional(left) {
            joined.extend(right.iter().map(|w| (key, (v, *w))));
        }
    }
    joined
}

fn distinct(pairs: &[Pair]) -> BTreeSet<Pair> {
    pairs.iter().copied().collect()
}

fn narrow_operators() -> Vec<Row> {
    vec![
        each_batch(
            "map",
            |a, _| a.map(|p| p.1),
            |a, _| a.iter().map(|p| p.1).collect(),
        ),
        each_batch(
            "try_map",
            |a, _| a.try_map(|p| Ok::<_, String>(p.0)),
            |a, _| a.iter().map(|p| p.0).collect(),
        ),
        each_batch(
            "filter",
            |a, _| a.filter(|p| p.1 > 0),
            |a, _| a.iter().copied().filter(|p| p.1 > 0).collect(),
        ),
        each_batch(
            "flat_map",
            |a, _| a.flat_map(|p| 0..p.0),
            |a, _| a.iter().flat_map(|p| 0..p.0).collect(),
        ),
        each_batch(
            "flat_map_into",
            |a, _| a.flat_map_into(|p, out| out.extend(0..p.0)),
            |a, _| a.iter().flat_map(|p| 0..p.0).collect(),
        ),
        each_batch(
            "map_partitions",
            |a, _| a.map_partitions(|records| records.map(|p| p.1)),
            |a, _| a.iter().map(|p| p.1).collect(),
        ),
        each_batch(
            "glom",
            |a, _| a.glom().flat_map(|part| part),
            |a, _| a.to_vec(),
        ),
        each_batch("repartition", |a, _| a.repartition(3), |a, _| a.to_vec()),
        each_batch("cache", |a, _| a.cache(), |a, _| a.to_vec()),
        each_batch(
            "map_values",
            |a, _| a.map_values(|v| v * 2),
            |a, _| a.iter().map(|p| (p.0, p.1 * 2)).collect(),
        ),
        each_batch(
            "flat_map_values",
            |a, _| a.flat_map_values(|v| 0..v),
            |a, _| a.iter().flat_map(|p| (0..p.1).map(|v| (p.0, v))).collect(),
        ),
        each_batch("partition_by", |a, _| a.partition_by(3), |a, _| a.to_vec()),
        each_batch(
            "partition_by_fn",
            |a, _| a.partition_by_fn(3, |key| usize::from(*key)),
            |a, _| a.to_vec(),
        ),
        each_batch("union", |a, b| a.union(b), |a, b| [a, b].concat()),
        each_batch(
            "transform",
            |a, _| a.transform(|rdd| rdd.distinct()),
            |a, _| distinct(a).into_iter().collect(),
        ),
        each_batch(
            "transform_with subtract",
            |a, b| a.transform_with(b, |a, b| a.subtract(&b)),
            |a, b| a.iter().copied().filter(|p| !b.contains(p)).collect(),
        ),
        each_batch(
            "transform_with intersection",
            |a, b| a.transform_with(b, |a, b| a.intersection(&b)),
            |a, b| distinct(a).intersection(&distinct(b)).copied().collect(),
        ),
        each_batch(
            "transform_with subtract_by_key",
            |a, b| a.transform_with(b, |a, b| a.subtract_by_key(&b)),
            |a, b| {
                let right = groups(b);
                a.iter()
                    .copied()
                    .filter(|p| !right.contains_key(&p.0))
                    .collect()
            },
        ),
        each_batch(
            "transform_with cartesian",
            |a, b| a.transform_with(b, |a, b| a.cartesian(&b)),
            |a, b| a.iter().flat_map(|x| b.iter().map(|y| (*x, *y))).collect(),
        ),
    ]
}

fn wide_operators() -> Vec<Row> {
    vec![
        each_batch("count", |a, _| a.count(), |a, _| vec![a.len() as u64]),
        each_batch("reduce", |a, _| a.reduce(add), |a, _| total(a)),
        each_batch(
            "count_by_value",
            |a, _| a.count_by_value(),
            |a, _| counts(a),
        ),
        each_batch(
            "reduce_by_key",
            |a, _| a.reduce_by_key(|x, y| x + y),
            |a, _| sums(a),
        ),
        each_batch(
            "reduce_by_key of a partitioned stream",
            |a, _| a.partition_by(3).reduce_by_key(|x, y| x + y),
            |a, _| sums(a),
        ),
        each_batch(
            "group_by_key",
            |a, _| a.group_by_key(),
            |a, _| groups(a).into_iter().collect(),
        ),
        each_batch(
            "combine_by_key",
            |a, _| a.combine_by_key(|v| vec![v], Vec::push, |c, more| c.extend(more)),
            |a, _| groups(a).into_iter().collect(),
        ),
        each_batch("cogroup", |a, b| a.cogroup(b), cogrouped),
        each_batch(
            "join",
            |a, b| a.join(b),
            |a, b| {
                let both = joined(a, b).into_iter();
                both.filter_map(|(k, (v, w))| Some((k, (v?, w?)))).collect()
            },
        ),
        each_batch(
            "left_outer_join",
            |a, b| a.left_outer_join(b),
            |a, b| {
                let left = joined(a, b).into_iter();
                left.filter_map(|(k, (v, w))| Some((k, (v?, w)))).collect()
            },
        ),
        each_batch(
            "right_outer_join",
            |a, b| a.right_outer_join(b),
            |a, b| {
                let right = joined(a, b).into_iter();
                right.filter_map(|(k, (v, w))| Some((k, (v, w?)))).collect()
            },
        ),
        each_batch("full_outer_join", |a, b| a.full_outer_join(b), joined),
        each_batch(
            "a join of streams with different partitioners",
            |a, b| {
                a.partition_by(2)
                    .join_with_partitions(&b.partition_by(5), 3)
            },
            |a, b| {
                let both = joined(a, b).into_iter();
                both.filter_map(|(k, (v, w))| Some((k, (v?, w?)))).collect()
            },
        ),
    ]
}

fn windows() -> Vec<Row> {
    let by_default = Row {
        name: "window with the default slide",
        engine: Box::new(|a, _, windows| {
            let stream = a.window(windows.window(), None)?;
            Ok(stream.map(|record| format!("{record:?}")))
        }),
        plain: Box::new(|a, _, windows| windows.of(a, 1).into_iter().map(shown).collect()),
    };
    let join = Row {
        name: "a join of windows",
        engine: Box::new(|a, b, windows| {
            let (w, s) = (windows.window(), windows.slide());
            let joined = a.window(w, s)?.full_outer_join(&b.window(w, s)?);
            Ok(joined.map(|record| format!("{record:?}")))
        }),
        plain: Box::new(|a, b, windows| {
            let (a, b) = (windows.of(a, windows.slide), windows.of(b, windows.slide));
            a.iter().zip(&b).map(|(a, b)| shown(joined(a, b))).collect()
        }),
    };
    vec![
        by_default,
        join,
        each_window("window", |a, w, s| a.window(w, s), <[Pair]>::to_vec),
        each_window(
            "reduce_by_window",
            |a, w, s| a.reduce_by_window(add, w, s),
            total,
        ),
        each_window(
            "reduce_by_window_with_inverse",
            |a, w, s| a.reduce_by_window_with_inverse(add, subtract, w, s),
            total,
        ),
        each_window(
            "count_by_window",
            |a, w, s| a.count_by_window(w, s),
            |window| vec![window.len() as u64],
        ),
        each_window(
            "count_by_value_and_window",
            |a, w, s| a.count_by_value_and_window(w, s),
            counts,
        ),
        each_window(
            "count_by_value_and_window_with_partitions",
            |a, w, s| a.count_by_value_and_window_with_partitions(3, w, s),
            counts,
        ),
        each_window(
            "reduce_by_key_and_window",
            |a, w, s| a.reduce_by_key_and_window(|x, y| x + y, w, s),
            sums,
        ),
        each_window(
            "reduce_by_key_and_window_with_inverse",
            |a, w, s| a.reduce_by_key_and_window_with_inverse(|x, y| x + y, |x, y| x - y, w, s),
            sums,
        ),
        each_window(
            "group_by_key_and_window",
            |a, w, s| a.group_by_key_and_window(w, s),
            |window| groups(window).into_iter().collect(),
        ),
    ]
}

fn table() -> Vec<Row> {
    [narrow_operators(), wide_operators(), windows()]
        .into_iter()
        .flatten()
        .collect()
}

/// Runs all rows in one program, so that they share their parents, too.
fn run(rows: &[Row], kit: TestKit, a: &Batches, b: &Batches, windows: &Windows) -> Vec<Shown> {
    let clock = ManualClock::default();
    let builder = StreamingContext::builder("operators")
        .batch_duration(secs(1))
        .threads(2);
    let ssc = builder.clock(clock.clone()).build().unwrap();
    let (left, right) = (kit.input(&ssc, a).unwrap(), kit.input(&ssc, b).unwrap());
    let outputs = Arc::new(Mutex::new(vec![Shown::new(); rows.len()]));
    for (n, row) in rows.iter().enumerate() {
        let outputs = outputs.clone();
        let stream = (row.engine)(&left, &right, windows).unwrap();
        stream.foreach_rdd(move |rdd| {
            let mut texts = rdd.collect()?;
            texts.sort();
            outputs.lock().unwrap()[n].push(texts);
            Ok::<_, EngineError>(())
        });
    }
    let mut stepper = Stepper::start(&ssc, &clock).unwrap();
    let mut now = 0;
    for time in &windows.times {
        assert!(stepper.advance(secs(time - now)).unwrap());
        now = *time;
    }
    std::mem::take(&mut outputs.lock().unwrap())
}

fn batches(n: usize) -> impl Strategy<Value = Batches> {
    prop::collection::vec(prop::collection::vec((0u8..6, -5i64..6), 0..12), n)
}

/// How much time passes before each of `n` batches: mostly one interval, sometimes several.
fn times(n: usize) -> impl Strategy<Value = Vec<u64>> {
    let step = prop_oneof![4 => Just(1u64), 1 => 2u64..5];
    prop::collection::vec(step, n).prop_map(|steps| {
        let sum = |now: &mut u64, step| {
            *now += step;
            Some(*now)
        };
        steps.into_iter().scan(0, sum).collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn every_operator_equals_its_plain_recomputation(
        (a, b, times) in (1usize..9).prop_flat_map(|n| (batches(n), batches(n), times(n))),
        window in 1u64..6, slide in 1u64..5, partitions in 1usize..5,
    ) {
        let (rows, windows) = (table(), Windows { window, slide, times });
        let outputs = run(&rows, TestKit::default().partitions(partitions), &a, &b, &windows);
        for (row, output) in rows.iter().zip(outputs) {
            prop_assert_eq!(output, (row.plain)(&a, &b, &windows), "{}", row.name);
        }
    }
}
