use std::fmt::Debug;

use super::{IntoStream, TestKit};
use crate::{DStream, Data, EngineError};

/// Checks that `operation` gives the `expected` batches, each in this order, for the `input` batches. An operation that has no
/// RDD in a batch (a window between two slides) has no entry in `expected`.
///
/// # Panics
/// If a batch differs or fails.
#[track_caller]
pub fn check<T: Data, R: IntoStream>(
    input: &[Vec<T>],
    operation: impl FnOnce(&DStream<T>) -> R,
    expected: &[Vec<R::Item>],
) where
    R::Item: PartialEq + Debug,
{
    compare(TestKit::default().run(input, operation), expected, true);
}

/// As [`check`], with the records of a batch in any order.
///
/// # Panics
/// As there.
#[track_caller]
pub fn check_unordered<T: Data, R: IntoStream>(
    input: &[Vec<T>],
    operation: impl FnOnce(&DStream<T>) -> R,
    expected: &[Vec<R::Item>],
) where
    R::Item: PartialEq + Debug,
{
    compare(TestKit::default().run(input, operation), expected, false);
}

/// As [`check`], for an operation on two streams.
///
/// # Panics
/// As there.
#[track_caller]
pub fn check2<T: Data, U: Data, R: IntoStream>(
    left: &[Vec<T>],
    right: &[Vec<U>],
    operation: impl FnOnce(&DStream<T>, &DStream<U>) -> R,
    expected: &[Vec<R::Item>],
) where
    R::Item: PartialEq + Debug,
{
    compare(
        TestKit::default().run2(left, right, operation),
        expected,
        true,
    );
}

/// As [`check2`], with the records of a batch in any order.
///
/// # Panics
/// As there.
#[track_caller]
pub fn check2_unordered<T: Data, U: Data, R: IntoStream>(
    left: &[Vec<T>],
    right: &[Vec<U>],
    operation: impl FnOnce(&DStream<T>, &DStream<U>) -> R,
    expected: &[Vec<R::Item>],
) where
    R::Item: PartialEq + Debug,
{
    compare(
        TestKit::default().run2(left, right, operation),
        expected,
        false,
    );
}

#[track_caller]
fn compare<T: PartialEq + Debug>(
    actual: Result<Vec<Vec<T>>, EngineError>,
    expected: &[Vec<T>],
    ordered: bool,
) {
    let actual = match actual {
        Ok(actual) => actual,
        Err(error) => panic!("the operation failed: {error}"),
    };
    for (n, (actual, expected)) in actual.iter().zip(expected).enumerate() {
        let same = if ordered {
            actual == expected
        } else {
            same_records(actual, expected)
        };
        assert!(
            same,
            "output batch {n}:\n  expected {expected:?}\n       got {actual:?}"
        );
    }
    assert!(
        actual.len() == expected.len(),
        "expected {} output batches, got {}: {actual:?}",
        expected.len(),
        actual.len()
    );
}

fn same_records<T: PartialEq>(actual: &[T], expected: &[T]) -> bool {
    let mut left: Vec<&T> = expected.iter().collect();
    actual.iter().all(
        |record| match left.iter().position(|other| *other == record) {
            Some(at) => {
                left.swap_remove(at);
                true
            }
            None => false,
        },
    ) && left.is_empty()
}
