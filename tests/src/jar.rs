//! What published jars contain.

use std::io::Read;
use std::path::Path;

use flate2::bufread::DeflateDecoder;
use rawzip::{CompressionMethod, ZipArchive};

/// The files of a jar whose path begins with `folder`, as text, by ascending path.
///
/// # Panics
/// When the jar is not there, or is none, or has something else than compressed texts there.
pub fn texts(jar: &Path, folder: &str) -> Vec<(String, String)> {
    let failed = |what: &str| -> ! { panic!("{}: {what}", jar.display()) };
    let bytes = std::fs::read(jar).unwrap_or_else(|error| failed(&error.to_string()));
    let archive = ZipArchive::from_slice(&bytes).unwrap_or_else(|error| failed(&error.to_string()));
    let mut texts = Vec::new();
    for entry in archive.entries() {
        let entry = entry.unwrap_or_else(|error| failed(&error.to_string()));
        let path = String::from_utf8_lossy(entry.file_path().as_ref()).into_owned();
        if entry.is_dir() || !path.starts_with(folder) {
            continue;
        }
        if entry.compression_method() != CompressionMethod::DEFLATE {
            failed(&format!("{path} is not compressed by DEFLATE"));
        }
        let file = archive
            .get_entry(entry.wayfinder())
            .unwrap_or_else(|error| failed(&error.to_string()));
        let mut text = String::new();
        file.verifying_reader(DeflateDecoder::new(file.data()))
            .read_to_string(&mut text)
            .unwrap_or_else(|error| failed(&format!("{path}: {error}")));
        texts.push((path, text));
    }
    texts.sort();
    texts
}
