use std::marker::PhantomData;

use super::aggregate::{Aggregate, Combine, Count, Group, Reduce};
use super::aligned::Aligned;
use super::operator::{create, create_unkeyed};
use super::session::Sessions;
use super::window::Layout;
use super::{EventStream, WindowResults, Windows};
use crate::{Data, Key, Operator};

/// An [event stream](EventStream) cut into windows, from [`EventStream::window`]. What is made of the windows is a
/// [`WindowResults`].
#[derive(Clone, Debug)]
pub struct WindowedStream<T> {
    events: EventStream<T>,
    windows: Windows,
    partitions: Option<usize>,
}

impl<T: Data> WindowedStream<T> {
    pub(super) fn new(events: EventStream<T>, windows: Windows) -> Self {
        WindowedStream {
            events,
            windows,
            partitions: None,
        }
    }

    /// The number of partitions that keys and their windows are distributed over; by default one per thread. Streams without
    /// keys have one.
    pub fn partitions(mut self, partitions: usize) -> Self {
        self.partitions = Some(partitions);
        self
    }

    /// The records of each window combined by an associative and commutative function, whatever their key.
    #[track_caller]
    pub fn reduce(&self, f: impl Fn(T, T) -> T + Send + Sync + 'static) -> WindowResults<(), T, T> {
        self.unkeyed(Operator::here("reduce"), Reduce(f))
    }

    /// The number of records of each window that has any.
    #[track_caller]
    pub fn count(&self) -> WindowResults<(), u64, T> {
        self.unkeyed(Operator::here("count"), Count)
    }

    /// The records of each window folded into an accumulator: `create`d from the first, each other one merged in, accumulators
    /// of several partitions and batches merged, in place.
    #[track_caller]
    pub fn aggregate<C: Data>(
        &self,
        create: impl Fn(T) -> C + Send + Sync + 'static,
        merge_value: impl Fn(&mut C, T) + Send + Sync + 'static,
        merge_combiners: impl Fn(&mut C, C) + Send + Sync + 'static,
    ) -> WindowResults<(), C, T> {
        self.unkeyed(
            Operator::here("aggregate"),
            combine(create, merge_value, merge_combiners),
        )
    }

    fn unkeyed<A: Aggregate<T>>(
        &self,
        operator: Operator,
        aggregate: A,
    ) -> WindowResults<(), A::Out, T> {
        let (layout, lateness) = self.layout(operator);
        match layout {
            Layout::Aligned(slices) => create_unkeyed(
                operator,
                &self.events,
                Aligned { slices, lateness },
                aggregate,
            ),
            Layout::Session { gap } => create_unkeyed(
                operator,
                &self.events,
                Sessions { gap, lateness },
                aggregate,
            ),
        }
    }

    fn layout(&self, operator: Operator) -> (Layout, i64) {
        let checked = "EventStream::window has checked the windows";
        (
            self.windows.layout(operator).expect(checked),
            self.windows.lateness(operator).expect(checked),
        )
    }
}

/// Windows of each key.
impl<K: Key, V: Data> WindowedStream<(K, V)> {
    /// The values of each key and window combined by an associative and commutative function; combined per partition before the
    /// shuffle.
    #[track_caller]
    pub fn reduce_by_key(
        &self,
        f: impl Fn(V, V) -> V + Send + Sync + 'static,
    ) -> WindowResults<K, V, (K, V)> {
        self.keyed(Operator::here("reduce_by_key"), Reduce(f))
    }

    /// The values of each key and window combined into an accumulator of another type, which the merging closures change in
    /// place; see [`Rdd::combine_by_key`](crate::Rdd::combine_by_key).
    #[track_caller]
    pub fn combine_by_key<C: Data>(
        &self,
        create: impl Fn(V) -> C + Send + Sync + 'static,
        merge_value: impl Fn(&mut C, V) + Send + Sync + 'static,
        merge_combiners: impl Fn(&mut C, C) + Send + Sync + 'static,
    ) -> WindowResults<K, C, (K, V)> {
        self.keyed(
            Operator::here("combine_by_key"),
            combine(create, merge_value, merge_combiners),
        )
    }

    /// How many records each key has in each window.
    #[track_caller]
    pub fn count_by_key(&self) -> WindowResults<K, u64, (K, V)> {
        self.keyed(Operator::here("count_by_key"), Count)
    }

    /// All values of each key and window, in the order of batches and partitions, not of time. They stay in memory until the
    /// window closes: reduce or combine them where that will do.
    #[track_caller]
    pub fn group_by_key(&self) -> WindowResults<K, Vec<V>, (K, V)> {
        self.keyed(Operator::here("group_by_key"), Group)
    }

    fn keyed<A: Aggregate<V>>(
        &self,
        operator: Operator,
        aggregate: A,
    ) -> WindowResults<K, A::Out, (K, V)> {
        let (records, tracker) = (self.events.with_times(), self.events.tracker());
        let partitions = self
            .partitions
            .unwrap_or_else(|| records.shared().rdds.threads());
        let (layout, lateness) = self.layout(operator);
        match layout {
            Layout::Aligned(slices) => {
                let kind = Aligned { slices, lateness };
                create(operator, &records, tracker, partitions, kind, aggregate)
            }
            Layout::Session { gap } => {
                let kind = Sessions { gap, lateness };
                create(operator, &records, tracker, partitions, kind, aggregate)
            }
        }
    }
}

fn combine<C, Create, Add, Merge>(
    create: Create,
    add: Add,
    merge: Merge,
) -> Combine<C, Create, Add, Merge> {
    Combine {
        create,
        add,
        merge,
        acc: PhantomData,
    }
}
