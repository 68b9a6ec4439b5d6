//! Carries out what a membership decides, whichever protocol it speaks.

use std::sync::Arc;
use std::time::Instant;

use tokio::task::JoinSet;

use super::Group;
use crate::consumer::shared::{Shared, now, sleep_until};

/// Runs until it is dropped. It hangs on nothing: everything that waits runs in a task of its own.
pub(super) async fn run<M, Action, Performed>(
    shared: Arc<Shared>,
    group: Arc<Group<M>>,
    next: impl Fn(&mut M, Instant) -> Option<Action>,
    next_deadline: impl Fn(&M) -> Option<Instant>,
    perform: impl Fn(Arc<Shared>, Arc<Group<M>>, Action) -> Performed,
) where
    Performed: Future<Output = ()> + Send + 'static,
{
    let mut jobs = JoinSet::new();
    loop {
        let deadline = {
            let mut membership = group.membership();
            while let Some(action) = next(&mut membership, now()) {
                jobs.spawn(perform(shared.clone(), group.clone(), action));
            }
            next_deadline(&membership)
        };
        shared.wake_poll.notify_one();
        tokio::select! {
            biased;
            Some(_) = jobs.join_next() => {}
            () = sleep_until(deadline) => {}
            () = group.wake.notified() => {}
        }
    }
}
