//! Counts the words that a server sends, second by second: Spark's `NetworkWordCount`, without any Kafka.
//!
//! ```sh
//! cargo run --release --example socket_wordcount
//! ```
//!
//! starts a server in this process and ends when all words of its lines are counted. With `nc -lk 9999` in another terminal,
//! `--port 9999` counts the words typed there, until Ctrl-C.

use std::error::Error;
use std::io::{self, Read, Write};
use std::net::TcpListener;
use std::process::ExitCode;
use std::thread;
use std::time::Duration;

use clap::Parser;
use examples::words::Text;
use stream_engine::{EngineError, StreamingContext};

/// Counts the words that a server sends, second by second.
#[derive(Debug, Clone, Parser)]
struct Options {
    /// Where the server is
    #[arg(long, value_name = "HOST", default_value = "localhost")]
    host: String,
    /// The server's port [default: a server in this process]
    #[arg(long, value_name = "PORT")]
    port: Option<u16>,
    /// The batch interval in milliseconds
    #[arg(long, value_name = "MS", default_value_t = 1000)]
    batch_ms: u64,
}

/// Sends these lines to whoever connects first; returns the port.
fn serve(lines: Vec<String>) -> io::Result<u16> {
    let listener = TcpListener::bind(("localhost", 0))?;
    let port = listener.local_addr()?.port();
    thread::spawn(move || {
        let (mut connection, _) = listener.accept()?;
        for line in lines {
            writeln!(connection, "{line}")?;
        }
        // Stays until the other end has enough: a connection that ends is made anew.
        connection.read(&mut [0])
    });
    Ok(port)
}

async fn run(options: &Options) -> Result<(), Box<dyn Error>> {
    let ssc = StreamingContext::builder("socket-word-count")
        .batch_duration(Duration::from_millis(options.batch_ms))
        .build()?;
    let (host, port, expected) = match options.port {
        Some(port) => (options.host.as_str(), port, None),
        None => {
            let (mut text, mut line) = (Text::new(1), String::new());
            let next = |_| {
                text.next_line(&mut line);
                line.clone()
            };
            let lines: Vec<String> = (0..1000).map(next).collect();
            let words: usize = lines.iter().map(|line| line.split(' ').count()).sum();
            ("localhost", serve(lines)?, Some(words as u64))
        }
    };

    let lines = ssc.socket_text_stream(host, port)?;
    let counts = lines
        .flat_map_into(|line, words| {
            words.extend(line.split_whitespace().map(|word| (word.to_owned(), 1u64)));
        })
        .reduce_by_key(|a, b| a + b);
    counts.print();

    let (mut counted, stop) = (0, ssc.stop_handle());
    let words = counts.map(|(_, count)| count).reduce(|a, b| a + b);
    words.foreach_rdd(move |rdd| {
        counted += rdd.first()?.unwrap_or(0);
        if expected.is_some_and(|expected| counted >= expected) {
            println!(
                "checked: {counted} words are counted, of {}",
                expected.unwrap_or(0)
            );
            stop.stop_gracefully();
        }
        Ok::<_, EngineError>(())
    });
    ssc.start()?;
    tokio::select! {
        result = ssc.await_termination() => return Ok(result?),
        result = tokio::signal::ctrl_c() => result?,
    }
    ssc.stop_gracefully();
    Ok(ssc.await_termination().await?)
}

#[tokio::main]
async fn main() -> ExitCode {
    // Warnings say when nobody answers.
    tracing_subscriber::fmt()
        .with_max_level(tracing_subscriber::filter::LevelFilter::WARN)
        .with_writer(io::stderr)
        .init();
    match run(&Options::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("socket_wordcount: {error}");
            ExitCode::FAILURE
        }
    }
}
