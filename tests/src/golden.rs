//! The golden vectors: bytes that Kafka's own classes wrote, with what they mean.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use flate2::read::GzDecoder;
use serde_json::Value as Json;

/// The lines of one file of vectors, from the folder that `GOLDEN_DIR` names, or this project's own.
///
/// # Panics
/// When the file is not there or is not what it should be: a test has nothing to check then.
pub fn lines(file: &str) -> impl Iterator<Item = Json> + use<> {
    let folder = std::env::var_os("GOLDEN_DIR").map_or_else(own_folder, PathBuf::from);
    lines_of(&folder, file)
}

/// The lines of a file of vectors that this project has made itself: `GOLDEN_DIR` has none like it.
///
/// # Panics
/// When the file is not there or is not what it should be.
pub fn own_lines(file: &str) -> impl Iterator<Item = Json> + use<> {
    lines_of(&own_folder(), file)
}

fn own_folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("golden")
}

fn lines_of(folder: &Path, file: &str) -> impl Iterator<Item = Json> + use<> {
    let path = folder.join(format!("{file}.jsonl.gz"));
    let file = File::open(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    BufReader::new(GzDecoder::new(file))
        .lines()
        .map(move |line| {
            let line = line.unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            serde_json::from_str(&line)
                .unwrap_or_else(|error| panic!("{}: {error}: {line}", path.display()))
        })
}

/// Makes sure that a vector says nothing that its test would pass over.
///
/// # Panics
/// When it has a field that is not `known`.
pub fn check_fields(vector: &Json, known: &[&str]) {
    for field in vector.as_object().expect("an object").keys() {
        assert!(
            known.contains(&field.as_str()),
            "the field {field} is not known: {vector}"
        );
    }
}

/// Bytes from their hexadecimal digits.
///
/// # Panics
/// On anything else.
pub fn unhex(digits: &str) -> Bytes {
    assert!(
        digits.len().is_multiple_of(2),
        "an odd number of digits: {digits}"
    );
    (0..digits.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&digits[at..at + 2], 16).expect("hexadecimal digits"))
        .collect::<Vec<u8>>()
        .into()
}
