use std::cell::RefCell;
use std::sync::Arc;

use csv::{ByteRecord, ErrorKind, WriterBuilder};
use csv_core::{ReadRecordResult, Reader, ReaderBuilder};
use kafka_client::serialization::{Context, Deserializer, Refused};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::RecordBytes;
use crate::rdd::Refusal;
use crate::stream::pushing;
use crate::{BoxError, DStream, Data, Fallible, Operator, PoisonPolicy};

/// The bytes that a line that is written has at first.
const LINE: usize = 128;

/// Lines of comma-separated values, one line a record, with quotes as in RFC 4180. For
/// [`from_csv`](DStream::from_csv) and [`to_csv`](DStream::to_csv).
///
/// Without names of columns, fields are read in their order, into tuples, lists or structs; with names, into the fields of
/// structs with these names.
#[derive(Clone, Debug)]
pub struct Csv {
    settings: Arc<Settings>,
}

#[derive(Clone, Debug)]
struct Settings {
    delimiter: u8,
    columns: Option<ByteRecord>,
    skip_header: bool,
}

impl Csv {
    /// Fields in their order.
    pub fn new() -> Self {
        Self::of(Settings {
            delimiter: b',',
            columns: None,
            skip_header: false,
        })
    }

    /// Fields with these names. A line with more or fewer is refused.
    pub fn with_columns(names: impl IntoIterator<Item = impl AsRef<str>>) -> Self {
        let mut columns = ByteRecord::new();
        for name in names {
            columns.push_field(name.as_ref().as_bytes());
        }
        Self::of(Settings {
            columns: Some(columns),
            ..(*Self::new().settings).clone()
        })
    }

    /// What stands between two fields; by default a comma.
    #[must_use]
    pub fn delimiter(self, delimiter: u8) -> Self {
        Self::of(Settings {
            delimiter,
            ..(*self.settings).clone()
        })
    }

    /// Whether [`from_csv`](DStream::from_csv) leaves out lines that hold the columns' names, as the first line of a file often
    /// does; by default not.
    #[must_use]
    pub fn skip_header(self, skip: bool) -> Self {
        Self::of(Settings {
            skip_header: skip,
            ..(*self.settings).clone()
        })
    }

    fn of(settings: Settings) -> Self {
        Self {
            settings: Arc::new(settings),
        }
    }

    /// Writes a line.
    fn line(&self, record: &impl Serialize) -> Result<String, BoxError> {
        let mut writer = WriterBuilder::new()
            .delimiter(self.settings.delimiter)
            .has_headers(false)
            .buffer_capacity(LINE)
            .from_writer(Vec::with_capacity(LINE));
        writer.serialize(record)?;
        let mut line = writer.into_inner().map_err(|error| error.into_error())?;
        line.pop();
        Ok(String::from_utf8(line)?)
    }

    /// Splits a line and hands its fields over.
    fn with_fields<R>(
        &self,
        line: &[u8],
        work: impl FnOnce(&ByteRecord) -> Result<R, Refused>,
    ) -> Result<R, Refused> {
        thread_local! {
            static SCRATCH: RefCell<Option<Scratch>> = const { RefCell::new(None) };
        }
        let scratch = SCRATCH.take();
        let scratch = scratch.filter(|scratch| Arc::ptr_eq(&scratch.settings, &self.settings));
        let mut scratch = scratch.unwrap_or_else(|| Scratch::new(&self.settings));
        let result = scratch.split(line).and_then(|()| work(&scratch.fields));
        SCRATCH.set(Some(scratch));
        result
    }
}

impl Default for Csv {
    fn default() -> Self {
        Self::new()
    }
}

/// What a thread uses again for each line: nothing is allocated for a line but by the type that it is read into.
struct Scratch {
    settings: Arc<Settings>,
    reader: Reader,
    bytes: Vec<u8>,
    ends: Vec<usize>,
    fields: ByteRecord,
}

impl Scratch {
    fn new(settings: &Arc<Settings>) -> Self {
        Self {
            settings: settings.clone(),
            reader: ReaderBuilder::new().delimiter(settings.delimiter).build(),
            bytes: vec![0; 256],
            ends: vec![0; 16],
            fields: ByteRecord::new(),
        }
    }

    fn split(&mut self, line: &[u8]) -> Result<(), Refused> {
        self.fields.clear();
        self.reader.reset();
        let (mut rest, mut written, mut ended) = (line, 0, 0);
        loop {
            let (result, read, bytes, ends) =
                self.reader
                    .read_record(rest, &mut self.bytes[written..], &mut self.ends[ended..]);
            (rest, written, ended) = (&rest[read..], written + bytes, ended + ends);
            match result {
                // Behind the last byte an empty input says that the line has ended.
                ReadRecordResult::InputEmpty => {}
                ReadRecordResult::OutputFull => self.bytes.resize(self.bytes.len() * 2, 0),
                ReadRecordResult::OutputEndsFull => self.ends.resize(self.ends.len() * 2, 0),
                ReadRecordResult::End => return Err("it is no CSV: it has no fields".into()),
                ReadRecordResult::Record => break,
            }
        }
        if rest.iter().any(|byte| !matches!(byte, b'\r' | b'\n')) {
            return Err("it is no line of CSV: it has more than one line".into());
        }
        let mut start = 0;
        for end in &self.ends[..ended] {
            self.fields.push_field(&self.bytes[start..*end]);
            start = *end;
        }
        Ok(())
    }
}

const NULL: &str = "it is null: read it by Nullable, as an Option";

impl<'a, T: DeserializeOwned> Deserializer<'a, T> for Csv {
    fn deserialize(&self, _: &Context<'_>, bytes: Option<&'a [u8]>) -> Result<T, Refused> {
        let line = bytes.ok_or(NULL)?;
        self.with_fields(line, |fields| self.settings.read(fields))
    }
}

impl Settings {
    fn read<T: DeserializeOwned>(&self, fields: &ByteRecord) -> Result<T, Refused> {
        if let Some(columns) = &self.columns
            && columns.len() != fields.len()
        {
            let (has, expected) = (fields.len(), columns.len());
            return Err(
                format!("it is not the CSV expected: it has {has} fields, not {expected}").into(),
            );
        }
        fields
            .deserialize(self.columns.as_ref())
            .map_err(|error| self.explain(&error).into())
    }

    fn explain(&self, error: &csv::Error) -> String {
        let ErrorKind::Deserialize { err, .. } = error.kind() else {
            return format!("it is not the CSV expected: {error}");
        };
        let field = err.field().map(|field| {
            let names = self.columns.as_ref();
            let name = names.and_then(|names| names.get(usize::try_from(field).ok()?));
            let name = name.map(|name| format!(" ({})", String::from_utf8_lossy(name)));
            format!("field {}{}: ", field + 1, name.unwrap_or_default())
        });
        let (field, kind) = (field.unwrap_or_default(), err.kind());
        format!("it is not the CSV expected: {field}{kind}")
    }
}

impl<R: Data + RecordBytes> Fallible<R> {
    /// Each record read as a line of CSV; what does not go with `T` is poisoned, and the cause names the field. Null is
    /// poisoned, too: read it by [`deserialize(Nullable(csv))`](Fallible::deserialize).
    ///
    /// ```
    /// # use stream_engine::testkit::check;
    /// use stream_engine::PoisonPolicy;
    /// use stream_engine::serialization::Csv;
    ///
    /// #[derive(Clone, Debug, PartialEq, serde::Deserialize)]
    /// struct Order { customer: String, apples: u32 }
    ///
    /// let csv = Csv::with_columns(["apples", "customer"]).delimiter(b';').skip_header(true);
    /// check(
    ///     &[vec!["apples;customer", "3;\"Smith; Ann\"", "many;Bob"]],
    ///     |lines| lines.on_poison(PoisonPolicy::Skip).from_csv::<Order>(csv),
    ///     &[vec![Order { customer: "Smith; Ann".to_owned(), apples: 3 }]],
    /// );
    /// ```
    #[track_caller]
    #[allow(clippy::wrong_self_convention)] // Spark's `from_csv`, which is a method of what is read.
    pub fn from_csv<T: Data + DeserializeOwned>(self, csv: Csv) -> DStream<T> {
        let operator = Operator::here("from_csv");
        if !csv.settings.skip_header {
            return self.deserialize_at(operator, csv);
        }
        let read = pushing(move |record: &R, out| {
            let refused = |error| Refusal::named(std::any::type_name::<Csv>(), error);
            let line = record.bytes().ok_or_else(|| refused(NULL.into()))?;
            let read = csv.with_fields(line, |fields| {
                let is_header = Some(fields) == csv.settings.columns.as_ref();
                (!is_header).then(|| csv.settings.read(fields)).transpose()
            });
            out.extend(read.map_err(refused)?);
            Ok(())
        });
        self.judged(operator, read)
    }
}

impl<R: Data + RecordBytes> DStream<R> {
    /// Each record read as a line of CSV; the first that cannot be read fails the batch. See [`Fallible::from_csv`].
    #[track_caller]
    #[allow(clippy::wrong_self_convention)] // As there.
    pub fn from_csv<T: Data + DeserializeOwned>(&self, csv: Csv) -> DStream<T> {
        self.on_poison(PoisonPolicy::Fail).from_csv(csv)
    }
}

impl<T: Data + Serialize> DStream<T> {
    /// Each record as a line of CSV, without a line break at its end: its fields in the order in which `T` has them, between them
    /// the delimiter of `csv`, quoted where that is needed. The first record that is no list of fields (one with a map in it)
    /// fails the batch.
    ///
    /// ```
    /// # use stream_engine::testkit::check;
    /// use stream_engine::serialization::Csv;
    ///
    /// check(
    ///     &[vec![("Smith; Ann", 3)]],
    ///     |orders| orders.to_csv(Csv::new().delimiter(b';')),
    ///     &[vec!["\"Smith; Ann\";3".to_owned()]],
    /// );
    /// ```
    #[track_caller]
    pub fn to_csv(&self, csv: Csv) -> DStream<String> {
        let write = pushing(move |record: &T, out| {
            out.push(csv.line(record).map_err(Refusal::of)?);
            Ok(())
        });
        self.on_poison(PoisonPolicy::Fail)
            .judged(Operator::here("to_csv"), write)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde::Deserialize;

    use super::*;
    use crate::testkit::{TestKit, check};
    use kafka_client::serialization::Field;

    #[derive(Clone, Debug, PartialEq, Deserialize)]
    struct Order {
        customer: String,
        apples: Option<u32>,
    }

    fn read<T: DeserializeOwned>(csv: &Csv, line: &[u8]) -> Result<T, String> {
        let context = Context::new("", Field::Value);
        csv.deserialize(&context, Some(line))
            .map_err(|error| error.to_string())
    }

    #[test]
    fn fields_are_read_by_position_or_by_name() {
        let row: (u8, String, bool) = read(&Csv::new(), b"1,\"a \"\"b\"\", c\",true\r\n").unwrap();
        assert_eq!(row, (1, "a \"b\", c".to_owned(), true));
        let row: Vec<String> = read(&Csv::new().delimiter(b'\t'), b"a\t\tb").unwrap();
        assert_eq!(row, ["a", "", "b"]);
        let named = Csv::with_columns(["apples", "customer"]);
        let order = |line: &[u8]| read::<Order>(&named, line).unwrap();
        let ann = |apples| Order {
            customer: "ann".to_owned(),
            apples,
        };
        assert_eq!((order(b"3,ann"), order(b",ann")), (ann(Some(3)), ann(None)));
        let long = "x".repeat(5000);
        let many = vec![long.as_str(); 40].join(",");
        let row: Vec<String> = read(&Csv::new(), many.as_bytes()).unwrap();
        assert!(row.len() == 40 && row.iter().all(|field| *field == long));
    }

    #[test]
    fn what_is_refused_says_which_field_and_why() {
        let named = Csv::with_columns(["apples", "customer"]);
        for (line, reason) in [
            (
                &b"three,ann"[..],
                "field 1 (apples): invalid digit found in string",
            ),
            (b"3", "it has 1 fields, not 2"),
            (b"3,ann,x", "it has 3 fields, not 2"),
            (b"3,\xff", "field 2 (customer): invalid utf-8 sequence"),
            (b"3,ann\n4,bob", "more than one line"),
            (b"", "it has no fields"),
            (b"\n", "it has no fields"),
        ] {
            let refused = read::<Order>(&named, line).unwrap_err();
            assert!(refused.contains(reason), "{refused}");
        }
        // What a refused line leaves behind does not harm the next.
        let refused = read::<(u8, u8)>(&Csv::new(), b"\"1,2").unwrap_err();
        assert!(refused.contains("not the CSV expected"), "{refused}");
        assert_eq!(read::<(u8, u8)>(&Csv::new(), b"1,2").unwrap(), (1, 2));
    }

    #[test]
    fn a_header_is_left_out_only_if_asked_for() {
        let named = Csv::with_columns(["apples", "customer"]);
        let input = [vec!["apples,customer", "1,ann"], vec!["apples,customer"]];
        let ann = Order {
            customer: "ann".to_owned(),
            apples: Some(1),
        };
        check(
            &input,
            |s| s.from_csv::<Order>(named.clone().skip_header(true)),
            &[vec![ann], vec![]],
        );
        let error = TestKit::default()
            .run(&input, |s| s.from_csv::<Order>(named))
            .unwrap_err();
        let error = error.to_string();
        let reason = "is poisoned: it is not the CSV expected: field 1 (apples): invalid digit";
        assert!(
            error.contains("from_csv at ") && error.contains(reason),
            "{error}"
        );
    }

    proptest! {
        #[test]
        fn any_fields_written_as_csv_are_read(fields in prop::collection::vec("[^\u{feff}]{0,9}", 1..20)) {
            prop_assume!(fields.len() > 1 || !fields[0].is_empty());
            let mut writer = csv::Writer::from_writer(Vec::new());
            writer.write_record(&fields).unwrap();
            let line = writer.into_inner().unwrap();
            prop_assert_eq!(read::<Vec<String>>(&Csv::new(), &line).unwrap(), fields);
        }
    }

    #[test]
    fn what_is_written_is_read_again() {
        let lines = [
            ("a, b", Some(1)),
            ("\"", None),
            ("two\nlines", Some(-3)),
            ("", Some(0)),
        ];
        let records: Vec<(String, Option<i32>)> =
            lines.map(|(text, n)| (text.to_owned(), n)).to_vec();
        check(
            std::slice::from_ref(&records),
            |s| {
                s.to_csv(Csv::new())
                    .from_csv::<(String, Option<i32>)>(Csv::new())
            },
            std::slice::from_ref(&records),
        );
    }

    #[test]
    fn a_record_with_a_map_in_it_fails_the_batch_by_name() {
        let record = (1, std::collections::BTreeMap::from([("a", 2)]));
        let result = TestKit::default().run(&[vec![record]], |s| s.to_csv(Csv::new()));
        let error = result.unwrap_err().to_string();
        assert!(
            error.contains("to_csv at ") && error.contains("map"),
            "{error}"
        );
    }
}
