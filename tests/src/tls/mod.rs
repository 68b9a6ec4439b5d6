//! Certificates for a test, a listener that speaks TLS with them, and a network between that cuts connections.

mod authority;
mod listener;
mod network;

use std::sync::Arc;

use rustls::crypto::CryptoProvider;

pub use authority::{Authority, Identity, KeyKind, Leaf};
pub use listener::{TlsListener, server_config};
pub use network::{Harm, RoughNetwork};

/// The provider of the test's own side.
fn provider() -> Arc<CryptoProvider> {
    #[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
    if graviola::util::is_cpu_supported() {
        return Arc::new(rustls_graviola::default_provider());
    }
    Arc::new(oxitls_rustcrypto_provider::provider())
}
