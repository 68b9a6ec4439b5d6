use std::path::{Path, PathBuf};
use std::time::Duration;

use hashbrown::HashMap;

use super::Listed;
use crate::Time;
use crate::time::millis;

/// Which files a batch takes, by Spark's rule: modified within the time remembered and not after the batch, not before the
/// stream was made if only new files count, and not taken already.
///
/// A batch that stands for several intervals takes what Spark's batches of these intervals would have taken, so a pause longer
/// than the time remembered loses no files.
#[derive(Debug)]
pub(super) struct Selection {
    /// Files modified then or before do not count.
    ignore_until: Time,
    remember: Duration,
    interval: Duration,
    /// The batch before.
    previous: Time,
    taken: HashMap<PathBuf, Time, foldhash::fast::RandomState>,
}

impl Selection {
    /// `remember` is rounded up to whole intervals.
    pub(super) fn new(ignore_until: Time, remember: Duration) -> Self {
        Selection {
            ignore_until,
            remember,
            interval: Duration::ZERO,
            previous: Time::default(),
            taken: HashMap::default(),
        }
    }

    /// The first batch will come an interval after `zero`.
    pub(super) fn start(&mut self, zero: Time, interval: Duration) {
        let interval_millis = millis(interval);
        let intervals = millis(self.remember).div_ceil(interval_millis);
        self.remember = Duration::from_millis(intervals.saturating_mul(interval_millis));
        self.interval = interval;
        self.previous = zero;
    }

    /// Whether a recent batch has taken the file.
    pub(super) fn has_taken(&self, path: &Path) -> bool {
        self.taken.contains_key(path)
    }

    /// Takes the files of the batch `time`, the oldest first, and forgets those that the rule keeps out from now on anyway.
    pub(super) fn take(&mut self, time: Time, listed: Vec<Listed>) -> Vec<PathBuf> {
        // Spark forgets at the end of a batch what was taken more than the time remembered before it.
        let forgotten_before = self.previous - self.remember;
        self.taken.retain(|_, taken| *taken >= forgotten_before);
        let first_missed = (self.previous + self.interval).min(time);
        self.previous = time;
        let remembered_from = first_missed - self.remember;
        let ignore_until = self.ignore_until.max(remembered_from);
        let mut files: Vec<Listed> = listed
            .into_iter()
            .filter(|file| ignore_until < file.modified && file.modified <= time)
            .filter(|file| !self.taken.contains_key(&file.path))
            .collect();
        files.sort_by(|a, b| (a.modified, &a.path).cmp(&(b.modified, &b.path)));
        let paths: Vec<PathBuf> = files.into_iter().map(|file| file.path).collect();
        self.taken
            .extend(paths.iter().map(|path| (path.clone(), time)));
        paths
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use proptest::prelude::*;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn at(millis: u64) -> Time {
        Time::from_millis(millis)
    }

    fn file(name: &str, modified: u64) -> Listed {
        Listed {
            path: name.into(),
            modified: at(modified),
        }
    }

    fn selection(ignore_until: u64, remember: Duration, zero: u64) -> Selection {
        let mut selection = Selection::new(at(ignore_until), remember);
        selection.start(at(zero), SECOND);
        selection
    }

    #[test]
    fn a_file_counts_from_after_the_threshold_up_to_the_batch_time() {
        // Modification time, what is ignored from the start, whether the batch of 100 s takes it (remembered: 60 s).
        for (modified, ignore_until, taken) in [
            (40_000, 0, false),
            (40_001, 0, true),
            (100_000, 0, true),
            (100_001, 0, false),
            (99_000, 99_000, false),
            (99_001, 99_000, true),
        ] {
            let mut selection = selection(ignore_until, Duration::from_secs(60), 99_000);
            let files = selection.take(at(100_000), vec![file("a", modified)]);
            assert_eq!(
                files.len() == 1,
                taken,
                "modified {modified}, ignored {ignore_until}"
            );
        }
    }

    #[test]
    fn the_time_remembered_is_rounded_up_to_whole_batches() {
        let mut selection = selection(0, Duration::from_millis(1500), 9_000);
        let files = vec![file("old", 8_000), file("new", 8_001)];
        assert_eq!(selection.take(at(10_000), files), [PathBuf::from("new")]);
    }

    #[test]
    fn a_file_is_taken_once_even_if_it_is_touched_while_remembered() {
        let mut selection = selection(0, SECOND * 2, 0);
        assert_eq!(selection.take(at(1000), vec![file("a", 900)]).len(), 1);
        assert!(selection.take(at(2000), vec![file("a", 1900)]).is_empty());
        assert!(selection.take(at(3000), vec![file("a", 2900)]).is_empty());
        assert!(selection.take(at(4000), vec![file("a", 3900)]).is_empty());
        // Forgotten, as in Spark: a file that is written to again after that counts as new.
        assert_eq!(selection.take(at(5000), vec![file("a", 4900)]).len(), 1);
    }

    #[test]
    fn the_oldest_file_comes_first() {
        let mut selection = selection(0, SECOND * 60, 0);
        let files = vec![file("c", 5), file("b", 7), file("a", 7)];
        assert_eq!(
            selection.take(at(1000), files),
            ["c", "a", "b"].map(PathBuf::from)
        );
    }

    #[test]
    fn a_pause_longer_than_what_is_remembered_loses_no_file() {
        let mut selection = selection(0, SECOND * 2, 0);
        selection.take(at(1000), Vec::new());
        let files = (0..100)
            .map(|n| file(&n.to_string(), n * 1000 + 500))
            .collect();
        assert_eq!(selection.take(at(100_000), files).len(), 100);
    }

    /// Spark's rule written down once more, over all intervals one by one.
    #[derive(Default)]
    struct Plain {
        taken: BTreeMap<String, u64>,
    }

    impl Plain {
        fn take(
            &mut self,
            time: u64,
            initial: u64,
            remember: u64,
            files: &[(String, u64)],
        ) -> BTreeSet<String> {
            let new: BTreeSet<String> = files
                .iter()
                .filter(|(name, modified)| {
                    *modified > initial.max(time.saturating_sub(remember))
                        && *modified <= time
                        && !self.taken.contains_key(name)
                })
                .map(|(name, _)| name.clone())
                .collect();
            self.taken
                .extend(new.iter().map(|name| (name.clone(), time)));
            self.taken
                .retain(|_, taken| *taken >= time.saturating_sub(remember));
            new
        }
    }

    proptest! {
        #[test]
        fn batches_take_what_the_rule_says(
            initial in 0u64..20_000,
            remember in 1u64..8,
            // For each file when it appears (in batches) and how long before that it was modified, in milliseconds.
            files in prop::collection::vec((0u64..40, 0u64..12_000), 0..40),
        ) {
            let mut selection = selection(initial, SECOND * remember as u32, 0);
            let mut plain = Plain::default();
            for batch in 1..=40 {
                let there: Vec<(String, u64)> = files
                    .iter()
                    .enumerate()
                    .filter(|(_, (appears, _))| *appears <= batch)
                    .map(|(n, (appears, age))| (n.to_string(), (appears * 1000 + 300).saturating_sub(*age)))
                    .collect();
                let listed = there.iter().map(|(name, modified)| file(name, *modified)).collect();
                let taken: BTreeSet<String> = selection
                    .take(at(batch * 1000), listed)
                    .into_iter()
                    .map(|path| path.display().to_string())
                    .collect();
                prop_assert_eq!(taken, plain.take(batch * 1000, initial, remember * 1000, &there), "batch {}", batch);
                prop_assert!(selection.taken.len() <= files.len());
            }
        }

        #[test]
        fn missed_intervals_take_what_their_batches_would_have_taken(
            remember in 1u64..8,
            pauses in prop::collection::vec(1u64..12, 1..10),
            files in prop::collection::vec(0u64..100_000, 0..40),
        ) {
            let mut selection = selection(0, SECOND * remember as u32, 0);
            let mut plain = Plain::default();
            let there: Vec<(String, u64)> = files.iter().enumerate().map(|(n, modified)| (n.to_string(), *modified)).collect();
            let mut time = 0;
            for pause in pauses {
                let mut expected = BTreeSet::new();
                for _ in 0..pause {
                    time += 1000;
                    expected.append(&mut plain.take(time, 0, remember * 1000, &there));
                }
                let listed = there.iter().map(|(name, modified)| file(name, *modified)).collect();
                let taken: BTreeSet<String> = selection
                    .take(at(time), listed)
                    .into_iter()
                    .map(|path| path.display().to_string())
                    .collect();
                prop_assert_eq!(taken, expected);
            }
        }
    }
}
