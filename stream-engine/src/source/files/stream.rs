use std::fmt;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::batch::check_record_length;
use super::open::{Files, check_length};
use super::select::Selection;
use super::{list, name_starts_with};
use crate::read::{FixedRecords, Lines};
use crate::source::{BatchInput, InputSource, SourceContext};
use crate::{BoxError, DStream, Data, EngineError, Operator, RecordReader, StreamingContext, Time};

/// How many files a batch's description names.
const NAMED_FILES: usize = 10;

type Filter = Arc<dyn Fn(&Path) -> bool + Send + Sync>;
type Open<R> = Arc<dyn Fn(File, &Path) -> Result<R, BoxError> + Send + Sync>;

/// Which files of a directory a stream takes.
#[derive(Clone)]
pub struct FileStreamOptions {
    filter: Filter,
    new_files_only: bool,
    remember: Duration,
}

impl Default for FileStreamOptions {
    fn default() -> Self {
        FileStreamOptions {
            filter: Arc::new(|path| !name_starts_with(path, b'.')),
            new_files_only: true,
            remember: Duration::from_secs(60),
        }
    }
}

impl FileStreamOptions {
    /// Takes only paths for which `filter` is true; by default those whose name does not start with a `.`.
    pub fn filter(mut self, filter: impl Fn(&Path) -> bool + Send + Sync + 'static) -> Self {
        self.filter = Arc::new(filter);
        self
    }

    /// Whether files modified before the stream was made are left out; by default they are. If not, the first batch still
    /// takes only those modified within the time [remembered](Self::remember), as in Spark.
    pub fn new_files_only(mut self, yes: bool) -> Self {
        self.new_files_only = yes;
        self
    }

    /// How long after its modification a file may appear and still be taken, and for how long a file taken is known, in
    /// whole batch intervals, rounded up; by default 1 minute (Spark's `spark.streaming.fileStream.minRememberDuration`).
    pub fn remember(mut self, duration: Duration) -> Self {
        self.remember = duration;
        self
    }
}

impl fmt::Debug for FileStreamOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FileStreamOptions")
            .field("new_files_only", &self.new_files_only)
            .field("remember", &self.remember)
            .finish_non_exhaustive()
    }
}

struct FileSource<R> {
    name: &'static str,
    directory: PathBuf,
    filter: Filter,
    open: Open<R>,
    selection: Selection,
    context: Option<SourceContext>,
}

impl<T: Data, R: RecordReader<T> + 'static> InputSource<T> for FileSource<R> {
    fn name(&self) -> &'static str {
        self.name
    }

    fn start(&mut self, context: &SourceContext) -> Result<(), BoxError> {
        // A directory that is not there is told now and not by the first batch.
        list(&self.directory, |_| false)?;
        let interval = context.batch_duration();
        self.selection
            .start(context.clock().now().floor(interval), interval);
        self.context = Some(context.clone());
        Ok(())
    }

    fn plan(&mut self, time: Time) -> Result<Option<BatchInput<T>>, BoxError> {
        let context = self.context.as_ref().ok_or("the source is not started")?;
        // What a recent batch has taken is not even looked at again.
        let wanted = |path: &Path| !self.selection.has_taken(path) && (self.filter)(path);
        let listed = list(&self.directory, wanted)?;
        let paths = self.selection.take(time, listed);
        if paths.is_empty() {
            return Ok(None);
        }
        let description = describe(&paths);
        let open = self.open.clone();
        let files = Files {
            name: self.name,
            paths,
            open: move |file, path: &Path| open(file, path),
        };
        Ok(Some(BatchInput {
            rdd: context.rdd_context().read(files),
            records: 0,
            description,
        }))
    }
}

fn describe(paths: &[PathBuf]) -> String {
    let named: Vec<String> = paths
        .iter()
        .take(NAMED_FILES)
        .map(|path| path.display().to_string())
        .collect();
    let more = if paths.len() > named.len() {
        ", ..."
    } else {
        ""
    };
    format!("{} files: {}{more}", paths.len(), named.join(", "))
}

impl StreamingContext {
    /// A stream of the lines of the files that appear in `directory` (Spark's `textFileStream`): [`file_stream`](Self::file_stream)
    /// with default options and [`Lines`].
    ///
    /// ```no_run
    /// use std::time::Duration;
    /// use stream_engine::StreamingContext;
    ///
    /// let ssc = StreamingContext::builder("words").batch_duration(Duration::from_secs(1)).build()?;
    /// ssc.text_file_stream("/var/spool/words")?.count().print();
    /// # Ok::<_, stream_engine::EngineError>(())
    /// ```
    ///
    /// # Errors
    /// [`EngineError::State`] after the context was started.
    #[track_caller]
    pub fn text_file_stream(
        &self,
        directory: impl AsRef<Path>,
    ) -> Result<DStream<String>, EngineError> {
        self.file_stream_at(
            Operator::here("text_file_stream"),
            directory.as_ref(),
            FileStreamOptions::default(),
            |file, _| Ok(Lines::new(file)),
        )
    }

    /// A stream of the records of `record_length` bytes in the files that appear in `directory` (Spark's
    /// `binaryRecordsStream`). A file whose length is no multiple of it fails the batch, naming the file.
    ///
    /// # Errors
    /// [`EngineError::State`] after the context was started, [`EngineError::Setting`] for a length of 0.
    #[track_caller]
    pub fn binary_records_stream(
        &self,
        directory: impl AsRef<Path>,
        record_length: usize,
    ) -> Result<DStream<Bytes>, EngineError> {
        let operator = Operator::here("binary_records_stream");
        check_record_length(record_length)?;
        self.file_stream_at(
            operator,
            directory.as_ref(),
            FileStreamOptions::default(),
            move |file, _| {
                check_length(&file, record_length)?;
                Ok(FixedRecords::new(file, record_length))
            },
        )
    }

    /// A stream of the files that appear in `directory`, each read by the reader that `open` makes of it (Spark's
    /// `fileStream`).
    ///
    /// Each batch lists the directory, without those in it, and takes a file if
    ///
    /// - the options' [filter](FileStreamOptions::filter) lets it through;
    /// - it was modified after the stream was made, if [only new files](FileStreamOptions::new_files_only) count;
    /// - it was modified less than the time [remembered](FileStreamOptions::remember) before the batch's time, and not after it;
    /// - no batch within that time has taken it.
    ///
    /// So a file must be whole when it appears: write it elsewhere on the same file system and move it in, or give it a name
    /// with a `.` before it until it is written. It must stay until its batch is done. Times are the file system's against the
    /// context's clock. Each file is one partition, read on the pool. Which files were taken is not kept when the program
    /// ends: afterwards only new files count.
    ///
    /// A directory that is not there is an error, not a stream without data as in Spark.
    ///
    /// # Errors
    /// [`EngineError::State`] after the context was started.
    #[track_caller]
    pub fn file_stream<T, R, F>(
        &self,
        directory: impl AsRef<Path>,
        options: FileStreamOptions,
        open: F,
    ) -> Result<DStream<T>, EngineError>
    where
        T: Data,
        R: RecordReader<T> + 'static,
        F: Fn(File, &Path) -> Result<R, BoxError> + Send + Sync + 'static,
    {
        let operator = Operator::here("file_stream");
        self.file_stream_at(operator, directory.as_ref(), options, open)
    }

    fn file_stream_at<T: Data, R: RecordReader<T> + 'static>(
        &self,
        operator: Operator,
        directory: &Path,
        options: FileStreamOptions,
        open: impl Fn(File, &Path) -> Result<R, BoxError> + Send + Sync + 'static,
    ) -> Result<DStream<T>, EngineError> {
        let ignore_until = if options.new_files_only {
            self.now()
        } else {
            Time::default()
        };
        let source = FileSource {
            name: operator.name(),
            directory: directory.to_owned(),
            filter: options.filter,
            open: Arc::new(open),
            selection: Selection::new(ignore_until, options.remember),
            context: None,
        };
        self.input_stream_at(operator, source)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::sync::Mutex;
    use std::time::UNIX_EPOCH;

    use super::*;
    use crate::ManualClock;
    use crate::scratch::Scratch;
    use crate::testkit::{Stepper, secs};

    fn write(folder: &Scratch, name: &str, content: &str, modified: u64) {
        let path = folder.path().join(name);
        fs::write(&path, content).unwrap();
        let file = File::options().write(true).open(&path).unwrap();
        file.set_modified(UNIX_EPOCH + Duration::from_millis(modified))
            .unwrap();
    }

    type Seen<T> = Arc<Mutex<Vec<Vec<T>>>>;

    /// A context at 100 s with a batch a second, and what its stream gives.
    fn started<T: Data>(
        stream: impl FnOnce(&StreamingContext) -> Result<DStream<T>, EngineError>,
    ) -> Result<(StreamingContext, Stepper, Seen<T>), EngineError> {
        let clock = ManualClock::new(Time::from_millis(100_000));
        let ssc = StreamingContext::builder("files")
            .batch_duration(secs(1))
            .threads(2)
            .clock(clock.clone())
            .build()?;
        let seen = Seen::default();
        let collected = seen.clone();
        stream(&ssc)?.foreach_rdd(move |rdd| {
            collected.lock().unwrap().push(rdd.collect()?);
            Ok::<_, EngineError>(())
        });
        let stepper = Stepper::start(&ssc, &clock)?;
        Ok((ssc, stepper, seen))
    }

    #[test]
    fn a_batch_has_the_lines_of_the_files_that_appeared() {
        let folder = Scratch::new();
        write(&folder, "before", "old", 100_000);
        let (_ssc, mut stepper, seen) = started(|ssc| ssc.text_file_stream(folder.path())).unwrap();
        write(&folder, "a", "1\n2\n", 100_400);
        write(&folder, "future", "3", 101_001);
        write(&folder, ".hidden", "4", 100_400);
        fs::create_dir(folder.path().join("folder")).unwrap();
        stepper.step().unwrap();
        write(&folder, "late", "5", 100_001);
        stepper.step().unwrap();
        stepper.step().unwrap();
        let seen = seen.lock().unwrap();
        assert_eq!(*seen, [vec!["1", "2"], vec!["5", "3"], vec![]]);
    }

    #[test]
    fn old_files_count_if_wanted_and_the_filter_is_ones_own() {
        let folder = Scratch::new();
        for (name, modified) in [(".old", 41_001), ("older", 41_000), ("skip", 99_000)] {
            write(&folder, name, name, modified);
        }
        let options = FileStreamOptions::default()
            .new_files_only(false)
            .filter(|path| !path.ends_with("skip"));
        let (_ssc, mut stepper, seen) = started(|ssc| {
            ssc.file_stream(folder.path(), options, |file, path| {
                assert!(path.is_absolute());
                Ok(Lines::new(file))
            })
        })
        .unwrap();
        stepper.step().unwrap();
        assert_eq!(*seen.lock().unwrap(), [[".old"]]);
    }

    #[test]
    fn binary_records_have_their_length_or_the_file_is_named() {
        let folder = Scratch::new();
        let (_ssc, mut stepper, seen) =
            started(|ssc| ssc.binary_records_stream(folder.path(), 2)).unwrap();
        write(&folder, "good", "abcd", 100_500);
        stepper.step().unwrap();
        assert_eq!(*seen.lock().unwrap(), [["ab", "cd"]]);
        write(&folder, "bad", "abc", 101_500);
        let error = stepper.step().unwrap_err().to_string();
        let bad = folder.path().join("bad");
        let expected = format!("file {}: its 3 bytes are no multiple", bad.display());
        assert!(
            error.starts_with("batch 102000 ms, ") && error.contains(&expected),
            "{error}"
        );
    }

    #[test]
    fn a_file_that_vanishes_before_it_is_read_fails_the_batch() {
        let folder = Scratch::new();
        let gone = folder.path().join("gone");
        let removed = gone.clone();
        let (_ssc, mut stepper, _) = started(|ssc| {
            let lines = ssc.text_file_stream(folder.path())?;
            lines.foreach_rdd(move |_| fs::remove_file(&removed));
            Ok(lines)
        })
        .unwrap();
        write(&folder, "gone", "x", 100_500);
        let error = stepper.step().unwrap_err().to_string();
        let expected = format!("file {} cannot be opened: ", gone.display());
        assert!(error.contains(&expected), "{error}");
    }

    #[test]
    fn a_directory_that_is_not_there_is_told_at_start() {
        let folder = Scratch::new();
        let missing = folder.path().join("missing");
        let Err(error) = started(|ssc| ssc.text_file_stream(&missing)) else {
            panic!("it started");
        };
        let expected = format!("failed: directory {} cannot be listed: ", missing.display());
        let text = error.to_string();
        assert!(
            text.starts_with("text_file_stream at ") && text.contains(&expected),
            "{text}"
        );
    }

    #[test]
    fn descriptions_of_many_files_stay_short() {
        let paths: Vec<PathBuf> = (0..1000).map(|n| PathBuf::from(n.to_string())).collect();
        assert_eq!(
            describe(&paths),
            "1000 files: 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, ..."
        );
        assert_eq!(describe(&paths[..1]), "1 files: 0");
    }
}
