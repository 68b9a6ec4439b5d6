use std::sync::Arc;
use std::time::{Duration, Instant};

use super::lifecycle::Stop;
use super::trigger::Due;
use super::{Graph, Shared, Trigger};
use crate::operator::guard;
use crate::source::SourceContext;
use crate::stream::Batch;
use crate::{BatchInfo, EngineError, InputInfo, Operator, OutputOperationInfo, Time};

/// How long a continuous context waits for a source that does not notify it of new data.
const IDLE_POLL: Duration = Duration::from_millis(50);

/// What a step of the scheduler came to.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// A batch took place and is committed.
    Ran,
    /// No batch is due before this time.
    NotBefore(Time),
    /// No source has anything new.
    NoData,
}

/// Runs batches, one [`step`](Scheduler::step) at a time: on a thread of its own in production, in the caller's in tests.
pub(crate) struct Scheduler {
    shared: Arc<Shared>,
    graph: Graph,
    zero: Time,
    previous: Time,
}

impl Scheduler {
    /// Starts sources and sinks. If one fails, those started before it are stopped, and with them the context.
    pub(super) fn start(shared: Arc<Shared>, mut graph: Graph) -> Result<Self, EngineError> {
        if let Err(error) = start_parts(&shared, &mut graph) {
            shared.lifecycle.finish(Some(error.clone()));
            return Err(error);
        }
        let now = shared.clock.now();
        let zero = shared.trigger.zero_time(now, shared.batch_duration);
        let _ = shared.zero_time.set(zero);
        tracing::info!(app = %shared.app_name, zero_time = %zero, "streaming started");
        shared.tell(|listener| listener.on_streaming_started(now));
        Ok(Scheduler {
            shared,
            graph,
            zero,
            previous: zero,
        })
    }

    /// Runs batches until the context is asked to stop or a batch fails.
    pub(super) fn run(mut self, operator: Operator) {
        let result = guard(operator, || self.run_until_stopped()).and_then(|result| result);
        self.close(result.err());
    }

    fn run_until_stopped(&mut self) -> Result<(), EngineError> {
        let shared = self.shared.clone();
        while shared.lifecycle.requested() == Stop::No {
            match self.step() {
                Ok(Step::Ran) => {}
                Ok(Step::NotBefore(time)) => {
                    shared.clock.wait_until(time, &shared.lifecycle.wakeup)
                }
                Ok(Step::NoData) => shared.lifecycle.wakeup.wait(Some(IDLE_POLL)),
                Err(error) if shared.lifecycle.requested() == Stop::Now => {
                    tracing::info!(%error, "a batch was cancelled");
                    break;
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Runs the batch that is due now, if one is.
    pub(crate) fn step(&mut self) -> Result<Step, EngineError> {
        if let Some(problem) = self.shared.graph().take_problem() {
            return Err(problem);
        }
        let started = Instant::now();
        match self.shared.trigger.due(
            self.shared.clock.now(),
            self.previous,
            self.shared.batch_duration,
        ) {
            Err(next) => Ok(Step::NotBefore(next)),
            Ok(due) => {
                let inputs = self.plan(due.time)?;
                if inputs.is_empty() && self.shared.trigger == Trigger::Continuous {
                    return Ok(Step::NoData);
                }
                self.run_batch(due, inputs, started)?;
                Ok(Step::Ran)
            }
        }
    }

    /// Fixes what the batch reads: what each source has that is new.
    fn plan(&mut self, time: Time) -> Result<Vec<InputInfo>, EngineError> {
        let mut inputs = Vec::new();
        for input in &mut self.graph.inputs {
            inputs.extend(input.plan(time)?);
        }
        Ok(inputs)
    }

    fn run_batch(
        &mut self,
        due: Due,
        inputs: Vec<InputInfo>,
        started: Instant,
    ) -> Result<(), EngineError> {
        let batch = Batch {
            time: due.time,
            previous: self.previous,
            zero: self.zero,
            interval: self.shared.batch_duration,
        };
        let mut info = BatchInfo {
            batch_time: due.time,
            inputs,
            submission_time: due.since,
            processing_start: None,
            processing_delay: None,
            commit_delay: None,
            outputs: Vec::new(),
            poisoned: Vec::new(),
            watermarks: Vec::new(),
            intervals: due.intervals,
        };
        self.shared
            .tell(|listener| listener.on_batch_submitted(&info));
        info.processing_start = Some(self.shared.clock.now());
        self.shared
            .tell(|listener| listener.on_batch_started(&info));
        let result = self
            .compute(&batch, &mut info)
            .and_then(|()| self.commit(batch.time, &mut info));
        info.processing_delay = Some(started.elapsed());
        let states = self.graph.states.iter();
        info.poisoned = states
            .filter_map(|state| state.poisoned(batch.time))
            .collect();
        match &result {
            Ok(()) => {
                let states = self.graph.states.iter();
                info.watermarks = states
                    .filter_map(|state| state.watermark(batch.time))
                    .collect();
                self.previous = batch.time;
                self.graph
                    .states
                    .iter()
                    .for_each(|state| state.commit(batch.time));
                self.graph
                    .nodes
                    .iter()
                    .for_each(|node| node.forget(batch.time));
                tracing::debug!(
                    time = %batch.time, records = info.num_records(),
                    total_delay = ?info.total_delay(), execution = ?info.processing_delay, "batch completed"
                );
                self.shared
                    .tell(|listener| listener.on_batch_completed(&info));
            }
            Err(error) => {
                self.graph
                    .outputs
                    .iter_mut()
                    .for_each(|output| output.abort(batch.time));
                self.graph
                    .states
                    .iter()
                    .for_each(|state| state.abort(batch.time));
                self.shared
                    .tell(|listener| listener.on_batch_failed(&info, error));
            }
        }
        result
    }

    /// Runs the output operations in order of registration, then what later windows need. Each one's writes are acknowledged
    /// when it returns.
    fn compute(&mut self, batch: &Batch, info: &mut BatchInfo) -> Result<(), EngineError> {
        for input in &mut self.graph.inputs {
            input.assign(batch.time, &self.shared.rdds);
        }
        for (id, output) in self.graph.outputs.iter_mut().enumerate() {
            if self.shared.lifecycle.requested() == Stop::Now {
                return Err(EngineError::Cancelled);
            }
            let operator = output.operator();
            let operation = OutputOperationInfo {
                batch_time: batch.time,
                id,
                operator,
                duration: None,
                failure: None,
            };
            self.shared
                .tell(|listener| listener.on_output_operation_started(&operation));
            let started = Instant::now();
            let result = output
                .run(batch)
                .map_err(|error| in_batch(batch.time, operator, error));
            let failure = result.as_ref().err().cloned();
            let operation = OutputOperationInfo {
                duration: Some(started.elapsed()),
                failure,
                ..operation
            };
            self.shared
                .tell(|listener| listener.on_output_operation_completed(&operation));
            info.outputs.push(operation);
            result?;
        }
        for node in &self.graph.panes {
            guard(node.operator(), || node.keep(batch))
                .and_then(|result| result)
                .map_err(|error| in_batch(batch.time, node.operator(), error))?;
        }
        Ok(())
    }

    /// The batch's commit: the one place where its input becomes consumed, after everything it wrote is acknowledged.
    fn commit(&mut self, time: Time, info: &mut BatchInfo) -> Result<(), EngineError> {
        let started = Instant::now();
        for input in &mut self.graph.inputs {
            input.commit(time)?;
        }
        info.commit_delay = Some(started.elapsed());
        Ok(())
    }

    /// Stops sinks and sources and lets go of the graph.
    pub(crate) fn close(mut self, error: Option<EngineError>) {
        self.graph
            .outputs
            .iter_mut()
            .for_each(|output| output.stop());
        self.graph.inputs.iter_mut().for_each(|input| input.stop());
        self.graph = Graph::default();
        self.shared.rdds.pool().resume();
        match &error {
            Some(error) => {
                tracing::error!(app = %self.shared.app_name, %error, "streaming stopped")
            }
            None => tracing::info!(app = %self.shared.app_name, "streaming stopped"),
        }
        self.shared
            .tell(|listener| listener.on_streaming_stopped(error.as_ref()));
        self.shared.lifecycle.finish(error);
    }
}

fn start_parts(shared: &Arc<Shared>, graph: &mut Graph) -> Result<(), EngineError> {
    let context = SourceContext::new(shared.clone());
    for n in 0..graph.inputs.len() {
        if let Err(error) = graph.inputs[n].start(&context) {
            graph.inputs[..n].iter_mut().for_each(|input| input.stop());
            return Err(error);
        }
    }
    for n in 0..graph.outputs.len() {
        if let Err(error) = graph.outputs[n].start() {
            graph.outputs[..n]
                .iter_mut()
                .for_each(|output| output.stop());
            graph.inputs.iter_mut().for_each(|input| input.stop());
            return Err(error);
        }
    }
    Ok(())
}

fn in_batch(time: Time, output: Operator, error: EngineError) -> EngineError {
    EngineError::Output {
        time,
        output,
        source: Box::new(error),
    }
}
