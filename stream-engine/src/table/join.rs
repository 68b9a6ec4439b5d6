use std::sync::Arc;

use super::{Table, Version};
use crate::{DStream, Data, EngineError, Key, Operator, Rdd};

/// Joins of a stream with a [`Table`]: each record is looked up, nothing is shuffled, and the keys' partitioner is kept. Every
/// batch sees one version of the table, as told [there](Table#which-version-a-batch-sees).
impl<K: Key, V: Data> DStream<(K, V)> {
    /// Each record whose key the table has, with the table's value.
    ///
    /// ```no_run
    /// # use stream_engine::{DStream, Table};
    /// # fn example(orders: DStream<(String, u32)>, customers: Table<String, String>) {
    /// let named: DStream<(String, (u32, String))> = orders.join_table(&customers);
    /// # }
    /// ```
    #[track_caller]
    pub fn join_table<W: Data>(&self, table: &Table<K, W>) -> DStream<(K, (V, W))> {
        let operator = Operator::here("join_table");
        self.with_table(operator, table, move |rdd, version| {
            rdd.flat_map_into_at(operator, move |(key, value): (K, V), out| {
                if let Some(found) = version.get(&key) {
                    let found = found.clone();
                    out.push((key, (value, found)));
                }
            })
        })
    }

    /// As [`DStream::join_table`], and the records whose key the table does not have, with `None`.
    #[track_caller]
    pub fn left_join_table<W: Data>(&self, table: &Table<K, W>) -> DStream<(K, (V, Option<W>))> {
        let operator = Operator::here("left_join_table");
        self.with_table(operator, table, move |rdd, version| {
            rdd.map_at(operator, move |(key, value): (K, V)| {
                let found = version.get(&key).cloned();
                (key, (value, found))
            })
        })
    }

    fn with_table<W: Data, R: Data>(
        &self,
        operator: Operator,
        table: &Table<K, W>,
        join: impl Fn(&Rdd<(K, V)>, Version<K, W>) -> Rdd<(K, R)> + Send + Sync + 'static,
    ) -> DStream<(K, R)> {
        if !Arc::ptr_eq(self.shared(), &table.context) {
            let problem = "the stream and the table belong to different streaming contexts: make both from one";
            self.shared().graph().add_problem(EngineError::Graph {
                operator,
                problem: problem.to_owned(),
            });
        }
        let current = table.current.clone();
        self.map_rdd(operator, move |rdd| {
            let version = super::lock(&current).clone();
            join(&rdd, version).with_partitioner(rdd.partitioner())
        })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use crate::source::SourceContext;
    use crate::table::{Changes, Table, TableSource};
    use crate::testkit::{Stepper, TestKit, secs};
    use crate::{BoxError, DStream, Data, EngineError, ManualClock, Operator, StreamingContext};

    type Change = (char, Option<&'static str>);

    /// Has the first of its lists at the start, and one more at each batch.
    struct Script {
        lists: std::vec::IntoIter<Vec<Change>>,
        log: Arc<Mutex<Vec<&'static str>>>,
    }

    impl Script {
        fn bring(&mut self, changes: &mut Changes<'_, char, &'static str>) -> Result<(), BoxError> {
            let list = self.lists.next().unwrap_or_default();
            if list.contains(&('!', None)) {
                return Err("the table is gone".into());
            }
            changes.apply(list);
            Ok(())
        }
    }

    impl TableSource<char, &'static str> for Script {
        fn start(
            &mut self,
            _: &SourceContext,
            changes: &mut Changes<'_, char, &'static str>,
        ) -> Result<(), BoxError> {
            self.log.lock().unwrap().push("start");
            self.bring(changes)
        }
        fn catch_up(
            &mut self,
            changes: &mut Changes<'_, char, &'static str>,
        ) -> Result<(), BoxError> {
            self.log.lock().unwrap().push("catch up");
            self.bring(changes)
        }
        fn stop(&mut self) {
            self.log.lock().unwrap().push("stop");
        }
    }

    struct Run {
        ssc: StreamingContext,
        clock: ManualClock,
        table: Table<char, &'static str>,
        log: Arc<Mutex<Vec<&'static str>>>,
    }

    fn run(lists: &[&[Change]]) -> Run {
        let clock = ManualClock::default();
        let builder = StreamingContext::builder("test").batch_duration(secs(1));
        let ssc = builder.threads(2).clock(clock.clone()).build().unwrap();
        let log: Arc<Mutex<Vec<&'static str>>> = Arc::default();
        let lists: Vec<Vec<Change>> = lists.iter().map(|list| list.to_vec()).collect();
        let source = Script {
            lists: lists.into_iter(),
            log: log.clone(),
        };
        let table = Table::create(ssc.shared(), Operator::here("table"), source).unwrap();
        Run {
            ssc,
            clock,
            table,
            log,
        }
    }

    fn collected<T: Data>(stream: &DStream<T>) -> Arc<Mutex<Vec<Vec<T>>>> {
        let batches: Arc<Mutex<Vec<Vec<T>>>> = Arc::default();
        let seen = batches.clone();
        stream.foreach_rdd(move |rdd| {
            let records = rdd.collect()?;
            seen.lock().unwrap().push(records);
            Ok::<_, EngineError>(())
        });
        batches
    }

    #[test]
    fn each_batch_sees_the_table_as_it_was_when_it_was_planned() {
        let lists: &[&[Change]] = &[
            &[('a', Some("ann")), ('b', Some("bob"))],
            &[],
            &[('a', Some("amy")), ('b', None), ('c', Some("cat"))],
            &[('c', None), ('c', Some("cy"))],
        ];
        let Run {
            ssc,
            clock,
            table,
            log,
        } = run(lists);
        let input = vec![('a', 1), ('b', 2), ('c', 3), ('a', 4)];
        let stream = TestKit::default()
            .input(&ssc, &[input.clone(), input.clone(), input])
            .unwrap();
        let inner = collected(&stream.join_table(&table));
        let left = collected(
            &stream
                .left_join_table(&table)
                .map(|(_, (n, name))| (n, name)),
        );
        let mut stepper = Stepper::start(&ssc, &clock).unwrap();
        assert_eq!((table.len(), table.get(&'b')), (2, Some("bob")));
        for _ in 0..3 {
            stepper.step().unwrap();
        }
        assert_eq!(
            *inner.lock().unwrap(),
            [
                vec![('a', (1, "ann")), ('b', (2, "bob")), ('a', (4, "ann"))],
                vec![('a', (1, "amy")), ('c', (3, "cat")), ('a', (4, "amy"))],
                vec![('a', (1, "amy")), ('c', (3, "cy")), ('a', (4, "amy"))],
            ]
        );
        assert_eq!(
            left.lock().unwrap()[1],
            [
                (1, Some("amy")),
                (2, None),
                (3, Some("cat")),
                (4, Some("amy"))
            ]
        );
        assert!(!table.is_empty() && table.get(&'b').is_none());
        drop(stepper);
        let log = log.lock().unwrap();
        assert_eq!(*log, ["start", "catch up", "catch up", "catch up", "stop"]);
    }

    #[test]
    fn an_rdd_that_is_computed_later_still_sees_the_version_of_its_batch() {
        let lists: &[&[Change]] = &[
            &[('a', Some("ann"))],
            &[],
            &[('a', Some("amy"))],
            &[('a', None)],
        ];
        let Run {
            ssc, clock, table, ..
        } = run(lists);
        let stream = TestKit::default()
            .input(&ssc, &[vec![('a', 1)], vec![('a', 2)], vec![('a', 3)]])
            .unwrap();
        let kept = Arc::new(Mutex::new(Vec::new()));
        let keeps = kept.clone();
        stream
            .left_join_table(&table)
            .foreach_rdd(move |rdd| keeps.lock().unwrap().push(rdd));
        let mut stepper = Stepper::start(&ssc, &clock).unwrap();
        for _ in 0..3 {
            stepper.step().unwrap();
        }
        let kept = kept.lock().unwrap();
        let found = kept.iter().map(|rdd| rdd.collect().unwrap()[0].1.1);
        assert_eq!(found.collect::<Vec<_>>(), [Some("ann"), Some("amy"), None]);
    }

    #[test]
    fn nothing_is_shuffled_and_the_partitioner_stays() {
        let Run {
            ssc, clock, table, ..
        } = run(&[&[('a', Some("ann"))]]);
        let stream = TestKit::default()
            .input(&ssc, &[vec![('a', 1), ('a', 2)]])
            .unwrap();
        let sums = stream.reduce_by_key_with_partitions(5, |a, b| a + b);
        sums.join_table(&table).foreach_rdd(|rdd| {
            assert_eq!(rdd.partitioner().unwrap().partitions(), 5);
            assert_eq!(rdd.collect()?, [('a', (3, "ann"))]);
            Ok::<_, EngineError>(())
        });
        Stepper::start(&ssc, &clock).unwrap().step().unwrap();
    }

    #[test]
    fn a_table_that_fails_fails_the_start_or_the_batch_by_name() {
        let broken: &[Change] = &[('!', None)];
        let Run {
            ssc, clock, table, ..
        } = run(&[broken]);
        let stream = TestKit::default().input(&ssc, &[vec![('a', 1)]]).unwrap();
        collected(&stream.join_table(&table));
        let error = Stepper::start(&ssc, &clock).unwrap_err().to_string();
        assert!(
            error.starts_with("table at ") && error.ends_with("failed: the table is gone"),
            "{error}"
        );

        let Run {
            ssc,
            clock,
            table,
            log,
        } = run(&[&[], broken]);
        let stream = TestKit::default().input(&ssc, &[vec![('a', 1)]]).unwrap();
        collected(&stream.join_table(&table));
        let error = Stepper::start(&ssc, &clock)
            .unwrap()
            .step()
            .unwrap_err()
            .to_string();
        assert!(
            error.starts_with("batch 1000 ms, planning the input of table at "),
            "{error}"
        );
        assert_eq!(*log.lock().unwrap(), ["start", "catch up", "stop"]);
    }

    #[test]
    fn a_stream_and_a_table_of_two_contexts_are_refused_at_start() {
        let (one, other) = (run(&[]), run(&[]));
        let stream = TestKit::default()
            .input(&one.ssc, &[vec![('a', 1)]])
            .unwrap();
        collected(&stream.join_table(&other.table));
        let error = Stepper::start(&one.ssc, &one.clock)
            .unwrap_err()
            .to_string();
        assert!(
            error.starts_with("join_table at ") && error.contains("different streaming contexts"),
            "{error}"
        );
    }
}
