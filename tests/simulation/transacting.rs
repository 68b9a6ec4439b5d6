//! Producers that write in transactions: all of one is seen, or nothing.

use std::sync::Arc;
use std::time::Duration;

use fastrand::Rng;
use kafka_client::Error;
use kafka_client::producer::{Producer, ProducerConfig, Record};
use tokio::time::{sleep, timeout};

use crate::journal::End;
use crate::plan::{REQUEST_TIMEOUT, TOPICS};
use crate::producing::TIMESTAMP;
use crate::world::{Phase, World};

const DELIVERY: Duration = Duration::from_secs(4);
const MAX_BLOCK: Duration = Duration::from_millis(1_800);
/// How long a transaction may take before the cluster aborts it.
const TRANSACTION: Duration = Duration::from_secs(6);
/// How often something is asked for again that is said to be worth it.
const ATTEMPTS: usize = 30;

/// The settings of a producer that writes in transactions.
pub(crate) fn config(world: &World, rng: &mut Rng, name: &str, id: &str) -> ProducerConfig {
    ProducerConfig {
        client: world.client(name),
        batch_size: rng.usize(60..400),
        linger: Duration::from_millis(rng.u64(..10)),
        delivery_timeout: DELIVERY,
        max_block: MAX_BLOCK,
        max_in_flight: rng.usize(1..=5),
        transactional_id: Some(id.to_owned()),
        transaction_timeout: TRANSACTION,
        ..ProducerConfig::default()
    }
}

/// One producer after another with the same transactional id, as long as there is trouble.
pub(crate) async fn run(world: Arc<World>, index: u32) {
    let id = format!("tx-{index}");
    let mut rng = world.plan.rng(&id);
    for life in 0.. {
        if world.phase() != Phase::Trouble {
            return;
        }
        let name = format!("t{index}.{life}");
        let config = config(&world, &mut rng, &name, &id);
        match Producer::builder().config(config).build().await {
            Ok(producer) => transact(&world, &mut rng, &name, producer).await,
            Err(error) => world.unreachable(&name, &error).await,
        }
    }
}

/// Becomes the producer of its id; whether that has worked.
pub(crate) async fn initialize(world: &World, name: &str, producer: &Producer) -> bool {
    for _ in 0..ATTEMPTS {
        let begin = producer.init_transactions();
        let what = format!("the beginning of {name}");
        match world.bounded(what, MAX_BLOCK, begin).await {
            Some(Ok(())) => return true,
            Some(Err(error)) if !error.is_fatal() => {}
            _ => return false,
        }
    }
    world.journal.wrong(format!("{name} never gets to begin"));
    false
}

async fn transact(world: &World, rng: &mut Rng, name: &str, producer: Producer) {
    if !initialize(world, name, &producer).await {
        return;
    }
    for number in 0.. {
        if world.phase() != Phase::Trouble {
            let what = format!("closing {name}");
            let _ = world
                .bounded(what, MAX_BLOCK, producer.close(MAX_BLOCK))
                .await;
            return;
        }
        let what = format!("a transaction of {name}");
        match world
            .bounded(what, MAX_BLOCK, producer.begin_transaction())
            .await
        {
            Some(Ok(())) => {}
            Some(Err(error)) if !error.is_fatal() => {
                sleep(Duration::from_millis(100)).await;
                continue;
            }
            _ => return,
        }
        let name = format!("{name}.{number}");
        let transaction = world.journal.begun(name.clone());
        for record in 0..rng.u32(1..6) {
            let value = format!("{name}/{record}");
            let partition = rng.i32(0..world.plan.partitions);
            let record = Record::to(TOPICS[1])
                .partition(partition)
                .value(&value)
                .timestamp(TIMESTAMP);
            match producer.send(record).await {
                Ok(_) => world.journal.wrote(transaction, value),
                Err(error) => {
                    world.trace.note(format!("{value} is not taken: {error}"));
                    break;
                }
            }
            if rng.u8(..3) == 0 {
                sleep(Duration::from_millis(rng.u64(..200))).await;
            }
        }
        let end = match rng.u8(..20) {
            0..=12 => commit(world, rng, &name, &producer).await,
            13..=17 => abort(world, &name, &producer).await,
            18 => {
                // Somebody who gives up while the commit is on its way.
                let limit = Duration::from_millis(rng.u64(..20));
                let _ = timeout(limit, producer.commit_transaction()).await;
                Ended::over(End::Unknown)
            }
            // Dropped without a word.
            _ => Ended::over(End::Aborted),
        };
        world.journal.ended(transaction, end.how);
        world.trace.note(format!("{name}: {:?}", end.how));
        if end.is_last {
            return;
        }
        sleep(Duration::from_millis(rng.u64(..100))).await;
    }
}

/// How a transaction ended, and whether its producer with it.
pub(crate) struct Ended {
    pub(crate) how: End,
    pub(crate) is_last: bool,
}

impl Ended {
    fn over(how: End) -> Self {
        Self { how, is_last: true }
    }

    fn goes_on(how: End) -> Self {
        Self {
            how,
            is_last: false,
        }
    }
}

/// Commits, or aborts where that is the way out, as the errors say.
pub(crate) async fn commit(world: &World, rng: &mut Rng, name: &str, producer: &Producer) -> Ended {
    let limit = DELIVERY + REQUEST_TIMEOUT + MAX_BLOCK;
    let mut last = None;
    for _ in 0..ATTEMPTS {
        let what = format!("the commit of {name}");
        let Some(result) = world
            .bounded(what, limit, producer.commit_transaction())
            .await
        else {
            return Ended::over(End::Unknown);
        };
        let error = match result {
            Ok(()) => return Ended::goes_on(End::Committed),
            Err(error) => error,
        };
        world.trace.note(format!("{name}: {error}"));
        if error.requires_abort() {
            return abort(world, name, producer).await;
        }
        match &error {
            Error::Indeterminate { .. } if error.is_fatal() => return Ended::over(End::Unknown),
            _ if error.is_fatal() => return Ended::over(End::Aborted),
            // Nobody was asked yet.
            Error::Timeout { .. } if rng.bool() => return abort(world, name, producer).await,
            _ => last = Some(error),
        }
    }
    world
        .journal
        .wrong(format!("{name} can never be committed: {last:?}"));
    Ended::over(End::Unknown)
}

/// Aborts.
pub(crate) async fn abort(world: &World, name: &str, producer: &Producer) -> Ended {
    let limit = REQUEST_TIMEOUT + MAX_BLOCK;
    let mut last = None;
    for _ in 0..ATTEMPTS {
        let what = format!("the abort of {name}");
        let Some(result) = world
            .bounded(what, limit, producer.abort_transaction())
            .await
        else {
            return Ended::over(End::Aborted);
        };
        match result {
            Ok(()) => return Ended::goes_on(End::Aborted),
            Err(error) if error.is_fatal() => return Ended::over(End::Aborted),
            Err(error) => {
                world.trace.note(format!("{name}: {error}"));
                last = Some(error);
            }
        }
    }
    world
        .journal
        .wrong(format!("{name} can never be aborted: {last:?}"));
    Ended::over(End::Aborted)
}
