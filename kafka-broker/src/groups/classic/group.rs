//! A classic group: who is in it, in which generation, with which assignment. A state machine that neither waits nor
//! sends; whoever waits for an answer gives it the end of a channel.

use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, Instant};

use bytes::Bytes;
use bytestring::ByteString;
use kafka_proto::error_code::ErrorCode;

use super::member::{Join, JoinAnswer, Joined, JoinedMember, Member, SyncAnswer, Synced};
use super::rebalance::{Phase, Rebalance};

/// A group and its generation.
#[derive(Debug)]
pub(crate) struct ClassicGroup {
    /// How long the first rebalance waits for more members.
    pub(super) initial_delay: Duration,
    pub(super) phase: Phase,
    pub(super) generation: i32,
    pub(super) protocol_type: Option<ByteString>,
    /// What the members of this generation have agreed on.
    pub(super) protocol: Option<ByteString>,
    pub(super) leader: Option<ByteString>,
    pub(super) members: BTreeMap<ByteString, Member>,
    /// The member ids of static members, by instance id (KIP-345).
    pub(super) static_members: HashMap<ByteString, ByteString>,
    /// Ids that were given out, until when they are waited for (KIP-394).
    pub(super) pending: HashMap<ByteString, Instant>,
}

/// Who asks: a member with what it believes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Identity<'a> {
    pub(crate) member_id: &'a str,
    pub(crate) group_instance_id: Option<&'a str>,
    pub(crate) generation: i32,
}

/// What a member asks for when it syncs.
#[derive(Debug)]
pub(crate) struct Sync<'a> {
    pub(crate) identity: Identity<'a>,
    pub(crate) protocol_type: Option<&'a str>,
    pub(crate) protocol: Option<&'a str>,
    /// By member id; only the leader has them.
    pub(crate) assignments: HashMap<ByteString, Bytes>,
}

/// A member that may join.
enum Admission {
    New(ByteString),
    /// A static member after a restart.
    Returned {
        old_id: ByteString,
        id: ByteString,
    },
    Known(ByteString),
}

impl ClassicGroup {
    /// A group without members.
    pub(crate) fn new(initial_delay: Duration) -> Self {
        Self {
            initial_delay,
            phase: Phase::Empty,
            generation: 0,
            protocol_type: None,
            protocol: None,
            leader: None,
            members: BTreeMap::new(),
            static_members: HashMap::new(),
            pending: HashMap::new(),
        }
    }

    /// Whether nothing would be lost with it.
    pub(crate) fn is_void(&self) -> bool {
        matches!(self.phase, Phase::Empty) && self.generation == 0 && self.pending.is_empty()
    }

    /// Whether it has no members; there may be ids that were given out.
    pub(crate) fn is_empty(&self) -> bool {
        matches!(self.phase, Phase::Empty)
    }

    /// A member joins, or joins again. `new_member_id` is for one that has none.
    pub(crate) fn join(
        &mut self,
        join: &Join,
        new_member_id: ByteString,
        now: Instant,
        answer: JoinAnswer,
    ) {
        match self.admit(join, new_member_id, now) {
            // Whoever has gone away without waiting for its answer misses it.
            Err((error, id)) => drop(answer.send(Joined::error(error, id))),
            Ok(Admission::New(id)) => self.add_member(id, join, now, answer),
            Ok(Admission::Returned { old_id, id }) => {
                self.replace_static_member(&old_id, id, join, now, answer)
            }
            Ok(Admission::Known(id)) => self.join_again(id, join, now, answer),
        }
    }

    /// Whether a member may join and as what; if not, why not and under which id.
    fn admit(
        &mut self,
        join: &Join,
        new_member_id: ByteString,
        now: Instant,
    ) -> Result<Admission, (ErrorCode, ByteString)> {
        let id = join.member_id.clone();
        if !self.accepts(join) {
            return Err((ErrorCode::InconsistentGroupProtocol, id));
        }
        let instance = join.group_instance_id.as_ref();
        if !id.is_empty() {
            if self.pending.remove(&id).is_some() {
                return Ok(Admission::New(id));
            }
            return match self.check_member(&id, instance.map(|instance| &**instance)) {
                Ok(()) => Ok(Admission::Known(id)),
                Err(error) => Err((error, id)),
            };
        }
        if let Some(old_id) = instance
            .and_then(|instance| self.static_members.get(instance))
            .cloned()
        {
            return Ok(Admission::Returned {
                old_id,
                id: new_member_id,
            });
        }
        if instance.is_none() && join.requires_known_member_id {
            self.pending
                .insert(new_member_id.clone(), now + join.session_timeout);
            return Err((ErrorCode::MemberIdRequired, new_member_id));
        }
        Ok(Admission::New(new_member_id))
    }

    fn join_again(&mut self, id: ByteString, join: &Join, now: Instant, answer: JoinAnswer) {
        let is_leader = self.leader.as_ref() == Some(&id);
        let same = self
            .members
            .get(&id)
            .is_some_and(|member| member.protocols == join.protocols);
        match self.phase {
            // Its answer was lost.
            Phase::CompletingRebalance { .. } if same => {
                self.answer_join(&id, self.joined(&id, is_leader), now, answer)
            }
            // A leader joins again when it wants to assign anew, as when partitions were added.
            Phase::Stable { .. } if same && !is_leader => {
                self.answer_join(&id, self.joined(&id, false), now, answer)
            }
            _ => {
                if let Some(member) = self.members.get_mut(&id) {
                    member.update(join);
                    member.joining = Some(answer);
                }
                self.rebalance(now);
            }
        }
    }

    /// Whether a member fits: one of its protocols is known to all the others.
    fn accepts(&self, join: &Join) -> bool {
        if self.members.is_empty() {
            return !join.protocol_type.is_empty() && !join.protocols.is_empty();
        }
        let known_to_all = |name: &str| self.members.values().all(|member| member.supports(name));
        self.protocol_type.as_ref() == Some(&join.protocol_type)
            && join
                .protocols
                .iter()
                .any(|protocol| known_to_all(&protocol.name))
    }

    fn add_member(&mut self, id: ByteString, join: &Join, now: Instant, answer: JoinAnswer) {
        let mut member = Member::new(join, now);
        member.joining = Some(answer);
        if let Some(instance) = &join.group_instance_id {
            self.static_members.insert(instance.clone(), id.clone());
        }
        if self.members.is_empty() {
            self.protocol_type = Some(join.protocol_type.clone());
        }
        self.leader.get_or_insert_with(|| id.clone());
        self.members.insert(id, member);
        if let Phase::PreparingRebalance(Rebalance {
            initial: Some(initial),
            ..
        }) = &mut self.phase
        {
            initial.member_came = true;
        }
        self.rebalance(now);
    }

    /// A static member has come back after a restart, under a new id. The old one is fenced; the others need not be
    /// disturbed.
    fn replace_static_member(
        &mut self,
        old_id: &ByteString,
        id: ByteString,
        join: &Join,
        now: Instant,
        answer: JoinAnswer,
    ) {
        let mut member = Member::new(join, now);
        member.renew_session(now);
        if let Some(old) = self.members.remove(old_id) {
            member.assignment = old.assignment.clone();
            member.has_to_sync = old.has_to_sync;
            old.refuse(ErrorCode::FencedInstanceId, old_id);
        }
        if let Some(instance) = &join.group_instance_id {
            self.static_members.insert(instance.clone(), id.clone());
        }
        let was_leader = self.leader.as_ref() == Some(old_id);
        if was_leader {
            self.leader = Some(id.clone());
        }
        self.members.insert(id.clone(), member);
        if matches!(self.phase, Phase::Stable { .. }) && self.select_protocol() == self.protocol {
            let mut joined = self.joined(&id, was_leader && join.supports_skipping_assignment);
            if was_leader && join.supports_skipping_assignment {
                joined.skip_assignment = true;
            } else if was_leader {
                // It must not assign anew, so it is told that somebody else leads.
                joined.leader = old_id.clone();
            }
            self.answer_join(&id, joined, now, answer);
            return;
        }
        if let Some(member) = self.members.get_mut(&id) {
            member.joining = Some(answer);
        }
        self.rebalance(now);
    }

    fn answer_join(&mut self, id: &ByteString, joined: Joined, now: Instant, answer: JoinAnswer) {
        if let Some(member) = self.members.get_mut(id) {
            member.joining = Some(answer);
            member.answer_join(joined, now);
        }
    }

    /// What a member is told of this generation.
    pub(super) fn joined(&self, id: &ByteString, with_members: bool) -> Joined {
        let described = |(id, member): (&ByteString, &Member)| JoinedMember {
            member_id: id.clone(),
            group_instance_id: member.group_instance_id.clone(),
            metadata: member.metadata(self.protocol.as_ref()),
        };
        Joined {
            error: ErrorCode::None,
            generation: self.generation,
            protocol_type: self.protocol_type.clone(),
            protocol: self.protocol.clone(),
            leader: self.leader.clone().unwrap_or_default(),
            skip_assignment: false,
            member_id: id.clone(),
            members: if with_members {
                self.members.iter().map(described).collect()
            } else {
                Vec::new()
            },
        }
    }

    /// A member asks for its assignment; the leader brings all.
    pub(crate) fn sync(&mut self, sync: Sync<'_>, now: Instant, answer: SyncAnswer) {
        if let Err(error) = self.check_sync(&sync) {
            let _ = answer.send(Err(error));
            return;
        }
        let id = sync.identity.member_id;
        if let Some(member) = self.members.get_mut(id) {
            member.has_to_sync = false;
            member.syncing = Some(answer);
        }
        if matches!(self.phase, Phase::CompletingRebalance { .. }) {
            if self.leader.as_ref().is_none_or(|leader| leader != id) {
                return;
            }
            for (id, member) in &mut self.members {
                member.assignment = sync.assignments.get(id).cloned().unwrap_or_default();
            }
        }
        self.hand_out(now);
    }

    fn check_sync(&self, sync: &Sync<'_>) -> Result<(), ErrorCode> {
        self.check_identity(sync.identity)?;
        let differs = |given: Option<&str>, agreed: &Option<ByteString>| {
            given.is_some() && given != agreed.as_deref()
        };
        if differs(sync.protocol_type, &self.protocol_type)
            || differs(sync.protocol, &self.protocol)
        {
            return Err(ErrorCode::InconsistentGroupProtocol);
        }
        match self.phase {
            Phase::Empty => Err(ErrorCode::UnknownMemberId),
            Phase::PreparingRebalance(_) => Err(ErrorCode::RebalanceInProgress),
            Phase::CompletingRebalance { .. } | Phase::Stable { .. } => Ok(()),
        }
    }

    /// Answers all that wait for their assignment.
    fn hand_out(&mut self, now: Instant) {
        let (protocol_type, protocol) = (&self.protocol_type, &self.protocol);
        for member in self.members.values_mut() {
            let synced = Synced {
                protocol_type: protocol_type.clone(),
                protocol: protocol.clone(),
                assignment: member.assignment.clone(),
            };
            member.answer_sync(Ok(synced), now);
        }
        let sync_by = match self.phase {
            Phase::CompletingRebalance { sync_by } => Some(sync_by),
            Phase::Stable { sync_by } => sync_by,
            Phase::Empty | Phase::PreparingRebalance(_) => return,
        };
        let all = self.members.values().all(|member| !member.has_to_sync);
        self.phase = Phase::Stable {
            sync_by: sync_by.filter(|_| !all),
        };
    }

    /// A member is alive.
    pub(crate) fn heartbeat(
        &mut self,
        identity: Identity<'_>,
        now: Instant,
    ) -> Result<(), ErrorCode> {
        self.check_identity(identity)?;
        self.renew_session(identity.member_id, now);
        match self.phase {
            Phase::Empty => Err(ErrorCode::UnknownMemberId),
            Phase::PreparingRebalance(_) => Err(ErrorCode::RebalanceInProgress),
            Phase::CompletingRebalance { .. } | Phase::Stable { .. } => Ok(()),
        }
    }

    fn renew_session(&mut self, member_id: &str, now: Instant) {
        if let Some(member) = self.members.get_mut(member_id) {
            member.renew_session(now);
        }
    }

    /// A member goes; a static one may be named by its instance id alone.
    pub(crate) fn leave(
        &mut self,
        member_id: &str,
        group_instance_id: Option<&str>,
        now: Instant,
    ) -> Result<(), ErrorCode> {
        if group_instance_id.is_none() && self.pending.remove(member_id).is_some() {
            self.complete_if_all_joined(now);
            return Ok(());
        }
        let id = match group_instance_id.filter(|_| member_id.is_empty()) {
            Some(instance) => self
                .static_members
                .get(instance)
                .cloned()
                .ok_or(ErrorCode::UnknownMemberId)?,
            None => {
                self.check_member(member_id, group_instance_id)?;
                member_id.into()
            }
        };
        self.remove_member(&id);
        self.rebalance_after_removal(now);
        Ok(())
    }

    fn remove_member(&mut self, id: &ByteString) {
        let Some(member) = self.members.remove(id) else {
            return;
        };
        if let Some(instance) = &member.group_instance_id {
            self.static_members.remove(instance);
        }
        member.refuse(ErrorCode::UnknownMemberId, id);
        if self.leader.as_ref() == Some(id) {
            self.leader = self.members.keys().next().cloned();
        }
    }

    fn rebalance_after_removal(&mut self, now: Instant) {
        if !matches!(self.phase, Phase::Empty) {
            self.rebalance(now);
        }
    }

    /// Whether positions may be committed by whoever asks: a member of this generation, or somebody outside of any
    /// (generation -1) while the group has no members.
    pub(crate) fn check_commit(
        &mut self,
        identity: Identity<'_>,
        now: Instant,
    ) -> Result<(), ErrorCode> {
        let outside = identity.generation < 0
            && identity.member_id.is_empty()
            && identity.group_instance_id.is_none();
        match self.phase {
            Phase::Empty if identity.generation < 0 => return Ok(()),
            _ if outside => return Err(ErrorCode::UnknownMemberId),
            _ => self.check_identity(identity)?,
        }
        if matches!(self.phase, Phase::CompletingRebalance { .. }) {
            return Err(ErrorCode::RebalanceInProgress);
        }
        self.renew_session(identity.member_id, now);
        Ok(())
    }

    /// The same within a transaction: old producers say nothing of a member, and a rebalance that goes on is no reason
    /// to refuse (KIP-447).
    pub(crate) fn check_commit_in_transaction(
        &self,
        identity: Identity<'_>,
    ) -> Result<(), ErrorCode> {
        let outside = identity.generation < 0
            && identity.member_id.is_empty()
            && identity.group_instance_id.is_none();
        if outside || (matches!(self.phase, Phase::Empty) && identity.generation < 0) {
            return Ok(());
        }
        self.check_identity(identity)
    }

    fn check_identity(&self, identity: Identity<'_>) -> Result<(), ErrorCode> {
        self.check_member(identity.member_id, identity.group_instance_id)?;
        if identity.generation != self.generation {
            Err(ErrorCode::IllegalGeneration)
        } else {
            Ok(())
        }
    }

    fn check_member(
        &self,
        member_id: &str,
        group_instance_id: Option<&str>,
    ) -> Result<(), ErrorCode> {
        if let Some(instance) = group_instance_id {
            match self.static_members.get(instance) {
                None => return Err(ErrorCode::UnknownMemberId),
                Some(current) if current != member_id => return Err(ErrorCode::FencedInstanceId),
                Some(_) => {}
            }
        }
        if self.members.contains_key(member_id) {
            Ok(())
        } else {
            Err(ErrorCode::UnknownMemberId)
        }
    }

    /// When [`on_timeout`](Self::on_timeout) wants to be called next.
    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        let phase = match &self.phase {
            Phase::PreparingRebalance(rebalance) => Some(rebalance.ends),
            Phase::CompletingRebalance { sync_by } => Some(*sync_by),
            Phase::Stable { sync_by } => *sync_by,
            Phase::Empty => None,
        };
        let sessions = self.members.values().filter_map(Member::session_ends);
        phase
            .into_iter()
            .chain(sessions)
            .chain(self.pending.values().copied())
            .min()
    }

    /// Does what time has brought: ends sessions, waits for nobody any longer.
    pub(crate) fn on_timeout(&mut self, now: Instant) {
        let pending = self.pending.len();
        self.pending.retain(|_, until| now < *until);
        let late = |member: &Member| member.session_ends().is_some_and(|ends| ends <= now);
        let mut gone: Vec<ByteString> = self
            .members
            .iter()
            .filter(|(_, m)| late(m))
            .map(|(id, _)| id.clone())
            .collect();
        let sync_by = match self.phase {
            Phase::CompletingRebalance { sync_by } => Some(sync_by),
            Phase::Stable { sync_by } => sync_by,
            Phase::Empty | Phase::PreparingRebalance(_) => None,
        };
        if sync_by.is_some_and(|sync_by| sync_by <= now) {
            gone.extend(
                self.members
                    .iter()
                    .filter(|(_, m)| m.has_to_sync)
                    .map(|(id, _)| id.clone()),
            );
        }
        for id in &gone {
            tracing::debug!(member = %id, "member of a group expired");
            self.remove_member(id);
        }
        if !gone.is_empty() {
            self.rebalance_after_removal(now);
        } else if pending != self.pending.len() {
            self.complete_if_all_joined(now);
        }
        self.end_rebalance_if_due(now);
    }
}
