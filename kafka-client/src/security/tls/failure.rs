//! What is the matter when TLS fails, and whether it would fail again.

use std::io;
use std::time::Duration;

use rustls::pki_types::UnixTime;
use rustls::{AlertDescription, CertificateError, Error, InvalidMessage};

/// What to say of a listener for plain text.
pub(crate) const PLAIN_TEXT: &str = "it does not speak TLS: set security.protocol to PLAINTEXT or SASL_PLAINTEXT, or bootstrap.servers to a listener for TLS";

/// Why a connection cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Failure {
    /// One side does not accept what the other is: that stays so until somebody changes it.
    Refused(String),
    /// The connection was lost.
    Lost(String),
}

/// Explains an error of a stream to `host`; `shows_certificate` says whether the broker was shown one of ours.
pub(crate) fn failure(error: &io::Error, host: &str, shows_certificate: bool) -> Failure {
    let inner = error.get_ref();
    match inner.and_then(|inner| inner.downcast_ref::<Error>()) {
        Some(error) => of_tls(error, host, shows_certificate),
        None if error.kind() == io::ErrorKind::UnexpectedEof => {
            Failure::Lost("it was cut off".to_owned())
        }
        None if error.kind() == io::ErrorKind::InvalidInput => Failure::Refused(error.to_string()),
        None => Failure::Lost(error.to_string()),
    }
}

/// Whether the other side has answered, and not by TLS.
#[cfg(any(feature = "oidc", feature = "schema-registry"))]
pub(crate) fn speaks_no_tls(error: &io::Error) -> bool {
    let inner = error.get_ref();
    let error = inner.and_then(|inner| inner.downcast_ref::<Error>());
    error.is_some_and(is_plain_text)
}

/// What a listener for plain text sends is no record of TLS.
fn is_plain_text(error: &Error) -> bool {
    matches!(
        error,
        Error::InvalidMessage(
            InvalidMessage::InvalidContentType
                | InvalidMessage::UnknownProtocolVersion
                | InvalidMessage::MessageTooLarge
                | InvalidMessage::InvalidEmptyPayload,
        )
    )
}

fn of_tls(error: &Error, host: &str, shows_certificate: bool) -> Failure {
    match error {
        Error::InvalidCertificate(reason) => Failure::Refused(of_certificate(reason, host)),
        Error::AlertReceived(alert) => of_alert(*alert, shows_certificate),
        other if is_plain_text(other) => Failure::Refused(PLAIN_TEXT.to_owned()),
        Error::PeerIncompatible(reason) => Failure::Refused(format!(
            "it speaks no version or cipher suite of TLS that we do ({reason:?}): see ssl.enabled.protocols"
        )),
        other => Failure::Lost(format!("TLS failed: {other}")),
    }
}

fn of_certificate(reason: &CertificateError, host: &str) -> String {
    match reason {
        CertificateError::UnknownIssuer => {
            "no CA that is trusted has signed the broker's certificate: set ssl.truststore.location to the certificate (PEM) of the CA that has"
                .to_owned()
        }
        CertificateError::BadSignature => {
            "the broker's certificate is not signed by the CA that it names: whoever has issued it has another key than the CA that is trusted (ssl.truststore.location)"
                .to_owned()
        }
        CertificateError::Expired => expired(""),
        CertificateError::ExpiredContext { time, not_after } => {
            expired(&format!(" {} ago", between(*not_after, *time)))
        }
        CertificateError::NotValidYet => not_yet(""),
        CertificateError::NotValidYetContext { time, not_before } => {
            not_yet(&format!(" for another {}", between(*time, *not_before)))
        }
        CertificateError::NotValidForName => other_name(host, ""),
        CertificateError::NotValidForNameContext { presented, .. } => {
            let names: Vec<&str> = presented.iter().map(|name| shown(name)).collect();
            other_name(host, &format!(" (it is for {})", names.join(", ")))
        }
        other if format!("{other:?}").contains("CaUsedAsEndEntity") => {
            "the broker's certificate is one of a CA (basicConstraints=CA:TRUE), and not of a server: have one issued with CA:FALSE"
                .to_owned()
        }
        other => format!("the broker's certificate is not accepted: {other}"),
    }
}

fn expired(ago: &str) -> String {
    format!(
        "the broker's certificate has expired{ago}: the broker needs a new one, unless this machine's clock is wrong"
    )
}

fn not_yet(longer: &str) -> String {
    format!(
        "the broker's certificate is not valid yet{longer}: is this machine's clock right, and the broker's CA's?"
    )
}

fn other_name(host: &str, names: &str) -> String {
    format!(
        "the broker's certificate is not for {host}{names}: reach the broker by a name that its certificate has, or have one issued for this name; an empty ssl.endpoint.identification.algorithm switches the check off, and its protection"
    )
}

/// `DnsName("localhost")`, as names are presented, without what is around it.
fn shown(name: &str) -> &str {
    let inner = name.split_once('(').map_or(name, |(_, inner)| inner);
    inner.trim_end_matches(')').trim_matches('"')
}

fn between(earlier: UnixTime, later: UnixTime) -> String {
    let seconds = later.as_secs().saturating_sub(earlier.as_secs());
    match seconds / 86_400 {
        0 => format!("{:?}", Duration::from_secs(seconds)),
        1 => "1 day".to_owned(),
        days => format!("{days} days"),
    }
}

fn of_alert(alert: AlertDescription, shows_certificate: bool) -> Failure {
    use AlertDescription as Alert;
    const WANTED: &str = "the broker wants a certificate of ours: set ssl.keystore.location";
    let refused = match alert {
        Alert::CertificateRequired | Alert::BadCertificate if !shows_certificate => {
            WANTED.to_owned()
        }
        // Brokers of Java say it before TLS 1.3, whether it is this or that.
        Alert::HandshakeFailure if !shows_certificate => {
            "the broker refused the handshake (handshake_failure): does it want a certificate of ours (ssl.keystore.location), or does it share no cipher suite with us?"
                .to_owned()
        }
        Alert::HandshakeFailure | Alert::InsufficientSecurity => format!(
            "the broker refused the handshake ({}): does it share a cipher suite with us, and like our certificate?",
            name(alert)
        ),
        Alert::BadCertificate
        | Alert::UnsupportedCertificate
        | Alert::CertificateRevoked
        | Alert::CertificateExpired
        | Alert::CertificateUnknown
        | Alert::CertificateRequired
        | Alert::UnknownCA
        | Alert::AccessDenied
            if shows_certificate =>
        {
            format!(
                "the broker refused our certificate ({}): it has to be valid, and signed by a CA that the broker trusts (ssl.keystore.location here, ssl.truststore.location there)",
                name(alert)
            )
        }
        Alert::ProtocolVersion => {
            "the broker speaks no version of TLS that we do (protocol_version): see ssl.enabled.protocols"
                .to_owned()
        }
        Alert::UnsupportedCertificate
        | Alert::CertificateUnknown
        | Alert::UnknownCA
        | Alert::AccessDenied
        | Alert::UnrecognisedName
        | Alert::NoApplicationProtocol => {
            format!("the broker refused the connection ({})", name(alert))
        }
        _ => return Failure::Lost(format!("the broker gave it up ({})", name(alert))),
    };
    Failure::Refused(refused)
}

/// `UnknownCA` as the standard has it: `unknown_ca`.
fn name(alert: AlertDescription) -> String {
    let text = format!("{alert:?}");
    let mut name = String::new();
    let mut was_lower = false;
    for char in text.chars() {
        if char.is_ascii_uppercase() && was_lower {
            name.push('_');
        }
        was_lower = char.is_ascii_lowercase();
        name.push(char.to_ascii_lowercase());
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(error: Error, shows_certificate: bool) -> (bool, String) {
        let error = io::Error::new(io::ErrorKind::InvalidData, error);
        match failure(&error, "kafka-1", shows_certificate) {
            Failure::Refused(reason) => (true, reason),
            Failure::Lost(reason) => (false, reason),
        }
    }

    #[test]
    fn each_failure_says_what_is_the_matter_and_whether_it_stays_so() {
        let at = |seconds| UnixTime::since_unix_epoch(Duration::from_secs(seconds));
        let certificate = Error::InvalidCertificate;
        let alert = Error::AlertReceived;
        let presented = || vec!["DnsName(\"a.example\")".to_owned(), "b.example".to_owned()];
        for (error, shows, stays, because) in [
            (
                certificate(CertificateError::UnknownIssuer),
                false,
                true,
                "ssl.truststore.location",
            ),
            (
                certificate(CertificateError::ExpiredContext {
                    time: at(86_400 * 3),
                    not_after: at(86_400),
                }),
                false,
                true,
                "has expired 2 days ago",
            ),
            (
                certificate(CertificateError::NotValidYetContext {
                    time: at(10),
                    not_before: at(40),
                }),
                false,
                true,
                "not valid yet for another 30s",
            ),
            (
                certificate(CertificateError::NotValidForNameContext {
                    expected: "kafka-1".try_into().unwrap(),
                    presented: presented(),
                }),
                false,
                true,
                "not for kafka-1 (it is for a.example, b.example)",
            ),
            (
                alert(AlertDescription::CertificateRequired),
                false,
                true,
                "set ssl.keystore.location",
            ),
            (
                alert(AlertDescription::UnknownCA),
                true,
                true,
                "refused our certificate (unknown_ca)",
            ),
            (
                alert(AlertDescription::HandshakeFailure),
                false,
                true,
                "(ssl.keystore.location)",
            ),
            (
                alert(AlertDescription::ProtocolVersion),
                true,
                true,
                "ssl.enabled.protocols",
            ),
            (
                alert(AlertDescription::InternalError),
                true,
                false,
                "internal_error",
            ),
            (
                Error::InvalidMessage(InvalidMessage::InvalidContentType),
                false,
                true,
                "does not speak TLS",
            ),
            (Error::DecryptError, false, false, "TLS failed"),
        ] {
            let shown = format!("{error:?}");
            let (is_refused, reason) = told(error, shows);
            assert_eq!(is_refused, stays, "{shown}: {reason}");
            assert!(reason.contains(because), "{because:?} in: {reason}");
        }
    }

    #[test]
    fn a_stream_that_is_cut_off_is_lost_and_not_refused() {
        for kind in [io::ErrorKind::UnexpectedEof, io::ErrorKind::ConnectionReset] {
            let lost = failure(&kind.into(), "kafka-1", true);
            assert!(matches!(lost, Failure::Lost(_)), "{lost:?}");
        }
    }
}
