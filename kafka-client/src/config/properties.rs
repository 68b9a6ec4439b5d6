//! Settings by their Kafka names, from a map or a properties file.

use std::fmt::Display;
use std::str::FromStr;
use std::time::Duration;

use crate::error::{Error, Result};

/// A setting by its Kafka name, and what it does to a configuration. An error says what was expected.
pub(crate) struct Setting<C> {
    pub(crate) name: &'static str,
    pub(crate) apply: fn(&mut C, &str) -> std::result::Result<(), String>,
}

/// Applies properties in order; the first that is unknown or invalid is refused by name.
pub(crate) fn apply<C, K: AsRef<str>, V: AsRef<str>>(
    config: &mut C,
    mut set: impl FnMut(&mut C, &str, &str) -> Option<std::result::Result<(), String>>,
    properties: impl IntoIterator<Item = (K, V)>,
) -> Result<()> {
    for (key, value) in properties {
        let (key, value) = (key.as_ref(), value.as_ref());
        let refused = |reason: String| Error::Config {
            key: key.to_owned(),
            value: if super::unsupported::is_secret(key) {
                "[hidden]".to_owned()
            } else {
                value.to_owned()
            },
            reason,
        };
        match set(config, key, value) {
            Some(result) => result.map_err(refused)?,
            None => return Err(refused(super::unsupported::reason(key))),
        }
    }
    Ok(())
}

impl<C> Setting<C> {
    /// Applies the setting of this name, if the table has it.
    pub(crate) fn find(
        table: &[Self],
        config: &mut C,
        key: &str,
        value: &str,
    ) -> Option<std::result::Result<(), String>> {
        let setting = table.iter().find(|setting| setting.name == key)?;
        Some((setting.apply)(config, value))
    }
}

/// A value of any type that has a text form.
pub(crate) fn parse<T: FromStr>(value: &str, expected: &str) -> std::result::Result<T, String>
where
    T::Err: Display,
{
    value
        .trim()
        .parse()
        .map_err(|_| format!("expected {expected}"))
}

/// A number that is 1 or more.
pub(crate) fn positive<T: FromStr + PartialOrd + From<u8>>(
    value: &str,
    expected: &str,
) -> std::result::Result<T, String>
where
    T::Err: Display,
{
    let number = parse(value, expected)?;
    if number < T::from(1) {
        return Err(format!("expected {expected}"));
    }
    Ok(number)
}

/// The size of a socket's buffer; -1 leaves it to the operating system.
pub(crate) fn parse_size(value: &str) -> std::result::Result<Option<usize>, String> {
    match value.trim() {
        "-1" => Ok(None),
        size => parse(
            size,
            "a number of bytes, or -1 to leave it to the operating system",
        )
        .map(Some),
    }
}

/// Milliseconds.
pub(crate) fn parse_millis(value: &str) -> std::result::Result<Duration, String> {
    parse(value, "a number of milliseconds").map(Duration::from_millis)
}

/// A switch.
pub(crate) fn boolean(value: &str) -> std::result::Result<bool, String> {
    one_of(value, &[("true", true), ("false", false)])
}

/// One of a few names.
pub(crate) fn one_of<T: Clone>(value: &str, names: &[(&str, T)]) -> std::result::Result<T, String> {
    let found = names
        .iter()
        .find(|(name, _)| name.eq_ignore_ascii_case(value.trim()));
    found.map(|(_, value)| value.clone()).ok_or_else(|| {
        let names: Vec<&str> = names.iter().map(|(name, _)| *name).collect();
        format!("expected one of {}", names.join(", "))
    })
}

/// Reads the `key=value` lines of a properties file. Empty lines and those that begin with `#` or `!` are comments.
///
/// # Errors
/// [`Error::Config`] names the line that is neither.
///
/// ```
/// let properties = kafka_client::read_properties("# mine\nacks = all\nlinger.ms=5\n")?;
/// assert_eq!(properties, [("acks".to_owned(), "all".to_owned()), ("linger.ms".to_owned(), "5".to_owned())]);
/// # Ok::<(), kafka_client::Error>(())
/// ```
pub fn read_properties(text: &str) -> Result<Vec<(String, String)>> {
    let lines = text
        .lines()
        .enumerate()
        .map(|(number, line)| (number + 1, line.trim()));
    let settings = lines.filter(|(_, line)| !line.is_empty() && !line.starts_with(['#', '!']));
    settings
        .map(|(number, line)| match line.split_once('=') {
            Some((key, value)) => Ok((key.trim().to_owned(), value.trim().to_owned())),
            None => Err(Error::Config {
                key: line.to_owned(),
                value: String::new(),
                reason: format!("line {number} is no \"key=value\""),
            }),
        })
        .collect()
}
