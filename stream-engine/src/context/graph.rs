use std::sync::Arc;
use std::time::Duration;

use super::input::AnyInput;
use crate::stream::{AnyNode, AnyOutput};
use crate::table::AnyTable;
use crate::{EngineError, Operator, PoisonInfo, Time, WatermarkInfo};

/// What batches change besides making RDDs, such as the state of keys. Changes of a batch stay apart until it is over.
pub(crate) trait BatchState: Send + Sync {
    /// The batch has succeeded, its input is committed: its changes hold.
    fn commit(&self, time: Time);
    /// The batch has failed: its changes are dropped.
    fn abort(&self, time: Time);
    /// The records that an operator refused in the batch, asked before it is committed or aborted.
    fn poisoned(&self, _time: Time) -> Option<PoisonInfo> {
        None
    }
    /// How far event time has come with the batch, asked before it is committed.
    fn watermark(&self, _time: Time) -> Option<WatermarkInfo> {
        None
    }
}

/// The streams of a program and what the scheduler must do for them.
#[derive(Default)]
pub(crate) struct Graph {
    pub(crate) inputs: Vec<Box<dyn AnyInput>>,
    pub(crate) outputs: Vec<Box<dyn AnyOutput>>,
    /// Tables that streams are joined with.
    pub(crate) tables: Vec<Box<dyn AnyTable>>,
    pub(crate) nodes: Vec<Arc<dyn AnyNode>>,
    /// Nodes that later windows read, computed in every batch. Parents come before their children.
    pub(crate) panes: Vec<Arc<dyn AnyNode>>,
    /// What commits and aborts with the batch.
    pub(crate) states: Vec<Arc<dyn BatchState>>,
    /// How long every stream keeps its RDDs after their batch, at least.
    remember: Duration,
    /// The first mistake that an operator could not return.
    problem: Option<EngineError>,
    running: bool,
}

impl Graph {
    pub(crate) fn add_node(&mut self, operator: Operator, node: Arc<dyn AnyNode>) {
        if self.open(operator) {
            self.nodes.push(node);
        }
    }

    pub(crate) fn add_panes(&mut self, node: Arc<dyn AnyNode>) {
        if self.open(node.operator()) {
            self.panes.push(node);
        }
    }

    pub(crate) fn add_input(&mut self, input: impl AnyInput + 'static) {
        if self.open(input.operator()) {
            self.inputs.push(Box::new(input));
        }
    }

    pub(crate) fn add_output(&mut self, output: impl AnyOutput + 'static) {
        if self.open(output.operator()) {
            self.outputs.push(Box::new(output));
        }
    }

    pub(crate) fn add_table(&mut self, table: impl AnyTable + 'static) {
        if self.open(table.operator()) {
            self.tables.push(Box::new(table));
        }
    }

    pub(crate) fn add_state(&mut self, operator: Operator, state: Arc<dyn BatchState>) {
        if self.open(operator) {
            self.states.push(state);
        }
    }

    pub(super) fn remember(&mut self, duration: Duration) {
        self.remember = self.remember.max(duration);
    }

    pub(crate) fn add_problem(&mut self, problem: EngineError) {
        self.problem.get_or_insert(problem);
    }

    /// Whether operators may still be added; an attempt after start is a mistake.
    fn open(&mut self, operator: Operator) -> bool {
        if self.running {
            let problem = "added after the context was started: describe all streams and outputs before start".to_owned();
            self.add_problem(EngineError::Graph { operator, problem });
        }
        !self.running
    }

    /// What keeps the graph from being run.
    pub(super) fn check(&self) -> Result<(), EngineError> {
        match &self.problem {
            Some(problem) => Err(problem.clone()),
            None if self.outputs.iter().all(|output| output.runs_last()) => {
                Err(EngineError::NoOutput)
            }
            None => Ok(()),
        }
    }

    /// The mistake made since start, if there was one.
    pub(super) fn take_problem(&mut self) -> Option<EngineError> {
        self.problem.take()
    }

    /// Hands the graph to the scheduler; what is added from now on is a mistake.
    pub(super) fn take_for_running(&mut self) -> Graph {
        self.outputs.sort_by_key(|output| output.runs_last());
        for node in &self.nodes {
            node.remember(self.remember);
        }
        std::mem::replace(
            self,
            Graph {
                running: true,
                ..Graph::default()
            },
        )
    }
}
