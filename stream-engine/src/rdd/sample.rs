use super::{Data, Rdd};
use crate::Operator;

impl<T: Data> Rdd<T> {
    /// About `fraction` (0 to 1) of the records: each is taken or left by chance, on its own. The same RDD, fraction and seed
    /// give the same sample (Spark's `sample` without replacement). A fraction that is not positive takes none, 1 and more
    /// all.
    ///
    /// ```
    /// # use stream_engine::RddContext;
    /// let rdd = RddContext::new(2)?.parallelize(0..10_000, 4);
    /// let tenth = rdd.sample(0.1, 42);
    /// assert!((800..1_200).contains(&tenth.count()?));
    /// assert_eq!(tenth.collect()?, rdd.sample(0.1, 42).collect()?);
    /// # Ok::<_, stream_engine::EngineError>(())
    /// ```
    #[track_caller]
    pub fn sample(&self, fraction: f64, seed: u64) -> Rdd<T> {
        let sampled =
            self.map_partitions_at(Operator::here("sample"), move |partition, records| {
                // Partitions draw from places of the sequence that are far apart.
                let mut state = seed.wrapping_add((partition as u64).wrapping_mul(PARTITION_STEP));
                records.filter(move |_| unit_interval(split_mix(&mut state)) < fraction)
            });
        sampled.with_partitioner(self.partitioner())
    }
}

const PARTITION_STEP: u64 = 0xd1b5_4a32_d192_ed03;

/// The next number of the SplitMix64 sequence.
fn split_mix(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let z = (*state ^ (*state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// The upper 53 bits as a number from 0 to below 1.
fn unit_interval(bits: u64) -> f64 {
    (bits >> 11) as f64 / (1u64 << 53) as f64
}

#[cfg(test)]
mod tests {
    use crate::RddContext;

    #[test]
    fn samples_follow_the_fraction_and_the_seed() {
        let rdd = RddContext::new(2).unwrap().parallelize(0..20_000, 7);
        for (fraction, least, most) in [
            (0.0, 0, 0),
            (-1.0, 0, 0),
            (f64::NAN, 0, 0),
            (0.25, 4_700, 5_300),
            (0.9, 17_700, 18_300),
            (1.0, 20_000, 20_000),
            (2.0, 20_000, 20_000),
        ] {
            let n = rdd.sample(fraction, 1).count().unwrap();
            assert!((least..=most).contains(&n), "{fraction}: {n}");
        }
        let sample = |seed| rdd.sample(0.5, seed).collect().unwrap();
        assert_eq!(sample(3), sample(3));
        assert_ne!(sample(3), sample(4));
    }
}
