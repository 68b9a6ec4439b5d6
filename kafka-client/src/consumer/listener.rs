//! Being told of what a rebalance does.

use std::fmt;
use std::future::{Future, ready};
use std::pin::Pin;

use super::Consumer;
use crate::types::TopicPartition;

/// A future of a listener.
pub type ListenerFuture<'a> = Pin<Box<dyn Future<Output = ()> + Send + 'a>>;

/// Is told which partitions come and go: only those that do, not those that stay. Called from within [`Consumer::poll`], [`Consumer::unsubscribe`] and
/// [`Consumer::close`], between two sets of records, so that nothing is being handed out meanwhile. It may commit and
/// seek, but not poll.
///
/// When the poll is dropped while a call runs, the call is repeated by the next poll.
pub trait RebalanceListener: Send + Sync + 'static {
    /// These partitions are read from now on. This is the place to seek.
    fn assigned<'a>(
        &'a self,
        _consumer: &'a Consumer,
        _partitions: &'a [TopicPartition],
    ) -> ListenerFuture<'a> {
        Box::pin(ready(()))
    }

    /// These partitions will be somebody else's. This is the place to finish what was begun, and to commit it.
    fn revoked<'a>(
        &'a self,
        _consumer: &'a Consumer,
        _partitions: &'a [TopicPartition],
    ) -> ListenerFuture<'a> {
        Box::pin(ready(()))
    }

    /// These partitions are somebody else's already: it is too late to commit.
    fn lost<'a>(
        &'a self,
        _consumer: &'a Consumer,
        _partitions: &'a [TopicPartition],
    ) -> ListenerFuture<'a> {
        Box::pin(ready(()))
    }
}

/// For those who do not want to be told.
pub(super) struct NoListener;

impl RebalanceListener for NoListener {}

impl fmt::Debug for dyn RebalanceListener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RebalanceListener")
    }
}
