//! Members against a model of the coordinator, while a seed decides what is lost, who is thrown out and who comes and goes.

use std::collections::{BTreeMap, BTreeSet};

use super::*;
use crate::error::Error;

const SEEDS: u64 = 150;
const STEPS: usize = 250;
/// How often everybody acts without trouble before everything has to be settled.
const QUIET_STEPS: usize = 60;

/// What the coordinator knows of a member.
#[derive(Debug, Default)]
struct Seat {
    epoch: i32,
    previous_epoch: i32,
    assigned: BTreeSet<i32>,
    /// Not its any more, as soon as it says so.
    revoking: BTreeSet<i32>,
    told: BTreeSet<i32>,
}

/// A coordinator of a group that reads `t`.
#[derive(Debug, Default)]
struct Coordinator {
    epoch: i32,
    partitions: i32,
    seats: BTreeMap<String, Seat>,
}

impl Coordinator {
    fn target(&self, member: &str) -> BTreeSet<i32> {
        let place = self.seats.keys().position(|id| id == member);
        let count = self.seats.len() as i32;
        (0..self.partitions)
            .filter(|number| place == Some((number % count) as usize))
            .collect()
    }

    fn throw_out(&mut self, member: &str) {
        if self.seats.remove(member).is_some() {
            self.epoch += 1;
        }
    }

    fn hear(
        &mut self,
        request: &ConsumerGroupHeartbeatRequest,
    ) -> std::result::Result<ConsumerGroupHeartbeatResponse, ErrorCode> {
        let id = request.member_id.to_string();
        let owned = request.topic_partitions.as_ref().map(|topics| {
            let numbers = topics.iter().flat_map(|topic| topic.partitions.clone());
            numbers.collect::<BTreeSet<i32>>()
        });
        let is_full = request.rebalance_timeout_ms > 0;
        match request.member_epoch {
            -1 | -2 => {
                self.throw_out(&id);
                return Ok(answer(request.member_epoch, None));
            }
            0 => {
                assert!(is_full && request.subscribed_topic_names.is_some());
                assert_eq!(owned, Some(BTreeSet::new()), "who joins owns nothing");
                if self.seats.get(&id).is_some_and(|seat| seat.epoch > 1) {
                    return Err(ErrorCode::FencedMemberEpoch);
                }
                self.epoch += 1;
                self.seats.insert(id.clone(), Seat::default());
            }
            epoch => {
                let seat = self.seats.get(&id).ok_or(ErrorCode::UnknownMemberId)?;
                let is_repeated = epoch == seat.previous_epoch
                    && owned
                        .as_ref()
                        .is_some_and(|owned| owned.is_subset(&seat.assigned));
                if epoch != seat.epoch && !is_repeated {
                    return Err(ErrorCode::FencedMemberEpoch);
                }
            }
        }
        self.reconcile(&id, owned);
        let seat = self.seats.get_mut(&id).expect("it was heard");
        let is_news = seat.told != seat.assigned || is_full;
        seat.told.clone_from(&seat.assigned);
        let numbers: Vec<i32> = seat.assigned.iter().copied().collect();
        Ok(answer(
            seat.epoch,
            is_news.then(|| vec![topic(T, &numbers)]),
        ))
    }

    fn reconcile(&mut self, id: &str, owned: Option<BTreeSet<i32>>) {
        let target = self.target(id);
        let others = self.seats.iter().filter(|(other, _)| *other != id);
        let taken: BTreeSet<i32> = others
            .flat_map(|(_, seat)| seat.assigned.union(&seat.revoking))
            .copied()
            .collect();
        let seat = self.seats.get_mut(id).expect("it was heard");
        // Who does not say has what it had.
        let may_have = |number: &i32| owned.as_ref().is_none_or(|owned| owned.contains(number));
        seat.revoking.retain(may_have);
        if seat.revoking.is_empty() && seat.epoch < self.epoch {
            seat.revoking = seat.assigned.difference(&target).copied().collect();
            seat.revoking.retain(may_have);
            seat.assigned.retain(|number| target.contains(number));
            if seat.revoking.is_empty() {
                seat.previous_epoch = seat.epoch;
                seat.epoch = self.epoch;
            }
        }
        if seat.epoch == self.epoch {
            seat.assigned = target.difference(&taken).copied().collect();
        }
    }
}

/// A member, and what is on its way to the coordinator.
struct Actor {
    member: Membership,
    in_flight: Option<(bool, ConsumerGroupHeartbeatRequest)>,
    /// The application is at this.
    busy: Option<Rebalance>,
    reads: BTreeSet<i32>,
}

struct World {
    rng: fastrand::Rng,
    now: Instant,
    coordinator: Coordinator,
    actors: Vec<Actor>,
    born: u32,
}

fn numbers(partitions: &[TopicPartition]) -> BTreeSet<i32> {
    partitions.iter().map(|it| it.partition).collect()
}

impl World {
    fn new(seed: u64) -> Self {
        let coordinator = Coordinator {
            partitions: 4,
            ..Default::default()
        };
        // Backoff varies by it.
        fastrand::seed(seed);
        let mut world = Self {
            rng: fastrand::Rng::with_seed(seed),
            now: Instant::now(),
            coordinator,
            actors: Vec::new(),
            born: 0,
        };
        for _ in 0..3 {
            let actor = world.actor();
            world.actors.push(actor);
        }
        world
    }

    fn actor(&mut self) -> Actor {
        let mut member = Membership::new(config(None), self.now);
        // A seed has to come out the same each time.
        member.member_id = format!("member {}", self.born);
        self.born += 1;
        member.subscribe(vec![Arc::from("t")], self.now);
        Actor {
            member,
            in_flight: None,
            busy: None,
            reads: BTreeSet::new(),
        }
    }

    /// One of them does what it has to.
    fn act(&mut self, at: usize, is_quiet: bool) {
        let actor = &mut self.actors[at];
        while let Some(action) = actor.member.next(self.now) {
            match action {
                Action::Resolve { ids } => {
                    assert_eq!(ids, [T]);
                    let is_known = is_quiet || self.rng.bool();
                    let names = is_known.then(|| (T, Arc::from("t")));
                    let names = names.into_iter().collect();
                    actor.member.resolved(Ok(names), self.now);
                }
                Action::Heartbeat(request) => {
                    assert!(actor.in_flight.is_none(), "one at a time");
                    actor.in_flight = Some((false, request));
                }
                Action::Leave(request) => {
                    assert!(actor.in_flight.is_none(), "one at a time");
                    actor.in_flight = Some((true, request));
                }
                Action::Match { .. } => unreachable!("there is no pattern"),
            }
        }
        let deadline = actor.member.next_deadline();
        assert!(
            deadline.is_none_or(|due| due > self.now),
            "nothing is overdue"
        );
    }

    /// What is on its way arrives, or does not, or its answer does not.
    fn deliver(&mut self, at: usize, is_quiet: bool) {
        let actor = &mut self.actors[at];
        let Some((is_last, request)) = actor.in_flight.take() else {
            return;
        };
        let lost = || Error::timeout("a heartbeat", SECOND, None);
        let fate = if is_quiet { 9 } else { self.rng.u8(..10) };
        let result = match fate {
            0 => Err(lost()),
            1 => Err(refused(ErrorCode::NotCoordinator)),
            _ => self.coordinator.hear(&request).map_err(refused),
        };
        let result = if fate == 2 { Err(lost()) } else { result };
        if is_last {
            actor.member.left();
        } else {
            actor.member.answered(result, self.now);
        }
    }

    /// The application begins with what it is asked for, or ends it.
    fn poll(&mut self, at: usize) {
        let actor = &mut self.actors[at];
        actor.member.poll_begins();
        match actor.busy.take() {
            None => actor.busy = actor.member.pending().cloned(),
            Some(done) => {
                match &done {
                    Rebalance::Assign(partitions) => {
                        if actor.member.pending() == Some(&done) {
                            actor.reads = numbers(partitions);
                        }
                    }
                    Rebalance::Revoke(partitions) | Rebalance::Lost(partitions) => {
                        let gone = numbers(partitions);
                        actor.reads.retain(|number| !gone.contains(number));
                    }
                }
                actor.member.done(&done);
            }
        }
        actor.member.poll_ends(self.now);
    }

    fn disturb(&mut self, at: usize) {
        match self.rng.u8(..12) {
            0 => {
                // The application gives up what it has before it leaves.
                let actor = &mut self.actors[at];
                actor.busy = None;
                actor.reads.clear();
                actor.member.unsubscribe();
                if self.rng.bool() {
                    let topics = vec![Arc::from("t")];
                    actor.member.subscribe(topics, self.now);
                }
            }
            1 => {
                let topics = vec![Arc::from("t")];
                self.actors[at].member.subscribe(topics, self.now);
            }
            2 => {
                let ids: Vec<String> = self.coordinator.seats.keys().cloned().collect();
                if let Some(id) = self.rng.choice(&ids) {
                    self.coordinator.throw_out(id);
                }
            }
            3 if self.coordinator.partitions < 9 => {
                self.coordinator.partitions += 1;
                self.coordinator.epoch += 1;
            }
            4 => {
                // It crashes; its session ends at some time.
                let actor = self.actor();
                self.actors[at] = actor;
            }
            _ => {}
        }
    }

    /// Nobody reads what the coordinator believes to be another's, unless it has been thrown out and is yet to hear so.
    fn check(&self) {
        let mut readers: BTreeMap<i32, usize> = BTreeMap::new();
        for actor in &self.actors {
            let Some(identity) = actor.member.committer() else {
                continue;
            };
            let Some(seat) = self.coordinator.seats.get(&identity.member_id) else {
                continue;
            };
            // One that has lost its place and got another may have what it had until it hears so.
            if identity.generation != seat.epoch && identity.generation != seat.previous_epoch {
                continue;
            }
            for number in &actor.reads {
                assert!(
                    seat.assigned.contains(number) || seat.revoking.contains(number),
                    "{number} is read and not its own"
                );
                *readers.entry(*number).or_default() += 1;
            }
        }
        assert!(readers.values().all(|count| *count == 1), "{readers:?}");
    }

    fn run(&mut self) {
        for _ in 0..STEPS {
            let at = self.rng.usize(..self.actors.len());
            self.act(at, false);
            match self.rng.u8(..10) {
                0..=3 => self.deliver(at, false),
                4..=6 => self.poll(at),
                7 => self.now += self.rng.u32(..8) * (SECOND / 2),
                8 => self.disturb(at),
                _ => {}
            }
            self.check();
        }
        // Sessions of members that crashed, or whose farewell was lost, end; and nothing goes wrong any more.
        let alive = self.actors.iter().filter(|it| it.member.is_subscribed());
        let alive: Vec<String> = alive.map(Actor::member_id).collect();
        let seats: Vec<String> = self.coordinator.seats.keys().cloned().collect();
        for id in seats.iter().filter(|id| !alive.contains(id)) {
            self.coordinator.throw_out(id);
        }
        for _ in 0..QUIET_STEPS {
            for at in 0..self.actors.len() {
                self.act(at, true);
                self.deliver(at, true);
                self.poll(at);
                self.check();
            }
            self.now += SECOND;
        }
    }

    fn assert_settled(&self) {
        let subscribed = self.actors.iter().filter(|it| it.member.is_subscribed());
        let mut shared = BTreeSet::new();
        let mut count = 0;
        for actor in subscribed {
            assert_eq!(actor.reads, self.coordinator.target(&actor.member_id()));
            assert_eq!(actor.member.pending(), None);
            shared.extend(actor.reads.iter().copied());
            count += 1;
        }
        assert_eq!(self.coordinator.seats.len(), count, "and no others");
        if count > 0 {
            let all: BTreeSet<i32> = (0..self.coordinator.partitions).collect();
            assert_eq!(shared, all);
        }
    }
}

impl Actor {
    fn member_id(&self) -> String {
        self.member.member_id.clone()
    }
}

#[test]
fn members_never_read_what_is_anothers_and_share_everything_in_the_end() {
    for seed in 0..SEEDS {
        let run = std::panic::catch_unwind(|| {
            let mut world = World::new(seed);
            world.run();
            world.assert_settled();
        });
        if let Err(panic) = run {
            eprintln!("seed {seed}");
            std::panic::resume_unwind(panic);
        }
    }
}
