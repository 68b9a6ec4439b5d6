//! From a login configuration to a mechanism with its credentials.

use super::Secret;
use super::jaas::Jaas;
use super::oauth_bearer::BearerToken;
use super::sasl::Sasl;

/// The mechanisms that there are by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mechanism {
    Plain,
    ScramSha256,
    ScramSha512,
    OauthBearer,
}

/// For how long an unsecured token is good, if nothing else is said.
const UNSECURED_LIFETIME_SECONDS: u64 = 3600;
/// Before the name of a claim of an unsecured token.
const CLAIM: &str = "unsecuredLoginStringClaim_";
/// Before the name of an extension of an unsecured token.
const EXTENSION: &str = "unsecuredLoginExtension_";

/// How to have tokens that somebody signs.
#[cfg(feature = "oidc")]
const TOKENS: &str =
    "set sasl.oauthbearer.token.endpoint.url, or give a source of tokens to the builder";
#[cfg(not(feature = "oidc"))]
const TOKENS: &str = "for a token endpoint switch on the cargo feature \"oidc\" of kafka-client, or give a source of tokens to the builder";

impl Mechanism {
    /// By its name with IANA.
    pub(super) fn named(name: &str) -> Result<Self, String> {
        match name.trim() {
            "PLAIN" => Ok(Self::Plain),
            "SCRAM-SHA-256" => Ok(Self::ScramSha256),
            "SCRAM-SHA-512" => Ok(Self::ScramSha512),
            "OAUTHBEARER" => Ok(Self::OauthBearer),
            "GSSAPI" => Err(
                "GSSAPI (Kerberos) is not built in: give a SaslMechanism for it to the builder, or set another one"
                    .to_owned(),
            ),
            _ => Err("expected one of PLAIN, SCRAM-SHA-256, SCRAM-SHA-512, OAUTHBEARER".to_owned()),
        }
    }

    /// The class of the login module that goes with it.
    fn module(self) -> &'static str {
        match self {
            Self::Plain => "org.apache.kafka.common.security.plain.PlainLoginModule",
            Self::ScramSha256 | Self::ScramSha512 => {
                "org.apache.kafka.common.security.scram.ScramLoginModule"
            }
            Self::OauthBearer => {
                "org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule"
            }
        }
    }

    /// Whether a login is one for it.
    pub(super) fn check(self, login: &Jaas) -> Result<(), String> {
        if login.module != self.module() {
            return Err(format!(
                "expected the login module {} for this sasl.mechanism",
                self.module()
            ));
        }
        Ok(())
    }

    /// The mechanism with the credentials of a login. Errors never repeat a value.
    pub(super) fn login(self, login: &Jaas) -> Result<Sasl, String> {
        self.check(login)?;
        match self {
            Self::Plain => {
                let (user, password) = user_and_password(login, &[])?;
                Ok(Sasl::plain(user, password))
            }
            Self::ScramSha256 => scram(login, Sasl::scram_sha_256, Sasl::delegation_token_sha_256),
            Self::ScramSha512 => scram(login, Sasl::scram_sha_512, Sasl::delegation_token_sha_512),
            Self::OauthBearer => unsecured(login),
        }
    }
}

fn scram(
    login: &Jaas,
    user: fn(String, Secret) -> Sasl,
    token: fn(String, Secret) -> Sasl,
) -> Result<Sasl, String> {
    let (name, password) = user_and_password(login, &["tokenauth"])?;
    let is_token = login
        .option("tokenauth")
        .is_some_and(|is_token| is_token.expose().eq_ignore_ascii_case("true"));
    Ok(if is_token { token } else { user }(name, password))
}

fn user_and_password(login: &Jaas, others: &[&str]) -> Result<(String, Secret), String> {
    let known = |name: &str| ["username", "password"].contains(&name) || others.contains(&name);
    if let Some((unknown, _)) = login.options.iter().find(|(name, _)| !known(name)) {
        return Err(format!("the login module has no option \"{unknown}\" here"));
    }
    let wanted = |name| {
        let value = login.option(name);
        value.ok_or_else(|| format!("expected the option {name}"))
    };
    let user = wanted("username")?.expose().to_owned();
    Ok((user, wanted("password")?.clone()))
}

/// A token that nobody signs, as Kafka's own login makes it where it is told nothing else.
fn unsecured(login: &Jaas) -> Result<Sasl, String> {
    let mut claims = Vec::new();
    let mut extensions = Vec::new();
    let mut lifetime = UNSECURED_LIFETIME_SECONDS;
    for (name, value) in &login.options {
        let value = value.expose().to_owned();
        if let Some(claim) = name.strip_prefix(CLAIM) {
            claims.push((claim.to_owned(), value));
        } else if let Some(extension) = name.strip_prefix(EXTENSION) {
            extensions.push((extension.to_owned(), value));
        } else if name == "unsecuredLoginLifetimeSeconds" {
            lifetime = value
                .parse()
                .map_err(|_| format!("expected a number of seconds in {name}"))?;
        } else {
            return Err(format!(
                "the option \"{name}\" is not one of tokens that nobody signs: {TOKENS}"
            ));
        }
    }
    if !claims.iter().any(|(name, _)| name == "sub") {
        return Err(format!("expected the option {CLAIM}sub"));
    }
    Ok(Sasl::oauth_bearer_from(move || {
        let token = BearerToken::unsecured(&claims, lifetime);
        let with_extensions = extensions
            .iter()
            .fold(token, |token, (name, value)| token.extension(name, value));
        std::future::ready(Ok(with_extensions))
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: &str = "org.apache.kafka.common.security.plain.PlainLoginModule";
    const SCRAM: &str = "org.apache.kafka.common.security.scram.ScramLoginModule";
    const BEARER: &str = "org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule";

    fn login(mechanism: &str, module: &str, options: &str) -> Result<Sasl, String> {
        let jaas = Jaas::parse(&format!("{module} required {options};"))?;
        Mechanism::named(mechanism)?.login(&jaas)
    }

    #[test]
    fn logins_of_the_java_client_are_taken() {
        let alice = r#"username="alice" password="geheim""#;
        for (mechanism, module, options) in [
            ("PLAIN", PLAIN, alice.to_owned()),
            ("SCRAM-SHA-256", SCRAM, alice.to_owned()),
            (
                "SCRAM-SHA-512",
                SCRAM,
                format!("{alice} tokenauth=\"true\""),
            ),
        ] {
            let sasl = login(mechanism, module, &options).expect(mechanism);
            assert_eq!((sasl.mechanism(), sasl.principal()), (mechanism, "alice"));
        }
        let options = r#"unsecuredLoginStringClaim_sub="alice" unsecuredLoginLifetimeSeconds="60""#;
        let sasl = login("OAUTHBEARER", BEARER, options).unwrap();
        assert_eq!(sasl.mechanism(), "OAUTHBEARER");
    }

    #[test]
    fn logins_that_cannot_work_are_refused_by_name_and_without_their_secrets() {
        for (mechanism, module, options, because) in [
            ("PLAIN", SCRAM, r#"username="a" password="geheim""#, PLAIN),
            ("PLAIN", PLAIN, r#"password="geheim""#, "username"),
            ("PLAIN", PLAIN, r#"username="a""#, "password"),
            (
                "SCRAM-SHA-256",
                SCRAM,
                r#"username="a" password="geheim" pasword="x""#,
                "pasword",
            ),
            (
                "OAUTHBEARER",
                BEARER,
                r#"clientSecret="geheim""#,
                "clientSecret",
            ),
            ("OAUTHBEARER", BEARER, "", "sub"),
            ("GSSAPI", PLAIN, "", "Kerberos"),
            ("CRAM-MD5", PLAIN, "", "expected one of"),
        ] {
            let reason = login(mechanism, module, options).expect_err(options);
            assert!(reason.contains(because), "{mechanism} {options}: {reason}");
            assert!(!reason.contains("geheim"), "{reason}");
        }
    }
}
