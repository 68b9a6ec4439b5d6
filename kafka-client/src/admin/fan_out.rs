//! How one call reaches many brokers: each item goes to the broker that answers for it, and has an outcome of its own.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};

use kafka_proto::codec::Request;
use kafka_proto::error_code::ErrorCode;
use tokio::time::{Instant, sleep_until, timeout_at};

use super::Admin;
use super::asking::Operation;
use crate::cluster::{CoordinatorKind, Node};
use crate::error::{Error, Result};
use crate::join::join_all;
use crate::net::Throttled;
use crate::retry::Backoff;
use crate::types::TopicPartition;

/// How often a leader is looked for before a topic that nobody knows is taken for one that is not there: one that was just
/// created is not known everywhere at once.
const ATTEMPTS_AT_UNKNOWN_TOPICS: usize = 3;

/// What an operation is about: a topic, a partition, a group.
pub(super) trait Item: Clone + Eq + Hash {
    /// How errors name it.
    fn name(&self) -> String;
}

impl Item for String {
    fn name(&self) -> String {
        format!("\"{self}\"")
    }
}

impl Item for TopicPartition {
    fn name(&self) -> String {
        format!("partition {self}")
    }
}

impl Item for i32 {
    fn name(&self) -> String {
        format!("broker {self}")
    }
}

/// Who answers for an item.
#[derive(Debug, Clone)]
pub(super) enum To {
    /// Whoever is there.
    Any,
    /// The controller, where the cluster names one; other brokers pass it on to it.
    Controller,
    /// This broker alone.
    Broker(i32),
    /// The partition's leader.
    Leader(TopicPartition),
    /// The coordinator of a group or a transactional id.
    Coordinator(CoordinatorKind, String),
}

impl To {
    pub(super) fn group(id: impl Into<String>) -> Self {
        Self::Coordinator(CoordinatorKind::Group, id.into())
    }

    pub(super) fn transactional_id(id: impl Into<String>) -> Self {
        Self::Coordinator(CoordinatorKind::Transaction, id.into())
    }
}

impl Admin {
    /// Asks for each item the broker that answers for it, all brokers at the same time, and again while that may help.
    /// `make` makes a request for some of the items, `read` finds in an answer what became of each of them, or why the
    /// whole request was of no use.
    ///
    /// # Errors
    /// When nothing was found out of any item within `default.api.timeout.ms`.
    pub(super) async fn each<I, R, T>(
        &self,
        operation: Operation<'_>,
        items: impl IntoIterator<Item = I>,
        to: impl Fn(&I) -> To,
        make: impl Fn(i16, &[I]) -> R,
        read: impl Fn(R::Response, &[I]) -> Result<Vec<(I, Result<T>)>>,
    ) -> Result<Vec<(I, Result<T>)>>
    where
        I: Item,
        R: Request,
        R::Response: Throttled,
    {
        let config = self.cluster.config();
        let (what, limit) = (operation.what, self.limit());
        let end = Instant::now() + limit;
        let mut backoff = Backoff::new(config.retry_backoff, config.retry_backoff_max);
        let mut seen = HashSet::new();
        let items: Vec<I> = items
            .into_iter()
            .filter(|item| seen.insert(item.clone()))
            .collect();
        let mut open = items.clone();
        let mut outcomes: HashMap<I, Result<T>> = HashMap::new();
        let mut last: HashMap<I, Error> = HashMap::new();
        let mut attempt = 0;
        loop {
            attempt += 1;
            let version = self.cluster.metadata().version;
            let asking =
                self.ask_once(operation, end, std::mem::take(&mut open), &to, &make, &read);
            let mut refreshes = false;
            for (item, outcome) in asking.await {
                match outcome {
                    Some(Err(error)) if self.may_help(&error, &to(&item), attempt) => {
                        if let To::Coordinator(kind, key) = to(&item)
                            && loses_coordinator(&error)
                        {
                            self.cluster.forget_coordinator(kind, &key);
                        }
                        refreshes |= error.refreshes_metadata()
                            || matches!(error, Error::NoSuchPartition { .. });
                        last.insert(item.clone(), error);
                        open.push(item);
                    }
                    Some(outcome) => {
                        outcomes.insert(item, outcome);
                    }
                    None => open.push(item),
                }
            }
            if open.is_empty() {
                break;
            }
            let wait = (Instant::now() + backoff.next()).min(end);
            if refreshes {
                let _ = timeout_at(end, self.cluster.refresh(version)).await;
            }
            sleep_until(wait).await;
            if Instant::now() >= end {
                break;
            }
        }
        if outcomes.is_empty()
            && let Some(first) = open.first()
        {
            return Err(Error::timeout(what, limit, last.remove(first)));
        }
        let outcome = |item: I| {
            let outcome = outcomes.remove(&item).unwrap_or_else(|| {
                let what = format!("{what} ({})", item.name());
                Err(Error::timeout(what, limit, last.remove(&item)))
            });
            (item, outcome)
        };
        Ok(items.into_iter().map(outcome).collect())
    }

    /// One attempt. An item without an outcome is one that nobody answered for in time.
    async fn ask_once<I, R, T>(
        &self,
        operation: Operation<'_>,
        end: Instant,
        items: Vec<I>,
        to: &impl Fn(&I) -> To,
        make: &impl Fn(i16, &[I]) -> R,
        read: &impl Fn(R::Response, &[I]) -> Result<Vec<(I, Result<T>)>>,
    ) -> Vec<(I, Option<Result<T>>)>
    where
        I: Item,
        R: Request,
        R::Response: Throttled,
    {
        let mut outcomes = Vec::with_capacity(items.len());
        let mut requests: Vec<(Node, Vec<I>)> = Vec::new();
        let mut topics: Vec<Arc<str>> = Vec::new();
        let mut keys: HashMap<CoordinatorKind, BTreeSet<String>> = HashMap::new();
        for item in &items {
            match to(item) {
                To::Leader(partition) => topics.push(partition.topic),
                To::Coordinator(kind, key) => {
                    keys.entry(kind).or_default().insert(key);
                }
                _ => {}
            }
        }
        let asking = keys
            .into_iter()
            .map(|(kind, keys)| async move { (kind, self.cluster.coordinators(kind, keys).await) });
        let (Ok(known), Ok(coordinators)) = (
            timeout_at(end, self.cluster.add_topics(topics)).await,
            timeout_at(end, join_all(asking)).await,
        ) else {
            return items.into_iter().map(|item| (item, None)).collect();
        };
        let known = known.map(drop);
        let coordinators: HashMap<_, _> = coordinators.into_iter().collect();
        for item in items {
            let place = match to(&item) {
                To::Leader(partition) => Ok(known
                    .clone()
                    .and_then(|()| self.cluster.leader_of(&partition).map(Node::Broker))),
                To::Coordinator(kind, key) => {
                    Ok(coordinators[&kind][&key].clone().map(Node::Broker))
                }
                to => timeout_at(end, self.place(&to)).await,
            };
            match place {
                Ok(Ok(node)) => {
                    let mut others = requests.iter_mut();
                    match others.find(|(other, _)| !operation.is_alone && *other == node) {
                        Some((_, items)) => items.push(item),
                        None => requests.push((node, vec![item])),
                    }
                }
                Ok(Err(error)) => outcomes.push((item, Some(Err(self.told(error, None))))),
                Err(_) => outcomes.push((item, None)),
            }
        }
        let asking = requests.into_iter().map(|(node, items)| async move {
            let make = |version| make(version, &items);
            let sent = self.send(node, operation, make);
            let Ok(sent) = timeout_at(end, sent).await else {
                return items.into_iter().map(|item| (item, None)).collect();
            };
            let answered = sent.and_then(|(answer, broker)| {
                let told = |(item, outcome): (I, Result<T>)| {
                    let outcome = outcome.map_err(|error| self.told(error, Some(&broker)));
                    (item, outcome)
                };
                match read(answer, &items) {
                    Ok(all) => Ok(all.into_iter().map(told).collect()),
                    Err(error) => Err(self.told(error, Some(&broker))),
                }
            });
            each_outcome(operation.what, items, answered)
        });
        outcomes.extend(join_all(asking).await.into_iter().flatten());
        outcomes
    }

    /// Who answers, as far as that is known.
    pub(super) async fn place(&self, to: &To) -> Result<Node> {
        match to {
            To::Any => Ok(Node::Any),
            To::Controller => Ok(Node::Controller),
            To::Broker(id) => {
                let mut metadata = self.cluster.metadata();
                if !metadata.brokers.contains_key(id) {
                    metadata = self.cluster.refresh(metadata.version).await?;
                }
                if metadata.brokers.contains_key(id) {
                    Ok(Node::Broker(*id))
                } else {
                    let code = ErrorCode::BrokerNotAvailable;
                    Err(Error::broker(code, format!("broker {id}")))
                }
            }
            To::Leader(partition) => self.cluster.leader_of(partition).map(Node::Broker),
            To::Coordinator(kind, key) => {
                self.cluster.coordinator(*kind, key).await.map(Node::Broker)
            }
        }
    }

    /// Whether another attempt may have another outcome. What is not there is said quickly, although it might come.
    fn may_help(&self, error: &Error, to: &To, attempt: usize) -> bool {
        match error {
            // A broker that was asked by its id has spoken for itself.
            Error::Broker { .. } if matches!(to, To::Broker(_)) => false,
            Error::Broker { code, .. } => match code {
                ErrorCode::UnknownTopicOrPartition | ErrorCode::UnknownTopicId => {
                    !matches!(to, To::Controller) && attempt < ATTEMPTS_AT_UNKNOWN_TOPICS
                }
                // Outcomes of an election, and an operation that the broker itself has given up on.
                ErrorCode::ElectionNotNeeded
                | ErrorCode::PreferredLeaderNotAvailable
                | ErrorCode::EligibleLeadersNotAvailable
                | ErrorCode::RequestTimedOut => false,
                ErrorCode::ThrottlingQuotaExceeded => self.options.waits_for_quotas,
                code => code.is_retriable(),
            },
            // The topic may have grown since it was looked at.
            Error::NoSuchPartition { .. } => attempt == 1,
            error => error.is_retriable(),
        }
    }

    /// Asks every broker that there is, all at the same time, and those that fail again while that may help. A broker that
    /// leaves the cluster meanwhile has nothing to say any more.
    ///
    /// # Errors
    /// The first broker's that could not be asked: what is told is whole.
    pub(super) async fn every_broker<R, T>(
        &self,
        operation: Operation<'_>,
        make: impl Fn(i16) -> R,
        read: impl Fn(R::Response) -> Result<T>,
    ) -> Result<Vec<T>>
    where
        R: Request,
        R::Response: Throttled,
    {
        let answers: Mutex<BTreeMap<i32, T>> = Mutex::default();
        let (answers, make, read) = (&answers, &make, &read);
        let known_before = self.cluster.metadata().version;
        self.retry(operation.what, || async move {
            let locked = || answers.lock().unwrap_or_else(PoisonError::into_inner);
            let metadata = self.cluster.refresh(known_before).await?;
            let missing: Vec<i32> = {
                let answered = locked();
                let brokers = metadata.brokers.keys().copied();
                brokers.filter(|id| !answered.contains_key(id)).collect()
            };
            let asking = missing.into_iter().map(|id| async move {
                let (answer, broker) = self.send(Node::Broker(id), operation, make).await?;
                let read = read(answer).map(|answer| (id, answer));
                read.map_err(|error| self.told(error, Some(&broker)))
            });
            let mut failed = Ok(());
            for answer in join_all(asking).await {
                match answer {
                    Ok((id, answer)) => {
                        locked().insert(id, answer);
                    }
                    Err(error) => failed = failed.and(Err(error)),
                }
            }
            failed
        })
        .await?;
        let answers = std::mem::take(&mut *answers.lock().unwrap_or_else(PoisonError::into_inner));
        Ok(answers.into_values().collect())
    }
}

/// Every item with its part of the answer, or with what is wrong with all of it.
fn each_outcome<I: Item, T>(
    what: &str,
    items: Vec<I>,
    answered: Result<Vec<(I, Result<T>)>>,
) -> Vec<(I, Option<Result<T>>)> {
    let mut answers: HashMap<I, Result<T>> = match answered {
        Ok(answers) => answers.into_iter().collect(),
        Err(error) => {
            let outcome = |item| (item, Some(Err(error.clone())));
            return items.into_iter().map(outcome).collect();
        }
    };
    let outcome = |item: I| {
        let outcome = answers.remove(&item).unwrap_or_else(|| {
            Err(Error::Protocol {
                what: format!("the answer to {what}"),
                reason: format!("lacks {}", item.name()),
            })
        });
        (item, Some(outcome))
    };
    items.into_iter().map(outcome).collect()
}

/// Whether the coordinator may be another one.
fn loses_coordinator(error: &Error) -> bool {
    match error {
        Error::Broker { code, .. } => matches!(
            code,
            ErrorCode::NotCoordinator | ErrorCode::CoordinatorNotAvailable
        ),
        _ => true,
    }
}
