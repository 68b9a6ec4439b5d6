use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::source::{BatchInput, InputSource, SourceContext};
use crate::{BoxError, Data, RddContext, Time, Wakeup};

/// Batches for an input stream, which outlive the program that reads them, as a topic does: a program started on it again goes
/// on behind the last batch that was committed. Clones share the batches.
///
/// ```
/// use stream_engine::testkit::{TestInput, TestKit};
///
/// let input = TestInput::new([vec!["a"], vec!["b", "c"]]);
/// let test = TestKit::default().context()?;
/// let lines = test.output(&test.input(&input)?);
/// test.start()?.step()?;
/// assert_eq!(lines.take(), [vec!["a"]]);
/// assert_eq!((input.committed(), input.len()), (1, 2));
/// # Ok::<_, stream_engine::EngineError>(())
/// ```
pub struct TestInput<T> {
    state: Arc<Mutex<State<T>>>,
}

struct State<T> {
    batches: Vec<Vec<T>>,
    committed: usize,
    wakeups: Vec<Wakeup>,
}

impl<T: Data> TestInput<T> {
    /// Gives these batches, one after another, and empty ones after them.
    pub fn new(batches: impl IntoIterator<Item = Vec<T>>) -> Self {
        TestInput {
            state: Arc::new(Mutex::new(State {
                batches: batches.into_iter().collect(),
                committed: 0,
                wakeups: Vec::new(),
            })),
        }
    }

    /// Appends a batch.
    pub fn push(&self, batch: Vec<T>) {
        let mut state = self.state();
        state.batches.push(batch);
        state.wakeups.iter().for_each(Wakeup::notify);
    }

    /// The number of batches.
    pub fn len(&self) -> usize {
        self.state().batches.len()
    }

    /// Whether there is no batch.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many of the batches are committed.
    pub fn committed(&self) -> usize {
        self.state().committed
    }

    pub(super) fn source(&self, rdds: &RddContext, partitions: usize) -> impl InputSource<T> {
        TestSource {
            input: self.clone(),
            partitions,
            rdds: rdds.clone(),
            position: 0,
            wakeup: None,
        }
    }

    fn state(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> Clone for TestInput<T> {
    fn clone(&self) -> Self {
        TestInput {
            state: self.state.clone(),
        }
    }
}

impl<T> std::fmt::Debug for TestInput<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TestInput").finish_non_exhaustive()
    }
}

struct TestSource<T> {
    input: TestInput<T>,
    partitions: usize,
    rdds: RddContext,
    position: usize,
    wakeup: Option<Wakeup>,
}

impl<T: Data> InputSource<T> for TestSource<T> {
    fn name(&self) -> &'static str {
        "test_stream"
    }

    fn start(&mut self, context: &SourceContext) -> Result<(), BoxError> {
        self.position = self.input.committed();
        let wakeup = context.wakeup().clone();
        self.input.state().wakeups.push(wakeup.clone());
        self.wakeup = Some(wakeup);
        Ok(())
    }

    fn plan(&mut self, _time: Time) -> Result<Option<BatchInput<T>>, BoxError> {
        let Some(batch) = self.input.state().batches.get(self.position).cloned() else {
            return Ok(None);
        };
        self.position += 1;
        let records = batch.len() as u64;
        let rdd = self.rdds.parallelize(batch, self.partitions);
        Ok(Some(BatchInput::new(rdd, records)))
    }

    fn commit(&mut self, _time: Time) -> Result<(), BoxError> {
        self.input.state().committed = self.position;
        Ok(())
    }

    fn stop(&mut self) {
        if let Some(wakeup) = self.wakeup.take() {
            let mut state = self.input.state();
            state.wakeups.retain(|known| !known.is_same(&wakeup));
        }
    }
}
