//! SCRAM (RFC 5802, RFC 7677): each side proves that it knows the password, and neither sends it.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256, Sha512};

use super::Secret;
use super::mechanism::{SaslError, SaslExchange, SaslStep};

/// Fewer iterations would make a stolen exchange cheap to search for its password; Kafka itself has no fewer.
const MIN_ITERATIONS: u32 = 4096;
/// More would let a broker keep the client busy; Kafka itself has at most 16,384.
const MAX_ITERATIONS: u32 = 100_000;
/// Random bytes in a nonce.
const NONCE_BYTES: usize = 24;

/// The hash function of a mechanism.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Hash {
    Sha256,
    Sha512,
}

impl Hash {
    fn of(self, data: &[u8]) -> Vec<u8> {
        match self {
            Self::Sha256 => Sha256::digest(data).to_vec(),
            Self::Sha512 => Sha512::digest(data).to_vec(),
        }
    }

    fn hmac(self, key: &[u8], data: &[u8]) -> Vec<u8> {
        match self {
            Self::Sha256 => signed::<Hmac<Sha256>>(key, data),
            Self::Sha512 => signed::<Hmac<Sha512>>(key, data),
        }
    }

    /// `Hi` of the RFC.
    pub(crate) fn salted(self, password: &Secret, salt: &[u8], iterations: u32) -> Vec<u8> {
        let password = password.expose().as_bytes();
        match self {
            Self::Sha256 => {
                let mut key = vec![0; 32];
                pbkdf2::pbkdf2_hmac::<Sha256>(password, salt, iterations, &mut key);
                key
            }
            Self::Sha512 => {
                let mut key = vec![0; 64];
                pbkdf2::pbkdf2_hmac::<Sha512>(password, salt, iterations, &mut key);
                key
            }
        }
    }
}

fn signed<M: Mac + KeyInit>(key: &[u8], data: &[u8]) -> Vec<u8> {
    let mut mac = <M as KeyInit>::new_from_slice(key).expect("HMAC takes keys of any length");
    mac.update(data);
    mac.finalize().into_bytes().to_vec()
}

/// Whether two signatures are the same, in a time that does not tell where they differ.
fn same(one: &[u8], other: &[u8]) -> bool {
    let differing = one.iter().zip(other).fold(0, |all, (a, b)| all | (a ^ b));
    one.len() == other.len() && differing == 0
}

/// A nonce that nobody can foresee.
///
/// # Errors
/// When the operating system has no random numbers.
pub(super) fn nonce() -> Result<String, SaslError> {
    let mut bytes = [0; NONCE_BYTES];
    getrandom::fill(&mut bytes)
        .map_err(|error| SaslError::Unavailable(format!("no random numbers: {error}")))?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}

/// The client's side of an exchange.
pub(super) struct ScramExchange {
    hash: Hash,
    user: String,
    password: Secret,
    /// Whether name and password are the id and the HMAC of a delegation token (KIP-48).
    is_token: bool,
    nonce: String,
    state: State,
}

enum State {
    Beginning,
    FirstSent,
    FinalSent { server_signature: Vec<u8> },
    Done,
}

impl ScramExchange {
    pub(super) fn new(
        hash: Hash,
        user: &str,
        password: &Secret,
        is_token: bool,
        nonce: String,
    ) -> Self {
        Self {
            hash,
            user: user.to_owned(),
            password: password.clone(),
            is_token,
            nonce,
            state: State::Beginning,
        }
    }

    /// The client's first message without the header on channel binding, which there is none of.
    fn first_bare(&self) -> String {
        let user = self.user.replace('=', "=3D").replace(',', "=2C");
        let extension = if self.is_token { ",tokenauth=true" } else { "" };
        format!("n={user},r={}{extension}", self.nonce)
    }

    /// Proves that we know the password.
    fn answer(&mut self, server_first: &str) -> Result<SaslStep, SaslError> {
        let first = ServerFirst::parse(server_first)?;
        let is_ours = first.nonce.strip_prefix(self.nonce.as_str());
        if is_ours.is_none_or(str::is_empty) {
            return Err(SaslError::refused(
                "the broker's nonce does not continue ours: somebody may be in between",
            ));
        }
        if !(MIN_ITERATIONS..=MAX_ITERATIONS).contains(&first.iterations) {
            return Err(SaslError::refused(format!(
                "the broker wants {} iterations, and {MIN_ITERATIONS} to {MAX_ITERATIONS} are taken",
                first.iterations
            )));
        }
        let hash = self.hash;
        let salted = hash.salted(&self.password, &first.salt, first.iterations);
        let without_proof = format!("c=biws,r={}", first.nonce);
        let message = format!("{},{server_first},{without_proof}", self.first_bare());
        let client_key = hash.hmac(&salted, b"Client Key");
        let signature = hash.hmac(&hash.of(&client_key), message.as_bytes());
        let proof: Vec<u8> = client_key
            .iter()
            .zip(&signature)
            .map(|(key, signature)| key ^ signature)
            .collect();
        let server_key = hash.hmac(&salted, b"Server Key");
        self.state = State::FinalSent {
            server_signature: hash.hmac(&server_key, message.as_bytes()),
        };
        let last = format!("{without_proof},p={}", STANDARD.encode(proof));
        Ok(SaslStep::Send(last.into_bytes()))
    }
}

impl SaslExchange for ScramExchange {
    fn step(&mut self, challenge: &[u8]) -> Result<SaslStep, SaslError> {
        let challenge = std::str::from_utf8(challenge)
            .map_err(|_| SaslError::refused("the broker's message is not UTF-8"))?;
        match &self.state {
            State::Beginning => {
                self.state = State::FirstSent;
                let first = format!("n,,{}", self.first_bare());
                Ok(SaslStep::Send(first.into_bytes()))
            }
            State::FirstSent => self.answer(challenge),
            State::FinalSent { server_signature } => {
                check_final(challenge, server_signature)?;
                self.state = State::Done;
                Ok(SaslStep::Done)
            }
            State::Done => Ok(SaslStep::Done),
        }
    }
}

/// Makes sure that the other side knows the password, too.
fn check_final(server_final: &str, expected: &[u8]) -> Result<(), SaslError> {
    if let Some(error) = server_final.strip_prefix("e=") {
        return Err(SaslError::refused(format!("the broker says \"{error}\"")));
    }
    let signature = server_final
        .strip_prefix("v=")
        .and_then(|rest| rest.split(',').next())
        .and_then(|signature| STANDARD.decode(signature).ok());
    let Some(signature) = signature else {
        return Err(SaslError::refused("the broker's last message is malformed"));
    };
    if !same(&signature, expected) {
        return Err(SaslError::refused(
            "the broker's signature is wrong: it does not know the password",
        ));
    }
    Ok(())
}

/// `r=NONCE,s=SALT,i=ITERATIONS`, with extensions behind it that are passed over.
struct ServerFirst<'a> {
    nonce: &'a str,
    salt: Vec<u8>,
    iterations: u32,
}

impl<'a> ServerFirst<'a> {
    fn parse(text: &'a str) -> Result<Self, SaslError> {
        if let Some(error) = text.strip_prefix("e=") {
            return Err(SaslError::refused(format!("the broker says \"{error}\"")));
        }
        let mut parts = text.split(',');
        let mut part = |name: &str| parts.next().and_then(|part| part.strip_prefix(name));
        // Mandatory extensions (m=) come first, and are refused as malformed: there are none that we know.
        let (nonce, salt, iterations) = (part("r="), part("s="), part("i="));
        let salt = salt.and_then(|salt| STANDARD.decode(salt).ok());
        let iterations = iterations.and_then(|iterations| iterations.parse().ok());
        match (nonce, salt, iterations) {
            (Some(nonce), Some(salt), Some(iterations)) if !salt.is_empty() => Ok(Self {
                nonce,
                salt,
                iterations,
            }),
            _ => Err(SaslError::refused(
                "the broker's first message is malformed",
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of RFC 7677.
    const NONCE: &str = "rOprNGfwEbeRWgbNEkqO";
    const SERVER_FIRST: &str =
        "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096";
    const SERVER_FINAL: &str = "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=";

    fn exchange() -> ScramExchange {
        let password = Secret::new("pencil");
        let mut exchange =
            ScramExchange::new(Hash::Sha256, "user", &password, false, NONCE.to_owned());
        exchange.step(b"").unwrap();
        exchange
    }

    #[test]
    fn the_example_of_the_rfc_comes_out() {
        let mut exchange = exchange();
        let last = b"c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=";
        assert_eq!(
            exchange.step(SERVER_FIRST.as_bytes()),
            Ok(SaslStep::Send(last.to_vec()))
        );
        assert_eq!(exchange.step(SERVER_FINAL.as_bytes()), Ok(SaslStep::Done));
    }

    #[test]
    fn a_delegation_token_says_that_it_is_one() {
        let hmac = Secret::new("hmac");
        let nonce = "abc".to_owned();
        let mut exchange = ScramExchange::new(Hash::Sha512, "id", &hmac, true, nonce);
        let first = b"n,,n=id,r=abc,tokenauth=true".to_vec();
        assert_eq!(exchange.step(b""), Ok(SaslStep::Send(first)));
    }

    #[test]
    fn a_broker_that_cheats_in_its_first_message_is_refused() {
        for (server_first, because) in [
            ("r=other,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096", "nonce"),
            (
                "r=rOprNGfwEbeRWgbNEkqO,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
                "nonce",
            ),
            (
                "r=rOprNGfwEbeRWgbNEkqOx,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4095",
                "4095 iterations",
            ),
            (
                "r=rOprNGfwEbeRWgbNEkqOx,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=2147483647",
                "2147483647 iterations",
            ),
            ("r=rOprNGfwEbeRWgbNEkqOx,s=,i=4096", "malformed"),
            ("r=rOprNGfwEbeRWgbNEkqOx,s=?,i=4096", "malformed"),
            ("r=rOprNGfwEbeRWgbNEkqOx,s=W22Z,i=many", "malformed"),
            ("m=x,r=rOprNGfwEbeRWgbNEkqOx,s=W22Z,i=4096", "malformed"),
            ("", "malformed"),
            ("e=unknown-user", "unknown-user"),
        ] {
            let error = exchange().step(server_first.as_bytes()).unwrap_err();
            assert!(
                error.to_string().contains(because),
                "{server_first}: {error}"
            );
        }
        exchange().step(b"\xff").unwrap_err();
    }

    #[test]
    fn a_broker_that_does_not_know_the_password_is_refused() {
        for (server_final, because) in [
            (
                "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G5=",
                "malformed",
            ),
            (
                "v=7rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=",
                "signature is wrong",
            ),
            ("v=", "signature is wrong"),
            ("v=6rri", "signature is wrong"),
            ("", "malformed"),
            ("e=invalid-proof", "invalid-proof"),
        ] {
            let mut exchange = exchange();
            exchange.step(SERVER_FIRST.as_bytes()).unwrap();
            let error = exchange.step(server_final.as_bytes()).unwrap_err();
            assert!(
                error.to_string().contains(because),
                "{server_final}: {error}"
            );
        }
    }

    #[test]
    fn nonces_are_never_the_same_and_have_no_comma() {
        let (one, other) = (nonce().unwrap(), nonce().unwrap());
        assert_ne!(one, other);
        assert!(!one.contains(','), "{one}");
    }
}

/// Whole exchanges of Kafka's own classes.
#[cfg(test)]
mod golden {
    use std::io::{BufRead, BufReader};
    use std::path::PathBuf;

    use super::*;

    #[test]
    fn exchanges_are_byte_for_byte_those_of_kafka() {
        let own = || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/golden"));
        let folder = std::env::var_os("GOLDEN_DIR").map_or_else(own, PathBuf::from);
        let file = std::fs::File::open(folder.join("scram.jsonl.gz")).expect("scram.jsonl.gz");
        let mut checked = 0;
        for line in BufReader::new(flate2::read::GzDecoder::new(file)).lines() {
            let vector: serde_json::Value = serde_json::from_str(&line.unwrap()).unwrap();
            let text = |field: &str| vector[field].as_str().expect(field);
            let hash = match text("mechanism") {
                "SCRAM-SHA-256" => Hash::Sha256,
                "SCRAM-SHA-512" => Hash::Sha512,
                other => panic!("no such mechanism: {other}"),
            };
            let password = Secret::new(text("password"));
            let nonce = text("client_nonce").to_owned();
            let mut exchange = ScramExchange::new(hash, text("user"), &password, false, nonce);
            for (challenge, answer) in [
                ("", text("client_first")),
                (text("server_first"), text("client_final")),
            ] {
                let expected = SaslStep::Send(answer.as_bytes().to_vec());
                assert_eq!(
                    exchange.step(challenge.as_bytes()),
                    Ok(expected),
                    "{vector}"
                );
            }
            let end = exchange.step(text("server_final").as_bytes());
            assert_eq!(end, Ok(SaslStep::Done), "{vector}");
            checked += 1;
        }
        println!("scram: {checked} vectors checked");
        assert!(checked > 0, "no vectors");
    }
}
