use std::time::Duration;

use crate::{EngineError, Operator, Time};

/// Event times and durations up to this many milliseconds (146 million years) can be added without overflow.
pub(super) const MAX_MILLIS: i64 = i64::MAX / 4;

/// A duration that must be whole milliseconds, the unit of event time.
pub(super) fn whole_millis(
    operator: Operator,
    name: &str,
    duration: Duration,
) -> Result<i64, EngineError> {
    let problem = if !duration.subsec_nanos().is_multiple_of(1_000_000) {
        format!("the {name} of {duration:?} is no whole number of milliseconds: round it")
    } else {
        match i64::try_from(duration.as_millis()) {
            Ok(millis) if millis <= MAX_MILLIS => return Ok(millis),
            _ => format!(
                "the {name} of {duration:?} is longer than the engine can count: shorten it"
            ),
        }
    };
    Err(EngineError::Graph { operator, problem })
}

/// An event time as the signed milliseconds that windows are computed in. Times beyond [`MAX_MILLIS`] never get here.
#[inline]
pub(super) fn signed(time: Time) -> i64 {
    time.as_millis() as i64
}
