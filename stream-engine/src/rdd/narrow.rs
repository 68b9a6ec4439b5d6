use super::{BoxChunks, CHUNK, Chunks, Data, Key, Node, PartitionIter, Rdd};
use crate::operator::guard;
use crate::pool::Pool;
use crate::{BoxError, EngineError, Operator};
use std::sync::Arc;

/// Where the closure of `flat_map_into` puts its results: straight into the next operator's chunk.
#[derive(Debug)]
pub struct Emitter<'a, U> {
    chunk: &'a mut Vec<U>,
}

impl<'a, U> Emitter<'a, U> {
    pub(super) fn new(chunk: &'a mut Vec<U>) -> Self {
        Emitter { chunk }
    }

    /// Adds one result.
    #[inline]
    pub fn push(&mut self, item: U) {
        self.chunk.push(item);
    }
}

impl<U> Extend<U> for Emitter<'_, U> {
    #[inline]
    fn extend<I: IntoIterator<Item = U>>(&mut self, items: I) {
        self.chunk.extend(items);
    }
}

/// An operator that needs one partition of its parent for each of its own.
struct Narrow<T, W> {
    parent: Arc<dyn Node<T>>,
    wrap: W,
    /// Whether it works record by record, and so makes none out of none.
    by_record: bool,
}

impl<T, U, W> Node<U> for Narrow<T, W>
where
    T: Data,
    W: Fn(usize, BoxChunks<T>) -> BoxChunks<U> + Send + Sync,
{
    fn partitions(&self) -> usize {
        self.parent.partitions()
    }

    fn prepare(&self, pool: &Pool) -> Result<(), EngineError> {
        self.parent.prepare(pool)
    }

    fn open(&self, partition: usize) -> Result<BoxChunks<U>, EngineError> {
        Ok((self.wrap)(partition, self.parent.open(partition)?))
    }

    fn is_empty(&self) -> bool {
        self.by_record && self.parent.is_empty()
    }
}

/// Turns whole chunks into whole chunks; `work` empties its input. The loop over records is inside `work`, monomorphized.
struct Mapped<T, W> {
    operator: Operator,
    input: BoxChunks<T>,
    chunk: Vec<T>,
    work: W,
}

impl<T, U, W> Chunks<U> for Mapped<T, W>
where
    W: FnMut(&mut Vec<T>, &mut Vec<U>) -> Result<(), BoxError>,
{
    fn next_chunk(&mut self, out: &mut Vec<U>) -> Result<bool, EngineError> {
        let more = self.input.next_chunk(&mut self.chunk)?;
        guard(self.operator, || (self.work)(&mut self.chunk, out))?
            .map_err(|cause| EngineError::failed(self.operator, cause))?;
        self.chunk.clear();
        Ok(more)
    }
}

/// Turns each record into several; stops at about [`CHUNK`] results and goes on with the rest of its input next time, so
/// that chunks stay small however many results a record has.
pub(super) struct FlatMapped<T, F> {
    operator: Operator,
    input: BoxChunks<T>,
    reversed: Vec<T>,
    ended: bool,
    f: F,
}

impl<T, F> FlatMapped<T, F> {
    pub(super) fn new(operator: Operator, input: BoxChunks<T>, f: F) -> Self {
        FlatMapped {
            operator,
            input,
            reversed: Vec::new(),
            ended: false,
            f,
        }
    }
}

impl<T, U, F: Fn(T, &mut Emitter<'_, U>)> Chunks<U> for FlatMapped<T, F> {
    fn next_chunk(&mut self, out: &mut Vec<U>) -> Result<bool, EngineError> {
        if self.reversed.is_empty() && !self.ended {
            self.ended = !self.input.next_chunk(&mut self.reversed)?;
            self.reversed.reverse();
        }
        let limit = out.len() + CHUNK;
        guard(self.operator, || {
            while out.len() < limit
                && let Some(record) = self.reversed.pop()
            {
                (self.f)(record, &mut Emitter { chunk: out });
            }
        })?;
        Ok(!(self.ended && self.reversed.is_empty()))
    }
}

/// The results of a user's iterator over a whole partition.
struct Iterated<T, F, I> {
    operator: Operator,
    start: Option<(F, PartitionIter<T>)>,
    results: Option<I>,
}

impl<T, U, F, I> Chunks<U> for Iterated<T, F, I>
where
    F: FnOnce(PartitionIter<T>) -> I,
    I: Iterator<Item = U>,
{
    fn next_chunk(&mut self, out: &mut Vec<U>) -> Result<bool, EngineError> {
        if let Some((f, input)) = self.start.take() {
            self.results = Some(guard(self.operator, || f(input))?);
        }
        let Some(results) = self.results.as_mut() else {
            return Ok(false);
        };
        let limit = out.len() + CHUNK;
        guard(self.operator, || out.extend(results.by_ref().take(CHUNK)))?;
        Ok(out.len() == limit)
    }
}

impl<T: Data> Rdd<T> {
    /// The child of this RDD that wraps each partition's chunks and works record by record; metadata is kept, the
    /// partitioner is not.
    pub(super) fn narrow<U: Data>(
        &self,
        wrap: impl Fn(usize, BoxChunks<T>) -> BoxChunks<U> + Send + Sync + 'static,
    ) -> Rdd<U> {
        self.wrapped(wrap, true)
    }

    fn wrapped<U: Data>(
        &self,
        wrap: impl Fn(usize, BoxChunks<T>) -> BoxChunks<U> + Send + Sync + 'static,
        by_record: bool,
    ) -> Rdd<U> {
        let child = Rdd::new(
            self.context(),
            Narrow {
                parent: self.node().clone(),
                wrap,
                by_record,
            },
        );
        Rdd {
            metadata: self.metadata.clone(),
            ..child
        }
    }

    /// As [`Rdd::narrow`], for work that goes chunk by chunk.
    pub(super) fn narrow_chunks<U: Data>(
        &self,
        operator: Operator,
        work: impl Fn(&mut Vec<T>, &mut Vec<U>) -> Result<(), BoxError> + Send + Sync + 'static,
    ) -> Rdd<U> {
        let work = Arc::new(work);
        self.narrow(move |_, input| {
            let work = work.clone();
            let work = move |records: &mut Vec<T>, out: &mut Vec<U>| work(records, out);
            Box::new(Mapped {
                operator,
                input,
                chunk: Vec::new(),
                work,
            })
        })
    }

    /// Whole chunks turned into whole chunks; `work` is told the partition and empties its input.
    pub(crate) fn map_chunks_at<U: Data>(
        &self,
        operator: Operator,
        work: impl Fn(usize, &mut Vec<T>, &mut Vec<U>) -> Result<(), BoxError> + Send + Sync + 'static,
    ) -> Rdd<U> {
        let work = Arc::new(work);
        self.narrow(move |partition, input| {
            let work = work.clone();
            let work = move |records: &mut Vec<T>, out: &mut Vec<U>| work(partition, records, out);
            Box::new(Mapped {
                operator,
                input,
                chunk: Vec::new(),
                work,
            })
        })
    }

    /// Each record turned into another.
    #[track_caller]
    pub fn map<U: Data>(&self, f: impl Fn(T) -> U + Send + Sync + 'static) -> Rdd<U> {
        self.map_at(Operator::here("map"), f)
    }

    pub(crate) fn map_at<U: Data>(
        &self,
        operator: Operator,
        f: impl Fn(T) -> U + Send + Sync + 'static,
    ) -> Rdd<U> {
        self.narrow_chunks(operator, move |records, out| {
            out.extend(records.drain(..).map(&f));
            Ok(())
        })
    }

    /// Each record turned into another; the first error fails the action, naming this operator.
    #[track_caller]
    pub fn try_map<U: Data, E: Into<BoxError>>(
        &self,
        f: impl Fn(T) -> Result<U, E> + Send + Sync + 'static,
    ) -> Rdd<U> {
        self.try_map_at(Operator::here("try_map"), f)
    }

    pub(crate) fn try_map_at<U: Data, E: Into<BoxError>>(
        &self,
        operator: Operator,
        f: impl Fn(T) -> Result<U, E> + Send + Sync + 'static,
    ) -> Rdd<U> {
        self.narrow_chunks(operator, move |records, out| {
            for record in records.drain(..) {
                out.push(f(record).map_err(Into::into)?);
            }
            Ok(())
        })
    }

    /// The records for which `keep` is true. Keeps the partitioner.
    #[track_caller]
    pub fn filter(&self, keep: impl Fn(&T) -> bool + Send + Sync + 'static) -> Rdd<T> {
        self.filter_at(Operator::here("filter"), keep)
    }

    pub(crate) fn filter_at(
        &self,
        operator: Operator,
        keep: impl Fn(&T) -> bool + Send + Sync + 'static,
    ) -> Rdd<T> {
        let kept = self.narrow_chunks(operator, move |records, out| {
            out.extend(records.drain(..).filter(&keep));
            Ok(())
        });
        kept.with_partitioner(self.partitioner())
    }

    /// Each record turned into any number of others.
    #[track_caller]
    pub fn flat_map<U: Data, I: IntoIterator<Item = U>>(
        &self,
        f: impl Fn(T) -> I + Send + Sync + 'static,
    ) -> Rdd<U> {
        self.flat_map_at(Operator::here("flat_map"), f)
    }

    pub(crate) fn flat_map_at<U: Data, I: IntoIterator<Item = U>>(
        &self,
        operator: Operator,
        f: impl Fn(T) -> I + Send + Sync + 'static,
    ) -> Rdd<U> {
        self.flat_map_into_at(operator, move |record, out| out.extend(f(record)))
    }

    /// Each record turned into any number of others, which the closure pushes. Unlike with [`Rdd::flat_map`] the results may
    /// be taken from a borrowed part of the record, and nothing needs to be allocated per record.
    ///
    /// ```
    /// # use stream_engine::RddContext;
    /// let lines = RddContext::new(2)?.parallelize(vec!["a b".to_owned(), "c".to_owned()], 2);
    /// let lengths = lines.flat_map_into(|line, out| out.extend(line.split(' ').map(str::len)));
    /// assert_eq!(lengths.collect()?, [1, 1, 1]);
    /// # Ok::<_, stream_engine::EngineError>(())
    /// ```
    #[track_caller]
    pub fn flat_map_into<U: Data>(
        &self,
        f: impl Fn(T, &mut Emitter<'_, U>) + Send + Sync + 'static,
    ) -> Rdd<U> {
        self.flat_map_into_at(Operator::here("flat_map_into"), f)
    }

    pub(crate) fn flat_map_into_at<U: Data>(
        &self,
        operator: Operator,
        f: impl Fn(T, &mut Emitter<'_, U>) + Send + Sync + 'static,
    ) -> Rdd<U> {
        let f = Arc::new(f);
        self.narrow(move |_, input| {
            let f = f.clone();
            let f = move |record, out: &mut Emitter<'_, U>| f(record, out);
            Box::new(FlatMapped::new(operator, input, f))
        })
    }

    /// Each partition's iterator turned into another: once per partition, for work with an expensive start.
    ///
    /// The partitioner is dropped; where keys stay as they are, use [`Rdd::map_values`] instead.
    #[track_caller]
    pub fn map_partitions<U: Data, I>(
        &self,
        f: impl Fn(PartitionIter<T>) -> I + Send + Sync + 'static,
    ) -> Rdd<U>
    where
        I: IntoIterator<Item = U> + 'static,
    {
        self.map_partitions_at(Operator::here("map_partitions"), move |_, records| {
            f(records)
        })
    }

    /// As [`Rdd::map_partitions`], with the partition's number as first argument.
    #[track_caller]
    pub fn map_partitions_with_index<U: Data, I>(
        &self,
        f: impl Fn(usize, PartitionIter<T>) -> I + Send + Sync + 'static,
    ) -> Rdd<U>
    where
        I: IntoIterator<Item = U> + 'static,
    {
        self.map_partitions_at(Operator::here("map_partitions_with_index"), f)
    }

    pub(crate) fn map_partitions_at<U: Data, I>(
        &self,
        operator: Operator,
        f: impl Fn(usize, PartitionIter<T>) -> I + Send + Sync + 'static,
    ) -> Rdd<U>
    where
        I: IntoIterator<Item = U> + 'static,
    {
        let (f, pool) = (Arc::new(f), self.context().pool().clone());
        let wrap = move |partition, input| -> BoxChunks<U> {
            let f = f.clone();
            let start = move |records| f(partition, records).into_iter();
            Box::new(Iterated {
                operator,
                start: Some((start, PartitionIter::new(input, &pool))),
                results: None,
            })
        };
        self.wrapped(wrap, false)
    }

    /// One record per partition: all of its records.
    #[track_caller]
    pub fn glom(&self) -> Rdd<Vec<T>> {
        self.glom_at(Operator::here("glom"))
    }

    pub(crate) fn glom_at(&self, operator: Operator) -> Rdd<Vec<T>> {
        self.map_partitions_at(operator, |_, records| {
            std::iter::once(records.collect::<Vec<T>>())
        })
    }

    /// Pairs of each record's key and the record.
    #[track_caller]
    pub fn key_by<K: Data>(&self, key: impl Fn(&T) -> K + Send + Sync + 'static) -> Rdd<(K, T)> {
        self.map_at(Operator::here("key_by"), move |record| {
            (key(&record), record)
        })
    }

    /// The records grouped by a key that `key` makes of each.
    #[track_caller]
    pub fn group_by<K: Key>(
        &self,
        key: impl Fn(&T) -> K + Send + Sync + 'static,
    ) -> Rdd<(K, Vec<T>)> {
        let operator = Operator::here("group_by");
        self.map_at(operator, move |record| (key(&record), record))
            .group_by_key_at(operator, None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::RddContext;

    fn numbers(n: u32, partitions: usize) -> Rdd<u32> {
        RddContext::new(2).unwrap().parallelize(0..n, partitions)
    }

    #[test]
    fn narrow_operators_equal_iterator_adapters_in_order() {
        // 5000 records in 3 partitions: several chunks each, none of them full at the end.
        let rdd = numbers(5000, 3)
            .map(|x| x + 1)
            .filter(|x| x % 3 != 0)
            .flat_map(|x| vec![x; (x % 4) as usize]);
        let expected: Vec<u32> = (0..5000)
            .map(|x| x + 1)
            .filter(|x| x % 3 != 0)
            .flat_map(|x| vec![x; (x % 4) as usize])
            .collect();
        assert_eq!(rdd.collect().unwrap(), expected);
        assert_eq!(rdd.num_partitions(), 3);
    }

    #[test]
    fn flat_map_survives_no_results_and_many() {
        assert_eq!(
            numbers(3000, 2)
                .flat_map(|_| Vec::<u32>::new())
                .count()
                .unwrap(),
            0
        );
        assert_eq!(
            numbers(3, 2)
                .flat_map_into(|x, out| out.extend(0..x * 10_000))
                .count()
                .unwrap(),
            30_000
        );
    }

    #[test]
    fn partitions_are_seen_whole() {
        let sums = numbers(2000, 2).map_partitions(|records| [records.map(u64::from).sum::<u64>()]);
        assert_eq!(sums.collect().unwrap(), [499_500, 1_499_500]);
        let indexed =
            numbers(4, 2).map_partitions_with_index(|p, records| records.map(move |x| (p, x)));
        assert_eq!(indexed.collect().unwrap(), [(0, 0), (0, 1), (1, 2), (1, 3)]);
        assert_eq!(
            numbers(3, 2).glom().collect().unwrap(),
            [vec![0], vec![1, 2]]
        );
        assert_eq!(
            numbers(2, 1).key_by(|x| x % 2).collect().unwrap(),
            [(0, 0), (1, 1)]
        );
        let mut groups = numbers(5, 2).group_by(|x| x % 2).collect().unwrap();
        groups.sort();
        assert_eq!(groups, [(0, vec![0, 2, 4]), (1, vec![1, 3])]);
    }

    #[test]
    fn a_panic_names_its_operator_and_leaves_the_pool_alive() {
        let rdd = numbers(2000, 2);
        let broken = rdd
            .map(|x| x)
            .filter(|x| {
                if *x == 1999 {
                    panic!("record {x} is bad")
                } else {
                    true
                }
            })
            .map(|x| x);
        let error = broken.collect().unwrap_err().to_string();
        assert!(
            error.starts_with("filter at ") && error.contains("narrow.rs"),
            "{error}"
        );
        assert!(error.ends_with("panicked: record 1999 is bad"), "{error}");
        assert_eq!(rdd.count().unwrap(), 2000);
    }

    #[test]
    fn an_error_before_map_partitions_is_not_mistaken_for_the_end() {
        let rdd = numbers(2000, 1).try_map(|x| {
            if x < 1500 {
                Ok(x)
            } else {
                Err(format!("no {x}"))
            }
        });
        let reached_end = Arc::new(std::sync::atomic::AtomicBool::new(false));
        let flag = reached_end.clone();
        let total = rdd.map_partitions(move |records| {
            let n = records.count();
            flag.store(true, std::sync::atomic::Ordering::Relaxed);
            [n]
        });
        let error = total.collect().unwrap_err().to_string();
        assert!(
            error.starts_with("try_map at ") && error.ends_with("failed: no 1500"),
            "{error}"
        );
        assert!(!reached_end.load(std::sync::atomic::Ordering::Relaxed));
    }

    #[test]
    fn the_source_s_metadata_survives_narrow_operators() {
        let rdd = numbers(4, 2).with_metadata("offsets 0..4");
        assert_eq!(
            *rdd.map(|x| x).filter(|_| true).metadata::<&str>().unwrap(),
            "offsets 0..4"
        );
        assert!(rdd.repartition(2).metadata::<&str>().is_none());
        assert!(rdd.metadata::<String>().is_none());
    }
}
