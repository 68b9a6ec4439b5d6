//! Known answers, and handshakes in memory, for each provider.

use std::io;

use rustls::crypto::cipher::{
    AeadKey, InboundOpaqueMessage, Iv, OutboundChunks, OutboundPlainMessage,
};
use rustls::crypto::tls13::{HkdfExpander, OkmBlock};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{
    CipherSuite, ClientConfig, ClientConnection, ContentType, ProtocolVersion, RootCertStore,
    ServerConfig, ServerConnection, Tls13CipherSuite,
};

use super::super::pem;
use super::*;

/// Those that this machine can run.
fn providers() -> Vec<(&'static str, Arc<CryptoProvider>)> {
    let fast = fast().map(|provider| ("graviola", Arc::new(provider)));
    let portable = ("RustCrypto", Arc::new(portable()));
    fast.into_iter().chain([portable]).collect()
}

fn bytes(hex: &str) -> Vec<u8> {
    let digits: Vec<u8> = hex.bytes().filter(u8::is_ascii_hexdigit).collect();
    digits
        .chunks(2)
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect()
}

fn array<const N: usize>(hex: &str) -> [u8; N] {
    bytes(hex).try_into().unwrap()
}

fn tls13(provider: &CryptoProvider, suite: CipherSuite) -> &'static Tls13CipherSuite {
    let suites = provider.cipher_suites.iter();
    suites
        .filter_map(|suite| suite.tls13())
        .find(|found| found.common.suite == suite)
        .expect("the suite")
}

/// HKDF-Expand-Label of RFC 8446, section 7.1.
fn expand<const N: usize>(from: &dyn HkdfExpander, label: &str, context: &[u8]) -> [u8; N] {
    let mut out = [0; N];
    let label = format!("tls13 {label}");
    let info: [&[u8]; 5] = [
        &(N as u16).to_be_bytes(),
        &[label.len() as u8],
        label.as_bytes(),
        &[context.len() as u8],
        context,
    ];
    from.expand_slice(&info, &mut out).unwrap();
    out
}

/// RFC 8448, section 3: what both sides computed in a handshake with TLS_AES_128_GCM_SHA256.
mod trace {
    pub(super) const SHARED: &str =
        "8bd4054fb55b9d63fdfbacf9f04b9f0d35e6d63f537563efd46272900f89492d";
    pub(super) const EMPTY: &str =
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    pub(super) const HELLOS: &str =
        "860c06edc07858ee8e78f0e7428c58edd6b43f2ca3e6e95f02ed063cf0e1cad8";
    pub(super) const UNTIL_FINISHED: &str =
        "9608102a0f1ccc6db6250b7b7e417b1a000eaada3daae4777a7686c9ff83df13";
    pub(super) const CLIENT_HANDSHAKE: &str =
        "b3eddb126e067f35a780b3abf45e2d8f3b1a950738f52e9600746a0e27a55a21";
    pub(super) const SERVER_HANDSHAKE: &str =
        "b67b7d690cc16c4e75e54213cb2d37b4e9c912bcded9105d42befd59d391ad38";
    pub(super) const CLIENT_TRAFFIC: &str =
        "9e40646ce79a7f9dc05af8889bce6552875afa0b06df0087f792ebb7c17504a5";
    pub(super) const SERVER_TRAFFIC: &str =
        "a11af9f05531f856ad47116b45a950328204b4f44bfb6b3a4b4f1f3fcb631643";
    pub(super) const CLIENT_KEY: &str = "17422dda596ed5d9acd890e3c63f5051";
    pub(super) const CLIENT_IV: &str = "5b78923dee08579033e523d9";
    pub(super) const SERVER_KEY: &str = "9f02283b6c9c07efc26bb9f2ac92e356";
    pub(super) const SERVER_IV: &str = "cf782b88dd83549aadf1e984";
}

#[test]
fn the_key_schedule_is_that_of_the_standards_trace() {
    for (name, provider) in providers() {
        let hkdf = tls13(&provider, CipherSuite::TLS13_AES_128_GCM_SHA256).hkdf_provider;
        let early = hkdf.extract_from_zero_ikm(None);
        let derived: [u8; 32] = expand(&*early, "derived", &bytes(trace::EMPTY));
        let handshake = hkdf.extract_from_secret(Some(&derived), &bytes(trace::SHARED));
        let derived: [u8; 32] = expand(&*handshake, "derived", &bytes(trace::EMPTY));
        let master = hkdf.extract_from_zero_ikm(Some(&derived));
        for (from, label, context, expected) in [
            (
                &handshake,
                "c hs traffic",
                trace::HELLOS,
                trace::CLIENT_HANDSHAKE,
            ),
            (
                &handshake,
                "s hs traffic",
                trace::HELLOS,
                trace::SERVER_HANDSHAKE,
            ),
            (
                &master,
                "c ap traffic",
                trace::UNTIL_FINISHED,
                trace::CLIENT_TRAFFIC,
            ),
            (
                &master,
                "s ap traffic",
                trace::UNTIL_FINISHED,
                trace::SERVER_TRAFFIC,
            ),
        ] {
            let secret: [u8; 32] = expand(&**from, label, &bytes(context));
            assert_eq!(secret, array(expected), "{name}: {label}");
        }
        for (secret, key, iv) in [
            (trace::CLIENT_TRAFFIC, trace::CLIENT_KEY, trace::CLIENT_IV),
            (trace::SERVER_TRAFFIC, trace::SERVER_KEY, trace::SERVER_IV),
        ] {
            let secret = hkdf.expander_for_okm(&OkmBlock::new(&bytes(secret)));
            assert_eq!(expand::<16>(&*secret, "key", &[]), array(key), "{name}");
            assert_eq!(expand::<12>(&*secret, "iv", &[]), array(iv), "{name}");
        }
    }
}

/// Records with the bytes 0 to 49, as Java's own ciphers seal them: by a key of the bytes 0 to 31, with the initialization vector
/// of the trace. (The trace's keys are of 16 bytes, which rustls makes for itself only.)
const RECORDS: &[(CipherSuite, u64, &str)] = &[
    (
        CipherSuite::TLS13_AES_256_GCM_SHA384,
        0,
        "126d8c2ecd27ff721dcf4d6f813be8d8f217cf890b1ce873de66d5f5c74b5fec7a637a68943af928c6ef7a41970fc5df265e6296ab07e9d69a122b8107c44ee3064e3e",
    ),
    (
        CipherSuite::TLS13_AES_256_GCM_SHA384,
        1,
        "c85d137f776464c9e2e1bc286d5bf5742a38f75bd2005a793f0400913cfcf0945c9afe9d58b844fdbbf32010c1a588ea475b29c5ef436fb9739258003604fd21cdfd30",
    ),
    (
        CipherSuite::TLS13_CHACHA20_POLY1305_SHA256,
        0,
        "c3307bd33821762af89e0a89dd5bc915fa8196cf86850b3f7ecb2817a4e73eda8699d83250f8af7780e8d6dd5fd4c28ee0bd31720e969836f8772a8b8170119f1c2846",
    ),
    (
        CipherSuite::TLS13_CHACHA20_POLY1305_SHA256,
        1,
        "19ef8760ece7408869edcdcfb48611e1fab5819a05fbcc666c0fdaf2bdfc528fb579bc682f7fc3729c0d0811637f2520df593644b90f4b2b634d8929b446eafbe9c2dd",
    ),
];

#[test]
fn records_are_those_that_others_seal() {
    let plain: Vec<u8> = (0..50).collect();
    let key = || AeadKey::from(std::array::from_fn(|n| n as u8));
    let iv = || Iv::new(array(trace::CLIENT_IV));
    for (name, provider) in providers() {
        for (suite, sequence, record) in RECORDS {
            let what = format!("{name}: {suite:?}");
            let aead = tls13(&provider, *suite).aead_alg;
            let record = bytes(record);
            let message = OutboundPlainMessage {
                typ: ContentType::ApplicationData,
                version: ProtocolVersion::TLSv1_2,
                payload: OutboundChunks::Single(&plain),
            };
            let sealed = aead.encrypter(key(), iv()).encrypt(message, *sequence);
            assert_eq!(sealed.unwrap().encode()[5..], record, "{what}");

            let opened = |mut record: Vec<u8>| {
                let message = InboundOpaqueMessage::new(
                    ContentType::ApplicationData,
                    ProtocolVersion::TLSv1_2,
                    &mut record,
                );
                let opened = aead.decrypter(key(), iv()).decrypt(message, *sequence);
                opened.map(|message| message.payload.to_vec())
            };
            assert_eq!(opened(record.clone()).as_ref(), Ok(&plain), "{what}");
            for at in [0, record.len() - 1] {
                let mut forged = record.clone();
                forged[at] ^= 1;
                opened(forged).expect_err("a record that was changed on the way");
            }
        }
    }
}

const ROOT: &str = include_str!("../testdata/ca.pem");
const CERTIFICATE: &str = include_str!("../testdata/client.pem");
const KEY: &str = include_str!("../testdata/client.key");

fn identity() -> (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>) {
    (
        pem::certificates(CERTIFICATE).unwrap(),
        pem::private_key(KEY, None).unwrap(),
    )
}

/// Moves all that one side has to say to the other.
fn carry(
    from: &mut rustls::ConnectionCommon<impl rustls::SideData>,
    to: &mut rustls::ConnectionCommon<impl rustls::SideData>,
) -> io::Result<()> {
    let mut sent = Vec::new();
    while from.wants_write() {
        from.write_tls(&mut sent)?;
    }
    let mut sent = &sent[..];
    while !sent.is_empty() {
        to.read_tls(&mut sent)?;
        to.process_new_packets().map_err(io::Error::other)?;
    }
    Ok(())
}

#[test]
fn each_provider_understands_the_other_in_every_suite() {
    use std::io::{Read, Write};

    let mut roots = RootCertStore::empty();
    roots
        .add(pem::certificates(ROOT).unwrap().remove(0))
        .unwrap();
    let mut agreed = 0;
    for (client_name, client) in providers() {
        for (server_name, server) in providers() {
            for suite in &client.cipher_suites {
                let what = format!("{client_name} -> {server_name}, {:?}", suite.suite());
                let only = CryptoProvider {
                    cipher_suites: vec![*suite],
                    ..(*client).clone()
                };
                let (chain, key) = identity();
                let server = ServerConfig::builder_with_provider(server.clone())
                    .with_protocol_versions(&[suite.version()])
                    .unwrap()
                    .with_no_client_auth()
                    .with_single_cert(chain, key)
                    .unwrap();
                let client = ClientConfig::builder_with_provider(Arc::new(only))
                    .with_protocol_versions(&[suite.version()])
                    .unwrap()
                    .with_root_certificates(roots.clone())
                    .with_no_client_auth();
                let name = ServerName::try_from("localhost").unwrap();
                let mut client = ClientConnection::new(Arc::new(client), name).unwrap();
                let mut server = ServerConnection::new(Arc::new(server)).unwrap();
                // The key is for ECDSA: suites of TLS 1.2 that sign by RSA find no partner.
                let mut failed = None;
                while failed.is_none() && (client.is_handshaking() || server.is_handshaking()) {
                    failed = carry(&mut client, &mut server)
                        .and_then(|()| carry(&mut server, &mut client))
                        .err();
                }
                if let Some(error) = failed {
                    assert!(what.contains("RSA"), "{what}: {error}");
                    continue;
                }
                client.writer().write_all(b"there and back").unwrap();
                carry(&mut client, &mut server).unwrap();
                let mut read = [0; 14];
                server.reader().read_exact(&mut read).unwrap();
                assert_eq!(&read, b"there and back", "{what}");
                agreed += 1;
            }
        }
    }
    assert!(agreed >= 6, "{agreed} suites");
}
