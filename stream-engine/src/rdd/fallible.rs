//! Narrow operators whose closure may refuse single records.

use std::sync::Arc;

use super::actions::for_each_chunk;
use super::{BoxChunks, CHUNK, Chunks, Data, Emitter, Materialized, Rdd};
use crate::operator::guard;
use crate::pool::Pool;
use crate::stream::{Found, PoisonCause};
use crate::{BoxError, EngineError, Operator};

/// What becomes of the records that a closure refused. Asked only about those, and at the end of a partition, so that a
/// virtual call costs nothing.
pub(crate) trait Judge<T>: Send + Sync {
    /// The operator whose closure it judges for.
    fn operator(&self) -> Operator;
    /// A closure refused the record with this index in its partition. An error fails the action.
    fn refused(
        &self,
        partition: usize,
        index: u64,
        record: &T,
        cause: PoisonCause,
    ) -> Result<(), EngineError>;
    /// A run has come to the end of a partition.
    fn finished(&self, _partition: usize) {}
}

/// Why a closure did not do its work.
pub(crate) enum Refusal {
    /// The record is bad.
    Record(PoisonCause),
    /// Something else is, and no other record would fare better.
    Batch(BoxError),
}

impl Refusal {
    /// The error of a user's closure. An error of the engine (an action inside an operator) is no fault of the record.
    #[cold]
    pub(crate) fn of<E: Into<BoxError>>(error: E) -> Self {
        Self::named(std::any::type_name::<E>(), error.into())
    }

    /// As [`Refusal::of`], by the name of what refused.
    #[cold]
    pub(crate) fn named(kind: &'static str, error: BoxError) -> Self {
        if error.is::<EngineError>() {
            Refusal::Batch(error)
        } else {
            Refusal::Record(PoisonCause::error(kind, error))
        }
    }
}

/// The cause why the record at hand is refused; nothing if none was.
fn cause_of(
    operator: Operator,
    outcome: Result<Result<(), Refusal>, EngineError>,
) -> Result<Option<PoisonCause>, EngineError> {
    match outcome {
        Ok(Ok(())) => Ok(None),
        Ok(Err(Refusal::Record(cause))) => Ok(Some(cause)),
        Ok(Err(Refusal::Batch(error))) => Err(EngineError::failed(operator, error)),
        Err(EngineError::Panicked { message, .. }) => Ok(Some(PoisonCause::panic(message))),
        Err(error) => Err(error),
    }
}

/// Turns each record into any number of others, or has it judged.
///
/// The closure borrows the record, so that there still is one to be judged. Panics are caught once for a chunk and not for
/// each record: how far the chunk was worked tells which record it was, and the work goes on behind it.
struct Judged<T, W> {
    operator: Operator,
    partition: usize,
    input: BoxChunks<T>,
    records: Vec<T>,
    /// The next record of the chunk.
    at: usize,
    /// How many records came before the chunk.
    before: u64,
    ended: bool,
    judge: Arc<dyn Judge<T>>,
    work: W,
}

impl<T, U, W> Chunks<U> for Judged<T, W>
where
    W: Fn(&T, &mut Emitter<'_, U>) -> Result<(), Refusal>,
{
    fn next_chunk(&mut self, out: &mut Vec<U>) -> Result<bool, EngineError> {
        if self.at == self.records.len() && !self.ended {
            self.before += self.records.len() as u64;
            self.at = 0;
            self.records.clear();
            self.ended = !self.input.next_chunk(&mut self.records)?;
        }
        let limit = out.len() + CHUNK;
        while self.at < self.records.len() && out.len() < limit {
            let (mut at, mut whole) = (self.at, out.len());
            let outcome = guard(self.operator, || {
                for record in &self.records[self.at..] {
                    whole = out.len();
                    if whole >= limit {
                        break;
                    }
                    (self.work)(record, &mut Emitter::new(out))?;
                    at += 1;
                }
                Ok(())
            });
            self.at = at;
            let Some(cause) = cause_of(self.operator, outcome)? else {
                break;
            };
            // What the record gave before it was refused does not count.
            out.truncate(whole);
            let (index, record) = (self.before + at as u64, &self.records[at]);
            self.judge.refused(self.partition, index, record, cause)?;
            self.at += 1;
        }
        let more = !(self.ended && self.at == self.records.len());
        if !more {
            self.judge.finished(self.partition);
        }
        Ok(more)
    }
}

/// Keeps records, drops them, or has them judged; in place, as they come.
struct JudgedFilter<T, F> {
    operator: Operator,
    partition: usize,
    input: BoxChunks<T>,
    before: u64,
    judge: Arc<dyn Judge<T>>,
    keep: F,
}

impl<T, F> Chunks<T> for JudgedFilter<T, F>
where
    F: Fn(&T) -> Result<bool, Refusal>,
{
    fn next_chunk(&mut self, out: &mut Vec<T>) -> Result<bool, EngineError> {
        let start = out.len();
        let more = self.input.next_chunk(out)?;
        let (mut at, mut kept) = (start, start);
        while at < out.len() {
            let outcome = guard(self.operator, || {
                while at < out.len() {
                    if (self.keep)(&out[at])? {
                        if kept != at {
                            out.swap(kept, at);
                        }
                        kept += 1;
                    }
                    at += 1;
                }
                Ok(())
            });
            let Some(cause) = cause_of(self.operator, outcome)? else {
                break;
            };
            let index = self.before + (at - start) as u64;
            self.judge.refused(self.partition, index, &out[at], cause)?;
            at += 1;
        }
        self.before += (out.len() - start) as u64;
        out.truncate(kept);
        if !more {
            self.judge.finished(self.partition);
        }
        Ok(more)
    }
}

impl<T: Data> Rdd<T> {
    /// What `work` makes of each record; what it refuses is for the judge.
    pub(crate) fn judged<U: Data>(
        &self,
        judge: Arc<dyn Judge<T>>,
        work: impl Fn(&T, &mut Emitter<'_, U>) -> Result<(), Refusal> + Send + Sync + 'static,
    ) -> Rdd<U> {
        let (operator, work) = (judge.operator(), Arc::new(work));
        self.narrow(move |partition, input| {
            let work = work.clone();
            Box::new(Judged {
                operator,
                partition,
                input,
                records: Vec::new(),
                at: 0,
                before: 0,
                ended: false,
                judge: judge.clone(),
                work: move |record: &T, out: &mut Emitter<'_, U>| work(record, out),
            })
        })
    }

    /// The records that `keep` wants; those that it refuses are for the judge. Keeps the partitioner.
    pub(crate) fn judged_filter(
        &self,
        judge: Arc<dyn Judge<T>>,
        keep: impl Fn(&T) -> Result<bool, Refusal> + Send + Sync + 'static,
    ) -> Rdd<T> {
        let (operator, keep) = (judge.operator(), Arc::new(keep));
        let kept = self.narrow(move |partition, input| {
            let keep = keep.clone();
            Box::new(JudgedFilter {
                operator,
                partition,
                input,
                before: 0,
                judge: judge.clone(),
                keep: move |record: &T| keep(record),
            })
        });
        kept.with_partitioner(self.partitioner())
    }

    /// What was refused while this RDD was computed. Partitions that nobody has computed to their end are computed now, so
    /// that it does not depend on what others read.
    pub(crate) fn refused_at<P: Data>(
        &self,
        operator: Operator,
        found: Arc<Found<P>>,
    ) -> Rdd<crate::Poisoned<P>> {
        let judged = self.node().clone();
        let partitions = judged.partitions();
        let make = move |pool: &Pool| {
            let missing = found.unfinished();
            if !missing.is_empty() {
                judged.prepare(pool)?;
                pool.run(operator, missing, |partition| {
                    for_each_chunk(&*judged, pool, partition, |chunk| {
                        chunk.clear();
                        Ok(true)
                    })
                })?;
            }
            Ok(found.take())
        };
        Rdd::new(self.context(), Materialized::new(partitions, make))
    }
}
