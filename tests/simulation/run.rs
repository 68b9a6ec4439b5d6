//! One run, from its seed to what does not hold.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use kafka_broker::Broker;
use kafka_client::TopicPartition;
use kafka_client::consumer::assignor::AssignmentStrategy;
use kafka_client::consumer::{GroupProtocol, Isolation};
use tokio::runtime;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

use crate::consuming::GroupPlan;
use crate::invariants::{Logs, broken, unread};
use crate::journal::Journal;
use crate::log::LogReader;
use crate::network::Network;
use crate::plan::{Plan, TOPICS};
use crate::tally::Tally;
use crate::trace::{Line, Trace};
use crate::world::{Phase, World};
use crate::{consuming, copying, producing, transacting};

/// How long those who write may take to end, and those who read to read all, once all is well.
const PATIENCE: Duration = Duration::from_secs(60);

/// What came of a run.
#[derive(Debug)]
pub(crate) struct Report {
    pub(crate) plan: Plan,
    pub(crate) trace: Vec<Line>,
    pub(crate) tally: Tally,
    /// Invariants that do not hold, and where.
    pub(crate) broken: Vec<String>,
}

/// Runs what a seed says. The same seed gives the same report.
pub(crate) fn simulate(seed: u64) -> Report {
    let plan = Plan::new(seed);
    // What clients and brokers draw by themselves comes from here.
    fastrand::seed(seed);
    let runtime = runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime");
    runtime.block_on(run(plan))
}

async fn run(plan: Plan) -> Report {
    let trace = Trace::begin();
    let journal = Arc::new(Journal::default());
    let broker = Broker::builder()
        .nodes(plan.nodes as usize)
        .auto_create_topics(false)
        .consumer_group_session_timeout(consuming::SESSION)
        .consumer_group_heartbeat_interval(consuming::HEARTBEAT)
        .transaction_version(plan.transactions)
        .transaction_marker_delay(plan.marker_delay)
        .start_time(SystemTime::UNIX_EPOCH + Duration::from_millis(producing::TIMESTAMP as u64))
        .start_without_listener();
    for topic in TOPICS {
        let created = broker.create_topic(topic, plan.partitions);
        created.expect("a topic of that name");
    }
    let broker = Arc::new(broker);
    let network = Network::new(&plan, broker.clone(), trace.clone(), journal.clone());
    let world = Arc::new(World {
        plan,
        broker,
        network,
        journal,
        trace,
        phase: watch::Sender::new(Phase::Trouble),
    });
    let mut broken = go_through(&world).await;
    broken.dedup();
    let trace = world.trace.take();
    Report {
        plan: world.plan.clone(),
        tally: Tally::of(&world.journal.entries(), &trace),
        trace,
        broken,
    }
}

async fn go_through(world: &Arc<World>) -> Vec<String> {
    let plan = &world.plan;
    let (mut writers, mut readers) = (JoinSet::new(), JoinSet::new());
    for index in 0..plan.producers {
        writers.spawn(producing::run(world.clone(), index));
    }
    for index in 0..plan.transactional {
        writers.spawn(transacting::run(world.clone(), index));
    }
    let group = GroupPlan {
        id: "readers",
        topic: TOPICS[0],
        protocol: plan.protocol,
        strategy: plan.strategy.clone(),
        auto_commit: plan.auto_commit,
        isolation: Isolation::ReadUncommitted,
    };
    for index in 0..plan.members {
        readers.spawn(consuming::run(world.clone(), group.clone(), index));
    }
    let group = GroupPlan {
        id: "settlers",
        topic: TOPICS[1],
        protocol: GroupProtocol::Classic,
        strategy: AssignmentStrategy::Range,
        auto_commit: !plan.auto_commit,
        isolation: Isolation::ReadCommitted,
    };
    readers.spawn(consuming::run(world.clone(), group, 0));
    for index in 0..plan.copiers {
        readers.spawn(copying::run(world.clone(), index));
    }
    let mut stuck = Vec::new();
    let troubles = timeout(PATIENCE, tokio::spawn(world.clone().troubles()));
    if !matches!(troubles.await, Ok(Ok(()))) {
        stuck.push("brokers do not stop and start".to_owned());
        world.phase.send_replace(Phase::Calm);
    }
    stuck.extend(joined("a writer", &mut writers).await);
    let end = Instant::now() + PATIENCE;
    loop {
        let is_quiet = world.network.is_quiet();
        // What has arrived by now is carried out by then.
        sleep(Duration::from_millis(500)).await;
        let logs = read_logs(world).await;
        let missing = if is_quiet {
            unread(plan, &world.journal.entries(), &logs)
        } else {
            Some("requests that are on their way".to_owned())
        };
        let Some(missing) = missing else { break };
        if Instant::now() >= end {
            stuck.push(format!(
                "all is read in the end: waited {PATIENCE:?} for {missing}"
            ));
            break;
        }
    }
    world.trace.note("all is read");
    world.phase.send_replace(Phase::Over);
    stuck.extend(joined("a reader", &mut readers).await);
    let logs = read_logs(world).await;
    stuck.extend(broken(plan, &world.journal.entries(), &logs));
    stuck
}

/// Waits until all have ended; what is wrong with how they do.
async fn joined(who: &str, tasks: &mut JoinSet<()>) -> Vec<String> {
    let mut wrong = Vec::new();
    let all = async {
        while let Some(ended) = tasks.join_next().await {
            if let Err(error) = ended {
                wrong.push(format!("{who} failed: {error}"));
            }
        }
    };
    if timeout(PATIENCE, all).await.is_err() {
        wrong.push(format!("{who} has not ended after {PATIENCE:?}"));
    }
    wrong
}

async fn read_logs(world: &World) -> Logs {
    let mut reader = LogReader::open(&world.broker);
    let mut logs = Logs::new();
    for topic in TOPICS {
        for partition in 0..world.plan.partitions {
            let log = reader.read(topic, partition).await;
            logs.insert(TopicPartition::new(topic, partition), log);
        }
    }
    logs
}
