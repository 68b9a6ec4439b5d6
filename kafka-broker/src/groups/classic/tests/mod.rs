//! The state machine on a clock of its own.

mod membership;
mod static_members;

use std::time::{Duration, Instant};

use bytes::Bytes;
use kafka_proto::error_code::ErrorCode;
use tokio::sync::oneshot;

use super::group::{ClassicGroup, Identity, Sync};
use super::member::{Join, Joined, Protocol, Synced};

const SESSION: Duration = Duration::from_secs(10);
const REBALANCE: Duration = Duration::from_secs(60);

/// A group, the moment, and what its members wait for.
struct Bench {
    group: ClassicGroup,
    now: Instant,
}

type Joining = oneshot::Receiver<Joined>;
type Syncing = oneshot::Receiver<Result<Synced, ErrorCode>>;

fn join(member_id: &str) -> Join {
    Join {
        member_id: member_id.into(),
        group_instance_id: None,
        session_timeout: SESSION,
        rebalance_timeout: REBALANCE,
        protocol_type: "consumer".into(),
        protocols: protocols(&[("range", "r")]),
        requires_known_member_id: false,
        supports_skipping_assignment: true,
        client_id: "test".into(),
        client_host: "/127.0.0.1".into(),
    }
}

fn protocols(named: &[(&str, &'static str)]) -> Vec<Protocol> {
    let protocol = |(name, metadata): &(&str, &'static str)| Protocol {
        name: (*name).into(),
        metadata: Bytes::from_static(metadata.as_bytes()),
    };
    named.iter().map(protocol).collect()
}

fn is_static(instance: &str, member_id: &str) -> Join {
    Join {
        group_instance_id: Some(instance.into()),
        ..join(member_id)
    }
}

impl Bench {
    fn new() -> Self {
        Self::with_initial_delay(Duration::ZERO)
    }

    fn with_initial_delay(delay: Duration) -> Self {
        Self {
            group: ClassicGroup::new(delay),
            now: Instant::now(),
        }
    }

    /// A group of these members, the first of which leads, all with their assignments.
    fn stable(members: &[&str]) -> Self {
        let mut bench = Self::new();
        bench.assemble(&members.iter().map(|id| (join(""), *id)).collect::<Vec<_>>());
        bench
    }

    /// Takes all of these in, who get these ids unless they have one.
    fn assemble(&mut self, members: &[(Join, &str)]) {
        let (leader, followers) = members.split_first().unwrap();
        let first = answered(self.join(&leader.0, leader.1));
        let mut joining: Vec<_> = followers
            .iter()
            .map(|(join, id)| self.join(join, id))
            .collect();
        let mut generation = first.generation;
        if !followers.is_empty() {
            generation = answered(self.join(
                &Join {
                    member_id: leader.1.into(),
                    ..leader.0.clone()
                },
                "",
            ))
            .generation;
            joining
                .drain(..)
                .for_each(|joining| assert_eq!(answered(joining).generation, generation));
        }
        let assignments: Vec<_> = members.iter().map(|(_, id)| (*id, *id)).collect();
        answered(self.sync(leader.1, generation, &assignments)).unwrap();
        for (_, id) in followers {
            answered(self.sync(id, generation, &[])).unwrap();
        }
    }

    fn join(&mut self, join: &Join, new_id: &str) -> Joining {
        let (answer, answered) = oneshot::channel();
        self.group.join(join, new_id.into(), self.now, answer);
        answered
    }

    fn sync(&mut self, member_id: &str, generation: i32, assignments: &[(&str, &str)]) -> Syncing {
        let (answer, answered) = oneshot::channel();
        let assignments = assignments
            .iter()
            .map(|(id, a)| ((*id).into(), Bytes::copy_from_slice(a.as_bytes())));
        let sync = Sync {
            identity: Identity {
                member_id,
                group_instance_id: None,
                generation,
            },
            protocol_type: None,
            protocol: None,
            assignments: assignments.collect(),
        };
        self.group.sync(sync, self.now, answer);
        answered
    }

    fn heartbeat(&mut self, member_id: &str, generation: i32) -> Result<(), ErrorCode> {
        self.group.heartbeat(
            Identity {
                member_id,
                group_instance_id: None,
                generation,
            },
            self.now,
        )
    }

    /// Lets time pass, stopping at each deadline as the timers do.
    fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        while let Some(deadline) = self
            .group
            .next_deadline()
            .filter(|deadline| *deadline <= end)
        {
            self.now = self.now.max(deadline);
            self.group.on_timeout(self.now);
            assert!(
                self.group
                    .next_deadline()
                    .is_none_or(|next| next > self.now),
                "a deadline is dealt with"
            );
        }
        self.now = end;
    }
}

fn answered<T>(mut waiting: oneshot::Receiver<T>) -> T {
    waiting.try_recv().expect("an answer")
}

fn waits<T>(waiting: &mut oneshot::Receiver<T>) -> bool {
    waiting
        .try_recv()
        .is_err_and(|error| error == oneshot::error::TryRecvError::Empty)
}
