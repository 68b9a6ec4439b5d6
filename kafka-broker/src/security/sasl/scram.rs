//! SCRAM (RFC 5802, RFC 7677), the server's side: each side proves that it knows the password, and neither sends it.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use bytes::Bytes;
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256, Sha512};

use super::exchange::{Disbelief, Login, Step};
use crate::clock::Moment;
use crate::node::Cluster;
use crate::security::{random_bytes, same};

/// A hash function to do it with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum ScramMechanism {
    Sha256,
    Sha512,
}

impl ScramMechanism {
    pub(crate) const ALL: [Self; 2] = [Self::Sha256, Self::Sha512];
    /// Fewer iterations would make a stolen exchange cheap to search for its password.
    pub(crate) const MIN_ITERATIONS: i32 = 4096;
    /// More would keep clients busy.
    pub(crate) const MAX_ITERATIONS: i32 = 16_384;

    /// Its number in messages.
    pub(crate) fn number(self) -> i8 {
        match self {
            Self::Sha256 => 1,
            Self::Sha512 => 2,
        }
    }

    /// The one of a number.
    pub(crate) fn numbered(number: i8) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.number() == number)
    }

    fn hash(self, data: &[u8]) -> Vec<u8> {
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
    fn salted(self, password: &[u8], salt: &[u8], iterations: u32) -> Vec<u8> {
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

/// HMAC of any of the hash functions.
pub(crate) fn signed<M: Mac + KeyInit>(key: &[u8], data: &[u8]) -> Vec<u8> {
    match <M as KeyInit>::new_from_slice(key) {
        Ok(mut mac) => {
            mac.update(data);
            mac.finalize().into_bytes().to_vec()
        }
        Err(_) => unreachable!("HMAC takes keys of any length"),
    }
}

/// What a server knows of a password: enough to check who has it, too little to log in by.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct ScramCredential {
    salt: Bytes,
    stored_key: Bytes,
    server_key: Bytes,
    pub(crate) iterations: i32,
}

impl fmt::Debug for ScramCredential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ScramCredential({} iterations)", self.iterations)
    }
}

impl ScramCredential {
    /// The credential of a password, with a new salt.
    pub(crate) fn of_password(mechanism: ScramMechanism, password: &str) -> Self {
        // A salt has to differ between users; it is no secret.
        let salt = fastrand::u128(..).to_be_bytes();
        let iterations = ScramMechanism::MIN_ITERATIONS;
        let salted = mechanism.salted(password.as_bytes(), &salt, iterations.unsigned_abs());
        Self::of_salted(mechanism, &salt, &salted, iterations)
    }

    /// The credential of a password that somebody has salted.
    pub(crate) fn of_salted(
        mechanism: ScramMechanism,
        salt: &[u8],
        salted_password: &[u8],
        iterations: i32,
    ) -> Self {
        let client_key = mechanism.hmac(salted_password, b"Client Key");
        Self {
            salt: Bytes::copy_from_slice(salt),
            stored_key: mechanism.hash(&client_key).into(),
            server_key: mechanism.hmac(salted_password, b"Server Key").into(),
            iterations,
        }
    }
}

/// The server's side of an exchange.
#[derive(Debug)]
pub(super) struct Scram {
    mechanism: ScramMechanism,
    state: State,
}

#[derive(Debug)]
enum State {
    Beginning,
    Challenged(Box<Challenged>),
    Over,
}

/// What the client has to prove, and who it is then.
#[derive(Debug)]
struct Challenged {
    gs2_header: String,
    client_first_bare: String,
    server_first: String,
    nonce: String,
    credential: ScramCredential,
    login: Login,
}

impl Scram {
    pub(super) fn new(mechanism: ScramMechanism) -> Self {
        Self {
            mechanism,
            state: State::Beginning,
        }
    }

    pub(super) fn step(
        &mut self,
        token: &[u8],
        cluster: &Cluster,
        now: Moment,
    ) -> Result<Step, Disbelief> {
        let text = std::str::from_utf8(token)
            .map_err(|_| Disbelief::hidden("the SCRAM message is not UTF-8"))?;
        match std::mem::replace(&mut self.state, State::Over) {
            State::Beginning => {
                let nonce = random_bytes::<24>()
                    .map_err(|error| Disbelief::Hidden(format!("no random numbers: {error}")))?;
                let nonce = URL_SAFE_NO_PAD.encode(nonce);
                let challenged = self.challenge(text, &nonce, cluster, now)?;
                let server_first = challenged.server_first.clone();
                self.state = State::Challenged(Box::new(challenged));
                Ok(Step::Challenge(server_first.into_bytes()))
            }
            State::Challenged(challenged) => self.check(text, &challenged),
            State::Over => Err(Disbelief::hidden("the exchange is over")),
        }
    }

    fn challenge(
        &self,
        text: &str,
        server_nonce: &str,
        cluster: &Cluster,
        now: Moment,
    ) -> Result<Challenged, Disbelief> {
        let first = ClientFirst::parse(text)
            .ok_or_else(|| Disbelief::hidden("Invalid SCRAM client first message format"))?;
        let found = if first.is_token {
            let tokens = &cluster.delegation_tokens;
            let found = tokens.credential(&first.name, self.mechanism, now.unix_millis);
            found.map(|(credential, token)| {
                let login = Login {
                    principal: token.owner,
                    by_token: true,
                    expires: Some(token.expires),
                };
                (credential, login)
            })
        } else {
            let found = cluster.users.scram(&first.name, self.mechanism);
            found.map(|credential| (credential, Login::user(&first.name)))
        };
        let Some((credential, login)) = found else {
            return Err(Disbelief::hidden(
                "Authentication failed: Invalid user credentials",
            ));
        };
        // Who logs in by a token is its owner.
        let is_other = |id: &String| *id != *login.principal.name;
        if first.authorization_id.as_ref().is_some_and(is_other) {
            return Err(Disbelief::Told(
                "Authentication failed: Client requested an authorization id that is different from username"
                    .to_owned(),
            ));
        }
        let nonce = format!("{}{server_nonce}", first.nonce);
        Ok(Challenged {
            server_first: format!(
                "r={nonce},s={},i={}",
                STANDARD.encode(&credential.salt),
                credential.iterations
            ),
            gs2_header: first.gs2_header.to_owned(),
            client_first_bare: first.bare.to_owned(),
            nonce,
            credential,
            login,
        })
    }

    /// Whether the client has proved that it knows the password; if so, we do the same.
    fn check(&self, text: &str, challenged: &Challenged) -> Result<Step, Disbelief> {
        let invalid = || Disbelief::hidden("Authentication failed: Invalid client final message");
        let (without_proof, proof) = text.rsplit_once(",p=").ok_or_else(invalid)?;
        let mut parts = without_proof.split(',');
        let mut part = |name: &str| parts.next().and_then(|part| part.strip_prefix(name));
        let (Some(binding), Some(nonce)) = (part("c="), part("r=")) else {
            return Err(invalid());
        };
        let proof = STANDARD.decode(proof).map_err(|_| invalid())?;
        let binding = STANDARD.decode(binding).map_err(|_| invalid())?;
        if binding != challenged.gs2_header.as_bytes() || nonce != challenged.nonce {
            return Err(Disbelief::hidden(
                "Invalid client nonce in the final client message.",
            ));
        }
        let message = format!(
            "{},{},{without_proof}",
            challenged.client_first_bare, challenged.server_first
        );
        let credential = &challenged.credential;
        let signature = self
            .mechanism
            .hmac(&credential.stored_key, message.as_bytes());
        let client_key: Vec<u8> = proof
            .iter()
            .zip(&signature)
            .map(|(proof, signature)| proof ^ signature)
            .collect();
        let is_right = proof.len() == signature.len()
            && same(&self.mechanism.hash(&client_key), &credential.stored_key);
        if !is_right {
            return Err(Disbelief::hidden("Invalid client credentials"));
        }
        let signature = self
            .mechanism
            .hmac(&credential.server_key, message.as_bytes());
        let server_final = format!("v={}", STANDARD.encode(signature));
        Ok(Step::Done(
            server_final.into_bytes(),
            challenged.login.clone(),
        ))
    }
}

/// `n,[a=AUTHORIZATION ID],n=NAME,r=NONCE`, with extensions behind it.
#[derive(Debug, PartialEq, Eq)]
struct ClientFirst<'a> {
    gs2_header: &'a str,
    bare: &'a str,
    authorization_id: Option<String>,
    name: String,
    nonce: &'a str,
    /// Whether name and password are the id and the HMAC of a delegation token (KIP-48).
    is_token: bool,
}

impl<'a> ClientFirst<'a> {
    fn parse(text: &'a str) -> Option<Self> {
        // No channel is bound to: "y" and "p" are for who does that.
        let authorization_id = text.strip_prefix("n,")?.split(',').next()?;
        let header_len = "n,".len() + authorization_id.len() + ",".len();
        let (gs2_header, bare) = text.split_at_checked(header_len)?;
        let mut parts = bare.split(',');
        let name = sasl_name(parts.next()?.strip_prefix("n=")?)?;
        let nonce = parts.next()?.strip_prefix("r=")?;
        let authorization_id = match authorization_id {
            "" => None,
            given => Some(sasl_name(given.strip_prefix("a=")?)?),
        };
        let is_nonce = !nonce.is_empty() && nonce.bytes().all(|c| c.is_ascii_graphic());
        let mut is_token = false;
        for extension in parts {
            let (key, value) = extension.split_once('=')?;
            is_token |= key == "tokenauth" && value.eq_ignore_ascii_case("true");
        }
        (!name.is_empty() && is_nonce).then_some(Self {
            gs2_header,
            bare,
            authorization_id,
            name,
            nonce,
            is_token,
        })
    }
}

/// A name in which "=" and "," are written as "=3D" and "=2C".
fn sasl_name(text: &str) -> Option<String> {
    let mut name = String::with_capacity(text.len());
    let mut parts = text.split('=');
    name.push_str(parts.next()?);
    for part in parts {
        let (escaped, rest) = part.split_at_checked(2)?;
        name.push(match escaped {
            "3D" => '=',
            "2C" => ',',
            _ => return None,
        });
        name.push_str(rest);
    }
    Some(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::security::Secret;
    use crate::settings::Settings;

    /// The example of RFC 7677.
    const CLIENT_FIRST: &str = "n,,n=user,r=rOprNGfwEbeRWgbNEkqO";
    const SERVER_NONCE: &str = "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";
    const SALT: &str = "W22ZaJ0SNY7soEsUEjb6gQ==";
    const CLIENT_FINAL: &str = "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=";
    const SERVER_FINAL: &str = "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=";

    fn challenged() -> (Scram, Challenged) {
        let mechanism = ScramMechanism::Sha256;
        let salt = STANDARD.decode(SALT).unwrap();
        let salted = mechanism.salted(b"pencil", &salt, 4096);
        let credential = ScramCredential::of_salted(mechanism, &salt, &salted, 4096);
        let first = ClientFirst::parse(CLIENT_FIRST).unwrap();
        let nonce = format!("{}{SERVER_NONCE}", first.nonce);
        let challenged = Challenged {
            gs2_header: first.gs2_header.to_owned(),
            client_first_bare: first.bare.to_owned(),
            server_first: format!("r={nonce},s={SALT},i=4096"),
            nonce,
            credential,
            login: Login::user("user"),
        };
        (Scram::new(mechanism), challenged)
    }

    #[test]
    fn the_example_of_the_rfc_comes_out() {
        let (scram, challenged) = challenged();
        let step = scram.check(CLIENT_FINAL, &challenged).unwrap();
        let Step::Done(server_final, login) = step else {
            panic!("{step:?}");
        };
        assert_eq!(server_final, SERVER_FINAL.as_bytes());
        assert_eq!(login, Login::user("user"));
    }

    #[test]
    fn a_wrong_proof_is_not_believed() {
        let (scram, challenged) = challenged();
        for (right, wrong) in [
            ("p=dHzb", "p=eHzb"),
            ("p=dHzb", "p="),
            ("p=dHzb", "p=?"),
            (",p=", ",q="),
            ("r=rOpr", "r=rOpq"),
            ("c=biws", "c=eSws"),
            ("c=biws,", ""),
        ] {
            let last = CLIENT_FINAL.replace(right, wrong);
            scram.check(&last, &challenged).unwrap_err();
        }
        let short = CLIENT_FINAL.split_at(CLIENT_FINAL.len() - 4).0;
        scram.check(short, &challenged).unwrap_err();
    }

    #[test]
    fn first_messages_are_read_by_the_rfc() {
        let first = ClientFirst::parse("n,a=x=2Cy,n=a=3Db,r=abc,tokenauth=true").unwrap();
        assert_eq!(first.authorization_id.as_deref(), Some("x,y"));
        assert_eq!((first.name.as_str(), first.nonce), ("a=b", "abc"));
        assert_eq!(first.bare, "n=a=3Db,r=abc,tokenauth=true");
        assert!(first.is_token);
        for malformed in [
            "",
            "n",
            "n,",
            "n,,",
            "n,,n=,r=a",
            "n,,n=a",
            "n,,n=a,r=",
            "y,,n=a,r=b",
            "p=x,,n=a,r=b",
            "n,,r=a,n=b",
            "n,x,n=a,r=b",
            "n,,n=a=2Fb,r=c",
            "n,,n=a=2,r=c",
            "n,,n=a,r=b,c",
            "n,,n=a,r=\u{1}",
        ] {
            assert_eq!(ClientFirst::parse(malformed), None, "{malformed:?}");
        }
    }

    #[tokio::test]
    async fn an_unknown_user_a_second_name_and_a_late_message_are_not_believed() {
        let mut settings = Settings::default();
        settings.security.scram_users = vec![("alice".to_owned(), Secret::new("secret"))];
        let cluster = Cluster::new(settings);
        let now = cluster.clock.now();
        let mut scram = Scram::new(ScramMechanism::Sha512);
        let hidden = scram.step(b"n,,n=bob,r=abc", &cluster, now).unwrap_err();
        assert!(matches!(hidden, Disbelief::Hidden(_)), "{hidden:?}");
        let late = scram.step(b"n,,n=alice,r=abc", &cluster, now);
        late.unwrap_err();
        let mut scram = Scram::new(ScramMechanism::Sha512);
        let told = scram.step(b"n,a=bob,n=alice,r=abc", &cluster, now);
        assert!(matches!(told, Err(Disbelief::Told(_))), "{told:?}");
    }
}
