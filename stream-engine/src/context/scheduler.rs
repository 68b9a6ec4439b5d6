#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use super::backpressure::{Completed, RateEstimator};
use super::lifecycle::Stop;
use super::timeline::Timeline;
use super::trigger::Due;
use super::{FailAfter, FailPoint, Graph, Shared, StreamingMetrics, Trigger};
use crate::operator::guard;
use crate::source::SourceContext;
use crate::stage::{self, StageInfo, StageKind};
use crate::stream::Batch;
use crate::{BatchInfo, EngineError, Operator, OutputOperationInfo, Time};

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
    timeline: Timeline,
    zero: Time,
    previous: Time,
    /// How long the batch before took.
    previous_processing: Duration,
    /// One for each input, unless back-pressure is off.
    rates: Vec<RateEstimator>,
    fail_point: Option<FailPoint>,
}

impl Scheduler {
    /// Starts sources and sinks. If one fails, those started before it are stopped, and with them the context.
    pub(super) fn start(shared: Arc<Shared>, mut graph: Graph) -> Result<Self, EngineError> {
        if let Err(error) = start_parts(&shared, &mut graph) {
            finish(&shared, Some(error.clone()));
            return Err(error);
        }
        let mut timeline = Timeline::new(shared.clock.clone());
        let now = timeline.now();
        let zero = shared.trigger.zero_time(now, shared.batch_duration);
        let operators = graph.inputs.iter().map(|input| input.operator());
        *shared.metrics() = StreamingMetrics::new(operators);
        let rates = start_rates(&shared, &mut graph);
        let _ = shared.zero_time.set(zero);
        tracing::info!(app = %shared.app_name, zero_time = %zero, "streaming started");
        shared.tell(|listener| listener.on_streaming_started(now));
        Ok(Scheduler {
            shared,
            graph,
            timeline,
            zero,
            previous: zero,
            previous_processing: Duration::ZERO,
            rates,
            fail_point: None,
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
            self.step_or_wait()?;
        }
        let mut waiting = shared.lifecycle.requested() == Stop::Gracefully && self.finish()?;
        while waiting && shared.lifecycle.requested() == Stop::Gracefully {
            waiting = matches!(self.step_or_wait()?, Step::NotBefore(_));
        }
        Ok(())
    }

    /// Runs the batch that is due, or waits for it.
    fn step_or_wait(&mut self) -> Result<Step, EngineError> {
        let shared = self.shared.clone();
        let step = match self.step() {
            Err(error) if shared.lifecycle.requested() == Stop::Now => {
                tracing::info!(%error, "a batch was cancelled");
                Step::NoData
            }
            step => step?,
        };
        match step {
            Step::NotBefore(time) => self.timeline.wait_until(time, &shared.lifecycle.wakeup),
            Step::NoData if shared.lifecycle.requested() == Stop::No => {
                shared.lifecycle.wakeup.wait(Some(IDLE_POLL))
            }
            Step::Ran | Step::NoData => {}
        }
        Ok(step)
    }

    /// Has the sources take in nothing more; true if what they took in before needs one more batch.
    fn finish(&mut self) -> Result<bool, EngineError> {
        let mut waiting = false;
        for input in &mut self.graph.inputs {
            waiting |= input.finish()?;
        }
        Ok(waiting)
    }

    /// Runs the batch that is due now, if one is.
    pub(crate) fn step(&mut self) -> Result<Step, EngineError> {
        if let Some(problem) = self.shared.graph().take_problem() {
            return Err(problem);
        }
        let started = self.timeline.monotonic();
        let now = self.timeline.now();
        let due = self
            .shared
            .trigger
            .due(now, self.previous, self.shared.batch_duration);
        match due {
            Err(next) => Ok(Step::NotBefore(next)),
            Ok(due) => {
                let mut info = BatchInfo {
                    batch_time: due.time,
                    inputs: Vec::new(),
                    submission_time: due.since,
                    processing_start: None,
                    processing_delay: None,
                    commit_delay: None,
                    outputs: Vec::new(),
                    stages: Vec::new(),
                    poisoned: Vec::new(),
                    watermarks: Vec::new(),
                    intervals: due.intervals,
                };
                self.plan(&mut info)?;
                if info.inputs.is_empty() && self.shared.trigger == Trigger::Continuous {
                    return Ok(Step::NoData);
                }
                self.run_batch(due, info, started)?;
                Ok(Step::Ran)
            }
        }
    }

    /// Has the next batch that takes place fail; for tests.
    pub(crate) fn fail_at(&mut self, point: FailPoint) {
        self.fail_point = Some(point);
    }

    /// Fixes what the batch reads: what each source has that is new.
    fn plan(&mut self, info: &mut BatchInfo) -> Result<(), EngineError> {
        for (id, input) in self.graph.inputs.iter_mut().enumerate() {
            let started = self.timeline.monotonic();
            if let Some(planned) = input.plan(info.batch_time, id)? {
                info.stages.push(StageInfo {
                    records_out: Some(planned.records),
                    ..StageInfo::new(
                        planned.operator,
                        StageKind::Plan,
                        self.timeline.monotonic().saturating_sub(started),
                    )
                });
                info.inputs.push(planned);
            }
        }
        Ok(())
    }

    fn run_batch(
        &mut self,
        due: Due,
        mut info: BatchInfo,
        started: Duration,
    ) -> Result<(), EngineError> {
        let batch = Batch {
            time: due.time,
            previous: self.previous,
            zero: self.zero,
            interval: self.shared.batch_duration,
        };
        self.shared
            .tell(|listener| listener.on_batch_submitted(&info));
        info.processing_start = Some(self.timeline.now());
        self.shared
            .tell(|listener| listener.on_batch_started(&info));
        let result = reached(&self.fail_point, FailAfter::Plan)
            .and_then(|()| self.compute(&batch, &mut info))
            .and_then(|()| reached(&self.fail_point, FailAfter::Compute))
            .and_then(|()| self.commit(batch.time, &mut info));
        let ended = self.timeline.monotonic();
        let processing = ended.saturating_sub(started);
        info.processing_delay = Some(processing);
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
                self.learn_rates(&info, ended, processing);
                self.shared.metrics().completed(&info);
                tracing::debug!(
                    time = %batch.time, records = info.num_records(),
                    total_delay = ?info.total_delay(), execution = ?info.processing_delay, "batch completed"
                );
                self.shared
                    .tell(|listener| listener.on_batch_completed(&info));
            }
            // Nobody is left who could do or tell anything.
            Err(_) if self.fail_point.is_some_and(|point| point.crash) => {}
            Err(error) => {
                self.graph
                    .outputs
                    .iter_mut()
                    .for_each(|output| output.abort(batch.time));
                self.graph
                    .states
                    .iter()
                    .for_each(|state| state.abort(batch.time));
                self.shared.metrics().failed_batches += 1;
                self.shared
                    .tell(|listener| listener.on_batch_failed(&info, error));
            }
        }
        result
    }

    /// Tells each input at which rate this batch shows that records can be processed.
    fn learn_rates(&mut self, info: &BatchInfo, end: Duration, processing: Duration) {
        // A process that was suspended is late through no fault of its batches.
        let scheduling = info
            .scheduling_delay()
            .unwrap_or_default()
            .min(self.previous_processing);
        self.previous_processing = processing;
        if self.rates.is_empty() {
            return;
        }
        for input in &info.inputs {
            let completed = Completed {
                end,
                records: input.records,
                processing,
                scheduling,
            };
            if let Some(rate) = self.rates[input.id].learn(&completed) {
                self.graph.inputs[input.id].limit_rate(rate);
                if let Some(metrics) = self.shared.metrics().inputs.get_mut(input.id) {
                    metrics.rate_limit = Some(rate);
                }
            }
        }
    }

    /// Runs the output operations in order of registration, then what later windows need. Each one's writes are acknowledged
    /// when it returns.
    fn compute(&mut self, batch: &Batch, info: &mut BatchInfo) -> Result<(), EngineError> {
        // After the inputs were planned: what was written to a table's topic before a record was, is seen by that record.
        for table in &mut self.graph.tables {
            table.catch_up(batch.time)?;
        }
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
            let started = self.timeline.monotonic();
            let (result, stages) = stage::collect(|| output.run(batch));
            let output = Some(id);
            info.stages.extend(
                stages
                    .into_iter()
                    .map(|stage| StageInfo { output, ..stage }),
            );
            let result = result.map_err(|error| in_batch(batch.time, operator, error));
            let failure = result.as_ref().err().cloned();
            let operation = OutputOperationInfo {
                duration: Some(self.timeline.monotonic().saturating_sub(started)),
                failure,
                ..operation
            };
            self.shared
                .tell(|listener| listener.on_output_operation_completed(&operation));
            info.outputs.push(operation);
            result?;
            reached(&self.fail_point, FailAfter::Output(id))?;
        }
        for node in &self.graph.panes {
            let (result, stages) = stage::collect(|| {
                guard(node.operator(), || node.keep(batch)).and_then(|kept| kept)
            });
            info.stages.extend(stages);
            result.map_err(|error| in_batch(batch.time, node.operator(), error))?;
        }
        Ok(())
    }

    /// The batch's commit: the one place where its input becomes consumed, after everything it wrote is acknowledged.
    fn commit(&mut self, time: Time, info: &mut BatchInfo) -> Result<(), EngineError> {
        let started = self.timeline.monotonic();
        let mut before = started;
        for (id, input) in self.graph.inputs.iter_mut().enumerate() {
            input.commit(time)?;
            let now = self.timeline.monotonic();
            info.stages.push(StageInfo::new(
                input.operator(),
                StageKind::Commit,
                now.saturating_sub(before),
            ));
            before = now;
            reached(&self.fail_point, FailAfter::Commit(id))?;
        }
        info.commit_delay = Some(before.saturating_sub(started));
        Ok(())
    }

    /// As if the process had died: nobody is asked to stop or told anything.
    pub(crate) fn crash(self, error: EngineError) {
        let shared = self.shared.clone();
        drop(self);
        shared.lifecycle.finish(Some(error));
    }

    /// Stops sinks and sources and lets go of the graph.
    pub(crate) fn close(mut self, error: Option<EngineError>) {
        let _finish = Finish {
            shared: self.shared.clone(),
            error: error.clone(),
        };
        self.graph
            .outputs
            .iter_mut()
            .for_each(|output| output.stop());
        self.graph.tables.iter_mut().for_each(|table| table.stop());
        self.graph.inputs.iter_mut().for_each(|input| input.stop());
        self.graph = Graph::default();
        // Listeners that hear of the end may use the threads.
        self.shared.rdds.pool().resume();
        match &error {
            Some(error) => {
                tracing::error!(app = %self.shared.app_name, %error, "streaming stopped")
            }
            None => tracing::info!(app = %self.shared.app_name, "streaming stopped"),
        }
        self.shared
            .tell(|listener| listener.on_streaming_stopped(error.as_ref()));
    }
}

/// Tells those who wait for the context that it is stopped, also if something panics on the way there: a log whose pipe is
/// closed does.
struct Finish {
    shared: Arc<Shared>,
    error: Option<EngineError>,
}

impl Drop for Finish {
    fn drop(&mut self) {
        finish(&self.shared, self.error.take());
    }
}

/// The context is stopped, and its threads are free for others.
fn finish(shared: &Shared, error: Option<EngineError>) {
    shared.rdds.pool().resume();
    shared.lifecycle.finish(error);
    // A request to stop that came in between has cancelled them again; one that comes later takes that back itself.
    shared.rdds.pool().resume();
}

fn start_parts(shared: &Arc<Shared>, graph: &mut Graph) -> Result<(), EngineError> {
    let context = SourceContext::new(shared.clone());
    for n in 0..graph.inputs.len() {
        if let Err(error) = graph.inputs[n].start(&context) {
            graph.inputs[..n].iter_mut().for_each(|input| input.stop());
            return Err(error);
        }
    }
    // After the inputs have found where they begin: loading a table may take long.
    for n in 0..graph.tables.len() {
        if let Err(error) = graph.tables[n].start(&context) {
            graph.tables[..=n].iter_mut().for_each(|table| table.stop());
            graph.inputs.iter_mut().for_each(|input| input.stop());
            return Err(error);
        }
    }
    for n in 0..graph.outputs.len() {
        if let Err(error) = graph.outputs[n].start() {
            graph.outputs[..n]
                .iter_mut()
                .for_each(|output| output.stop());
            graph.tables.iter_mut().for_each(|table| table.stop());
            graph.inputs.iter_mut().for_each(|input| input.stop());
            return Err(error);
        }
    }
    Ok(())
}

/// The estimators of all inputs, which are told the rate to begin with. None where there is no interval to keep up with.
fn start_rates(shared: &Shared, graph: &mut Graph) -> Vec<RateEstimator> {
    let settings = &shared.backpressure;
    if !settings.enabled || shared.trigger == Trigger::Continuous {
        return Vec::new();
    }
    if let Some(rate) = settings.initial_rate {
        // The metrics are not locked while a source is told: it may look at them.
        let inputs = graph.inputs.iter_mut();
        inputs.for_each(|input| input.limit_rate(rate));
        let mut metrics = shared.metrics();
        let inputs = metrics.inputs.iter_mut();
        inputs.for_each(|metrics| metrics.rate_limit = Some(rate));
    }
    let estimator = |_: &_| RateEstimator::new(settings, shared.batch_duration);
    graph.inputs.iter().map(estimator).collect()
}

/// A step of a batch is done; where a test wants it, the next one is not reached.
fn reached(point: &Option<FailPoint>, step: FailAfter) -> Result<(), EngineError> {
    match point {
        Some(point) if point.after == step => Err(point.error()),
        _ => Ok(()),
    }
}

fn in_batch(time: Time, output: Operator, error: EngineError) -> EngineError {
    EngineError::Output {
        time,
        output,
        source: Box::new(error),
    }
}
