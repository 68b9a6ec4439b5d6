//! What a program meets that was built without a compression: run with `--no-default-features`.
#![cfg(not(any(
    feature = "gzip",
    feature = "lz4",
    feature = "snappy",
    feature = "zstd"
)))]

use kafka_proto::compression::{Codec, Compression, CompressionError};

#[test]
fn what_was_left_out_is_named_both_ways() {
    for compression in Compression::ALL.into_iter().skip(1) {
        assert!(!compression.is_built_in());
        let mut out = Vec::new();
        let written = Codec::from(compression).compress(b"so much depends", &mut out);
        assert_eq!(written, Err(CompressionError::LeftOut(compression)));
        assert!(out.is_empty(), "{compression}: something was written");
        let read = compression.decompress(b"anything", 1 << 20);
        assert_eq!(read, Err(CompressionError::LeftOut(compression)));
        assert_eq!(
            read.unwrap_err().to_string(),
            format!(
                "{compression} was left out when this program was built: switch the feature \"{compression}\" on"
            )
        );
    }
    assert!(Compression::None.is_built_in());
}
