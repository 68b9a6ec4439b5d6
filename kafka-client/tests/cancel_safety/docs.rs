//! What the documentation of every public future says.

use std::fs;
use std::path::Path;

fn sources(folder: &Path, found: &mut Vec<(String, String)>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).unwrap();
            found.push((path.display().to_string(), text));
        }
    }
}

#[test]
fn every_public_async_method_says_whether_it_is_cancel_safe() {
    let mut found = Vec::new();
    sources(
        &Path::new(env!("CARGO_MANIFEST_DIR")).join("src"),
        &mut found,
    );
    let (mut methods, mut silent) = (0, Vec::new());
    for (path, text) in &found {
        let mut docs = String::new();
        for (number, line) in text.lines().enumerate() {
            let line = line.trim_start();
            if line.starts_with("///") {
                docs.push_str(line);
            } else if line.starts_with("pub async fn ") {
                methods += 1;
                if !docs.to_lowercase().contains("cancel-safe") {
                    silent.push(format!("{path}:{}: {line}", number + 1));
                }
            } else if !line.starts_with("#[") {
                docs.clear();
            }
        }
    }
    assert!(
        silent.is_empty(),
        "say nothing of it:\n{}",
        silent.join("\n")
    );
    assert!(methods > 25, "only {methods} were found");
}
