//! How fast inputs may give records, so that batches keep up with their interval.

mod estimator;
#[cfg(test)]
mod simulation;

pub(super) use estimator::{Completed, RateEstimator};

use crate::EngineError;

/// Settings of back-pressure (`spark.streaming.backpressure.*`), for
/// [`StreamingContextBuilder::backpressure`](crate::StreamingContextBuilder::backpressure). On by default.
///
/// After each batch that is done, the rate at which its records were processed is told to each input, which from then on
/// gives at most so many records a second. It is learned by Spark's PID formula, from what each input gave to the batch:
///
/// ```text
/// processing rate  = records / processing delay
/// error            = last rate - processing rate
/// historical error = scheduling delay * processing rate / batch interval
/// rate             = last rate - proportional * error
///                              - integral * historical error
///                              - derivative * change of the error per second       (at least min_rate)
/// ```
///
/// Batches without records change nothing. After a trickle whose batches cost little, a burst is taken in steps: each batch
/// may be as many times larger than the one before as that one was faster than its interval.
///
/// With [`Trigger::Continuous`](crate::Trigger::Continuous) there is no interval to keep up with: a batch is as large as the
/// source's own bound in bytes allows, and nothing is learned.
///
/// Differs from Spark, where it is off by default:
/// - `initial_rate` holds from the first batch on. (Spark's direct stream ignores it.)
/// - Without it the first batch is bounded by the source's bytes, and the second by the rate of the first. (Spark lets both
///   be of any size.)
/// - Records are not all: a source bounds its batches in bytes, too.
/// - What a batch costs however few records it has, such as a commit, is told apart. If that alone takes more than half of
///   the interval, rates are for batches of twice that time. (Spark's rate would fall to `min_rate`, and each batch would cost
///   the same for fewer records.)
/// - Only lateness caused by the batch before counts as scheduling delay: a process that was suspended, or a clock that was
///   set, does not slow down the input.
///
/// ```
/// use std::time::Duration;
/// use stream_engine::{Backpressure, StreamingContext};
///
/// let slow_start = Backpressure { initial_rate: Some(5_000.0), ..Backpressure::default() };
/// let ssc = StreamingContext::builder("app").batch_duration(Duration::from_secs(1)).backpressure(slow_start).build()?;
/// # Ok::<_, stream_engine::EngineError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Backpressure {
    /// Whether rates are learned at all. True by default.
    pub enabled: bool,
    /// Records a second that each input gives at most until a rate is learned; by default no bound but the source's bytes.
    pub initial_rate: Option<f64>,
    /// Weight of the last error; 1 by default.
    pub proportional: f64,
    /// Weight of the backlog that late batches stand for; 0.2 by default.
    pub integral: f64,
    /// Weight of the error's change, Spark's `derived`; 0 by default. Amplifies noise.
    pub derivative: f64,
    /// Records a second below which the rate never falls; 100 by default.
    pub min_rate: f64,
}

impl Default for Backpressure {
    fn default() -> Self {
        Backpressure {
            enabled: true,
            initial_rate: None,
            proportional: 1.0,
            integral: 0.2,
            derivative: 0.0,
            min_rate: 100.0,
        }
    }
}

impl Backpressure {
    /// No back-pressure: inputs give all they have, up to their own limits.
    ///
    /// ```
    /// assert!(!stream_engine::Backpressure::off().enabled);
    /// ```
    pub fn off() -> Self {
        Backpressure {
            enabled: false,
            ..Backpressure::default()
        }
    }

    pub(super) fn check(&self) -> Result<(), EngineError> {
        let weights = [
            ("proportional", self.proportional, 0.0),
            ("integral", self.integral, 0.0),
            ("derivative", self.derivative, 0.0),
        ];
        // A rate of 0 would never let another record in, from which a better one could be learned.
        let least = f64::MIN_POSITIVE;
        let rates = [
            ("min_rate", self.min_rate, least),
            ("initial_rate", self.initial_rate.unwrap_or(least), least),
        ];
        for (name, value, least) in weights.into_iter().chain(rates) {
            if !value.is_finite() || value < least {
                let expected = if least > 0.0 {
                    "more than 0"
                } else {
                    "0 or more"
                };
                return Err(EngineError::Setting {
                    setting: "backpressure",
                    problem: format!("{name} is {value}: expected a number, {expected}"),
                });
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn impossible_settings_are_refused_by_name() {
        let usual = Backpressure::default;
        let cases = [
            (
                "proportional is -1",
                Backpressure {
                    proportional: -1.0,
                    ..usual()
                },
            ),
            (
                "integral is NaN",
                Backpressure {
                    integral: f64::NAN,
                    ..usual()
                },
            ),
            (
                "derivative is inf",
                Backpressure {
                    derivative: f64::INFINITY,
                    ..usual()
                },
            ),
            (
                "min_rate is 0",
                Backpressure {
                    min_rate: 0.0,
                    ..usual()
                },
            ),
            (
                "initial_rate is 0",
                Backpressure {
                    initial_rate: Some(0.0),
                    ..usual()
                },
            ),
        ];
        for (expected, settings) in cases {
            let error = settings.check().unwrap_err().to_string();
            assert!(
                error.starts_with(&format!("setting backpressure: {expected}: expected")),
                "{error}"
            );
        }
        usual().check().unwrap();
        Backpressure::off().check().unwrap();
    }
}
