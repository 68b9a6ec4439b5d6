//! Sessions of one key: which records belong together, whatever order they come in.

use std::ops::Range;

use super::Window;
use super::aggregate::Aggregate;
use super::setting::signed;
use crate::Time;

/// A session of a key: from its first record to a gap after its last.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Session<C> {
    pub(super) start: i64,
    pub(super) end: i64,
    /// Whether its result, as it is, was given.
    pub(super) fired: bool,
    /// The windows of the results that were given for it or for parts of it, and that were not replaced yet.
    pub(super) given: Vec<Window>,
    pub(super) value: C,
}

/// The sessions that overlap a stretch of time, of sessions in order that do not overlap each other.
pub(super) fn overlapping<C>(sessions: &[Session<C>], start: i64, end: i64) -> Range<usize> {
    let from = sessions.partition_point(|session| session.end <= start);
    let many = sessions[from..].partition_point(|session| session.start < end);
    from..from + many
}

/// Adds a record to the sessions in order.
pub(super) fn add_value<V, A: Aggregate<V>>(
    sessions: &mut Vec<Session<A::Acc>>,
    time: i64,
    gap: i64,
    value: V,
    aggregate: &A,
) {
    let (start, end) = (time, time + gap);
    // Most records continue the last session.
    let at = match sessions.last() {
        Some(last) if last.start <= start && start < last.end => sessions.len() - 1,
        _ => overlapping(sessions, start, end).start,
    };
    match sessions.get_mut(at) {
        Some(session) if session.start < end => {
            aggregate.add(&mut session.value, value);
            session.start = session.start.min(start);
            session.end = session.end.max(end);
            join_followers(sessions, at, aggregate);
        }
        _ => sessions.insert(
            at,
            Session {
                start,
                end,
                fired: false,
                given: Vec::new(),
                value: aggregate.create(value),
            },
        ),
    }
}

/// Adds a session to the sessions in order; it swallows those that it overlaps, and keeps its own marks. Returns its position.
pub(super) fn absorb<V, A: Aggregate<V>>(
    sessions: &mut Vec<Session<A::Acc>>,
    new: Session<A::Acc>,
    aggregate: &A,
) -> usize {
    let at = overlapping(sessions, new.start, new.end).start;
    match sessions.get_mut(at) {
        Some(session) if session.start < new.end => {
            aggregate.merge(&mut session.value, new.value);
            session.start = session.start.min(new.start);
            session.end = session.end.max(new.end);
            session.fired = new.fired;
            session.given = new.given;
            join_followers(sessions, at, aggregate);
        }
        _ => sessions.insert(at, new),
    }
    at
}

/// Merges the sessions after position `at` into it as far as it reaches.
fn join_followers<V, A: Aggregate<V>>(
    sessions: &mut Vec<Session<A::Acc>>,
    at: usize,
    aggregate: &A,
) {
    let reach = sessions[at].end;
    let many = sessions[at + 1..].partition_point(|session| session.start < reach);
    if many == 0 {
        return;
    }
    let followers: Vec<_> = sessions.drain(at + 1..at + 1 + many).collect();
    // The last one may reach further than all before it, but not into another: they did not overlap.
    let session = &mut sessions[at];
    for follower in followers {
        session.end = session.end.max(follower.end);
        aggregate.merge(&mut session.value, follower.value);
    }
}

/// Records of a batch that belong to one session, with the sessions of the state that they continue or join.
#[derive(Debug)]
pub(super) struct Part<V, C> {
    pub(super) start: i64,
    pub(super) end: i64,
    pub(super) fresh: Vec<Session<C>>,
    pub(super) suspects: Vec<(Time, V)>,
    /// Positions in the state's sessions of the key.
    pub(super) base: Range<usize>,
}

/// Puts together what belongs together of a key: a batch's sessions, its records that may be late, and the sessions of the state.
/// Sessions of the state that the batch does not touch are in no part.
pub(super) fn components<V, C>(
    fresh: Vec<Session<C>>,
    mut suspects: Vec<(Time, V)>,
    base: &[Session<C>],
    gap: i64,
) -> Vec<Part<V, C>> {
    // In order of time, so that the outcome does not depend on the order of arrival.
    suspects.sort_by_key(|(time, _)| *time);
    let mut fresh = fresh.into_iter().peekable();
    let mut suspects = suspects.into_iter().peekable();
    let mut parts: Vec<Part<V, C>> = Vec::new();
    loop {
        let session_start = fresh.peek().map(|session| session.start);
        let suspect_start = suspects.peek().map(|(time, _)| signed(*time));
        let takes_session = match (session_start, suspect_start) {
            (None, None) => return parts,
            (Some(session), Some(suspect)) => session <= suspect,
            (session, _) => session.is_some(),
        };
        let (session, suspect) = if takes_session {
            (fresh.next(), None)
        } else {
            (None, suspects.next())
        };
        let start = if takes_session {
            session_start
        } else {
            suspect_start
        }
        .unwrap_or_default();
        let end = session.as_ref().map_or(start + gap, |session| session.end);
        match parts.last_mut() {
            Some(part) if start < part.end => {
                part.end = part.end.max(end);
                part.reach_into(base);
                part.fresh.extend(session);
                part.suspects.extend(suspect);
            }
            _ => {
                let at = base.partition_point(|session| session.end <= start);
                let mut part = Part {
                    start,
                    end,
                    fresh: session.into_iter().collect(),
                    suspects: suspect.into_iter().collect(),
                    base: at..at,
                };
                part.reach_into(base);
                parts.push(part);
            }
        }
    }
}

impl<V, C> Part<V, C> {
    /// Takes in the state's sessions that it overlaps by now.
    fn reach_into(&mut self, base: &[Session<C>]) {
        while let Some(next) = base.get(self.base.end).filter(|next| next.start < self.end) {
            self.start = self.start.min(next.start);
            self.end = self.end.max(next.end);
            self.base.end += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::aggregate::Group;
    use super::*;

    type Sessions = Vec<(i64, i64, Vec<i64>)>;

    /// From scratch: sort, and cut where the next record is a gap or more away.
    fn plain(times: &[i64], gap: i64) -> Sessions {
        let mut times = times.to_vec();
        times.sort();
        let mut sessions: Sessions = Vec::new();
        for time in times {
            match sessions.last_mut() {
                Some((_, end, members)) if time < *end => {
                    members.push(time);
                    *end = time + gap;
                }
                _ => sessions.push((time, time + gap, vec![time])),
            }
        }
        sessions
    }

    fn readable(sessions: Vec<Session<Vec<i64>>>) -> Sessions {
        let readable = sessions.into_iter().map(|mut session| {
            session.value.sort();
            (session.start, session.end, session.value)
        });
        readable.collect()
    }

    fn sessions(times: &[i64], gap: i64) -> Vec<Session<Vec<i64>>> {
        let mut sessions = Vec::new();
        for time in times {
            add_value(&mut sessions, *time, gap, *time, &Group);
        }
        sessions
    }

    #[test]
    fn records_less_than_a_gap_apart_are_together() {
        type Case = (&'static [i64], &'static [(i64, i64)]);
        let cases: [Case; 6] = [
            (&[], &[]),
            (&[5], &[(5, 15)]),
            (&[5, 14], &[(5, 24)]),
            (&[5, 15], &[(5, 15), (15, 25)]), // exactly a gap
            (&[5, 23, 14], &[(5, 33)]),       // joined by the last
            (&[30, 20, 10, 0], &[(0, 10), (10, 20), (20, 30), (30, 40)]),
        ];
        for (times, expected) in cases {
            let bounds: Vec<_> = sessions(times, 10)
                .iter()
                .map(|s| (s.start, s.end))
                .collect();
            assert_eq!(bounds, expected, "{times:?}");
        }
    }

    proptest! {
        #[test]
        fn any_order_and_any_cut_give_the_same_sessions(
            times in prop::collection::vec(0i64..300, 0..60), cut in 0usize..60, gap in 1i64..20
        ) {
            let expected = plain(&times, gap);
            prop_assert_eq!(&readable(sessions(&times, gap)), &expected);
            let (left, right) = times.split_at(cut.min(times.len()));
            let mut merged = sessions(left, gap);
            for session in sessions(right, gap) {
                absorb(&mut merged, session, &Group);
            }
            prop_assert_eq!(&readable(merged), &expected);

            // As parts: the left records are in the state, of the right ones every other may be late.
            let base = sessions(left, gap);
            let in_time: Vec<i64> = right.iter().copied().step_by(2).collect();
            let suspects = right.iter().skip(1).step_by(2);
            let suspects = suspects.map(|t| (Time::from_millis(*t as u64), *t)).collect();
            let mut found = Vec::new();
            let mut untouched = vec![true; base.len()];
            for part in components(sessions(&in_time, gap), suspects, &base, gap) {
                let mut members: Vec<i64> = part.fresh.into_iter().flat_map(|s| s.value).collect();
                members.extend(part.suspects.into_iter().map(|(_, value)| value));
                for at in part.base {
                    untouched[at] = false;
                    members.extend(&base[at].value);
                }
                members.sort();
                found.push((part.start, part.end, members));
            }
            let rest = base.into_iter().zip(untouched).filter(|(_, untouched)| *untouched);
            found.extend(readable(rest.map(|(session, _)| session).collect()));
            found.sort();
            prop_assert_eq!(found, expected);
        }
    }
}
