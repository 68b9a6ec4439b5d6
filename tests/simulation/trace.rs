//! What went over the network, and when.

use std::fmt;
use std::hash::{DefaultHasher, Hasher};
use std::sync::{Arc, Mutex};

use kafka_proto::api::api_of;
use tokio::time::Instant;

/// One line of a trace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Line {
    /// Milliseconds since the beginning.
    at: u128,
    what: What,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum What {
    /// A request or, with `is_answer`, what came back.
    Message {
        connection: Arc<str>,
        is_answer: bool,
        key: i16,
        version: i16,
        correlation: i32,
        len: usize,
        /// Of all its bytes.
        hash: u64,
    },
    /// A fault, or a step of somebody who takes part.
    Note(String),
}

/// A trace that is being written.
#[derive(Debug, Clone)]
pub(crate) struct Trace(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    began: Instant,
    lines: Mutex<Vec<Line>>,
}

impl Trace {
    pub(crate) fn begin() -> Self {
        Self(Arc::new(Inner {
            began: Instant::now(),
            lines: Mutex::default(),
        }))
    }

    pub(crate) fn push(&self, what: What) {
        let line = Line {
            at: self.0.began.elapsed().as_millis(),
            what,
        };
        self.0.lines.lock().unwrap().push(line);
    }

    pub(crate) fn note(&self, text: impl Into<String>) {
        self.push(What::Note(text.into()));
    }

    pub(crate) fn take(&self) -> Vec<Line> {
        std::mem::take(&mut self.0.lines.lock().unwrap())
    }
}

/// A number that tells messages apart.
pub(crate) fn hash(bytes: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    hasher.write(bytes);
    hasher.finish()
}

impl Line {
    /// Whether it is a fault or a step, and not a message.
    pub(crate) fn is_note(&self) -> bool {
        matches!(self.what, What::Note(_))
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:>8} ms  ", self.at)?;
        match &self.what {
            What::Note(text) => write!(f, "! {text}"),
            What::Message {
                connection,
                is_answer,
                key,
                version,
                correlation,
                len,
                hash,
            } => {
                let arrow = if *is_answer { "<-" } else { "->" };
                let name = api_of(*key).map_or("unknown", |api| api.name);
                write!(
                    f,
                    "{arrow} {connection} {name} v{version} #{correlation}, {len} bytes {hash:016x}"
                )
            }
        }
    }
}
