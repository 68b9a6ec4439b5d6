use super::*;
use crate::security::jaas::Jaas;

const MODULE: &str = "org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule required";

fn by_name(settings: &[(&str, &str)]) -> Result<ClientCredentials, String> {
    let mut credentials = ClientCredentials::default();
    for (name, value) in settings {
        let setting = OIDC_SETTINGS.iter().find(|setting| setting.name == *name);
        (setting.expect(name).apply)(&mut credentials, value)?;
    }
    Ok(credentials)
}

#[test]
fn settings_and_logins_by_name_are_those_of_the_builder() {
    let url = "http://localhost:1/token";
    let expected = ClientCredentials::new(url, "alice", "geheim").unwrap();
    let login = |options: &str| Jaas::parse(&format!("{MODULE} {options};")).unwrap();
    let all = by_name(&[
        (ENDPOINT, url),
        (CLIENT_ID, "alice"),
        (CLIENT_SECRET, "geheim"),
    ])
    .unwrap();
    assert_eq!(all.with_login(None).unwrap(), expected);
    let by_login = login(r#"clientId="alice" clientSecret="geheim" scope="a b" extension_x="y""#);
    let with_login = by_name(&[(ENDPOINT, url)]).unwrap();
    assert_eq!(
        with_login.with_login(Some(&by_login)).unwrap(),
        expected.clone().scope("a b").extension("x", "y")
    );
    // What has a name of its own counts first.
    let other =
        login(r#"clientId="bob" clientSecret="bob-secret" ssl.truststore.location="ca.pem""#);
    assert_eq!(
        all.with_login(Some(&other)).unwrap(),
        expected.clone().tls(Tls::new().roots_file("ca.pem"))
    );
    let set = by_name(&[
        (ENDPOINT, url),
        (CLIENT_ID, "alice"),
        (CLIENT_SECRET, "geheim"),
        ("sasl.login.connect.timeout.ms", "1"),
        ("sasl.login.read.timeout.ms", "2"),
        ("sasl.login.retry.backoff.ms", "3"),
        ("sasl.login.retry.backoff.max.ms", "4"),
        ("sasl.login.refresh.window.factor", "0.5"),
        ("sasl.login.refresh.window.jitter", "0"),
        ("sasl.oauthbearer.header.urlencode", "true"),
        ("sasl.oauthbearer.scope.claim.name", "scp"),
        ("sasl.oauthbearer.sub.claim.name", "azp"),
    ]);
    let millis = Duration::from_millis;
    let expected = expected
        .timeouts(millis(1), millis(2))
        .retry_backoff(millis(3), millis(4))
        .refresh_window(0.5, 0.0)
        .encode_header(true)
        .claims("scp", "azp");
    assert_eq!(set.unwrap().with_login(None).unwrap(), expected);
    assert!(!format!("{expected:?}").contains("geheim"), "{expected:?}");
}

#[test]
fn what_cannot_be_is_refused_by_name_and_without_secrets() {
    let url = (ENDPOINT, "http://localhost:1/token");
    for (settings, login, because) in [
        (&[url][..], r#"clientSecret="geheim""#, CLIENT_ID),
        (&[url], r#"clientId="alice""#, CLIENT_SECRET),
        (&[(CLIENT_ID, "a")], r#"clientSecret="geheim""#, ENDPOINT),
        (&[url], r#"clientSecrte="geheim""#, "clientSecrte"),
        (&[url], r#"ssl.enabled.protocols="geheim""#, "TLSv1.3"),
    ] {
        let login = Jaas::parse(&format!("{MODULE} {login};")).unwrap();
        let error = by_name(settings).unwrap().with_login(Some(&login));
        let told = error.unwrap_err().to_string();
        assert!(told.contains(because), "{because}: {told}");
        assert!(!told.contains("geheim"), "{told}");
    }
    for (setting, because) in [
        ((ENDPOINT, "file:///etc/token"), "https://HOST:PORT"),
        ((ENDPOINT, ""), "expected"),
        ((CLIENT_SECRET, " "), "not empty"),
        (("sasl.login.refresh.window.factor", "0.4"), "from 0.5 to 1"),
        (
            ("sasl.login.refresh.window.jitter", "NaN"),
            "from 0 to 0.25",
        ),
        (("sasl.login.refresh.buffer.seconds", "3601"), "0 to 3600"),
    ] {
        let reason = by_name(&[setting]).unwrap_err();
        assert!(reason.contains(because), "{setting:?}: {reason}");
    }
    let error = ClientCredentials::new("ftp://a:geheim@b", "alice", "geheim").unwrap_err();
    let told = format!("{error} {error:?}");
    assert!(
        told.contains(ENDPOINT) && !told.contains("geheim"),
        "{told}"
    );
}

#[test]
fn tokens_are_renewed_in_the_window_that_kafkas_own_clients_have() {
    let credentials = ClientCredentials::default().refresh_window(0.8, 0.0);
    for (lifetime, expected) in [
        (10, 8),
        // The minute that it is to be kept, and the five that are to be left, do not fit in.
        (360, 288),
        (400, 100),
        (1_000, 700),
        (10_000, 8_000),
    ] {
        let after = credentials.renewed_after(Duration::from_secs(lifetime));
        assert_eq!(
            after.as_secs_f64().round(),
            f64::from(expected),
            "{lifetime}"
        );
    }
}
