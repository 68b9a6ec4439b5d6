//! Operators and actions over random partitions, against the same on one vector.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt::Debug;

use proptest::prelude::*;

use crate::{Data, Rdd, RddContext};

fn sorted<T: Data + Ord>(rdd: Rdd<T>) -> Vec<T> {
    let mut records = rdd.collect().unwrap();
    records.sort();
    records
}

fn equal<T: PartialEq + Debug>(name: &str, actual: T, expected: T) -> Result<(), TestCaseError> {
    prop_assert_eq!(actual, expected, "{}", name);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn partitions_make_no_difference(
        parts in prop::collection::vec(prop::collection::vec((0u8..8, -20i64..20), 0..30), 0..6),
        others in prop::collection::vec(prop::collection::vec((0u8..8, -20i64..20), 0..9), 0..4),
        n in 0usize..8,
    ) {
        let context = RddContext::new(2).unwrap();
        let rdd = context.parallelize_partitions(parts.clone());
        let other = context.parallelize_partitions(others.clone());
        let (all, right) = (parts.concat(), others.concat());
        let values: Vec<i64> = all.iter().map(|pair| pair.1).collect();
        let mut groups: BTreeMap<u8, Vec<i64>> = BTreeMap::new();
        all.iter().for_each(|(key, value)| groups.entry(*key).or_default().push(*value));

        // In order.
        equal("collect", rdd.collect().unwrap(), all.clone())?;
        equal("collect_partitions", rdd.collect_partitions().unwrap(), parts.clone())?;
        equal("to_local_iterator", rdd.to_local_iterator().map(Result::unwrap).collect(), all.clone())?;
        equal("take", rdd.take(n).unwrap(), all.iter().copied().take(n).collect())?;
        equal("first", rdd.first().unwrap(), all.first().copied())?;
        equal("coalesce", rdd.coalesce(n).collect().unwrap(), all.clone())?;
        equal("glom", rdd.glom().collect().unwrap(), parts)?;
        equal("keys", rdd.keys().collect().unwrap(), all.iter().map(|pair| pair.0).collect())?;
        equal("values", rdd.values().collect().unwrap(), values.clone())?;
        equal("key_by", rdd.key_by(|pair| pair.1).values().collect().unwrap(), all.clone())?;
        equal("zip_with_index", rdd.zip_with_index().collect().unwrap(), all.iter().copied().zip(0..).collect())?;
        equal("union", rdd.union(&other).collect().unwrap(), [all.clone(), right.clone()].concat())?;
        equal("lookup", rdd.lookup(&3).unwrap(), groups.get(&3).cloned().unwrap_or_default())?;
        let mut by_value = all.clone();
        by_value.sort_by_key(|pair| pair.1);
        equal("sort_by", rdd.sort_by(|pair| pair.1, true).coalesce(n).collect().unwrap(), by_value)?;

        // One result.
        equal("count", rdd.count().unwrap(), all.len() as u64)?;
        equal("is_empty", rdd.is_empty().unwrap(), all.is_empty())?;
        equal("reduce", rdd.values().reduce(|a, b| a + b).unwrap(), values.iter().copied().reduce(|a, b| a + b))?;
        equal("fold", rdd.values().fold(0, |a, b| a + b).unwrap(), values.iter().sum())?;
        equal("sum", rdd.values().sum().unwrap(), values.iter().sum())?;
        equal("aggregate", rdd.aggregate(0usize, |n, _| n + 1, |a, b| a + b).unwrap(), all.len())?;

        // In any order.
        let mut in_order = all.clone();
        in_order.sort();
        equal("repartition", sorted(rdd.repartition(n)), in_order.clone())?;
        equal("partition_by_fn", sorted(rdd.partition_by_fn(n, |key| usize::from(*key))), in_order)?;
        equal("distinct", sorted(rdd.distinct()), all.iter().copied().collect::<BTreeSet<_>>().into_iter().collect())?;
        let by_parity = sorted(rdd.group_by(|pair| pair.0 % 2));
        equal("group_by", by_parity.iter().map(|group| group.1.len()).sum(), all.len())?;
        equal("group_by", by_parity.iter().all(|(parity, group)| group.iter().all(|pair| pair.0 % 2 == *parity)), true)?;
        let sums = rdd.aggregate_by_key(0i64, |sum, value| *sum += value, |sum, more| *sum += more);
        let expected: Vec<(u8, i64)> = groups.iter().map(|(key, values)| (*key, values.iter().sum())).collect();
        equal("aggregate_by_key", sorted(sums), expected.clone())?;

        // As maps.
        equal("reduce_by_key_locally", rdd.reduce_by_key_locally(|a, b| a + b).unwrap(), expected.into_iter().collect())?;
        let counts: HashMap<u8, u64> = groups.iter().map(|(key, values)| (*key, values.len() as u64)).collect();
        equal("count_by_key", rdd.count_by_key().unwrap(), counts)?;
        equal("collect_as_map", rdd.collect_as_map().unwrap(), all.into_iter().collect())?;
    }
}
