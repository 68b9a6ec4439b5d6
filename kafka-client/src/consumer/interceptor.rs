//! Interceptors: code that sees what is handed out and what is committed (KIP-42).

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use super::commit::OffsetAndMetadata;
use super::records::PartitionBatch;
use crate::types::TopicPartition;

/// Sees every batch that a poll hands out, and every commit that went through.
///
/// It runs within the poll and behind the commit: what takes long holds them up. A panic is logged, and changes nothing.
pub trait ConsumerInterceptor: Send + Sync + 'static {
    /// Before a batch is handed out.
    fn on_consume(&self, _batch: &PartitionBatch) {}

    /// After the group's coordinator has taken these positions, whether they were committed by hand or by themselves. What
    /// is committed in a transaction is not among them.
    fn on_commit(&self, _offsets: &BTreeMap<TopicPartition, OffsetAndMetadata>) {}
}

/// The interceptors of a consumer; often none.
#[derive(Clone, Default)]
pub(crate) struct Interceptors(pub(super) Vec<Arc<dyn ConsumerInterceptor>>);

impl Interceptors {
    pub(super) fn on_consume(&self, batches: &[PartitionBatch]) {
        for interceptor in &self.0 {
            for batch in batches {
                call(|| interceptor.on_consume(batch));
            }
        }
    }

    /// After a commit of which some partitions were refused.
    pub(super) fn on_commit<E>(
        &self,
        offsets: &BTreeMap<TopicPartition, OffsetAndMetadata>,
        refused: &HashMap<TopicPartition, E>,
    ) {
        if self.0.is_empty() {
            return;
        }
        let mut taken = offsets.clone();
        taken.retain(|partition, _| !refused.contains_key(partition));
        if taken.is_empty() {
            return;
        }
        for interceptor in &self.0 {
            call(|| interceptor.on_commit(&taken));
        }
    }
}

fn call(interceptor: impl FnOnce()) {
    if catch_unwind(AssertUnwindSafe(interceptor)).is_err() {
        tracing::warn!("an interceptor panicked");
    }
}

impl fmt::Debug for Interceptors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} interceptors", self.0.len())
    }
}
