//! How many records a batch may have of each partition.

use std::fmt;
use std::sync::Arc;

use kafka_client::TopicPartition;

/// Records a second, by partition.
type ByPartition = Arc<dyn Fn(&TopicPartition) -> u64 + Send + Sync>;

/// The bounds that a program sets.
#[derive(Clone)]
pub(super) struct Rates {
    /// 0 stands for no limit.
    pub(super) max: ByPartition,
    pub(super) min: ByPartition,
    /// The most records of a batch, of all partitions.
    pub(super) batch_records: u64,
    /// The most bytes of a batch, of all partitions.
    pub(super) batch_bytes: usize,
}

impl Rates {
    /// No bounds but that on bytes.
    pub(super) fn new(batch_bytes: usize) -> Self {
        Self {
            max: Arc::new(|_| 0),
            min: Arc::new(|_| 1),
            batch_records: u64::MAX,
            batch_bytes,
        }
    }

    /// The records a second that a partition may give. `backpressure` is its share of what the back-pressure allows.
    /// Infinite without a limit.
    fn per_second(&self, partition: &TopicPartition, backpressure: Option<f64>) -> f64 {
        let max = match (self.max)(partition) {
            0 => f64::INFINITY,
            max => max as f64,
        };
        let rate = backpressure.unwrap_or(f64::INFINITY).min(max);
        rate.max((self.min)(partition) as f64)
    }
}

impl fmt::Debug for Rates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rates")
            .field("batch_records", &self.batch_records)
            .field("batch_bytes", &self.batch_bytes)
            .finish_non_exhaustive()
    }
}

/// What bounds one batch.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds<'a> {
    pub(super) rates: &'a Rates,
    /// Records a second of all partitions.
    pub(super) backpressure: Option<f64>,
    /// The time that the batch stands for, in seconds.
    pub(super) seconds: f64,
    /// For how many seconds what was not used may be saved up.
    pub(super) burst: f64,
}

/// A partition as a batch is planned.
#[derive(Debug)]
pub(super) struct Want<'a> {
    pub(super) partition: &'a TopicPartition,
    /// Offsets between the last batch and the end of the log.
    pub(super) lag: u64,
    /// Records that can be had at once.
    pub(super) waiting: u64,
    /// Records that it was allowed before and did not give: mostly part of one.
    pub(super) credit: &'a mut f64,
}

impl Bounds<'_> {
    /// The records that each partition gives to the batch.
    ///
    /// What the back-pressure allows is shared out by lag, as in Spark; then the limits of the single partition count, and
    /// at last that of the batch, which is shared out by what each would give. `turn` says who is first where something is
    /// left over.
    pub(super) fn share(&self, wants: Vec<Want<'_>>, turn: usize) -> Vec<u64> {
        let total_lag: u64 = wants.iter().map(|want| want.lag).sum();
        let mut shares = Vec::with_capacity(wants.len());
        for want in wants {
            let share = self
                .backpressure
                .map(|rate| rate * want.lag as f64 / total_lag.max(1) as f64);
            let rate = self.rates.per_second(want.partition, share);
            // Not by time, of which none may have passed: that would be no number.
            if rate.is_infinite() {
                *want.credit = 0.0;
                shares.push(want.waiting);
                continue;
            }
            let allowed = *want.credit + rate * self.seconds;
            // Rates below one record a batch let one through every so often.
            let given = (allowed as u64).min(want.waiting);
            *want.credit = (allowed - given as f64).min((rate * self.burst).max(allowed.fract()));
            shares.push(given);
        }
        cut(&mut shares, self.rates.batch_records, turn);
        shares
    }
}

/// Cuts the shares down to `budget` in all, each in proportion.
fn cut(shares: &mut [u64], budget: u64, turn: usize) {
    let total: u128 = shares.iter().map(|share| u128::from(*share)).sum();
    if total <= u128::from(budget) {
        return;
    }
    let mut left = budget;
    let wanted = shares.to_vec();
    for share in &mut *shares {
        // At most the share, as the budget is less than the total.
        *share = (u128::from(*share) * u128::from(budget) / total) as u64;
        left -= *share;
    }
    let count = shares.len();
    for at in (0..count).map(|step| (turn + step) % count) {
        if left > 0 && shares[at] < wanted[at] {
            shares[at] += 1;
            left -= 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn rates(max: u64, min: u64, batch_records: u64) -> Rates {
        Rates {
            max: Arc::new(move |_| max),
            min: Arc::new(move |_| min),
            batch_records,
            batch_bytes: 1 << 20,
        }
    }

    /// What partitions with these lags give, all of it waiting, and with these credits, which are left changed.
    fn share(bounds: Bounds<'_>, lags: &[u64], credits: &mut [f64], turn: usize) -> Vec<u64> {
        let names: Vec<_> = (0..lags.len() as i32)
            .map(|number| TopicPartition::new("t", number))
            .collect();
        let wants = names.iter().zip(lags).zip(credits);
        let wants = wants.map(|((partition, lag), credit)| Want {
            partition,
            lag: *lag,
            waiting: *lag,
            credit,
        });
        bounds.share(wants.collect(), turn)
    }

    fn bounds(rates: &Rates, backpressure: Option<f64>, seconds: f64) -> Bounds<'_> {
        Bounds {
            rates,
            backpressure,
            seconds,
            burst: 0.0,
        }
    }

    #[test]
    fn rates_are_shared_as_in_spark() {
        let none = u64::MAX;
        // (max and min a second, limit of the batch, back-pressure, seconds, lags) and what they give.
        let cases = [
            ((0, 1, none), None, 1.0, [500, 0, 7], [500, 0, 7]),
            ((0, 1, none), None, 0.0, [500, 0, 7], [500, 0, 7]),
            ((100, 1, none), None, 2.0, [500, 100, 7], [200, 100, 7]),
            // By lag.
            (
                (0, 1, none),
                Some(300.0),
                1.0,
                [2000, 1000, 0],
                [200, 100, 0],
            ),
            (
                (0, 1, none),
                Some(300.0),
                0.5,
                [2000, 1000, 0],
                [100, 50, 0],
            ),
            // The lower of the two, and what one partition must not have, others do not get.
            (
                (150, 1, none),
                Some(300.0),
                1.0,
                [2000, 1000, 0],
                [150, 100, 0],
            ),
            // At least the minimum, also where the back-pressure allows less, and where the maximum is below it.
            ((0, 20, none), Some(30.0), 1.0, [2000, 10, 0], [29, 10, 0]),
            ((5, 20, none), None, 1.0, [2000, 10, 30], [20, 10, 20]),
            ((0, 1, none), Some(1.0), 1.0, [1_000_000, 1, 0], [1, 1, 0]),
            // The batch's own limit, in proportion; what is left over goes to who is first.
            ((0, 1, 90), None, 1.0, [200, 100, 0], [60, 30, 0]),
            ((0, 1, 2), None, 1.0, [5, 5, 5], [1, 1, 0]),
            ((0, 1, 0), None, 1.0, [5, 5, 5], [0, 0, 0]),
        ];
        for ((max, min, records), backpressure, seconds, lags, expected) in cases {
            let rates = rates(max, min, records);
            let given = share(
                bounds(&rates, backpressure, seconds),
                &lags,
                &mut [0.0; 3],
                0,
            );
            assert_eq!(
                given, expected,
                "{rates:?} {max} {min} {backpressure:?} {seconds} {lags:?}"
            );
        }
    }

    #[test]
    fn less_than_a_record_a_batch_is_one_every_so_often() {
        let (rates, mut credit) = (rates(5, 1, u64::MAX), [0.0]);
        let given: Vec<u64> = (0..20)
            .map(|_| share(bounds(&rates, None, 0.1), &[1000], &mut credit, 0)[0])
            .collect();
        assert_eq!(given.iter().sum::<u64>(), 10, "{given:?}");
        assert!(given.iter().all(|given| *given <= 1), "{given:?}");
    }

    #[test]
    fn what_idle_batches_did_not_use_is_saved_up_for_no_longer_than_the_burst() {
        let (rates, mut credit) = (rates(100, 1, u64::MAX), [0.0]);
        let saving = Bounds {
            burst: 1.0,
            ..bounds(&rates, None, 0.25)
        };
        for _ in 0..100 {
            assert_eq!(share(saving, &[0], &mut credit, 0), [0]);
        }
        assert_eq!(share(saving, &[1000], &mut credit, 0), [125]);
        assert_eq!(share(saving, &[1000], &mut credit, 0), [25]);
    }

    #[test]
    fn who_gets_what_is_left_over_takes_turns() {
        let rates = rates(0, 1, 1);
        let given = |turn| share(bounds(&rates, None, 1.0), &[9, 9, 9], &mut [0.0; 3], turn);
        assert_eq!(
            [given(0), given(1), given(5)],
            [[1, 0, 0], [0, 1, 0], [0, 0, 1]]
        );
    }

    proptest! {
        #[test]
        fn no_limit_is_ever_exceeded_and_no_budget_wasted(
            lags in prop::collection::vec(0u64..10_000, 1..8),
            max in 0u64..500,
            records in 0u64..2_000,
            backpressure in prop::option::of(0.0f64..5_000.0),
            turn in 0usize..10,
        ) {
            let rates = rates(max, 1, records);
            let mut credits = vec![0.0; lags.len()];
            let given = share(bounds(&rates, backpressure, 1.0), &lags, &mut credits, turn);
            let unbounded = Rates { batch_records: u64::MAX, ..rates.clone() };
            let wanted = share(bounds(&unbounded, backpressure, 1.0), &lags, &mut vec![0.0; lags.len()], turn);
            prop_assert_eq!(given.iter().sum::<u64>(), wanted.iter().sum::<u64>().min(records));
            for ((given, wanted), lag) in given.iter().zip(&wanted).zip(&lags) {
                prop_assert!(given <= wanted && wanted <= lag);
                prop_assert!(max == 0 || *wanted <= max);
            }
            if let Some(rate) = backpressure {
                // But for the minimum of one a partition.
                prop_assert!(wanted.iter().sum::<u64>() as f64 <= rate + lags.len() as f64);
            }
        }
    }
}
