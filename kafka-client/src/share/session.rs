//! Share sessions: a broker remembers which partitions a member reads from it, and each request only says what has changed.

use std::collections::BTreeSet;

use super::parcel::Key;

/// The epoch that ends a session.
pub(super) const FINAL_EPOCH: i32 = -1;

/// The session with one broker, as of the request that is sent next.
#[derive(Debug, Default)]
pub(super) struct ShareSession {
    /// 0 begins a session; those that follow count on.
    epoch: i32,
    /// What the broker remembers.
    known: BTreeSet<Key>,
}

/// The part of a fetch that a session decides.
#[derive(Debug, PartialEq)]
pub(super) struct SessionRequest {
    pub(super) epoch: i32,
    pub(super) added: BTreeSet<Key>,
    pub(super) forgotten: BTreeSet<Key>,
}

impl ShareSession {
    /// Whether the next request begins a session: it must be a fetch, and cannot acknowledge anything.
    pub(super) fn is_new(&self) -> bool {
        self.epoch == 0
    }

    pub(super) fn epoch(&self) -> i32 {
        self.epoch
    }

    /// What to send so that the broker answers for `wanted`, and only for them.
    pub(super) fn fetch(&mut self, wanted: &BTreeSet<Key>) -> SessionRequest {
        if self.is_new() {
            self.known.clear();
        }
        let request = SessionRequest {
            epoch: self.epoch,
            added: wanted - &self.known,
            forgotten: &self.known - wanted,
        };
        self.known = wanted.clone();
        request
    }

    /// The broker has taken the request.
    pub(super) fn goes_on(&mut self) {
        // After the largest comes 1: 0 would begin a new session.
        self.epoch = self.epoch.checked_add(1).unwrap_or(1);
    }

    /// It is not known what the broker remembers: the next request begins another session, in place of this one.
    pub(super) fn failed(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use kafka_proto::codec::Uuid;

    use super::*;

    fn keys(numbers: &[i32]) -> BTreeSet<Key> {
        numbers
            .iter()
            .map(|number| (Uuid([1; 16]), *number))
            .collect()
    }

    #[test]
    fn requests_say_what_has_changed_and_count_on() {
        let mut session = ShareSession::default();
        assert!(session.is_new());
        for (epoch, wanted, added, forgotten) in [
            (0, &[0, 1][..], &[0, 1][..], &[][..]),
            (1, &[0, 1], &[], &[]),
            (2, &[1, 2], &[2], &[0]),
        ] {
            let request = session.fetch(&keys(wanted));
            let expected = SessionRequest {
                epoch,
                added: keys(added),
                forgotten: keys(forgotten),
            };
            assert_eq!(request, expected);
            session.goes_on();
        }
        session.failed();
        let request = session.fetch(&keys(&[1]));
        assert_eq!((request.epoch, request.added), (0, keys(&[1])));
        assert!(
            request.forgotten.is_empty(),
            "the old session is forgotten whole"
        );
    }

    #[test]
    fn no_epoch_but_the_first_begins_a_session() {
        let mut session = ShareSession {
            epoch: i32::MAX,
            ..Default::default()
        };
        session.goes_on();
        assert_eq!(session.epoch(), 1);
    }
}
