//! Members that join, leave, crash and change their minds, over a network that loses and repeats, while topics come, grow
//! and go: all by a seed.

use super::*;

/// A member as it sees itself.
#[derive(Debug)]
struct Client {
    id: String,
    instance: Option<String>,
    epoch: i32,
    wants: Wants,
    /// What it was told to have.
    told: BTreeSet<TopicIdPartition>,
    /// What it reads.
    reads: BTreeSet<TopicIdPartition>,
    /// Whether the next heartbeat has to say all: nothing is known of what the last one has brought.
    unsure: bool,
    /// When it sent the last heartbeat that was answered.
    heard: Instant,
    told_at: Instant,
}

#[derive(Debug, Clone)]
enum Wants {
    Names(Vec<&'static str>),
    Regex(&'static str),
}

const TOPICS: [&str; 3] = ["t", "u", "ut"];

struct World {
    bench: Bench,
    random: fastrand::Rng,
    clients: Vec<Client>,
    last_id: u32,
}

impl World {
    fn new(seed: u64) -> Self {
        let mut random = fastrand::Rng::with_seed(seed);
        let intervals = [Duration::ZERO, Duration::from_secs(1)];
        let mut bench = Bench::with(ConsumerGroupSettings {
            assignment_interval: intervals[random.usize(..2)],
            ..Default::default()
        });
        bench.create("t", random.i32(1..9));
        Self {
            bench,
            random,
            clients: Vec::new(),
            last_id: 0,
        }
    }

    fn wants(&mut self) -> Wants {
        if self.random.u8(..3) == 0 {
            let regexes = ["u.*", "t|u", ".*t", "x"];
            Wants::Regex(regexes[self.random.usize(..regexes.len())])
        } else {
            let mut names = TOPICS.to_vec();
            names.retain(|_| self.random.bool());
            Wants::Names(names)
        }
    }

    fn arrive(&mut self, instance: Option<String>) {
        self.last_id += 1;
        let client = Client {
            id: format!("m{}", self.last_id),
            instance,
            epoch: JOIN,
            wants: self.wants(),
            told: BTreeSet::new(),
            reads: BTreeSet::new(),
            unsure: true,
            heard: self.bench.now,
            told_at: self.bench.now,
        };
        self.clients.push(client);
    }

    fn happen(&mut self) {
        let pick = (!self.clients.is_empty()).then(|| self.random.usize(..self.clients.len()));
        match (self.random.u8(..40), pick) {
            (0, _) | (_, None) if self.clients.len() < 6 => {
                let statics: Vec<_> = self
                    .clients
                    .iter()
                    .filter_map(|c| c.instance.clone())
                    .collect();
                let instance = format!("i{}", self.random.u8(..3));
                let is_static = self.random.bool() && !statics.contains(&instance);
                self.arrive(is_static.then_some(instance));
            }
            (1, Some(gone)) => {
                let client = self.clients.swap_remove(gone);
                let leaves = Heartbeat {
                    instance_id: client.instance.as_deref().map(Into::into),
                    ..alive(&client.id, LEAVE)
                };
                // Whether it gets there or the process was killed.
                if self.random.bool() {
                    let _ = self.bench.beat(&leaves);
                }
            }
            (2, Some(restarted)) => {
                let client = self.clients.swap_remove(restarted);
                if client.instance.is_some() {
                    let leaves = Heartbeat {
                        instance_id: client.instance.as_deref().map(Into::into),
                        ..alive(&client.id, LEAVE_STATIC)
                    };
                    let _ = self.bench.beat(&leaves);
                    self.arrive(client.instance);
                }
            }
            (3, Some(client)) => {
                let wants = self.wants();
                self.clients[client].wants = wants;
                self.clients[client].unsure = true;
            }
            (4, _) => {
                let topic = TOPICS[self.random.usize(..TOPICS.len())];
                match self.bench.topics.get(topic) {
                    Some(_) if self.random.u8(..3) == 0 => self.bench.delete(topic),
                    Some((_, partitions)) => {
                        let partitions = partitions + self.random.i32(1..4);
                        self.bench.grow(topic, partitions);
                    }
                    None => self.bench.create(topic, self.random.i32(1..6)),
                }
            }
            (5..12, _) => {
                let time = Duration::from_millis(self.random.u64(..8_000));
                self.pass(time);
            }
            (12..20, Some(client)) => self.act(client),
            (_, Some(client)) => {
                let (lost, repeated) = (self.random.u8(..6) == 0, self.random.u8(..6) == 0);
                self.beat(client, lost, repeated);
            }
            (_, None) => {}
        }
    }

    /// A client does what it was told.
    fn act(&mut self, client: usize) {
        let client = &mut self.clients[client];
        client.reads.clone_from(&client.told);
    }

    fn pass(&mut self, time: Duration) {
        let end = self.bench.now + time;
        for client in 0..self.clients.len() {
            // A client that hears nothing gives up before its session ends, and nobody takes for ever to give back.
            if end >= self.clients[client].heard + SESSION {
                self.forget(client);
            }
            if end >= self.clients[client].told_at + REBALANCE / 2 {
                self.act(client);
            }
        }
        self.bench.pass(time);
    }

    fn forget(&mut self, client: usize) {
        let client = &mut self.clients[client];
        client.epoch = JOIN;
        client.told.clear();
        client.reads.clear();
        client.unsure = true;
    }

    fn beat(&mut self, index: usize, lost: bool, repeated: bool) {
        let client = &self.clients[index];
        let mut beat = Heartbeat {
            instance_id: client.instance.as_deref().map(Into::into),
            // Also what it was given and does not read yet: the coordinator would take it for given back, and the client
            // might never hear of that.
            owned: Some(client.reads.union(&client.told).copied().collect()),
            // Longer than a session, as a client that is thrown out for being slow still reads until it hears of it.
            rebalance_timeout: client.unsure.then_some(SESSION * 4),
            ..alive(&client.id, client.epoch)
        };
        if client.unsure {
            let (names, regex) = match &client.wants {
                Wants::Names(names) => (names.clone(), ""),
                Wants::Regex(regex) => (Vec::new(), *regex),
            };
            beat.topic_names = Some(names.into_iter().map(Into::into).collect());
            beat.topic_regex = Some(regex.into());
            beat.assignor = match self.random.u8(..3) {
                0 => Some(ConsumerGroupAssignor::Range),
                _ => Some(ConsumerGroupAssignor::Uniform),
            };
        } else if client.reads == client.told && self.random.bool() {
            beat.owned = None;
        }
        let group_epoch = self.bench.group.epoch;
        let answer = self.bench.beat(&beat);
        if repeated {
            let _ = self.bench.beat(&beat);
        }
        assert!(self.bench.group.epoch >= group_epoch);
        if lost {
            self.clients[index].unsure = true;
            return;
        }
        match answer {
            Ok(beaten) => {
                let client = &mut self.clients[index];
                assert!(
                    beaten.member_epoch >= client.epoch,
                    "{client:?}: {beaten:?}"
                );
                client.epoch = beaten.member_epoch;
                client.unsure = false;
                client.heard = self.bench.now;
                if let Some(assignment) = beaten.assignment {
                    client.told = assignment;
                    client.told_at = self.bench.now;
                }
            }
            Err(refusal) => match refusal.error {
                ErrorCode::FencedMemberEpoch | ErrorCode::UnknownMemberId => self.forget(index),
                ErrorCode::UnreleasedInstanceId => {}
                error => panic!("{error:?} {beat:?}"),
            },
        }
    }

    fn check(&self) {
        let mut held = BTreeSet::new();
        for member in self.bench.group.members.values() {
            for partition in member
                .assigned
                .keys()
                .chain(member.pending_revocation.keys())
            {
                assert!(held.insert(*partition), "{partition:?} is in two hands");
            }
        }
        let mut read = BTreeSet::new();
        for client in &self.clients {
            for partition in &client.reads {
                assert!(
                    read.insert(*partition),
                    "{partition:?} is read twice: {:?}",
                    self.clients
                );
            }
        }
    }

    /// Nothing more happens but heartbeats: the group finds its rest, and all that somebody wants is read.
    fn settle(&mut self) {
        for _ in 0..40 {
            for client in 0..self.clients.len() {
                self.act(client);
                self.beat(client, false, false);
            }
            self.check();
            self.pass(SESSION / 30);
        }
        let mut wanted = BTreeSet::new();
        for client in &self.clients {
            for (name, (topic_id, partitions)) in &self.bench.topics {
                let is_wanted = match &client.wants {
                    Wants::Names(names) => names.contains(&name.as_str()),
                    Wants::Regex(regex) => regex_lite::Regex::new(&format!("^({regex})$"))
                        .unwrap()
                        .is_match(name),
                };
                if is_wanted {
                    wanted.extend((0..*partitions).map(|partition| TopicIdPartition {
                        topic_id: *topic_id,
                        partition,
                    }));
                }
            }
        }
        let read: BTreeSet<_> = self
            .clients
            .iter()
            .flat_map(|client| client.reads.clone())
            .collect();
        assert_eq!(read, wanted, "{:?}", self.bench.group);
        let expected = if self.clients.is_empty() {
            "Empty"
        } else {
            "Stable"
        };
        assert_eq!(self.bench.group.state(), expected);
    }
}

#[test]
fn a_partition_is_read_by_one_member_at_a_time_and_by_one_in_the_end() {
    for seed in 0..100 {
        let played = std::panic::catch_unwind(|| {
            let mut world = World::new(seed);
            for _ in 0..400 {
                world.happen();
                world.check();
            }
            world.settle();
        });
        if let Err(panic) = played {
            eprintln!("with seed {seed}:");
            std::panic::resume_unwind(panic);
        }
    }
}
