use std::fmt;
use std::sync::Arc;

use super::poison::{FailFirst, PoisonLog};
use super::{DStream, PoisonPolicy, Poisoned};
use crate::rdd::{Judge, Refusal};
use crate::{BoxError, Data, Emitter, Operator, Rdd};

/// What an operator makes of an RDD whose refused records go to a judge.
type JudgedBy<T, U> = dyn Fn(&Rdd<T>, Arc<dyn Judge<T>>) -> Rdd<U> + Send + Sync;

/// A stream whose next operator may refuse records; made by [`DStream::on_poison`].
///
/// A record is refused if the closure returns an error or panics on it. The closure borrows the record, so that it is still
/// there to be named, skipped or written to a dead-letter topic. It has to give the same for the same record whenever it is
/// asked, because an uncached stream is computed again for each output operation that reads it.
///
/// Records that are not refused pay nothing for it. A panic also prints what the process's panic hook prints: return an error
/// where bad records are common.
pub struct Fallible<T> {
    stream: DStream<T>,
    policy: PoisonPolicy<T>,
}

impl<T: 'static> fmt::Debug for Fallible<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fallible")
            .field("stream", &self.stream)
            .field("policy", &self.policy)
            .finish()
    }
}

impl<T: Data> Fallible<T> {
    /// Each record turned into another.
    #[track_caller]
    pub fn try_map<U: Data, E: Into<BoxError> + 'static>(
        self,
        f: impl Fn(&T) -> Result<U, E> + Send + Sync + 'static,
    ) -> DStream<U> {
        self.judged(Operator::here("try_map"), mapped(f))
    }

    /// Each record turned into any number of others. What a record gave before it panicked is dropped with it.
    #[track_caller]
    pub fn try_flat_map<U: Data, I: IntoIterator<Item = U>, E: Into<BoxError> + 'static>(
        self,
        f: impl Fn(&T) -> Result<I, E> + Send + Sync + 'static,
    ) -> DStream<U> {
        let operator = Operator::here("try_flat_map");
        let push = move |record: &T, out: &mut Emitter<'_, U>| f(record).map(|all| out.extend(all));
        self.judged(operator, emitting(push))
    }

    /// Each record turned into any number of others, which the closure pushes; they may be made of borrowed parts of the
    /// record. What a record gave before it was refused is dropped with it.
    #[track_caller]
    pub fn try_flat_map_into<U: Data, E: Into<BoxError> + 'static>(
        self,
        f: impl Fn(&T, &mut Emitter<'_, U>) -> Result<(), E> + Send + Sync + 'static,
    ) -> DStream<U> {
        self.judged(Operator::here("try_flat_map_into"), emitting(f))
    }

    /// The records for which `keep` is true.
    #[track_caller]
    pub fn try_filter<E: Into<BoxError> + 'static>(
        self,
        keep: impl Fn(&T) -> Result<bool, E> + Send + Sync + 'static,
    ) -> DStream<T> {
        self.judged(Operator::here("try_filter"), filtered(keep))
    }

    /// An output operation: calls `f` with every record, on the pool's threads.
    #[track_caller]
    pub fn try_for_each<E: Into<BoxError> + 'static>(
        self,
        f: impl Fn(&T) -> Result<(), E> + Send + Sync + 'static,
    ) {
        let operator = Operator::here("try_for_each");
        let done = self.judged(
            operator,
            emitting(move |record, _: &mut Emitter<'_, ()>| f(record)),
        );
        done.foreach_rdd_at(operator, |rdd, _| rdd.count().map(drop));
    }

    /// The stream of what is not refused, with the policy at work.
    pub(crate) fn judged<U: Data>(
        self,
        operator: Operator,
        judged_by: Box<JudgedBy<T, U>>,
    ) -> DStream<U> {
        match self.policy {
            PoisonPolicy::Fail => {
                let judge: Arc<dyn Judge<T>> = Arc::new(FailFirst { operator });
                self.stream
                    .map_rdd(operator, move |rdd| judged_by(&rdd, judge.clone()))
            }
            PoisonPolicy::Skip => self.stream.logged(operator, false, judged_by).0,
            PoisonPolicy::DeadLetter(sink) => {
                let (good, refused) = self.stream.split(operator, judged_by);
                refused.save_last_at(operator, sink);
                good
            }
        }
    }
}

/// Operators whose closure may refuse records. Called on the stream itself, they fail the batch at the first refused record,
/// with an error that names it; [`on_poison`](DStream::on_poison) has the other policies.
impl<T: Data> DStream<T> {
    /// Chooses what becomes of the records that the operator after it refuses.
    ///
    /// ```
    /// # use stream_engine::testkit::check;
    /// use stream_engine::PoisonPolicy;
    ///
    /// check(
    ///     &[vec!["1", "two", "3"]],
    ///     |lines| lines.on_poison(PoisonPolicy::Skip).try_map(|line| line.parse::<u32>()),
    ///     &[vec![1, 3]],
    /// );
    /// ```
    pub fn on_poison(&self, policy: PoisonPolicy<T>) -> Fallible<T> {
        Fallible {
            stream: self.clone(),
            policy,
        }
    }

    /// Each record turned into another; the first that is refused fails the batch.
    #[track_caller]
    pub fn try_map<U: Data, E: Into<BoxError> + 'static>(
        &self,
        f: impl Fn(&T) -> Result<U, E> + Send + Sync + 'static,
    ) -> DStream<U> {
        self.on_poison(PoisonPolicy::Fail).try_map(f)
    }

    /// Each record turned into any number of others; the first that is refused fails the batch.
    #[track_caller]
    pub fn try_flat_map<U: Data, I: IntoIterator<Item = U>, E: Into<BoxError> + 'static>(
        &self,
        f: impl Fn(&T) -> Result<I, E> + Send + Sync + 'static,
    ) -> DStream<U> {
        self.on_poison(PoisonPolicy::Fail).try_flat_map(f)
    }

    /// The records for which `keep` is true; the first that is refused fails the batch.
    #[track_caller]
    pub fn try_filter<E: Into<BoxError> + 'static>(
        &self,
        keep: impl Fn(&T) -> Result<bool, E> + Send + Sync + 'static,
    ) -> DStream<T> {
        self.on_poison(PoisonPolicy::Fail).try_filter(keep)
    }

    /// As `try_map`, with the refused records as a stream of their own: a side output.
    ///
    /// It holds each of them once, however often the first stream is computed, also those of records that no output operation
    /// reads. Register its output operations after those of the first stream: what these have computed is not computed again.
    ///
    /// ```
    /// # use stream_engine::testkit::check;
    /// check(
    ///     &[vec!["1", "two"]],
    ///     |lines| {
    ///         let (numbers, refused) = lines.try_map_split(|line| line.parse::<u32>());
    ///         numbers.map(|n| n.to_string()).union(&refused.map(|bad| bad.cause.to_string()))
    ///     },
    ///     &[vec!["1".to_owned(), "invalid digit found in string".to_owned()]],
    /// );
    /// ```
    #[track_caller]
    pub fn try_map_split<U: Data, E: Into<BoxError> + 'static>(
        &self,
        f: impl Fn(&T) -> Result<U, E> + Send + Sync + 'static,
    ) -> (DStream<U>, DStream<Poisoned<T>>) {
        self.split(Operator::here("try_map_split"), mapped(f))
    }

    /// As [`DStream::try_map_split`], for any number of results, which the closure pushes.
    #[track_caller]
    pub fn try_flat_map_split<U: Data, E: Into<BoxError> + 'static>(
        &self,
        f: impl Fn(&T, &mut Emitter<'_, U>) -> Result<(), E> + Send + Sync + 'static,
    ) -> (DStream<U>, DStream<Poisoned<T>>) {
        self.split(Operator::here("try_flat_map_split"), emitting(f))
    }

    /// The stream of what is not refused, and the log of what is.
    fn logged<U: Data>(
        &self,
        operator: Operator,
        keep: bool,
        judged_by: Box<JudgedBy<T, U>>,
    ) -> (DStream<U>, Arc<PoisonLog<T>>) {
        let log = Arc::new(PoisonLog::new(operator, keep));
        self.shared().graph().add_state(operator, log.clone());
        let (parent, begun) = (self.node().clone(), log.clone());
        let good = DStream::create(
            self.shared(),
            operator,
            self.slide_duration(),
            move |batch| {
                let judged = |rdd: Rdd<T>| {
                    let found = begun.begin(batch.time, rdd.num_partitions());
                    judged_by(&rdd, found)
                };
                Ok(parent.rdd(batch)?.map(judged))
            },
        );
        (good, log)
    }

    fn split<U: Data>(
        &self,
        operator: Operator,
        judged_by: Box<JudgedBy<T, U>>,
    ) -> (DStream<U>, DStream<Poisoned<T>>) {
        let (good, log) = self.logged(operator, true, judged_by);
        let judged = good.node().clone();
        let refused = DStream::create(
            self.shared(),
            operator,
            self.slide_duration(),
            move |batch| {
                let rdd = judged.rdd(batch)?;
                Ok(rdd
                    .zip(log.found(batch.time))
                    .map(|(rdd, found)| rdd.refused_at(operator, found)))
            },
        );
        (good, refused)
    }
}

fn mapped<T: Data, U: Data, E: Into<BoxError> + 'static>(
    f: impl Fn(&T) -> Result<U, E> + Send + Sync + 'static,
) -> Box<JudgedBy<T, U>> {
    pushing(move |record, out| {
        out.push(f(record).map_err(Refusal::of)?);
        Ok(())
    })
}

fn emitting<T: Data, U: Data, E: Into<BoxError> + 'static>(
    f: impl Fn(&T, &mut Emitter<'_, U>) -> Result<(), E> + Send + Sync + 'static,
) -> Box<JudgedBy<T, U>> {
    pushing(move |record, out| f(record, out).map_err(Refusal::of))
}

/// The operator that pushes what it makes of a record.
pub(crate) fn pushing<T: Data, U: Data>(
    f: impl Fn(&T, &mut Emitter<'_, U>) -> Result<(), Refusal> + Send + Sync + 'static,
) -> Box<JudgedBy<T, U>> {
    let f = Arc::new(f);
    Box::new(move |rdd, judge| {
        let f = f.clone();
        rdd.judged(judge, move |record, out| f(record, out))
    })
}

fn filtered<T: Data, E: Into<BoxError> + 'static>(
    keep: impl Fn(&T) -> Result<bool, E> + Send + Sync + 'static,
) -> Box<JudgedBy<T, T>> {
    let keep = Arc::new(keep);
    Box::new(move |rdd, judge| {
        let keep = keep.clone();
        rdd.judged_filter(judge, move |record| keep(record).map_err(Refusal::of))
    })
}

#[cfg(test)]
mod tests;
