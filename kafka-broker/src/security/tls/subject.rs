//! The name in a certificate, as Java writes it (RFC 2253): `CN=client,O=Example`.

use std::fmt::Write;

/// Tags of DER.
const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;
const OBJECT_IDENTIFIER: u8 = 0x06;
const UTF8_STRING: u8 = 0x0c;
const PRINTABLE_STRING: u8 = 0x13;
const IA5_STRING: u8 = 0x16;
const BMP_STRING: u8 = 0x1e;
/// What the version of a certificate stands in.
const VERSION: u8 = 0xa0;

/// What RFC 2253 has names for, by their identifiers as bytes.
const KEYWORDS: [(&[u8], &str); 9] = [
    (&[0x55, 4, 3], "CN"),
    (&[0x55, 4, 6], "C"),
    (&[0x55, 4, 7], "L"),
    (&[0x55, 4, 8], "ST"),
    (&[0x55, 4, 10], "O"),
    (&[0x55, 4, 11], "OU"),
    (&[0x55, 4, 9], "STREET"),
    (
        &[0x09, 0x92, 0x26, 0x89, 0x93, 0xf2, 0x2c, 0x64, 1, 25],
        "DC",
    ),
    (
        &[0x09, 0x92, 0x26, 0x89, 0x93, 0xf2, 0x2c, 0x64, 1, 1],
        "UID",
    ),
];

/// A value of DER.
#[derive(Clone, Copy)]
struct Value<'a> {
    tag: u8,
    content: &'a [u8],
    /// With tag and length.
    whole: &'a [u8],
}

/// The first value, and what is behind it.
fn split(bytes: &[u8]) -> Option<(Value<'_>, &[u8])> {
    let (&tag, rest) = bytes.split_first()?;
    let (&first, rest) = rest.split_first()?;
    let (len, rest) = match first {
        0..0x80 => (usize::from(first), rest),
        _ => {
            let (len, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
            let is_sane = (1..=4).contains(&len.len());
            let add = |sum: usize, byte: &u8| sum << 8 | usize::from(*byte);
            (is_sane.then(|| len.iter().fold(0, add))?, rest)
        }
    };
    let (content, rest) = rest.split_at_checked(len)?;
    let (whole, _) = bytes.split_at_checked(bytes.len() - rest.len())?;
    let value = Value {
        tag,
        content,
        whole,
    };
    Some((value, rest))
}

/// All values of a content.
fn values(mut bytes: &[u8]) -> Option<Vec<Value<'_>>> {
    let mut values = Vec::new();
    while !bytes.is_empty() {
        let (value, rest) = split(bytes)?;
        values.push(value);
        bytes = rest;
    }
    Some(values)
}

fn tagged(value: Value<'_>, tag: u8) -> Option<&[u8]> {
    (value.tag == tag).then_some(value.content)
}

/// The subject of a certificate.
pub(super) fn name(certificate: &[u8]) -> Option<String> {
    let (certificate, _) = split(certificate)?;
    let (signed, _) = split(tagged(certificate, SEQUENCE)?)?;
    let fields = values(tagged(signed, SEQUENCE)?)?;
    let has_version = fields.first()?.tag == VERSION;
    // Serial number, algorithm, issuer and validity come before it.
    let subject = fields.get(4 + usize::from(has_version))?;
    let parts = values(tagged(*subject, SEQUENCE)?)?;
    let parts = parts.into_iter().rev().map(|part| {
        let attributes = values(tagged(part, SET)?)?;
        let attributes = attributes.into_iter().map(attribute);
        Some(attributes.collect::<Option<Vec<_>>>()?.join("+"))
    });
    Some(parts.collect::<Option<Vec<_>>>()?.join(","))
}

fn attribute(attribute: Value<'_>) -> Option<String> {
    let parts = values(tagged(attribute, SEQUENCE)?)?;
    let [id, value] = parts[..] else {
        return None;
    };
    let id = tagged(id, OBJECT_IDENTIFIER)?;
    let keyword = KEYWORDS.iter().find(|(known, _)| *known == id);
    if let (Some((_, keyword)), Some(text)) = (keyword, text(value)) {
        return Some(format!("{keyword}={}", escaped(&text)));
    }
    let name = match keyword {
        Some((_, keyword)) => (*keyword).to_owned(),
        None => dotted(id)?,
    };
    let mut hex = String::new();
    for byte in value.whole {
        write!(hex, "{byte:02x}").ok()?;
    }
    Some(format!("{name}=#{hex}"))
}

fn text(value: Value<'_>) -> Option<String> {
    match value.tag {
        UTF8_STRING | PRINTABLE_STRING | IA5_STRING => {
            String::from_utf8(value.content.to_vec()).ok()
        }
        BMP_STRING => {
            let (pairs, rest) = value.content.as_chunks::<2>();
            let units: Vec<u16> = pairs.iter().map(|pair| u16::from_be_bytes(*pair)).collect();
            String::from_utf16(&units).ok().filter(|_| rest.is_empty())
        }
        _ => None,
    }
}

fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    let last = text.chars().count().saturating_sub(1);
    for (n, c) in text.chars().enumerate() {
        let is_special = matches!(c, ',' | '+' | '"' | '\\' | '<' | '>' | ';');
        let is_outer_space = c == ' ' && (n == 0 || n == last);
        if is_special || is_outer_space || (c == '#' && n == 0) {
            escaped.push('\\');
        }
        escaped.push(c);
    }
    escaped
}

/// An identifier as numbers: `1.2.840.113549.1.9.1`.
fn dotted(id: &[u8]) -> Option<String> {
    let mut numbers: Vec<u64> = Vec::new();
    let mut number: u64 = 0;
    for byte in id {
        number = number.checked_mul(128)? + u64::from(byte & 0x7f);
        if byte & 0x80 == 0 {
            numbers.push(std::mem::take(&mut number));
        }
    }
    let (&first, rest) = numbers.split_first()?;
    let top = (first / 40).min(2);
    let mut text = format!("{top}.{}", first - top * 40);
    for number in rest {
        write!(text, ".{number}").ok()?;
    }
    Some(text)
}

#[cfg(test)]
mod tests {
    use rustls::pki_types::CertificateDer;
    use rustls::pki_types::pem::PemObject;

    use super::*;

    const CLIENT: &[u8] = include_bytes!("../../../tests/broker/certificates/client.pem");

    #[test]
    fn a_subject_is_written_as_java_writes_it() {
        let certificate = CertificateDer::from_pem_slice(CLIENT).unwrap();
        assert_eq!(name(&certificate).unwrap(), JAVA);
    }

    #[test]
    fn what_is_no_certificate_has_no_name() {
        let certificate = CertificateDer::from_pem_slice(CLIENT).unwrap();
        for len in 0..certificate.len() {
            assert_eq!(name(&certificate[..len]), None, "{len}");
        }
        for n in 0..certificate.len() {
            let mut broken = certificate.to_vec();
            broken[n] ^= 0xff;
            // Whatever it says, it does no harm.
            let _ = name(&broken);
        }
    }

    #[test]
    fn what_has_a_meaning_in_a_name_is_escaped() {
        for (plain, told) in [
            ("a,b", "a\\,b"),
            (" a b ", "\\ a b\\ "),
            ("#1#", "\\#1#"),
            ("a\"<>;\\+", "a\\\"\\<\\>\\;\\\\\\+"),
            ("", ""),
        ] {
            assert_eq!(escaped(plain), told);
        }
    }

    /// What Java's `X500Principal.getName()` says of it.
    const JAVA: &str = r"1.2.840.113549.1.9.1=#160d7a406578616d706c652e6f7267,CN=Zoë Client,OU=a\+b,O=Ex\, Inc,ST=Bayern,C=DE";
}
