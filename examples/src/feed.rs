//! Brings a text into a topic.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use kafka_client::producer::{Producer, Record};
use kafka_client::{Compression, Error};
use tokio::io::{AsyncBufRead, AsyncBufReadExt, BufReader};

use crate::words::Text;

/// What could not be fed.
#[derive(Debug, thiserror::Error)]
pub enum FeedError {
    /// The text cannot be read.
    #[error("{path}: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Kafka did not take it.
    #[error(transparent)]
    Kafka(#[from] Error),
}

/// Where lines come from.
pub enum Lines {
    /// The generator, so many of them.
    Generated(u64),
    /// A file or standard input, to its end.
    Read {
        /// Its name, for errors.
        path: PathBuf,
        /// Its content.
        content: Box<dyn AsyncBufRead + Send + Unpin>,
    },
}

impl Lines {
    /// The lines of a file; `-` is standard input.
    ///
    /// # Errors
    /// When it cannot be opened, or is a directory.
    pub async fn open(path: &Path) -> Result<Self, FeedError> {
        let path = path.to_owned();
        if path.as_os_str() == "-" {
            return Ok(Self::Read {
                path,
                content: Box::new(BufReader::new(tokio::io::stdin())),
            });
        }
        let open = async {
            let mut file = BufReader::new(tokio::fs::File::open(&path).await?);
            // A directory can be opened, and only fails to be read.
            file.fill_buf().await?;
            Ok(file)
        };
        match open.await {
            Ok(file) => Ok(Self::Read {
                path,
                content: Box::new(file),
            }),
            Err(source) => Err(FeedError::Read { path, source }),
        }
    }

    /// The next line, in `line`; false at the end.
    async fn next(
        &mut self,
        text: &mut Text,
        line: &mut Vec<u8>,
        scratch: &mut String,
    ) -> Result<bool, FeedError> {
        line.clear();
        match self {
            Self::Generated(left) => {
                let Some(fewer) = left.checked_sub(1) else {
                    return Ok(false);
                };
                *left = fewer;
                text.next_line(scratch);
                line.extend_from_slice(scratch.as_bytes());
                Ok(true)
            }
            Self::Read { path, content } => match content.read_until(b'\n', line).await {
                Ok(0) => Ok(false),
                Ok(_) => {
                    while line
                        .last()
                        .is_some_and(|last| matches!(last, b'\n' | b'\r'))
                    {
                        line.pop();
                    }
                    Ok(true)
                }
                Err(source) => Err(FeedError::Read {
                    path: path.clone(),
                    source,
                }),
            },
        }
    }
}

/// Writes lines to a topic, `rate` of them a second (0: as fast as possible); returns how many, once all are acknowledged.
///
/// # Errors
/// What stopped it.
pub async fn feed(
    bootstrap_servers: &str,
    topic: &str,
    mut lines: Lines,
    rate: u64,
    compression: Compression,
) -> Result<u64, FeedError> {
    let producer = Producer::builder()
        .bootstrap_servers(bootstrap_servers)
        .client_id("wordcount-feed")
        .batch_size(256 << 10)
        .compression(compression)
        .build()
        .await?;
    let (mut text, mut line, mut scratch) = (Text::new(1), Vec::new(), String::new());
    let start = Instant::now();
    let mut sent = 0;
    while lines.next(&mut text, &mut line, &mut scratch).await? {
        // The delivery is not waited for line by line: `flush` tells whether all were written.
        drop(producer.send(Record::to(topic).value(&line)).await?);
        sent += 1;
        if rate > 0 {
            let due = start + Duration::from_secs_f64(sent as f64 / rate as f64);
            tokio::time::sleep_until(due.into()).await;
        }
    }
    producer.flush().await?;
    producer.close(Duration::from_secs(10)).await?;
    Ok(sent)
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn read(mut lines: Lines) -> Vec<String> {
        let (mut text, mut line, mut scratch) = (Text::new(1), Vec::new(), String::new());
        let mut read = Vec::new();
        while lines
            .next(&mut text, &mut line, &mut scratch)
            .await
            .unwrap()
        {
            read.push(String::from_utf8(line.clone()).unwrap());
        }
        read
    }

    #[tokio::test]
    async fn a_file_is_fed_line_by_line_without_line_ends() {
        let content = Box::new(&b"one two\r\n\nthree"[..]);
        assert_eq!(
            read(Lines::Read {
                path: "text".into(),
                content
            })
            .await,
            ["one two", "", "three"]
        );
    }

    #[tokio::test]
    async fn as_many_lines_are_generated_as_were_asked_for() {
        assert_eq!(read(Lines::Generated(3)).await.len(), 3);
    }

    #[tokio::test]
    async fn what_cannot_be_read_is_refused_by_name_before_anything_else_happens() {
        let folder = env!("CARGO_MANIFEST_DIR");
        for path in [format!("{folder}/no such file"), folder.to_owned()] {
            let error = Lines::open(Path::new(&path))
                .await
                .err()
                .unwrap()
                .to_string();
            assert!(error.starts_with(&path), "{error}");
        }
    }
}
