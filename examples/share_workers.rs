//! Workers that share a queue of jobs: a share group (KIP-932). Some jobs fail and are tried again, a few cannot be done.
//!
//! ```sh ci
//! cargo run --release --example share_workers
//! ```
//!
//! starts an embedded broker, writes jobs and ends when each of them was done or rejected. With `--bootstrap-servers` it
//! works on a real Kafka, 4.1 or newer. `--help` lists all options.

use std::collections::BTreeSet;
use std::error::Error;
use std::fmt;
use std::process::ExitCode;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use clap::Parser;
use examples::cluster::{Cluster, create_topic};
use kafka_client::admin::Admin;
use kafka_client::producer::{Producer, Record};
use kafka_client::share::{
    AcknowledgeType, AcknowledgementMode, AcquireMode, ShareConsumer, ShareRecord,
};

/// Workers that share a queue of jobs; some fail and are tried again.
#[derive(Debug, Clone, Parser)]
struct Options {
    /// A Kafka to work with, HOST:PORT [default: a broker started in this process]
    #[arg(long, value_name = "HOST:PORT")]
    bootstrap_servers: Option<String>,
    /// The topic with the jobs; created with 2 partitions if it is not there
    #[arg(long, value_name = "TOPIC", default_value = "jobs")]
    topic: String,
    /// The share group of the workers
    #[arg(long, value_name = "GROUP", default_value = "workers")]
    group_id: String,
    /// How many workers there are: more than partitions is fine
    #[arg(long, value_name = "N", default_value_t = 5)]
    workers: usize,
    /// How many jobs to write
    #[arg(long, value_name = "N", default_value_t = 2000)]
    jobs: usize,
    /// Give up when it has taken so many seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    limit: u64,
}

/// What became of the jobs.
#[derive(Debug, Default)]
struct Done {
    accepted: BTreeSet<usize>,
    rejected: BTreeSet<usize>,
    /// Deliveries that were not the first of their job.
    repeated: usize,
    by_worker: Vec<usize>,
}

impl Done {
    fn jobs(&self) -> usize {
        self.accepted.len() + self.rejected.len()
    }
}

impl fmt::Display for Done {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (accepted, rejected) = (self.accepted.len(), self.rejected.len());
        write!(
            f,
            "{accepted} jobs done, {rejected} rejected, {} tried again, by worker {:?}: {}",
            self.repeated,
            self.by_worker,
            self.jobs()
        )
    }
}

type Shared = Arc<Mutex<Done>>;

fn lock(done: &Shared) -> MutexGuard<'_, Done> {
    done.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Does a job: each tenth only works the second time, and each hundredth is no job at all.
fn work(job: usize, attempt: i16) -> AcknowledgeType {
    match job {
        job if job % 100 == 99 => AcknowledgeType::Reject,
        job if job % 10 == 5 && attempt == 1 => AcknowledgeType::Release,
        _ => AcknowledgeType::Accept,
    }
}

fn number(record: &ShareRecord<'_>) -> Option<usize> {
    record.value_str().ok()??.parse().ok()
}

/// Works until all jobs are done with.
async fn worker(
    consumer: ShareConsumer,
    number_of_worker: usize,
    jobs: usize,
    done: Shared,
) -> kafka_client::Result<()> {
    while lock(&done).jobs() < jobs {
        let records = consumer.poll(Duration::from_millis(200)).await?;
        let mut said = Vec::new();
        for record in records.records() {
            let job = number(&record);
            let kind = job.map_or(AcknowledgeType::Reject, |job| {
                work(job, record.delivery_count())
            });
            consumer.acknowledge(&record, kind)?;
            said.push((job, kind, record.delivery_count()));
        }
        // Only what the broker has taken counts.
        consumer.commit_sync().await?.all()?;
        let mut done = lock(&done);
        for (job, kind, deliveries) in said {
            done.repeated += usize::from(deliveries > 1);
            done.by_worker[number_of_worker] += 1;
            match (job, kind) {
                (Some(job), AcknowledgeType::Accept) => done.accepted.insert(job),
                (Some(job), AcknowledgeType::Reject) => done.rejected.insert(job),
                _ => false,
            };
        }
    }
    consumer.close(Duration::from_secs(10)).await
}

async fn write(options: &Options, servers: &str) -> kafka_client::Result<()> {
    let producer = Producer::builder()
        .bootstrap_servers(servers)
        .build()
        .await?;
    for job in 0..options.jobs {
        let value = job.to_string();
        drop(
            producer
                .send(Record::to(&options.topic).value(&value))
                .await?,
        );
    }
    producer.flush().await?;
    producer.close(Duration::from_secs(10)).await
}

async fn run(options: &Options) -> Result<bool, Box<dyn Error>> {
    let cluster = Cluster::connect(options.bootstrap_servers.clone()).await?;
    let servers = cluster.bootstrap_servers();
    let admin = Admin::builder().bootstrap_servers(servers).build().await?;
    create_topic(&admin, &options.topic, 2).await?;
    let (group, reset) = (&options.group_id, "share.auto.offset.reset");
    cluster
        .set_of_share_group(&admin, group, reset, "earliest")
        .await?;
    let done = Arc::new(Mutex::new(Done {
        by_worker: vec![0; options.workers],
        ..Done::default()
    }));
    let begin = Instant::now();
    write(options, servers).await?;
    let mut workers = tokio::task::JoinSet::new();
    for n in 0..options.workers {
        let consumer = ShareConsumer::builder()
            .bootstrap_servers(servers)
            .group_id(group)
            .acknowledgement_mode(AcknowledgementMode::Explicit)
            .acquire_mode(AcquireMode::RecordLimit)
            .max_poll_records(50)
            .build()
            .await?;
        consumer.subscribe([&*options.topic])?;
        workers.spawn(worker(consumer, n, options.jobs, done.clone()));
    }
    let all = async {
        while let Some(worker) = workers.join_next().await {
            worker??;
        }
        Ok::<(), Box<dyn Error>>(())
    };
    let limit = Duration::from_secs(options.limit);
    let in_time = match tokio::time::timeout(limit, all).await {
        Ok(result) => result.map(|()| true)?,
        Err(_) => false,
    };
    println!(
        "{} of {} in {:.1?}",
        lock(&done),
        options.jobs,
        begin.elapsed()
    );
    cluster.shutdown().await;
    Ok(in_time)
}

#[tokio::main]
async fn main() -> ExitCode {
    let options = Options::parse();
    match run(&options).await {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => {
            eprintln!("not all jobs were done within {} s", options.limit);
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
