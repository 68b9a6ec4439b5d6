use super::DStream;
use crate::operator::guard;
use crate::{Data, EngineError, Operator, Rdd, StreamingContext, Time};

/// Any RDD operation on each batch. The closures run on the scheduler's thread once per batch; an action in them runs at once.
impl<T: Data> DStream<T> {
    /// What `f` makes of each batch's RDD, such as a join with an RDD that never changes.
    ///
    /// Such an RDD is best shuffled once: [`partition_by`](Rdd::partition_by) keeps its records in memory where the join looks
    /// for them, and each batch shuffles its own records only.
    ///
    /// ```
    /// use stream_engine::testkit::{TestKit, Stepper, secs};
    /// use stream_engine::{ManualClock, StreamingContext};
    ///
    /// let clock = ManualClock::default();
    /// let ssc = StreamingContext::builder("prices").batch_duration(secs(1)).clock(clock.clone()).build()?;
    /// let prices = ssc.rdd_context().parallelize([("tea", 3), ("nuts", 5)], 2).partition_by(4);
    ///
    /// let sold = TestKit::default().input(&ssc, &[vec![("tea", 10)], vec![("nuts", 2), ("tea", 1)]])?;
    /// let takings = sold.transform(move |sold| sold.join(&prices).map(|(_, (number, price))| number * price));
    /// let sums = takings.reduce(|a, b| a + b);
    /// sums.print();
    /// # let expected = std::sync::Mutex::new(vec![vec![13], vec![30]]);
    /// # sums.foreach_rdd(move |rdd| rdd.collect().map(|sum| assert_eq!(Some(sum), expected.lock().unwrap().pop())));
    /// # let mut stepper = Stepper::start(&ssc, &clock)?;
    /// # stepper.step()?;
    /// # stepper.step()?;
    /// # Ok::<_, stream_engine::EngineError>(())
    /// ```
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
    /// What `f` makes of each batch's RDDs of all `streams`, in their order. All must have the same slide, and records of one
    /// type: streams of different types are combined two by two, with [`DStream::transform_with`].
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
        first.check_belongs(operator, self.shared());
        streams[1..]
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
                    match parent.rdd(batch)? {
                        Some(rdd) => rdds.push(rdd),
                        None => return Ok(None),
                    }
                }
                Ok(Some(guard(operator, || f(rdds, batch.time))?))
            },
        ))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

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

    #[test]
    fn a_static_rdd_that_is_partitioned_is_shuffled_once_for_all_batches() {
        let shuffled = |partitioned: bool| {
            let read = Arc::new(AtomicUsize::new(0));
            let counted = read.clone();
            let input = [
                vec![(1, 'a'), (7, 'b')],
                vec![(2, 'c')],
                vec![],
                vec![(3, 'd')],
            ];
            let output = TestKit::default().run(&input, move |s| {
                let table = s.shared().rdds.parallelize((0..6).map(|k| (k, k * k)), 3);
                let table = table.map(move |row| {
                    counted.fetch_add(1, Ordering::Relaxed);
                    row
                });
                let table = if partitioned {
                    table.partition_by(4)
                } else {
                    table
                };
                s.transform(move |rdd| rdd.join(&table))
            });
            let expected = [
                vec![(1, ('a', 1))],
                vec![(2, ('c', 4))],
                vec![],
                vec![(3, ('d', 9))],
            ];
            assert_eq!(output.unwrap(), expected);
            read.load(Ordering::Relaxed)
        };
        assert_eq!((shuffled(true), shuffled(false)), (6, 4 * 6));
    }
}
