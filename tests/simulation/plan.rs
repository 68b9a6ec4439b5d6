//! All that a seed decides before a run begins. What it decides on the way (the fate of a single request) follows from the
//! same seed.

use std::fmt;
use std::time::Duration;

use fastrand::Rng;
use kafka_broker::TransactionVersion;
use kafka_client::consumer::GroupProtocol;
use kafka_client::consumer::assignor::AssignmentStrategy;

/// What happens to the brokers, and when.
#[derive(Debug, Clone)]
pub(crate) enum Event {
    /// Another broker leads a partition (the place of its topic among the topics, and its number).
    MoveLeader(usize, i32, i32),
    /// Another broker coordinates a group or a transactional id (its place among them).
    MoveCoordinator(usize, i32),
    /// A broker is killed, and started again after this time.
    Restart(i32, Duration),
    /// A broker can be reached by nobody for this time.
    Isolate(i32, Duration),
    /// A broker carries everything out for this time, and none of its answers arrives.
    Mute(i32, Duration),
    /// A broker hears and says nothing for this time, and then answers everything.
    Freeze(i32, Duration),
}

/// How often something goes wrong, in a thousand requests.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Faults {
    /// The connection is cut, and the request is lost.
    pub(crate) lose_request: u32,
    /// The connection is cut in the middle of the request.
    pub(crate) cut_request: u32,
    /// The connection is cut when the request was carried out: its answer is lost.
    pub(crate) lose_answer: u32,
    /// The connection is cut in the middle of the answer.
    pub(crate) cut_answer: u32,
    /// The answer comes twice.
    pub(crate) repeat_answer: u32,
    /// The request waits on its way; longer than the client does, it is carried out all the same.
    pub(crate) stall: u32,
    /// A batch is carried out a second time, some time later.
    pub(crate) repeat_produce: u32,
    /// Connections that are refused.
    pub(crate) refuse: u32,
    /// The longest that a request is on its way otherwise.
    pub(crate) latency: Duration,
    /// The longest that a request waits.
    pub(crate) longest_stall: Duration,
}

impl Faults {
    /// Nothing goes wrong.
    pub(crate) const NONE: Self = Self {
        lose_request: 0,
        cut_request: 0,
        lose_answer: 0,
        cut_answer: 0,
        repeat_answer: 0,
        stall: 0,
        repeat_produce: 0,
        refuse: 0,
        latency: Duration::from_millis(2),
        longest_stall: Duration::ZERO,
    };
}

/// A run.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    pub(crate) seed: u64,
    pub(crate) nodes: i32,
    pub(crate) partitions: i32,
    pub(crate) transactions: TransactionVersion,
    pub(crate) marker_delay: Duration,
    /// Whether a request may arrive after its client has given it up, and is carried out all the same. Neither the first
    /// protocol of transactions stands that (the end of a transaction that was given up would end the next one: KIP-890 is
    /// there for that), nor a producer that gives up batches: the epoch that it goes on with (KIP-360) keeps out what is
    /// late only once something was written under it.
    pub(crate) late: bool,
    /// How long it is that things go wrong.
    pub(crate) trouble: Duration,
    pub(crate) faults: Faults,
    pub(crate) events: Vec<(Duration, Event)>,
    /// Producers that are idempotent only.
    pub(crate) producers: u32,
    /// Those that write in transactions.
    pub(crate) transactional: u32,
    /// Members of the group that reads what the first write.
    pub(crate) members: u32,
    pub(crate) protocol: GroupProtocol,
    pub(crate) strategy: AssignmentStrategy,
    pub(crate) auto_commit: bool,
    /// Those that copy, each in transactions with their positions.
    pub(crate) copiers: u32,
}

/// How long a client waits for an answer.
pub(crate) const REQUEST_TIMEOUT: Duration = Duration::from_millis(1500);

/// The topic of the idempotent producers, that of the transactional ones, and the copy of the first.
pub(crate) const TOPICS: [&str; 3] = ["plain", "settled", "copy"];
/// What has a coordinator.
pub(crate) const COORDINATED: [&str; 6] =
    ["readers", "settlers", "copiers", "tx-0", "tx-1", "copier-0"];

impl Plan {
    pub(crate) fn new(seed: u64) -> Self {
        let mut rng = Rng::with_seed(seed);
        let nodes = if rng.u8(..10) == 0 { 1 } else { 3 };
        let partitions = rng.i32(1..=3);
        let transactions = match rng.u8(..4) {
            0 => TransactionVersion::V1,
            _ => TransactionVersion::V2,
        };
        let late = transactions >= TransactionVersion::V2 && rng.bool();
        let trouble = Duration::from_millis(rng.u64(3_000..8_000));
        let faults = faults(&mut rng, late);
        let strategies = [
            AssignmentStrategy::Range,
            AssignmentStrategy::RoundRobin,
            AssignmentStrategy::Sticky,
            AssignmentStrategy::CooperativeSticky,
        ];
        let mut plan = Self {
            seed,
            nodes,
            partitions,
            transactions,
            late,
            marker_delay: Duration::from_millis([0, 0, 20, 100][rng.usize(..4)]),
            trouble,
            faults,
            events: Vec::new(),
            producers: rng.u32(1..=2),
            transactional: rng.u32(1..=2),
            members: rng.u32(1..=3),
            protocol: [GroupProtocol::Classic, GroupProtocol::Consumer][rng.usize(..2)],
            strategy: strategies[rng.usize(..4)].clone(),
            auto_commit: rng.bool(),
            copiers: rng.u32(..=2),
        };
        for _ in 0..rng.usize(..10) {
            let at = trouble.mul_f64(rng.f64());
            let event = plan.event(&mut rng);
            plan.events.push((at, event));
        }
        plan.events.sort_by_key(|(at, _)| *at);
        plan
    }

    fn event(&self, rng: &mut Rng) -> Event {
        let node = rng.i32(1..=self.nodes);
        let time = Duration::from_millis(rng.u64(50..4_000));
        match rng.u8(..14) {
            0..=3 => Event::MoveLeader(rng.usize(..3), rng.i32(0..self.partitions), node),
            4..=5 => Event::MoveCoordinator(rng.usize(..COORDINATED.len()), node),
            6..=7 => Event::Restart(node, time),
            8..=9 => Event::Isolate(node, time),
            10..=11 => Event::Mute(node, time),
            _ => Event::Freeze(node, time.min(longest_delay(self.late))),
        }
    }

    /// A generator for one of those who take part.
    pub(crate) fn rng(&self, who: &str) -> Rng {
        let hash = who.bytes().fold(self.seed, |hash, byte| {
            hash.wrapping_mul(0x0100_0000_01b3) ^ u64::from(byte)
        });
        Rng::with_seed(hash)
    }
}

/// The longest that a request is held up.
fn longest_delay(late: bool) -> Duration {
    if late {
        REQUEST_TIMEOUT * 2
    } else {
        REQUEST_TIMEOUT / 3
    }
}

fn faults(rng: &mut Rng, late: bool) -> Faults {
    // Most runs have a few kinds of faults, and some have little else.
    let often = if rng.u8(..8) == 0 { 4 } else { 1 };
    let mut rate = |most: u32| {
        if rng.bool() {
            rng.u32(..=most * often)
        } else {
            0
        }
    };
    Faults {
        lose_request: rate(15),
        cut_request: rate(10),
        lose_answer: rate(30),
        cut_answer: rate(10),
        repeat_answer: rate(5),
        stall: rate(30),
        repeat_produce: rate(100),
        refuse: rate(100),
        latency: Duration::from_millis(u64::from(rate(20)) + 1),
        longest_stall: longest_delay(late),
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{} broker(s), {} partition(s) a topic, transactions {:?} (markers after {:?}), requests may be late: {}, trouble for {:?}",
            self.nodes,
            self.partitions,
            self.transactions,
            self.marker_delay,
            self.late,
            self.trouble
        )?;
        writeln!(
            f,
            "{} producer(s), {} transactional, {} reader(s) ({:?}, {:?}, auto-commit {}), {} copier(s)",
            self.producers,
            self.transactional,
            self.members,
            self.protocol,
            self.strategy,
            self.auto_commit,
            self.copiers
        )?;
        writeln!(f, "{:?}", self.faults)?;
        for (at, event) in &self.events {
            writeln!(f, "at {at:?}: {event:?}")?;
        }
        Ok(())
    }
}
