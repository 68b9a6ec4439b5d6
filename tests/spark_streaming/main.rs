//! The programs of `tests/spark` on this engine. What they give is held, batch by batch, against what Spark Streaming gave for
//! the same input, as recorded by `tests/spark/record.sh`. Where the two differ, the test says how; `tests/spark/README.md`
//! says why.

mod joins;
mod kafka;
mod outputs;
mod recording;
mod run;
mod state;
mod windows;
mod words;

/// What `tests/spark/README.md` shows of the programs for Spark is in them, but for its indentation.
#[test]
fn the_readme_shows_the_programs_as_they_are() {
    let trimmed = |text: &str| {
        text.lines()
            .map(|line| line.trim().to_owned() + "\n")
            .collect::<String>()
    };
    let folder = recording::folder();
    let programs: Vec<String> = std::fs::read_dir(folder.join("src/main/java"))
        .unwrap()
        .map(|file| trimmed(&recording::read(file.unwrap().path())))
        .collect();
    let readme = recording::read(folder.join("README.md"));
    let shown: Vec<&str> = readme
        .split("```java\n")
        .skip(1)
        .map(|rest| rest.split("```").next().unwrap_or(rest))
        .collect();
    assert_eq!(shown.len(), 3);
    for program in shown {
        // What follows on the last line may be left out.
        assert!(
            programs
                .iter()
                .any(|whole| whole.contains(trimmed(program).trim_end())),
            "in no program:\n{program}"
        );
    }
}
