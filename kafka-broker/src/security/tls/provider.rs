//! Who does the arithmetic of TLS: graviola where the processor has what it takes, RustCrypto elsewhere. Neither has C in it.

use std::sync::{Arc, OnceLock};

use rustls::crypto::CryptoProvider;

/// The provider for this machine, chosen once.
pub(super) fn provider() -> Arc<CryptoProvider> {
    static PROVIDER: OnceLock<Arc<CryptoProvider>> = OnceLock::new();
    let chosen = || Arc::new(fast().unwrap_or_else(oxitls_rustcrypto_provider::provider));
    PROVIDER.get_or_init(chosen).clone()
}

/// Graviola, which panics on a processor that lacks what it is written for: so it is asked first.
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
fn fast() -> Option<CryptoProvider> {
    graviola::util::is_cpu_supported().then(rustls_graviola::default_provider)
}

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
fn fast() -> Option<CryptoProvider> {
    None
}
