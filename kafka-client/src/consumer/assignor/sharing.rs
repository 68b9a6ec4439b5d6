//! Equal shares at the least cost.
//!
//! Members and partitions go by their places in lists. A partition costs something where it is far from its reader, and
//! (less) where somebody else had it before. It is first put where it costs least; then partitions move along chains of
//! members, the cheapest chain first, from members with much to members with little. A chain is worth it when its end has at
//! least two partitions less than its beginning, or one less and it saves cost. Where there is none left, shares are as
//! equal as the subscriptions let them be, and cost no more than they must: it is the textbook's flow of minimum cost.

use std::collections::VecDeque;

/// That a partition is far outweighs every move that a chain can consist of.
const FAR: i64 = 1 << 32;
const UNREACHED: i64 = i64::MAX;

/// A partition, and where it goes.
#[derive(Debug, Clone)]
pub(super) struct Place {
    /// Its topic.
    pub(super) topic: usize,
    /// Which of [`Sharing::far`] says who is far from it.
    pub(super) racks: usize,
    /// The member that had it and may keep it.
    pub(super) before: Option<usize>,
}

/// Partitions on their way to their members.
#[derive(Debug)]
pub(super) struct Sharing {
    /// For each topic, those who subscribe to it.
    readers: Vec<Vec<usize>>,
    /// For each set of racks, which members have no replica near.
    far: Vec<Vec<bool>>,
    places: Vec<Place>,
    /// For each partition, the number of its lane: those of one topic and one set of racks.
    lanes: Vec<usize>,
    lane_count: usize,
    /// What each member has.
    held: Vec<Vec<usize>>,
}

/// The cheapest chains that end with each member.
struct Chains {
    cost: Vec<i64>,
    /// From whom, and by which partition.
    step: Vec<Option<(usize, usize)>>,
}

impl Sharing {
    pub(super) fn new(
        members: usize,
        readers: Vec<Vec<usize>>,
        far: Vec<Vec<bool>>,
        places: Vec<Place>,
    ) -> Self {
        let mut known: Vec<(usize, usize)> = places
            .iter()
            .map(|place| (place.topic, place.racks))
            .collect();
        known.sort_unstable();
        known.dedup();
        let lane = |place: &Place| {
            known
                .binary_search(&(place.topic, place.racks))
                .unwrap_or_default()
        };
        Self {
            lanes: places.iter().map(lane).collect(),
            lane_count: known.len(),
            readers,
            far,
            places,
            held: vec![Vec::new(); members],
        }
    }

    /// For each member, its partitions.
    pub(super) fn shares(mut self) -> Vec<Vec<usize>> {
        self.place();
        self.balance();
        self.held
    }

    fn cost(&self, partition: usize, member: usize) -> i64 {
        let place = &self.places[partition];
        let moved = place.before.is_some_and(|before| before != member);
        FAR * i64::from(self.far[place.racks][member]) + i64::from(moved)
    }

    /// Puts each partition where it costs least; where it may be anywhere, with those who have least.
    fn place(&mut self) {
        let mut open = Vec::new();
        for (partition, place) in self.places.iter().enumerate() {
            match place.before {
                Some(before) if !self.far[place.racks][before] => self.held[before].push(partition),
                _ => open.push(partition),
            }
        }
        // Those that few may have first, while there is room with these few.
        open.sort_by_key(|partition| self.readers[self.places[*partition].topic].len());
        for partition in open {
            let readers = self.readers[self.places[partition].topic].iter();
            let best = readers
                .min_by_key(|member| (self.cost(partition, **member), self.held[**member].len()));
            if let Some(member) = best.copied() {
                self.held[member].push(partition);
            }
        }
    }

    fn balance(&mut self) {
        let mut improved = true;
        while std::mem::take(&mut improved) {
            let mut loads: Vec<usize> = self.held.iter().map(Vec::len).collect();
            loads.sort_unstable();
            loads.dedup();
            for load in loads.into_iter().rev() {
                while self.relieve(load) {
                    improved = true;
                }
            }
        }
    }

    /// Takes one partition off one of those who have `load`, along the cheapest chain that is worth it; whether there is one.
    fn relieve(&mut self, load: usize) -> bool {
        let less = |member: usize| load.saturating_sub(self.held[member].len());
        if !(0..self.held.len()).any(|member| less(member) > 0) {
            return false;
        }
        let chains = self.chains_from(load);
        // To have one partition more or less than another is as good either way round: then the cost decides.
        let is_worth_it = |member: &usize| match less(*member) {
            0 => false,
            1 => chains.cost[*member] < 0,
            _ => chains.cost[*member] != UNREACHED,
        };
        let ends = (0..self.held.len()).filter(is_worth_it);
        let Some(end) = ends.min_by_key(|member| (chains.cost[*member], self.held[*member].len()))
        else {
            return false;
        };
        let mut to = end;
        while let Some((from, partition)) = chains.step[to] {
            self.held[from].retain(|held| *held != partition);
            self.held[to].push(partition);
            to = from;
        }
        true
    }

    /// The cheapest chains from those who have `load` to all others.
    fn chains_from(&self, load: usize) -> Chains {
        let mut chains = Chains {
            cost: vec![UNREACHED; self.held.len()],
            step: vec![None; self.held.len()],
        };
        // Whoever else has a partition of the same lane can pass it on to the same members: only at less cost is that news.
        let mut lane_cost = vec![UNREACHED; self.lane_count];
        let mut waiting = VecDeque::new();
        let mut waits = vec![false; self.held.len()];
        for (member, _) in self
            .held
            .iter()
            .enumerate()
            .filter(|(_, held)| held.len() == load)
        {
            chains.cost[member] = 0;
            waits[member] = true;
            waiting.push_back(member);
        }
        while let Some(from) = waiting.pop_front() {
            waits[from] = false;
            for &partition in &self.held[from] {
                let place = &self.places[partition];
                let without = chains.cost[from] - self.cost(partition, from);
                let mut reach = |to: usize, cost: i64| {
                    if cost < chains.cost[to] {
                        chains.cost[to] = cost;
                        chains.step[to] = Some((from, partition));
                        if !std::mem::replace(&mut waits[to], true) {
                            waiting.push_back(to);
                        }
                    }
                };
                if let Some(before) = place.before.filter(|before| *before != from) {
                    reach(before, without + self.cost(partition, before));
                }
                let moved = without + i64::from(place.before.is_some());
                let lane = &mut lane_cost[self.lanes[partition]];
                if moved < *lane {
                    *lane = moved;
                    let far = &self.far[place.racks];
                    for &to in &self.readers[place.topic] {
                        reach(to, moved + FAR * i64::from(far[to]));
                    }
                }
            }
        }
        chains
    }
}
