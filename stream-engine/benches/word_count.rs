//! Word count of lines in memory: the engine, and a plain loop over one hash map beside it.

use bytes::Bytes;
use divan::counter::ItemsCount;
use divan::{Bencher, black_box};
use hashbrown::HashMap;
use stream_engine::{BoxError, RddContext, RddSource, RecordReader, ShortString};

const LINES: usize = 200_000;
const WORDS: usize = 44_000;

fn main() {
    divan::main();
}

/// Lines of about 100 bytes and 15 words; frequencies follow Zipf's law over 44,000 words.
fn lines() -> Vec<Bytes> {
    let mut random = fastrand::Rng::with_seed(7);
    let weights: Vec<f64> = (1..=WORDS).map(|rank| 1.0 / rank as f64).collect();
    let mut cumulative = Vec::with_capacity(WORDS);
    let mut total = 0.0;
    for weight in weights {
        total += weight;
        cumulative.push(total);
    }
    let words: Vec<String> = (0..WORDS)
        .map(|n| {
            let length = 3 + n % 8;
            let mut word = format!("{n:x}");
            while word.len() < length {
                word.push((b'a' + random.u8(..26)) as char);
            }
            word
        })
        .collect();
    let mut text = String::new();
    let mut ends = Vec::with_capacity(LINES);
    for _ in 0..LINES {
        for n in 0..15 {
            if n > 0 {
                text.push(' ');
            }
            let at = random.f64() * total;
            text.push_str(&words[cumulative.partition_point(|&end| end < at).min(WORDS - 1)]);
        }
        ends.push(text.len());
    }
    let text = Bytes::from(text);
    let mut start = 0;
    ends.into_iter()
        .map(|end| {
            let line = text.slice(start..end);
            start = end;
            line
        })
        .collect()
}

/// Hands out slices of one buffer, as a Kafka source does.
struct Lines {
    partitions: Vec<std::sync::Arc<Vec<Bytes>>>,
}

struct Reader {
    lines: std::sync::Arc<Vec<Bytes>>,
    at: usize,
}

impl RddSource<Bytes> for Lines {
    fn name(&self) -> &'static str {
        "lines"
    }

    fn partitions(&self) -> usize {
        self.partitions.len()
    }

    fn open(&self, partition: usize) -> Result<Box<dyn RecordReader<Bytes>>, BoxError> {
        Ok(Box::new(Reader {
            lines: self.partitions[partition].clone(),
            at: 0,
        }))
    }
}

impl RecordReader<Bytes> for Reader {
    fn read(&mut self, out: &mut Vec<Bytes>) -> Result<bool, BoxError> {
        let end = self.lines.len().min(self.at + stream_engine::CHUNK);
        out.extend_from_slice(&self.lines[self.at..end]);
        self.at = end;
        Ok(end < self.lines.len())
    }
}

fn words(line: &[u8]) -> impl Iterator<Item = &str> {
    std::str::from_utf8(line)
        .unwrap_or_default()
        .split_ascii_whitespace()
}

fn engine(bencher: Bencher, threads: usize, partitions: usize) {
    let context = RddContext::new(threads).expect("threads start");
    let lines = lines();
    let share = LINES.div_ceil(partitions);
    let partitions: Vec<_> = lines
        .chunks(share)
        .map(|part| std::sync::Arc::new(part.to_vec()))
        .collect();
    bencher.counter(ItemsCount::new(LINES)).bench_local(|| {
        let counts = context
            .read(Lines {
                partitions: partitions.clone(),
            })
            .flat_map_into(|line: Bytes, out| out.extend(words(&line).map(ShortString::new)))
            .map(|word| (word, 1u64))
            .reduce_by_key(|a, b| a + b);
        black_box(counts.count().expect("the count succeeds"))
    });
}

#[divan::bench(sample_count = 10, sample_size = 1)]
fn engine_one_thread(bencher: Bencher) {
    engine(bencher, 1, 4);
}

#[divan::bench(sample_count = 10, sample_size = 1)]
fn engine_one_thread_one_partition(bencher: Bencher) {
    engine(bencher, 1, 1);
}

#[divan::bench(sample_count = 10, sample_size = 1)]
fn engine_two_threads(bencher: Bencher) {
    engine(bencher, 2, 4);
}

/// What one would write by hand: one thread, one map, inline keys.
#[divan::bench(sample_count = 10, sample_size = 1)]
fn plain_loop(bencher: Bencher) {
    let lines = lines();
    bencher.counter(ItemsCount::new(LINES)).bench_local(|| {
        let mut counts: HashMap<ShortString, u64, foldhash::fast::FixedState> = HashMap::default();
        for line in &lines {
            for word in words(line) {
                *counts.entry(ShortString::new(word)).or_insert(0) += 1;
            }
        }
        black_box(counts.len())
    });
}
