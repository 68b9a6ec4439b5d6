//! The brokers of a cluster: where they are, which of them are up, and what they coordinate.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{PoisonError, RwLock};

use bytestring::ByteString;
use tokio::sync::watch;

/// A broker and where clients reach it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Endpoint {
    pub(crate) id: i32,
    pub(crate) host: ByteString,
    pub(crate) port: u16,
    pub(crate) rack: Option<ByteString>,
    /// Where clients of the listeners after the first one reach it.
    pub(crate) further: Vec<(ByteString, u16)>,
}

impl Endpoint {
    /// The same, with the address for clients of one of the listeners.
    pub(crate) fn at(mut self, listener: usize) -> Self {
        let further = listener.checked_sub(1);
        if let Some((host, port)) = further.and_then(|further| self.further.get(further)) {
            (self.host, self.port) = (host.clone(), *port);
        }
        self
    }
}

/// The brokers that there are. Each has everything that the cluster has: its log is the leader's.
#[derive(Debug, Default)]
pub(crate) struct Nodes {
    state: RwLock<State>,
    /// Tells those who wait for an answer that somebody else may owe it to them now.
    changed: watch::Sender<()>,
}

#[derive(Debug, Default)]
struct State {
    /// With whether it is up.
    all: BTreeMap<i32, (Endpoint, bool)>,
    /// Groups (and whatever else has a coordinator) that were given to another broker than their own.
    moved: HashMap<ByteString, i32>,
}

impl State {
    fn is_up(&self, id: i32) -> bool {
        self.all.get(&id).is_some_and(|(_, is_up)| *is_up)
    }

    /// The `n`th broker, or the next one that is up.
    fn up_from(&self, n: usize) -> Option<&Endpoint> {
        let count = self.all.len().max(1);
        let around = self.all.values().cycle().skip(n % count).take(count);
        let mut up = around.filter(|(_, is_up)| *is_up);
        up.next().map(|(endpoint, _)| endpoint)
    }
}

impl Nodes {
    fn read<T>(&self, look: impl FnOnce(&State) -> T) -> T {
        look(&self.state.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn write<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let result = change(&mut self.state.write().unwrap_or_else(PoisonError::into_inner));
        self.changed.send_replace(());
        result
    }

    /// Tells of each change from now on.
    pub(crate) fn changes(&self) -> watch::Receiver<()> {
        self.changed.subscribe()
    }

    /// A broker joins the cluster.
    pub(crate) fn add(&self, endpoint: Endpoint) {
        self.write(|state| state.all.insert(endpoint.id, (endpoint, true)));
    }

    /// A broker goes down or comes up; whether there is such a broker.
    pub(crate) fn set_up(&self, id: i32, is_up: bool) -> bool {
        self.write(|state| match state.all.get_mut(&id) {
            Some(node) => {
                node.1 = is_up;
                true
            }
            None => false,
        })
    }

    pub(crate) fn is_up(&self, id: i32) -> bool {
        self.read(|state| state.is_up(id))
    }

    /// How many there are, up or down.
    pub(crate) fn count(&self) -> i16 {
        self.read(|state| i16::try_from(state.all.len()).unwrap_or(i16::MAX))
    }

    /// The ids of all of them, up or down.
    pub(crate) fn ids(&self) -> Vec<i32> {
        self.read(|state| state.all.keys().copied().collect())
    }

    /// The only one, if there are no others.
    pub(crate) fn only(&self) -> Option<i32> {
        self.read(|state| match state.all.len() {
            1 => state.all.keys().next().copied(),
            _ => None,
        })
    }

    /// Whether there is such a broker, up or down.
    pub(crate) fn knows(&self, id: i32) -> bool {
        self.read(|state| state.all.contains_key(&id))
    }

    /// Those that are up, by their ids.
    pub(crate) fn up(&self) -> Vec<Endpoint> {
        self.read(|state| {
            let up = state.all.values().filter(|(_, is_up)| *is_up);
            up.map(|(endpoint, _)| endpoint.clone()).collect()
        })
    }

    /// Those that are down, by their ids.
    pub(crate) fn down(&self) -> Vec<i32> {
        self.read(|state| {
            let down = state.all.iter().filter(|(_, (_, is_up))| !is_up);
            down.map(|(id, _)| *id).collect()
        })
    }

    /// Those of these brokers that there are, each once.
    pub(crate) fn named(&self, ids: impl Iterator<Item = i32>) -> impl Iterator<Item = Endpoint> {
        let ids: BTreeSet<i32> = ids.collect();
        ids.into_iter().filter_map(|id| self.get(id))
    }

    /// One that is up.
    pub(crate) fn get(&self, id: i32) -> Option<Endpoint> {
        self.read(|state| {
            let (endpoint, is_up) = state.all.get(&id)?;
            is_up.then(|| endpoint.clone())
        })
    }

    /// Who coordinates a group.
    pub(crate) fn coordinator(&self, key: &str) -> Option<Endpoint> {
        let hash = key.bytes().fold(0, |hash: usize, byte| {
            hash.wrapping_mul(31).wrapping_add(usize::from(byte))
        });
        self.read(|state| {
            let moved = state.moved.get(key).filter(|id| state.is_up(**id));
            match moved {
                Some(id) => state.all.get(id).map(|(endpoint, _)| endpoint.clone()),
                None => state.up_from(hash).cloned(),
            }
        })
    }

    /// Gives a group to a broker.
    pub(crate) fn move_coordinator(&self, key: &str, id: i32) {
        self.write(|state| state.moved.insert(key.into(), id));
    }

    /// The replica that a client in `rack` had better read from than from the leader, as Kafka's rack-aware selector has
    /// it: one in its own rack, unless the leader stands there, too.
    pub(crate) fn closer_than(&self, leader: i32, rack: &str, replicas: &[i32]) -> Option<i32> {
        self.read(|state| {
            let mut there = state
                .all
                .values()
                .filter(|(endpoint, is_up)| {
                    *is_up
                        && endpoint.rack.as_deref() == Some(rack)
                        && replicas.contains(&endpoint.id)
                })
                .map(|(endpoint, _)| endpoint.id);
            let first = there.next()?;
            (first != leader && !there.any(|id| id == leader)).then_some(first)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn three() -> Nodes {
        let nodes = Nodes::default();
        for (id, rack) in [(1, "a"), (2, "b"), (3, "b")] {
            nodes.add(Endpoint {
                id,
                host: "h".into(),
                port: 1,
                rack: Some(rack.into()),
                further: vec![("f".into(), 2)],
            });
        }
        nodes
    }

    #[test]
    fn what_a_broker_had_goes_to_the_next_one_when_it_is_down() {
        let nodes = three();
        let coordinator = |nodes: &Nodes| nodes.coordinator("g").unwrap().id;
        let own = coordinator(&nodes);
        nodes.set_up(own, false);
        assert_ne!(coordinator(&nodes), own);
        nodes.set_up(own, true);
        assert_eq!(coordinator(&nodes), own);
        nodes.move_coordinator("g", own % 3 + 1);
        assert_eq!(coordinator(&nodes), own % 3 + 1);
        assert!(!nodes.set_up(7, false));
    }

    #[test]
    fn each_listener_has_its_own_address() {
        let address = |listener| {
            let Endpoint { host, port, .. } = three().get(1).unwrap().at(listener);
            (host.to_string(), port)
        };
        assert_eq!(address(0), ("h".to_owned(), 1));
        assert_eq!(address(1), ("f".to_owned(), 2));
        assert_eq!(address(2), ("h".to_owned(), 1));
    }

    #[test]
    fn a_reader_is_sent_to_its_own_rack_unless_the_leader_is_there() {
        let nodes = three();
        for (leader, rack, closer) in [
            (1, "a", None),
            (1, "b", Some(2)),
            (2, "b", None),
            (3, "b", None),
            (3, "a", Some(1)),
            (1, "c", None),
        ] {
            assert_eq!(
                nodes.closer_than(leader, rack, &[1, 2, 3]),
                closer,
                "{leader}, {rack}"
            );
        }
        nodes.set_up(2, false);
        assert_eq!(nodes.closer_than(1, "b", &[1, 2, 3]), Some(3));
        assert_eq!(nodes.closer_than(1, "b", &[1, 2]), None);
    }
}
