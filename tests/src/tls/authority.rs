//! A CA of the test's own, and what it issues.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use rcgen::{
    BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyIdMethod, KeyUsagePurpose,
    PublicKeyData, SerialNumber, SignatureAlgorithm, date_time_ymd,
};
use rustls::SignatureScheme;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// The kind of a key. The keys are fixed: an RSA key takes long to make, and nothing here is secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyKind {
    /// ECDSA with P-256.
    P256,
    /// RSA of 2048 bits.
    Rsa2048,
}

struct Key {
    kind: KeyKind,
    signer: Arc<dyn rustls::sign::SigningKey>,
    /// SubjectPublicKeyInfo.
    public: Vec<u8>,
}

impl Key {
    fn read(kind: KeyKind, pem: &str) -> Self {
        let key = PrivateKeyDer::from_pem_slice(pem.as_bytes()).expect("a key");
        let signer = super::provider().key_provider.load_private_key(key);
        let signer = signer.expect("a key that can sign");
        let public = signer.public_key().expect("its public half").to_vec();
        Self {
            kind,
            signer,
            public,
        }
    }
}

impl PublicKeyData for Key {
    fn der_bytes(&self) -> &[u8] {
        // Behind the algorithm and the head of the bit string, whose lengths do not vary.
        match self.kind {
            KeyKind::P256 => &self.public[26..],
            KeyKind::Rsa2048 => &self.public[24..],
        }
    }

    fn algorithm(&self) -> &'static SignatureAlgorithm {
        match self.kind {
            KeyKind::P256 => &rcgen::PKCS_ECDSA_P256_SHA256,
            KeyKind::Rsa2048 => &rcgen::PKCS_RSA_SHA256,
        }
    }
}

impl rcgen::SigningKey for Key {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, rcgen::Error> {
        let scheme = match self.kind {
            KeyKind::P256 => SignatureScheme::ECDSA_NISTP256_SHA256,
            KeyKind::Rsa2048 => SignatureScheme::RSA_PKCS1_SHA256,
        };
        let signer = self.signer.choose_scheme(&[scheme]);
        let signed = signer.and_then(|signer| signer.sign(message).ok());
        signed.ok_or(rcgen::Error::RemoteKeyError)
    }
}

/// A CA.
pub struct Authority {
    kind: KeyKind,
    certificate: rcgen::Certificate,
    issuer: Issuer<'static, Key>,
}

fn serial_number() -> SerialNumber {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed).into()
}

/// What a certificate is to say.
#[derive(Debug, Clone, Copy)]
pub struct Leaf<'a> {
    /// Names and addresses.
    pub names: &'a [&'a str],
    /// First year and the one after the last.
    pub years: (i32, i32),
}

impl Default for Leaf<'_> {
    fn default() -> Self {
        Self {
            names: &["localhost", "127.0.0.1", "broker"],
            years: (2020, 2120),
        }
    }
}

/// A certificate with its key, as PEM.
#[derive(Debug, Clone)]
pub struct Identity {
    /// The certificate.
    pub certificate: String,
    /// The key, PKCS#8.
    pub key: String,
}

impl Identity {
    /// Both in one text.
    pub fn both(&self) -> String {
        format!("{}{}", self.key, self.certificate)
    }
}

impl Authority {
    /// A CA that everybody may trust.
    pub fn new(kind: KeyKind) -> Self {
        let pem = match kind {
            KeyKind::P256 => include_str!("keys/p256-ca.pem"),
            KeyKind::Rsa2048 => include_str!("keys/rsa2048-ca.pem"),
        };
        Self::with_key(kind, pem, "test CA")
    }

    /// One with another key and name.
    pub fn other() -> Self {
        let pem = include_str!("keys/p256-other.pem");
        Self::with_key(KeyKind::P256, pem, "other CA")
    }

    /// One with another key, that calls itself by the same name.
    pub fn impostor() -> Self {
        let pem = include_str!("keys/p256-other.pem");
        Self::with_key(KeyKind::P256, pem, "test CA")
    }

    fn with_key(kind: KeyKind, pem: &str, name: &str) -> Self {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        params.serial_number = Some(serial_number());
        params.key_identifier_method = KeyIdMethod::PreSpecified(name.as_bytes().to_vec());
        let key = Key::read(kind, pem);
        let certificate = params.self_signed(&key).expect("a CA's certificate");
        Self {
            kind,
            certificate,
            issuer: Issuer::new(params, key),
        }
    }

    /// Its certificate, as PEM.
    pub fn pem(&self) -> String {
        self.certificate.pem()
    }

    /// Issues a certificate.
    ///
    /// # Panics
    /// When a name is none.
    pub fn issue(&self, leaf: Leaf<'_>) -> Identity {
        let pem = match self.kind {
            KeyKind::P256 => include_str!("keys/p256-leaf.pem"),
            KeyKind::Rsa2048 => include_str!("keys/rsa2048-leaf.pem"),
        };
        let names: Vec<String> = leaf.names.iter().map(|name| (*name).to_owned()).collect();
        let mut params = CertificateParams::new(names).expect("names");
        let name = leaf.names.first().copied().unwrap_or("nobody");
        params.distinguished_name.push(DnType::CommonName, name);
        params.serial_number = Some(serial_number());
        params.not_before = date_time_ymd(leaf.years.0, 1, 1);
        params.not_after = date_time_ymd(leaf.years.1, 1, 1);
        let certificate = params.signed_by(&Key::read(self.kind, pem), &self.issuer);
        Identity {
            certificate: certificate.expect("a certificate").pem(),
            key: pem.to_owned(),
        }
    }

    /// Issues one that is good for everything here.
    pub fn issue_any(&self) -> Identity {
        self.issue(Leaf::default())
    }

    pub(super) fn der(&self) -> CertificateDer<'static> {
        self.certificate.der().clone()
    }
}
