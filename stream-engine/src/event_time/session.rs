use std::collections::BTreeMap;

use hashbrown::HashTable;
use hashbrown::hash_table::Entry as Slot;

use super::aggregate::Aggregate;
use super::operator::{Fired, Late, Passed, Timed, WindowKind};
use super::session_merge::{Part, Session, absorb, add_value, components};
use super::setting::signed;
use super::{Window, WindowResult};
use crate::hash::key_hash;
use crate::rdd::{CombineTable, Entry};
use crate::{Data, HashPartitioner, Key, Time};

/// Session windows. The state is a list of sessions per key, in order, and an index of keys by the time when the next of their
/// sessions fires or closes. A key is in the index once however often its sessions grow: it is put off when its turn comes.
pub(super) struct Sessions {
    pub(super) gap: i64,
    pub(super) lateness: i64,
}

/// A key's records of a batch.
pub(super) struct KeyFold<V, C> {
    /// Sessions of records that are in time. They do not overlap and are in order.
    sessions: Vec<Session<C>>,
    /// Records that are late unless they continue a session that is still open.
    suspects: Vec<(Time, V)>,
}

/// The sessions of one partition, and the changes of the last batch.
pub(super) struct SessionState<K, C> {
    keys: HashTable<Entry<K, KeySessions<C>>>,
    /// Each key once, by the time it is due and its number.
    due: BTreeMap<(i64, u64), (u64, K)>,
    next_number: u64,
    open: u64,
    changes: Option<Changes<K, C>>,
}

struct KeySessions<C> {
    sessions: Vec<Session<C>>,
    /// Where the key is in the index.
    due: (i64, u64),
}

struct Changes<K, C> {
    sessions: Vec<Entry<K, Session<C>>>,
    watermark: i64,
}

impl<K, C> Default for SessionState<K, C> {
    fn default() -> Self {
        SessionState {
            keys: HashTable::new(),
            due: BTreeMap::new(),
            next_number: 0,
            open: 0,
            changes: None,
        }
    }
}

impl Sessions {
    /// The watermark at which something is to be done about a session.
    fn due<C>(&self, session: &Session<C>) -> i64 {
        if session.fired {
            session.end + self.lateness
        } else {
            session.end
        }
    }

    fn closed(&self, end: i64, watermark: i64) -> bool {
        end + self.lateness <= watermark
    }
}

impl<K: Key, V: Data, A: Aggregate<V>> WindowKind<K, V, A> for Sessions {
    type Fold = CombineTable<K, KeyFold<V, A::Acc>>;
    type Block = Vec<Entry<K, KeyFold<V, A::Acc>>>;
    type State = SessionState<K, A::Acc>;

    fn start_fold(&self) -> Self::Fold {
        CombineTable::with_capacity(0)
    }

    fn fold(
        &self,
        fold: &mut Self::Fold,
        chunk: &mut Vec<Timed<K, V>>,
        aggregate: &A,
        before: i64,
        _late: &mut Late<K, V>,
    ) {
        let add = |key: &mut KeyFold<V, A::Acc>, (time, value): (Time, V)| {
            let at = signed(time);
            if self.closed(at + self.gap, before) {
                key.suspects.push((time, value));
            } else {
                add_value(&mut key.sessions, at, self.gap, value, aggregate);
            }
        };
        for (time, (key, value)) in chunk.drain(..) {
            let create = |record| {
                let mut key = KeyFold {
                    sessions: Vec::new(),
                    suspects: Vec::new(),
                };
                add(&mut key, record);
                key
            };
            fold.upsert(key_hash(&key), key, (time, value), create, add);
        }
    }

    fn split(&self, fold: Self::Fold, partitioner: HashPartitioner) -> Vec<Self::Block> {
        let mut blocks: Vec<Self::Block> =
            (0..partitioner.partitions()).map(|_| Vec::new()).collect();
        for entry in fold.into_entries() {
            blocks[partitioner.partition_of_hash(entry.hash)].push(entry);
        }
        blocks
    }

    fn apply(&self, state: &mut Self::State, aggregate: &A) {
        let Some(Changes {
            sessions,
            watermark,
        }) = state.changes.take()
        else {
            return;
        };
        for Entry { hash, key, value } in sessions {
            self.insert(state, hash, key, value, aggregate);
        }
        self.pass(state, watermark);
    }

    fn fire(
        &self,
        state: &mut Self::State,
        blocks: Vec<Self::Block>,
        aggregate: &A,
        watermarks: Passed,
        out: &mut Fired<K, V, A::Out>,
    ) {
        let mut blocks = blocks.into_iter();
        let mut fresh = CombineTable::from_distinct(blocks.next().unwrap_or_default());
        for Entry { hash, key, value } in blocks.flatten() {
            fresh.upsert(
                hash,
                key,
                value,
                |value| value,
                |all, more| {
                    for session in more.sessions {
                        absorb(&mut all.sessions, session, aggregate);
                    }
                    all.suspects.extend(more.suspects);
                },
            );
        }
        // Where this batch's records went, so that what fires by the index alone leaves those sessions out.
        let mut touched = Vec::new();
        let mut changes = Changes {
            sessions: Vec::new(),
            watermark: watermarks.after,
        };
        for entry in fresh.into_entries() {
            let mut windows: Vec<(i64, i64)> = Vec::new();
            let (hash, key) = (entry.hash, entry.key);
            let base = sessions_of(state, hash, &key);
            for part in components(entry.value.sessions, entry.value.suspects, base, self.gap) {
                if let Some(session) = self.take(part, base, &key, aggregate, watermarks, out) {
                    windows.push((session.start, session.end));
                    if !self.closed(session.end, watermarks.after) {
                        changes.sessions.push(Entry {
                            hash,
                            key: key.clone(),
                            value: session,
                        });
                    }
                }
            }
            touched.push(Entry {
                hash,
                key,
                value: windows,
            });
        }
        let touched = CombineTable::from_distinct(touched);
        self.fire_due(state, &touched, aggregate, watermarks, out);
        state.changes = Some(changes);
    }

    fn drop_changes(&self, state: &mut Self::State) {
        state.changes = None;
    }

    fn open(&self, state: &Self::State) -> u64 {
        state.open
    }
}

fn sessions_of<'a, K: Key, C>(
    state: &'a SessionState<K, C>,
    hash: u64,
    key: &K,
) -> &'a [Session<C>] {
    let found = state
        .keys
        .find(hash, |entry| entry.hash == hash && entry.key == *key);
    found.map_or(&[], |entry| &entry.value.sessions)
}

impl Sessions {
    /// Takes records of a key that belong together, and fires their session if the watermark has passed it. Returns what is new
    /// of the session, in its whole extent; nothing if all of it came too late.
    fn take<K: Key, V: Data, A: Aggregate<V>>(
        &self,
        part: Part<V, A::Acc>,
        base: &[Session<A::Acc>],
        key: &K,
        aggregate: &A,
        watermarks: Passed,
        out: &mut Fired<K, V, A::Out>,
    ) -> Option<Session<A::Acc>> {
        let Part {
            start,
            end,
            fresh,
            suspects,
            base: old,
        } = part;
        if fresh.is_empty() && old.is_empty() {
            let window = Window::between(start, end);
            for (time, value) in suspects {
                out.late.add(time, || (key.clone(), value), [window]);
            }
            return None;
        }
        let mut values = fresh.into_iter().map(|session| session.value);
        let mut new = values.next();
        let mut add = |value: A::Acc| match &mut new {
            Some(acc) => aggregate.merge(acc, value),
            None => new = Some(value),
        };
        values.for_each(&mut add);
        suspects
            .into_iter()
            .for_each(|(_, value)| add(aggregate.create(value)));
        let new = new?;
        let old = &base[old];
        let mut given: Vec<Window> = old.iter().flat_map(|old| &old.given).copied().collect();
        let window = Window::between(start, end);
        let fires = end <= watermarks.after;
        if fires {
            let mut value = None;
            for session in old {
                match &mut value {
                    Some(acc) => aggregate.merge(acc, session.value.clone()),
                    None => value = Some(session.value.clone()),
                }
            }
            let value = match value {
                Some(mut acc) => {
                    aggregate.merge(&mut acc, new.clone());
                    acc
                }
                None => new.clone(),
            };
            out.results.push(WindowResult {
                window,
                key: key.clone(),
                value: aggregate.finish(value),
                replaces: std::mem::replace(&mut given, vec![window]),
            });
        }
        Some(Session {
            start,
            end,
            fired: fires,
            given,
            value: new,
        })
    }

    /// Fires the sessions that got no records in this batch and whose end the watermark passes.
    fn fire_due<K: Key, V: Data, A: Aggregate<V>>(
        &self,
        state: &SessionState<K, A::Acc>,
        touched: &CombineTable<K, Vec<(i64, i64)>>,
        aggregate: &A,
        watermarks: Passed,
        out: &mut Fired<K, V, A::Out>,
    ) {
        for (_, (hash, key)) in state.due.range(..=(watermarks.after, u64::MAX)) {
            let windows = touched.get(*hash, key);
            let is_touched = |session: &Session<A::Acc>| {
                windows.is_some_and(|windows| {
                    windows
                        .iter()
                        .any(|(start, end)| *start < session.end && session.start < *end)
                })
            };
            let passed = sessions_of(state, *hash, key)
                .iter()
                .take_while(|session| session.end <= watermarks.after)
                .filter(|session| !session.fired && !is_touched(session));
            out.results.extend(passed.map(|session| WindowResult {
                window: Window::between(session.start, session.end),
                key: key.clone(),
                value: aggregate.finish(session.value.clone()),
                replaces: session.given.clone(),
            }));
        }
    }

    /// Makes a session part of the state, with those of its key that it overlaps.
    fn insert<K: Key, V: Data, A: Aggregate<V>>(
        &self,
        state: &mut SessionState<K, A::Acc>,
        hash: u64,
        key: K,
        new: Session<A::Acc>,
        aggregate: &A,
    ) {
        let SessionState {
            keys,
            due,
            open,
            next_number,
            ..
        } = state;
        let slot = keys.entry(
            hash,
            |entry| entry.hash == hash && entry.key == key,
            |entry| entry.hash,
        );
        match slot {
            Slot::Vacant(slot) => {
                let at = (self.due(&new), *next_number);
                due.insert(at, (hash, key.clone()));
                *next_number += 1;
                *open += 1;
                let value = KeySessions {
                    sessions: vec![new],
                    due: at,
                };
                slot.insert(Entry { hash, key, value });
            }
            Slot::Occupied(mut slot) => {
                let of_key = &mut slot.get_mut().value;
                let had = of_key.sessions.len() as u64;
                let at = absorb(&mut of_key.sessions, new, aggregate);
                *open = *open + of_key.sessions.len() as u64 - had;
                let (old, at) = (of_key.due, self.due(&of_key.sessions[at]));
                if at < old.0 {
                    of_key.due = (at, old.1);
                    due.remove(&old);
                    due.insert(of_key.due, (hash, key));
                }
            }
        }
    }

    /// The watermark gets here: what has fired is marked, what has closed is forgotten.
    fn pass<K: Key, C>(&self, state: &mut SessionState<K, C>, watermark: i64) {
        while let Some(first) = state.due.first_entry()
            && first.key().0 <= watermark
        {
            let ((_, number), (hash, key)) = first.remove_entry();
            let found = state
                .keys
                .find_entry(hash, |entry| entry.hash == hash && entry.key == key);
            let Ok(mut found) = found else { continue };
            let of_key = &mut found.get_mut().value;
            let had = of_key.sessions.len();
            of_key
                .sessions
                .retain(|session| !self.closed(session.end, watermark));
            state.open -= (had - of_key.sessions.len()) as u64;
            let due = of_key.sessions.iter_mut().map(|session| {
                if session.end <= watermark && !session.fired {
                    session.fired = true;
                    session.given = vec![Window::between(session.start, session.end)];
                }
                self.due(session)
            });
            match due.min() {
                Some(due) => {
                    of_key.due = (due, number);
                    state.due.insert(of_key.due, (hash, key));
                }
                None => drop(found.remove()),
            }
        }
        // Keys come and go: a table that was large once gives its memory back.
        if state.keys.capacity() > 64 && state.keys.len() * 4 < state.keys.capacity() {
            state
                .keys
                .shrink_to(state.keys.len() * 2, |entry| entry.hash);
        }
    }
}
