//! What it takes to look at a large cluster: listing its topics, and describing all of them by name.
//!
//! The bootstrap address is in `BOOTSTRAP`. `create` makes the topics that are not there yet; `describe` prints one line of
//! JSON with the seconds of each call, medians of all rounds, and the memory of this process at its highest in KB. What is asked
//! for page by page is measured where the broker has pages. Linux only, as it reads its own figures from `/proc`.

use std::time::{Duration, Instant};

use kafka_client::admin::{Admin, NewTopic, TopicDescription};

#[cfg(feature = "fast-allocator")]
#[global_allocator]
static ALLOCATOR: rusty_alloc_api::RustyAlloc = rusty_alloc_api::RustyAlloc;

const USAGE: &str = "bench-admin create TOPICS PARTITIONS_OF_EACH | describe ROUNDS";
/// So many topics are created by one request.
const AT_A_TIME: usize = 250;
const PATIENCE: Duration = Duration::from_secs(120);

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

#[tokio::main(flavor = "current_thread")]
async fn main() -> std::process::ExitCode {
    match run().await {
        Ok(line) => {
            println!("{line}");
            std::process::ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("bench-admin: {error}");
            std::process::ExitCode::FAILURE
        }
    }
}

async fn run() -> Outcome<String> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let servers = std::env::var("BOOTSTRAP").unwrap_or_else(|_| "127.0.0.1:19092".to_owned());
    let builder = Admin::builder()
        .bootstrap_servers(servers)
        .api_timeout(PATIENCE);
    match arguments[..] {
        ["create", topics, partitions] => {
            create(
                &builder.build().await?,
                topics.parse()?,
                partitions.parse()?,
            )
            .await
        }
        ["describe", rounds] => describe(&builder.build().await?, rounds.parse()?).await,
        _ => Err(USAGE.into()),
    }
}

async fn create(admin: &Admin, topics: usize, partitions: i32) -> Outcome<String> {
    let there = admin.list_topics().await?.len();
    let numbers: Vec<usize> = (there..topics).collect();
    for some in numbers.chunks(AT_A_TIME) {
        let new = some
            .iter()
            .map(|n| NewTopic::new(format!("admin-{n:05}")).partitions(partitions));
        for (_, created) in admin.create_topics(new).await? {
            created?;
        }
    }
    Ok(format!("{{\"topics\":{}}}", topics.max(there)))
}

async fn describe(admin: &Admin, rounds: usize) -> Outcome<String> {
    let before = memory("VmRSS:")?;
    let paged = admin.with_eligible_leaders();
    let (mut listing, mut describing, mut paging) = (Vec::new(), Vec::new(), Vec::new());
    let (mut topics, mut partitions) = (0, 0);
    // The pages come last: the figure for memory is that of the calls before.
    for _ in 0..rounds {
        let start = Instant::now();
        let listed = admin.list_topics().await?;
        listing.push(start.elapsed());
        let names: Vec<String> = listed.into_iter().map(|topic| topic.name).collect();
        let start = Instant::now();
        let described = admin.describe_topics(&names).await?;
        describing.push(start.elapsed());
        (topics, partitions) = (names.len(), count(described)?);
    }
    let highest = memory("VmHWM:")?;
    let names: Vec<String> = admin
        .list_topics()
        .await?
        .into_iter()
        .map(|topic| topic.name)
        .collect();
    for _ in 0..rounds {
        let start = Instant::now();
        let described = paged.describe_topics(&names).await?;
        let took = start.elapsed();
        if is_paged(&described) {
            paging.push(took);
        }
        if count(described)? != partitions {
            return Err("the pages have other partitions".into());
        }
    }
    Ok(format!(
        "{{\"topics\":{topics},\"partitions\":{partitions},\"list_s\":{:.3},\"describe_s\":{:.3},\"describe_pages_s\":{},\"rss_before_kb\":{before},\"rss_highest_kb\":{highest},\"rss_highest_pages_kb\":{}}}",
        median(listing).unwrap_or_default(),
        median(describing).unwrap_or_default(),
        median(paging).map_or("null".to_owned(), |seconds| format!("{seconds:.3}")),
        memory("VmHWM:")?,
    ))
}

fn count(
    described: Vec<(String, kafka_client::Result<TopicDescription>)>,
) -> kafka_client::Result<usize> {
    let mut partitions = 0;
    for (_, topic) in described {
        partitions += topic?.partitions.len();
    }
    Ok(partitions)
}

/// Only pages tell who is eligible.
fn is_paged(described: &[(String, kafka_client::Result<TopicDescription>)]) -> bool {
    let topics = described.iter().flat_map(|(_, topic)| topic);
    topics
        .flat_map(|topic| &topic.partitions)
        .any(|partition| partition.eligible_leaders.is_some())
}

fn median(mut times: Vec<Duration>) -> Option<f64> {
    times.sort_unstable();
    times.get(times.len() / 2).map(Duration::as_secs_f64)
}

/// A figure of this process, in KB.
fn memory(figure: &str) -> Outcome<i64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix(figure));
    let number = line.and_then(|rest| rest.split_whitespace().next());
    let number = number.ok_or_else(|| format!("no {figure} in /proc/self/status"))?;
    Ok(number.parse()?)
}
