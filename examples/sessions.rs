//! Visits to a site: clicks that come out of order, and some of them hours late, become sessions by event time.
//!
//! ```sh
//! cargo run --release --example sessions --features json
//! ```
//!
//! starts an embedded broker, writes a day of clicks and ends when all of them are in a session or were too late for one.
//! With `--bootstrap-servers` it works on a real Kafka. `--help` lists all options.

use std::collections::BTreeMap;
use std::error::Error;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use examples::clicks::{Click, day, time_of_day, write};
use examples::cluster::{Cluster, create_topic};
use examples::progress::run_until_read;
use examples::verify::{ends, written_since};
use kafka_client::admin::Admin;
use kafka_client::consumer::Consumer;
use serde::{Deserialize, Serialize};
use stream_engine::event_time::{Watermarks, WindowResult, Windows};
use stream_engine::kafka::{KafkaRecord, KafkaSink, KafkaSource, StartingOffsets};
use stream_engine::{DStream, EngineError, StreamingContext, Time};

/// Clicks become sessions by event time.
#[derive(Debug, Clone, Parser)]
struct Options {
    /// A Kafka to work with, HOST:PORT [default: a broker started in this process]
    #[arg(long, value_name = "HOST:PORT")]
    bootstrap_servers: Option<String>,
    /// How many users click
    #[arg(long, value_name = "N", default_value_t = 5)]
    users: u64,
    /// A session ends when its user has not clicked for so long
    #[arg(long, value_name = "MINUTES", default_value_t = 15)]
    gap: u64,
    /// For how long after its end a session still takes clicks that come late
    #[arg(long, value_name = "MINUTES", default_value_t = 60)]
    lateness: u64,
}

const CLICKS: &str = "clicks";
const SESSIONS: &str = "sessions";
const LATE_CLICKS: &str = "late-clicks";

/// A session, as it is written.
#[derive(Debug, Serialize, Deserialize)]
struct Session {
    user: String,
    from: u64,
    until: u64,
    clicks: u64,
}

/// The streaming program.
fn program(clicks: &DStream<KafkaRecord>, options: &Options, to: &str) -> Result<(), EngineError> {
    let minutes = |n: u64| Duration::from_millis(n.saturating_mul(60_000));
    let sessions = clicks
        .from_json::<Click>()
        .with_event_time(
            |click| Time::from_millis(click.at),
            Watermarks::bounded_out_of_orderness(minutes(1)),
        )?
        .flat_map(|click| click.user.map(|user| (user, click.at)))
        .window(Windows::session(minutes(options.gap)).allowed_lateness(minutes(options.lateness)))?
        .count_by_key();
    let sink = |topic| KafkaSink::topic(topic).bootstrap_servers(to);
    sessions
        .results()
        .flat_map(changes)
        .save_to_kafka(sink(SESSIONS));
    sessions
        .late_records()
        .map(|late| late.record)
        .save_to_kafka(sink(LATE_CLICKS));
    sessions
        .results()
        .foreach_rdd(|rdd| rdd.collect().map(print));
    Ok(())
}

/// What a session changes in its topic, where each has a key of its own. One that late clicks have extended, or joined with
/// others, replaces what was written of it before.
fn changes(session: WindowResult<String, u64>) -> Vec<(String, Option<String>)> {
    let WindowResult {
        window,
        key: user,
        value: clicks,
        replaces,
    } = session;
    let (from, until) = (window.start.as_millis(), window.end.as_millis());
    let key = |from: u64| format!("{user}@{from}");
    let json = serde_json::json!(Session {
        user: user.clone(),
        from,
        until,
        clicks
    });
    let gone = replaces
        .iter()
        .map(|window| (key(window.start.as_millis()), None));
    gone.chain([(key(from), Some(json.to_string()))]).collect()
}

fn print(mut sessions: Vec<WindowResult<String, u64>>) {
    sessions.sort_by_key(|session| session.window.end);
    for session in sessions {
        let (from, until) = (
            time_of_day(session.window.start),
            time_of_day(session.window.end),
        );
        let note = match session.replaces.len() {
            0 => "",
            1 => "  late clicks added",
            _ => "  late clicks join sessions",
        };
        println!(
            "{:<10} {from}  {until}  {:>6}{note}",
            session.key, session.value
        );
    }
}

async fn run(options: &Options) -> Result<(), Box<dyn Error>> {
    let cluster = Cluster::connect(options.bootstrap_servers.clone()).await?;
    let servers = cluster.bootstrap_servers();
    let admin = Admin::builder().bootstrap_servers(servers).build().await?;
    for topic in [CLICKS, SESSIONS, LATE_CLICKS] {
        create_topic(&admin, topic, 2).await?;
    }
    let probe = Consumer::builder()
        .bootstrap_servers(servers)
        .build()
        .await?;
    let sessions_before = ends(&probe, SESSIONS).await?;
    let late_before = ends(&probe, LATE_CLICKS).await?;
    let clicks = day(options.users);
    write(servers, CLICKS, &clicks).await?;

    let ssc = StreamingContext::builder("sessions")
        .batch_duration(Duration::from_millis(200))
        .build()?;
    // Small batches, as if the day went by: all at once, nothing would be late.
    let source = KafkaSource::subscribe([CLICKS]).max_batch_records(1 + clicks.len() as u64 / 10);
    let records = ssc.kafka_direct_stream(
        source
            .bootstrap_servers(servers)
            .group_id("sessions")
            .starting_offsets(StartingOffsets::Earliest),
    )?;
    program(&records, options, servers)?;
    println!(
        "{:<10} {:<8}  {:<8}  {:>6}",
        "user", "from", "until", "clicks"
    );
    run_until_read(&ssc, &records, &ends(&probe, CLICKS).await?).await?;

    // Each click has to be in one session, or among the late ones.
    let mut sessions = BTreeMap::new();
    for record in written_since(servers, SESSIONS, &sessions_before).await? {
        let session = record
            .value()
            .map(serde_json::from_slice::<Session>)
            .transpose()?;
        sessions.insert(record.key_str()?.unwrap_or_default().to_owned(), session);
    }
    let in_sessions: u64 = sessions
        .values()
        .flatten()
        .map(|session| session.clicks)
        .sum();
    let late = written_since(servers, LATE_CLICKS, &late_before)
        .await?
        .len();
    let found = format!(
        "{in_sessions} clicks in {} sessions, and {late} that were too late",
        sessions.values().flatten().count()
    );
    cluster.shutdown().await;
    if in_sessions + late as u64 != clicks.len() as u64 {
        return Err(format!("{} clicks went in, there are {found}", clicks.len()).into());
    }
    println!("checked: {found}, are the {} that went in", clicks.len());
    Ok(())
}

#[tokio::main]
async fn main() -> ExitCode {
    match run(&Options::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("sessions: {error}");
            ExitCode::FAILURE
        }
    }
}
