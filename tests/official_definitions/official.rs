//! Kafka's own definitions.

use kafka_proto::codec::Versions;
use serde_json::Value as Json;

/// The texts of an official definition without the comments that JSON does not have.
pub(crate) fn without_comments(text: &str) -> String {
    let code = |line: &str| {
        // Two slashes are also in strings; strings have no quotes within, so that before a comment their number is even.
        let mut starts = line.match_indices("//").map(|(at, _)| at);
        let end = starts.find(|&at| line[..at].matches('"').count().is_multiple_of(2));
        line[..end.unwrap_or(line.len())].to_owned() + "\n"
    };
    text.lines().map(code).collect()
}

/// A text of an official definition; empty where it says nothing.
pub(crate) fn text<'a>(json: &'a Json, name: &str) -> &'a str {
    json[name].as_str().unwrap_or_default()
}

/// Versions of an official definition; none where it says nothing.
pub(crate) fn versions(json: &Json, name: &str) -> Versions {
    json[name].as_str().map_or(Versions::NONE, Versions::parse)
}

pub(crate) fn list<'a>(json: &'a Json, name: &str) -> &'a [Json] {
    json[name].as_array().map_or(&[], Vec::as_slice)
}

/// The name of a field as it stands in Kafka's JSON form of messages.
pub(crate) fn json_name(official: &Json) -> String {
    let name = text(official, "name");
    name[..1].to_lowercase() + &name[1..]
}

/// An official default: a number in decimal digits, a text as it is, nothing for what is empty.
pub(crate) fn their_default(official: &Json) -> String {
    let ty = text(official, "type");
    match &official["default"] {
        Json::Null => plain("", ty),
        // Both "false" and "False" are there.
        Json::String(text) if ty == "bool" => text.to_lowercase(),
        Json::String(text) => plain(text, ty),
        other => other.to_string(),
    }
}

/// What both sides declare as a default of one of Kafka's types, in one way of writing.
pub(crate) fn plain(default: &str, ty: &str) -> String {
    if default == "null" {
        return default.to_owned();
    }
    let hexadecimal = default.strip_prefix("0x");
    let number = hexadecimal.and_then(|digits| i64::from_str_radix(digits, 16).ok());
    match (default, ty) {
        ("", "bool") => "false".to_owned(),
        ("", number) if number.contains("int") && !number.starts_with("[]") => "0".to_owned(),
        _ => number.map_or_else(|| default.to_owned(), |number| number.to_string()),
    }
}
