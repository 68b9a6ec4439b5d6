//! Prints a request, a response or the segment of a log as JSON; of a log, what `kafka-dump-log` prints of it.
//!
//! ```text
//! cargo run -p kafka-proto --features serde --example dump -- request --hex '0012 0000 0000002a 0002 6d65'
//! cargo run -p kafka-proto --features serde --example dump -- response --api Metadata --version 12 FILE
//! cargo run -p kafka-proto --features serde --example dump -- log --print-data-log 00000000000000000000.log
//! ```
//!
//! A frame is printed over several lines, its fields in the order of Kafka's definitions. A log is printed batch by
//! batch, one object a line, so that it can be read by line: `… log --print-data-log FILE | jq '.records[].value'`.
//! `--help` lists all options.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};
use kafka_proto::api::Api;
use thiserror::Error;

#[path = "dump/batch.rs"]
mod batch;
#[path = "dump/frame.rs"]
mod frame;
#[path = "dump/hex.rs"]
mod hex;
#[path = "dump/log.rs"]
mod log;
#[path = "dump/payload.rs"]
mod payload;

use batch::Detail;

/// Prints a request, a response or the segment of a log as JSON.
#[derive(Debug, Parser)]
#[command(name = "dump")]
pub(crate) struct Options {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// A request with its header, which says what API and version it is
    Request {
        #[command(flatten)]
        input: Input,
    },
    /// A response with its header; what API and version it is has to be said
    Response {
        /// The API: its name or its key
        #[arg(long, value_name = "NAME|KEY", value_parser = frame::api)]
        api: &'static Api,
        /// The version of the request that was answered
        #[arg(long, value_name = "N")]
        version: i16,
        #[command(flatten)]
        input: Input,
    },
    /// A segment of a log, one batch a line; exits with 1 if anything in it is damaged or cut off
    Log {
        /// The file; - is standard input
        file: PathBuf,
        /// Also the records, by their offsets, times and sizes
        #[arg(long, alias = "deep-iteration")]
        deep: bool,
        /// Also the records, with keys, values and headers
        #[arg(long)]
        print_data_log: bool,
        /// Also the records, read as those of the topic __consumer_offsets
        #[arg(long, alias = "offsets-decoder")]
        offsets: bool,
        /// Also the records, read as those of the topic __transaction_state
        #[arg(long, alias = "transaction-log-decoder", conflicts_with = "offsets")]
        transactions: bool,
    },
}

/// Where a frame comes from; it may have its length of four bytes in front of it or not.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
struct Input {
    /// The frame, in hexadecimal digits; blanks and colons may stand between them
    #[arg(long, value_name = "DIGITS")]
    hex: Option<String>,
    /// A file with the frame, in hexadecimal digits or as it is; - is standard input
    file: Option<PathBuf>,
}

/// Why something cannot be printed, or not to its end.
#[derive(Debug, Error)]
pub(crate) enum DumpError {
    /// The input cannot be read.
    #[error("{}: {source}", .file.display())]
    Read { file: PathBuf, source: io::Error },
    /// Nobody takes the output.
    #[error("standard output: {0}")]
    Write(#[from] io::Error),
    /// The input is no frame.
    #[error(transparent)]
    Frame(#[from] frame::FrameError),
    /// The input is no log, or a damaged one.
    #[error("{}: {source}", .file.display())]
    Log {
        file: PathBuf,
        source: log::LogError,
    },
}

fn main() -> ExitCode {
    let mut out = io::BufWriter::new(io::stdout().lock());
    let printed = run(Options::parse(), &mut out);
    match printed.and_then(|()| Ok(out.flush()?)) {
        Ok(()) => ExitCode::SUCCESS,
        // As when `head` has seen enough.
        Err(DumpError::Write(error)) if error.kind() == io::ErrorKind::BrokenPipe => {
            ExitCode::SUCCESS
        }
        Err(error) => {
            // What was read before the error is printed before it.
            let _ = out.flush();
            eprintln!("dump: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Prints what the options say to `out`.
pub(crate) fn run(options: Options, out: &mut impl Write) -> Result<(), DumpError> {
    let json = match options.what {
        What::Request { input } => frame::request(input.read()?)?,
        What::Response {
            api,
            version,
            input,
        } => frame::response(api, version, input.read()?)?,
        What::Log {
            file,
            deep,
            print_data_log,
            offsets,
            transactions,
        } => {
            let detail = match () {
                () if offsets => Detail::Offsets,
                () if transactions => Detail::Transactions,
                () if print_data_log => Detail::Data,
                () if deep => Detail::Sizes,
                () => Detail::Batches,
            };
            return log::print(&mut open(&file)?, detail, out)?
                .map_err(|source| DumpError::Log { file, source });
        }
    };
    Ok(writeln!(out, "{json:#}")?)
}

impl Input {
    /// The bytes of the frame.
    fn read(self) -> Result<bytes::Bytes, DumpError> {
        let read = match (self.hex, self.file) {
            (Some(digits), _) => hex::decode(&digits),
            (None, Some(file)) => {
                let mut content = Vec::new();
                open(&file)?
                    .read_to_end(&mut content)
                    .map_err(|source| DumpError::Read { file, source })?;
                hex::decode_text(content)
            }
            (None, None) => Ok(bytes::Bytes::new()),
        };
        Ok(read.map_err(frame::FrameError::from)?)
    }
}

/// The file, or standard input for `-`.
fn open(path: &Path) -> Result<Box<dyn Read>, DumpError> {
    if path.as_os_str() == "-" {
        return Ok(Box::new(io::stdin().lock()));
    }
    match File::open(path) {
        Ok(file) => Ok(Box::new(io::BufReader::with_capacity(1 << 18, file))),
        Err(source) => Err(DumpError::Read {
            file: path.to_owned(),
            source,
        }),
    }
}
