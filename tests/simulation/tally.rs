//! How much has happened in a run, so that one in which nothing has happened is not taken for a good one.

use std::fmt;
use std::ops::AddAssign;

use crate::journal::{End, Entries, Outcome};
use crate::trace::Line;

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) lines: usize,
    pub(crate) faults: usize,
    pub(crate) acknowledged: usize,
    pub(crate) unknown: usize,
    pub(crate) committed: usize,
    pub(crate) aborted: usize,
    pub(crate) indeterminate: usize,
    pub(crate) tenures: usize,
    pub(crate) handed_out: usize,
    pub(crate) commits: usize,
}

impl Tally {
    pub(crate) fn of(entries: &Entries, trace: &[Line]) -> Self {
        let sent = |wanted: fn(&Outcome) -> bool| {
            entries
                .sent
                .values()
                .filter(|sent| wanted(&sent.outcome))
                .count()
        };
        let ended = |wanted| {
            entries
                .transactions
                .iter()
                .filter(|transaction| transaction.end == wanted)
                .count()
        };
        Self {
            lines: trace.len(),
            faults: trace.iter().filter(|line| line.is_note()).count(),
            acknowledged: sent(|outcome| matches!(outcome, Outcome::Acknowledged(_))),
            unknown: sent(|outcome| *outcome == Outcome::Unknown),
            committed: ended(End::Committed),
            aborted: ended(End::Aborted),
            indeterminate: ended(End::Unknown),
            tenures: entries.tenures.len(),
            handed_out: entries
                .tenures
                .iter()
                .map(|tenure| tenure.records.len())
                .sum(),
            commits: entries.commits.len(),
        }
    }

    fn all(&self) -> [(&'static str, usize); 10] {
        [
            ("lines of trace", self.lines),
            ("faults and steps", self.faults),
            ("records acknowledged", self.acknowledged),
            ("of which nobody knows", self.unknown),
            ("transactions committed", self.committed),
            ("aborted", self.aborted),
            ("of which nobody knows", self.indeterminate),
            ("assignments of a partition", self.tenures),
            ("records handed out", self.handed_out),
            ("commits of a position", self.commits),
        ]
    }

    /// Whether there is something of everything.
    pub(crate) fn is_full(&self) -> bool {
        self.all().iter().all(|(_, count)| *count > 0)
    }
}

impl AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.lines += other.lines;
        self.faults += other.faults;
        self.acknowledged += other.acknowledged;
        self.unknown += other.unknown;
        self.committed += other.committed;
        self.aborted += other.aborted;
        self.indeterminate += other.indeterminate;
        self.tenures += other.tenures;
        self.handed_out += other.handed_out;
        self.commits += other.commits;
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let each = self.all().map(|(what, count)| format!("{count} {what}"));
        f.write_str(&each.join(", "))
    }
}
