use std::sync::Arc;

use crate::operator::guard;
use crate::source::{InputSource, SourceContext};
use crate::stream::StreamNode;
use crate::{BoxError, Data, EngineError, InputInfo, Operator, Rdd, RddContext, Time};

/// An input stream, as the scheduler sees it; see [`InputSource`] for the order of calls.
pub(crate) trait AnyInput: Send {
    fn operator(&self) -> Operator;
    fn start(&mut self, context: &SourceContext) -> Result<(), EngineError>;
    /// Fixes the batch's input; nothing if there is nothing new. `id` is the input's number.
    fn plan(&mut self, time: Time, id: usize) -> Result<Option<InputInfo>, EngineError>;
    /// From now on at most so many records a second.
    fn limit_rate(&mut self, records_per_second: f64);
    /// Gives the planned input to the stream, as its RDD of the batch.
    fn assign(&mut self, time: Time, context: &RddContext);
    fn commit(&mut self, time: Time) -> Result<(), EngineError>;
    /// Takes in nothing more; true if something waits for one more batch.
    fn finish(&mut self) -> Result<bool, EngineError>;
    fn stop(&mut self);
}

pub(super) struct Input<T, S> {
    operator: Operator,
    source: S,
    stream: Arc<StreamNode<T>>,
    planned: Option<Rdd<T>>,
    rate_limit: Option<f64>,
}

impl<T: Data, S: InputSource<T>> Input<T, S> {
    pub(super) fn new(operator: Operator, source: S, stream: Arc<StreamNode<T>>) -> Self {
        Input {
            operator,
            source,
            stream,
            planned: None,
            rate_limit: None,
        }
    }

    fn call<R>(&mut self, call: impl FnOnce(&mut S) -> Result<R, BoxError>) -> Result<R, BoxError> {
        guard(self.operator, || call(&mut self.source))?
    }
}

impl<T: Data, S: InputSource<T>> AnyInput for Input<T, S> {
    fn operator(&self) -> Operator {
        self.operator
    }

    fn start(&mut self, context: &SourceContext) -> Result<(), EngineError> {
        self.call(|source| source.start(context))
            .map_err(|cause| EngineError::failed(self.operator, cause))
    }

    fn plan(&mut self, time: Time, id: usize) -> Result<Option<InputInfo>, EngineError> {
        let planned = self
            .call(|source| source.plan(time))
            .map_err(|cause| EngineError::Plan {
                time,
                input: self.operator,
                source: cause.into(),
            })?;
        Ok(planned.map(|input| {
            let bytes = input.rdd.known_bytes();
            self.planned = Some(input.rdd);
            InputInfo {
                id,
                operator: self.operator,
                records: input.records,
                bytes,
                rate_limit: self.rate_limit,
                description: input.description,
            }
        }))
    }

    fn limit_rate(&mut self, records_per_second: f64) {
        self.rate_limit = Some(records_per_second);
        if let Err(error) = guard(self.operator, || self.source.limit_rate(records_per_second)) {
            tracing::warn!(%error, "limiting an input's rate");
        }
    }

    fn assign(&mut self, time: Time, context: &RddContext) {
        self.stream.set(
            time,
            Some(self.planned.take().unwrap_or_else(|| context.empty())),
        );
    }

    fn commit(&mut self, time: Time) -> Result<(), EngineError> {
        self.call(|source| source.commit(time))
            .map_err(|cause| EngineError::Commit {
                time,
                input: self.operator,
                source: cause.into(),
            })
    }

    fn finish(&mut self) -> Result<bool, EngineError> {
        guard(self.operator, || self.source.finish())
    }

    fn stop(&mut self) {
        if let Err(error) = guard(self.operator, || self.source.stop()) {
            tracing::warn!(%error, "stopping an input");
        }
    }
}
