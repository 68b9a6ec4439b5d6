use std::marker::PhantomData;

use crate::Data;

/// How the values of a window become its result. One accumulator per key and slice of a window; accumulators of partitions,
/// batches and slices are merged.
pub(super) trait Aggregate<V>: Send + Sync + 'static {
    type Acc: Data;
    type Out: Data;
    fn create(&self, value: V) -> Self::Acc;
    fn add(&self, acc: &mut Self::Acc, value: V);
    /// Adds what came later to what came earlier.
    fn merge(&self, acc: &mut Self::Acc, later: Self::Acc);
    fn finish(&self, acc: Self::Acc) -> Self::Out;
}

/// By a function that takes two values. The accumulator is only empty while that function has its value.
pub(super) struct Reduce<F>(pub(super) F);

impl<V: Data, F: Fn(V, V) -> V + Send + Sync + 'static> Aggregate<V> for Reduce<F> {
    type Acc = Option<V>;
    type Out = V;

    fn create(&self, value: V) -> Option<V> {
        Some(value)
    }

    #[inline]
    fn add(&self, acc: &mut Option<V>, value: V) {
        *acc = Some(match acc.take() {
            Some(reduced) => (self.0)(reduced, value),
            None => value,
        });
    }

    fn merge(&self, acc: &mut Option<V>, later: Option<V>) {
        if let Some(value) = later {
            self.add(acc, value);
        }
    }

    fn finish(&self, acc: Option<V>) -> V {
        acc.expect(
            "only a panic of the reducing function leaves no value, and that fails the batch",
        )
    }
}

/// The number of values.
pub(super) struct Count;

impl<V> Aggregate<V> for Count {
    type Acc = u64;
    type Out = u64;

    fn create(&self, _value: V) -> u64 {
        1
    }

    #[inline]
    fn add(&self, acc: &mut u64, _value: V) {
        *acc += 1;
    }

    fn merge(&self, acc: &mut u64, later: u64) {
        *acc += later;
    }

    fn finish(&self, acc: u64) -> u64 {
        acc
    }
}

/// All values.
pub(super) struct Group;

impl<V: Data> Aggregate<V> for Group {
    type Acc = Vec<V>;
    type Out = Vec<V>;

    fn create(&self, value: V) -> Vec<V> {
        vec![value]
    }

    #[inline]
    fn add(&self, acc: &mut Vec<V>, value: V) {
        acc.push(value);
    }

    fn merge(&self, acc: &mut Vec<V>, later: Vec<V>) {
        acc.extend(later);
    }

    fn finish(&self, acc: Vec<V>) -> Vec<V> {
        acc
    }
}

/// Into an accumulator of the user's.
pub(super) struct Combine<C, Create, Add, Merge> {
    pub(super) create: Create,
    pub(super) add: Add,
    pub(super) merge: Merge,
    pub(super) acc: PhantomData<fn() -> C>,
}

impl<V, C, Create, Add, Merge> Aggregate<V> for Combine<C, Create, Add, Merge>
where
    C: Data,
    Create: Fn(V) -> C + Send + Sync + 'static,
    Add: Fn(&mut C, V) + Send + Sync + 'static,
    Merge: Fn(&mut C, C) + Send + Sync + 'static,
{
    type Acc = C;
    type Out = C;

    fn create(&self, value: V) -> C {
        (self.create)(value)
    }

    #[inline]
    fn add(&self, acc: &mut C, value: V) {
        (self.add)(acc, value);
    }

    fn merge(&self, acc: &mut C, later: C) {
        (self.merge)(acc, later);
    }

    fn finish(&self, acc: C) -> C {
        acc
    }
}
