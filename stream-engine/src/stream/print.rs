use std::fmt::{self, Debug, Write as _};
use std::io;

use super::DStream;
use crate::{Data, Operator, Rdd, Time};

/// How many records `print` shows.
const SHOWN: usize = 10;

impl<T: Data + Debug> DStream<T> {
    /// Prints the first ten records of each batch to standard output, as Spark does:
    ///
    /// ```text
    /// -------------------------------------------
    /// Time: 1734000000000 ms
    /// -------------------------------------------
    /// (hello,3)
    /// (world,1)
    /// ...
    ///
    /// ```
    ///
    /// Records are written in their `Debug` form, brought into Spark's look: strings without quotes, no blanks after the
    /// commas of tuples and lists.
    #[track_caller]
    pub fn print(&self) {
        self.print_at(Operator::here("print"), SHOWN, io::stdout);
    }

    /// As [`DStream::print`], with the first `n` records.
    #[track_caller]
    pub fn print_n(&self, n: usize) {
        self.print_at(Operator::here("print_n"), n, io::stdout);
    }

    /// As [`DStream::print_n`], to a writer.
    #[track_caller]
    pub fn print_to(&self, n: usize, mut writer: impl io::Write + Send + 'static) {
        let operator = Operator::here("print_to");
        self.foreach_rdd_at(operator, move |rdd, time| {
            print_batch(operator, &rdd, time, n, &mut writer)
        });
    }

    fn print_at<W: io::Write>(
        &self,
        operator: Operator,
        n: usize,
        open: impl Fn() -> W + Send + 'static,
    ) {
        self.foreach_rdd_at(operator, move |rdd, time| {
            print_batch(operator, &rdd, time, n, &mut open())
        });
    }
}

fn print_batch<T: Data + Debug>(
    operator: Operator,
    rdd: &Rdd<T>,
    time: Time,
    n: usize,
    writer: &mut impl io::Write,
) -> Result<(), crate::BoxError> {
    let records = rdd.take_at(operator, n.saturating_add(1))?;
    let line = "-".repeat(43);
    let mut text = format!("{line}\nTime: {time}\n{line}\n");
    for record in records.iter().take(n) {
        show(record, &mut text)?;
        text.push('\n');
    }
    if records.len() > n {
        text.push_str("...\n");
    }
    text.push('\n');
    writer.write_all(text.as_bytes())?;
    writer.flush()?;
    Ok(())
}

/// Appends the `Debug` form of a record with strings unquoted and without blanks between the elements of tuples and lists.
fn show(record: &impl Debug, out: &mut String) -> fmt::Result {
    let debug = format!("{record:?}");
    let mut open = Vec::new();
    let mut chars = debug.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '"' => show_string(&mut chars, out)?,
            '(' | '[' | '{' => {
                open.push(c);
                out.push(c);
            }
            ')' | ']' | '}' => {
                open.pop();
                out.push(c);
            }
            ',' => {
                out.push(c);
                if matches!(open.last(), Some('(' | '[')) {
                    chars.next_if_eq(&' ');
                }
            }
            other => out.push(other),
        }
    }
    Ok(())
}

/// Appends a quoted string up to its closing quote, with its escapes resolved.
fn show_string(chars: &mut impl Iterator<Item = char>, out: &mut String) -> fmt::Result {
    while let Some(c) = chars.next() {
        match c {
            '"' => break,
            '\\' => match chars.next() {
                Some('n') => out.push('\n'),
                Some('t') => out.push('\t'),
                Some('r') => out.push('\r'),
                Some('0') => out.push('\0'),
                Some('u') => {
                    let digits: String = chars.by_ref().skip(1).take_while(|c| *c != '}').collect();
                    let code = u32::from_str_radix(&digits, 16)
                        .ok()
                        .and_then(char::from_u32);
                    write!(out, "{}", code.unwrap_or(char::REPLACEMENT_CHARACTER))?;
                }
                Some(quoted) => out.push(quoted),
                None => break,
            },
            other => out.push(other),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::sync::{Arc, Mutex};

    use super::show;
    use crate::testkit::TestKit;

    #[derive(Clone, Default)]
    struct Buffer(Arc<Mutex<Vec<u8>>>);

    impl Write for Buffer {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn batches_print_in_spark_s_format() {
        let line = "-------------------------------------------";
        // The records after which there are none need no dots, and an empty batch has its header.
        for (n, first) in [
            (2, "(hello,3)\n(b c,1)\n...\n"),
            (3, "(hello,3)\n(b c,1)\n(d,2)\n"),
            (0, "...\n"),
        ] {
            let buffer = Buffer::default();
            let writer = buffer.clone();
            let input = [vec![("hello", 3), ("b c", 1), ("d", 2)], vec![]];
            let printed = TestKit::default().run(&input, move |s| {
                s.print_to(n, writer.clone());
                s.clone()
            });
            printed.unwrap();
            let expected = format!(
                "{line}\nTime: 1000 ms\n{line}\n{first}\n{line}\nTime: 2000 ms\n{line}\n\n"
            );
            let text = buffer.0.lock().unwrap().clone();
            assert_eq!(String::from_utf8(text).unwrap(), expected, "n = {n}");
        }
    }

    #[test]
    fn records_look_as_in_spark() {
        let shown = |record: &dyn std::fmt::Debug| {
            let mut out = String::new();
            show(&record, &mut out).unwrap();
            out
        };
        assert_eq!(
            shown(&"say \"hi\", \\ \u{1b}é\n"),
            "say \"hi\", \\ \u{1b}é\n"
        );
        assert_eq!(
            shown(&(("a", Some("b")), vec![1, 2])),
            "((a,Some(b)),[1,2])"
        );
        assert_eq!(shown(&1.5), "1.5");
        #[derive(Debug)]
        #[allow(dead_code)]
        struct Point {
            x: u8,
            name: &'static str,
        }
        assert_eq!(
            shown(&(Point { x: 1, name: "p" }, 2)),
            "(Point { x: 1, name: p },2)"
        );
    }
}
