use super::DStream;
use crate::operator::guard;
use crate::{Data, EngineError, Operator, Rdd, StreamingContext, Time};

/// Any RDD operation on each batch. The closures run on the scheduler's thread once per batch; an action in them runs at once.
impl<T: Data> DStream<T> {
    /// What `f` makes of each batch's RDD, such as a join with an RDD that never changes.
    #[track_caller]
    pub fn transform<U: Data>(
        &self,
        f: impl Fn(Rdd<T>) -> Rdd<U> + Send + Sync + 'static,
    ) -> DStream<U> {
        self.transform_at(Operator::here("transform"), move |rdd, _| f(rdd))
    }

    /// As [`DStream::transform`], with the batch's time as second argument.
    #[track_caller]
    pub fn transform_with_time<U: Data>(
        &self,
        f: impl Fn(Rdd<T>, Time) -> Rdd<U> + Send + Sync + 'static,
    ) -> DStream<U> {
        self.transform_at(Operator::here("transform_with_time"), f)
    }

    fn transform_at<U: Data>(
        &self,
        operator: Operator,
        f: impl Fn(Rdd<T>, Time) -> Rdd<U> + Send + Sync + 'static,
    ) -> DStream<U> {
        let parent = self.node().clone();
        DStream::create(
            self.shared(),
            operator,
            self.slide_duration(),
            move |batch| {
                parent
                    .rdd(batch)?
                    .map(|rdd| guard(operator, || f(rdd, batch.time)))
                    .transpose()
            },
        )
    }

    /// What `f` makes of each batch's RDDs of two streams, which must have the same slide.
    #[track_caller]
    pub fn transform_with<U: Data, R: Data>(
        &self,
        other: &DStream<U>,
        f: impl Fn(Rdd<T>, Rdd<U>) -> Rdd<R> + Send + Sync + 'static,
    ) -> DStream<R> {
        self.combine_with(
            Operator::here("transform_with"),
            other,
            move |rdd, other, _| f(rdd, other),
        )
    }

    /// As [`DStream::transform_with`], with the batch's time as third argument.
    #[track_caller]
    pub fn transform_with_and_time<U: Data, R: Data>(
        &self,
        other: &DStream<U>,
        f: impl Fn(Rdd<T>, Rdd<U>, Time) -> Rdd<R> + Send + Sync + 'static,
    ) -> DStream<R> {
        self.combine_with(Operator::here("transform_with_and_time"), other, f)
    }

    pub(crate) fn combine_with<U: Data, R: Data>(
        &self,
        operator: Operator,
        other: &DStream<U>,
        f: impl Fn(Rdd<T>, Rdd<U>, Time) -> Rdd<R> + Send + Sync + 'static,
    ) -> DStream<R> {
        self.check_combines(operator, other);
        let (left, right) = (self.node().clone(), other.node().clone());
        DStream::create(
            self.shared(),
            operator,
            self.slide_duration(),
            move |batch| match (left.rdd(batch)?, right.rdd(batch)?) {
                (Some(left), Some(right)) => {
                    Ok(Some(guard(operator, || f(left, right, batch.time))?))
                }
                _ => Ok(None),
            },
        )
    }
}

impl StreamingContext {
    /// What `f` makes of each batch's RDDs of all `streams`, in their order. All must have the same slide.
    ///
    /// # Errors
    /// [`EngineError::Graph`] without any stream.
    #[track_caller]
    pub fn transform<T: Data, R: Data>(
        &self,
        streams: &[DStream<T>],
        f: impl Fn(Vec<Rdd<T>>, Time) -> Rdd<R> + Send + Sync + 'static,
    ) -> Result<DStream<R>, EngineError> {
        let operator = Operator::here("transform");
        let Some(first) = streams.first() else {
            return Err(EngineError::Graph {
                operator,
                problem: "no stream given: pass at least one".to_owned(),
            });
        };
        streams
            .iter()
            .for_each(|other| first.check_combines(operator, other));
        let parents: Vec<_> = streams.iter().map(|stream| stream.node().clone()).collect();
        Ok(DStream::create(
            self.shared(),
            operator,
            first.slide_duration(),
            move |batch| {
                let mut rdds = Vec::with_capacity(parents.len());
                for parent in &parents {
                    rdds.extend(parent.rdd(batch)?);
                }
                Ok(Some(guard(operator, || f(rdds, batch.time))?))
            },
        ))
    }
}

#[cfg(test)]
mod tests {
    use crate::testkit::{TestKit, check, check2};
    use crate::{EngineError, Rdd};

    #[test]
    fn transform_sees_the_rdd_and_the_time_of_each_batch() {
        check(
            &[vec![1, 2], vec![3]],
            |s| s.transform(|rdd: Rdd<i32>| rdd.map(|x| -x)),
            &[vec![-1, -2], vec![-3]],
        );
        check(
            &[vec![1], vec![2]],
            |s| s.transform_with_time(|rdd, time| rdd.map(move |x| (x, time.as_millis()))),
            &[vec![(1, 1000)], vec![(2, 2000)]],
        );
    }

    #[test]
    fn transform_with_sees_the_same_batch_of_both() {
        check2(
            &[vec![1], vec![2, 3]],
            &[vec![10], vec![]],
            |a, b| a.transform_with(b, |a, b| a.union(&b)),
            &[vec![1, 10], vec![2, 3]],
        );
        check2(
            &[vec![1], vec![2]],
            &[vec![10], vec![]],
            |a, b| {
                a.transform_with_and_time(b, |a, b, t| a.union(&b).map(move |x| x + t.as_millis()))
            },
            &[vec![1001, 1010], vec![2002]],
        );
    }

    #[test]
    fn a_panic_on_the_scheduler_s_thread_fails_the_batch_and_names_the_operator() {
        let error = TestKit::default()
            .run(&[vec![1]], |s| {
                s.transform(|_| -> Rdd<i32> { panic!("no table") })
            })
            .unwrap_err();
        let EngineError::Panicked { operator, message } = error.root() else {
            panic!("{error:?}")
        };
        assert_eq!(
            (operator.name(), message.as_str()),
            ("transform", "no table")
        );
        assert!(
            error
                .to_string()
                .starts_with("batch 1000 ms, output operation foreach_rdd at "),
            "{error}"
        );
    }
}
