//! Certificates and keys out of PEM texts (RFC 7468), as files have them and as Kafka's settings do, which may hold them in
//! one line.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use pkcs8::EncryptedPrivateKeyInfo;
use rustls::pki_types::{
    CertificateDer, PrivateKeyDer, PrivatePkcs1KeyDer, PrivatePkcs8KeyDer, PrivateSec1KeyDer,
};

use crate::security::Secret;

/// What stands between a BEGIN and an END.
struct Section<'a> {
    /// `CERTIFICATE`.
    label: &'a str,
    body: &'a str,
}

/// The sections of a text; whatever stands around them is passed over.
fn sections(text: &str) -> Result<Vec<Section<'_>>, String> {
    const BEGIN: &str = "-----BEGIN ";
    const DASHES: &str = "-----";
    let mut sections = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find(BEGIN) {
        rest = &rest[at + BEGIN.len()..];
        let (label, after) = rest
            .split_once(DASHES)
            .ok_or_else(|| "expected PEM: a line BEGIN has no end".to_owned())?;
        let end = format!("-----END {label}-----");
        let (body, after) = after
            .split_once(&end)
            .ok_or_else(|| format!("expected PEM: there is no line \"{end}\""))?;
        sections.push(Section { label, body });
        rest = after;
    }
    if sections.is_empty() {
        return Err(what_it_is_instead(text.as_bytes()));
    }
    Ok(sections)
}

/// The bytes of a store as text; what is no text is no PEM.
pub(super) fn text_of(bytes: Vec<u8>) -> Result<String, String> {
    String::from_utf8(bytes).map_err(|error| what_it_is_instead(error.as_bytes()))
}

/// How stores of the JVM become PEM files.
pub(super) const FROM_JVM: &str = "only PEM is read: make it of a store of the JVM by `keytool -importkeystore -srckeystore STORE \
     -destkeystore store.p12 -deststoretype PKCS12` and `openssl pkcs12 -in store.p12 -out store.pem -nodes`";

/// A hint for who brings something else along.
fn what_it_is_instead(bytes: &[u8]) -> String {
    const JKS: &[u8] = &[0xfe, 0xed, 0xfe, 0xed];
    match bytes {
        [] => "expected PEM, and there is nothing in it".to_owned(),
        _ if bytes.starts_with(JKS) => format!("it is a JKS store, and {FROM_JVM}"),
        // A sequence of DER with a length of two bytes: a PKCS#12 store begins with version 3, a certificate with another one.
        [0x30, 0x82, _, _, 0x02, 0x01, 0x03, ..] => {
            format!("it is a PKCS#12 store, and {FROM_JVM}")
        }
        [0x30, 0x82, ..] => {
            "it is DER, and only PEM is read: make it by `openssl x509 -inform DER -in FILE -out file.pem`, of a key by `openssl pkey`"
                .to_owned()
        }
        _ => "expected PEM: there is no line BEGIN in it".to_owned(),
    }
}

impl Section<'_> {
    /// The bytes, whether the text is in lines or in one with spaces or `\n` between them, as settings have it.
    fn der(&self) -> Result<Vec<u8>, String> {
        let is_encrypted = self.body.contains("Proc-Type:");
        if is_encrypted {
            return Err(format!(
                "the {} is encrypted in OpenSSL's old form: make it one of today by `openssl pkcs8 -topk8 -in FILE -out key.pem`",
                self.label
            ));
        }
        let mut text = self.body.replace("\\r", "").replace("\\n", "");
        text.retain(|char| !char.is_whitespace());
        let decoded = STANDARD.decode(text);
        decoded.map_err(|_| format!("the {} is no base64", self.label))
    }
}

/// All certificates of a text, in their order.
pub(super) fn certificates(text: &str) -> Result<Vec<CertificateDer<'static>>, String> {
    let sections = sections(text)?;
    let of_certificates = sections
        .iter()
        .filter(|section| section.label == "CERTIFICATE");
    let found = of_certificates.map(|section| section.der().map(CertificateDer::from));
    let found = found.collect::<Result<Vec<_>, _>>()?;
    if found.is_empty() {
        return Err("expected a CERTIFICATE in it".to_owned());
    }
    Ok(found)
}

/// The private key of a text, decrypted if it has to be.
pub(super) fn private_key(
    text: &str,
    password: Option<&Secret>,
) -> Result<PrivateKeyDer<'static>, String> {
    let sections = sections(text)?;
    let mut keys = sections
        .iter()
        .filter(|section| section.label.ends_with("PRIVATE KEY"));
    let section = keys
        .next()
        .ok_or_else(|| "expected a PRIVATE KEY in it".to_owned())?;
    if keys.next().is_some() {
        return Err("expected one PRIVATE KEY, and there are several".to_owned());
    }
    let der = section.der()?;
    Ok(match section.label {
        "PRIVATE KEY" => PrivatePkcs8KeyDer::from(der).into(),
        "RSA PRIVATE KEY" => PrivatePkcs1KeyDer::from(der).into(),
        "EC PRIVATE KEY" => PrivateSec1KeyDer::from(der).into(),
        "ENCRYPTED PRIVATE KEY" => decrypted(&der, password)?.into(),
        other => return Err(format!("a key of the kind {other} is not supported")),
    })
}

fn decrypted(der: &[u8], password: Option<&Secret>) -> Result<PrivatePkcs8KeyDer<'static>, String> {
    let password =
        password.ok_or_else(|| "the key is encrypted: set ssl.key.password".to_owned())?;
    let unsupported = |error: &dyn fmt::Display| {
        format!(
            "the key is encrypted in a way that is not supported ({error}): make it anew by `openssl pkcs8 -topk8 -v2 aes-256-cbc -in FILE -out key.pem`"
        )
    };
    let encrypted = EncryptedPrivateKeyInfo::try_from(der).map_err(|error| unsupported(&error))?;
    if encrypted.encryption_algorithm.pbes2().is_none() {
        return Err(unsupported(&"PKCS#5 version 1"));
    }
    let key = encrypted.decrypt(password.expose().as_bytes());
    // A wrong password shows itself by what comes out.
    let key = key.map_err(|_| "ssl.key.password does not decrypt the key".to_owned())?;
    Ok(PrivatePkcs8KeyDer::from(key.as_bytes().to_vec()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Made by `openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256`; of no use to anybody.
    const KEY: &str = include_str!("testdata/client.key");
    /// The same, encrypted by `openssl pkcs8 -topk8` with the password `geheim`.
    const ENCRYPTED: &str = include_str!("testdata/client.encrypted.key");
    const CERTIFICATE: &str = include_str!("testdata/client.pem");

    #[test]
    fn a_text_in_one_line_is_the_same_as_one_in_lines() {
        let spaces = CERTIFICATE.replace('\n', " ");
        let escaped = CERTIFICATE.replace('\n', "\\n");
        let windows = CERTIFICATE.replace('\n', "\r\n");
        let expected = certificates(CERTIFICATE).unwrap();
        for text in [spaces, escaped, windows] {
            assert_eq!(certificates(&text).as_ref(), Ok(&expected), "{text}");
        }
    }

    #[test]
    fn keys_of_all_kinds_are_found_beside_certificates() {
        let (sec1, pkcs1) = (
            "-----BEGIN EC PRIVATE KEY-----\nAAAA\n-----END EC PRIVATE KEY-----",
            "-----BEGIN RSA PRIVATE KEY-----\nAAAA\n-----END RSA PRIVATE KEY-----",
        );
        for (text, is_expected) in [
            (
                format!("{CERTIFICATE}{KEY}"),
                (|key| matches!(key, PrivateKeyDer::Pkcs8(_))) as fn(_) -> bool,
            ),
            (sec1.to_owned(), |key| matches!(key, PrivateKeyDer::Sec1(_))),
            (pkcs1.to_owned(), |key| {
                matches!(key, PrivateKeyDer::Pkcs1(_))
            }),
        ] {
            assert!(is_expected(private_key(&text, None).unwrap()), "{text}");
        }
    }

    #[test]
    fn an_encrypted_key_is_decrypted_by_its_password_and_by_no_other() {
        let geheim = Secret::new("geheim");
        assert_eq!(
            private_key(ENCRYPTED, Some(&geheim)).unwrap(),
            private_key(KEY, None).unwrap()
        );
        let without = private_key(ENCRYPTED, None).unwrap_err();
        assert!(without.contains("set ssl.key.password"), "{without}");
        let wrong = private_key(ENCRYPTED, Some(&Secret::new("other"))).unwrap_err();
        assert!(wrong.contains("does not decrypt"), "{wrong}");
    }

    #[test]
    fn what_is_no_pem_is_named_with_the_way_to_it() {
        let begin = "-----BEGIN PRIVATE KEY-----";
        for (bytes, because) in [
            (&b""[..], "there is nothing in it"),
            (b"hello", "no line BEGIN"),
            (&[0xfe, 0xed, 0xfe, 0xed, 0, 0, 0, 2], "keytool"),
            (&[0x30, 0x82, 1, 1, 2, 1, 3, 0xff], "PKCS#12"),
            (&[0x30, 0x82, 1, 1, 0x30, 0x82], "openssl x509"),
            (begin.as_bytes(), "END PRIVATE KEY"),
            (b"-----BEGIN geheim", "no end"),
        ] {
            let text = text_of(bytes.to_vec());
            let reason = text
                .and_then(|text| private_key(&text, None).map(|_| ()))
                .unwrap_err();
            assert!(reason.contains(because), "{because:?} in: {reason}");
            assert!(!reason.contains("geheim"), "{reason}");
        }
        for (text, because) in [
            (KEY.to_owned(), "expected a CERTIFICATE"),
            (
                "-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----".to_owned(),
                "no base64",
            ),
        ] {
            let reason = certificates(&text).unwrap_err();
            assert!(reason.contains(because), "{reason}");
        }
        for (text, because) in [
            (CERTIFICATE.to_owned(), "expected a PRIVATE KEY"),
            (format!("{KEY}{KEY}"), "several"),
            (
                "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\nAAAA\n-----END RSA PRIVATE KEY-----".to_owned(),
                "openssl pkcs8",
            ),
            (
                "-----BEGIN DSA PRIVATE KEY-----\nAAAA\n-----END DSA PRIVATE KEY-----".to_owned(),
                "DSA",
            ),
            (
                "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----".to_owned(),
                "not supported",
            ),
        ] {
            let reason = private_key(&text, Some(&Secret::new("geheim"))).unwrap_err();
            assert!(reason.contains(because), "{reason}");
            assert!(!reason.contains("geheim"), "{reason}");
        }
    }
}
