use proptest::prelude::*;

use super::*;

const LIMIT: usize = 1 << 20;

fn codecs() -> impl Iterator<Item = Codec> {
    Compression::ALL.into_iter().flat_map(|compression| {
        let levels = compression.levels().into_iter().flatten();
        let levelled = levels
            .map(move |level| Codec::with_level(compression, level).expect("a level of its own"));
        std::iter::once(Codec::new(compression)).chain(levelled)
    })
}

fn compressed(codec: Codec, data: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    codec.compress(data, &mut out).expect("it compresses");
    out
}

fn text(len: usize) -> Vec<u8> {
    (0..)
        .flat_map(|i: u32| {
            format!("line {i} of a text, {} ", i.wrapping_mul(2_654_435_761)).into_bytes()
        })
        .take(len)
        .collect()
}

/// Nothing in it repeats.
fn noise(len: usize) -> Vec<u8> {
    let mut state = 1_u64;
    let mut step = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 56) as u8
    };
    (0..len).map(|_| step()).collect()
}

#[test]
fn every_level_of_every_codec_reads_back() {
    for codec in codecs() {
        for data in [
            text(0),
            text(1),
            text(100),
            text(65_536),
            text(65_537),
            text(300_000),
            noise(200_000),
        ] {
            let mut out = b"before".to_vec();
            codec.compress(&data, &mut out).expect("it compresses");
            let compressed = out.strip_prefix(b"before").expect("what was there stays");
            assert!(
                codec
                    .compression()
                    .decompress(compressed, data.len())
                    .as_ref()
                    == Ok(&data),
                "{codec}"
            );
            // zlib's quickest level codes noise with fixed Huffman codes of up to nine bits.
            assert!(
                compressed.len() <= data.len() + data.len() / 8 + 64,
                "{codec}: noise must hardly grow"
            );
        }
    }
}

/// Hazard 33.
#[test]
fn no_codec_gives_more_than_the_limit() {
    for codec in codecs() {
        let compression = codec.compression();
        for data in [vec![0; 200_000], text(200_000), noise(200_000)] {
            let compressed = compressed(codec, &data);
            for limit in [0, 1, 65_535, 65_536, 131_072, 199_999] {
                let error = compression
                    .decompress(&compressed, limit)
                    .expect_err("more than the limit");
                assert_eq!(
                    error,
                    CompressionError::LimitExceeded { compression, limit },
                    "{codec}"
                );
            }
            assert!(
                compression.decompress(&compressed, 200_000).is_ok(),
                "{codec}"
            );
        }
    }
}

/// Hazard 33.
#[test]
fn a_claim_that_the_bytes_cannot_hold_reserves_nothing() {
    // Each claims close to 2 or 4 GiB in a few bytes, below the limit.
    let snappy_raw = [0xff, 0xff, 0xff, 0xff, 0x07, 0x00];
    let snappy_framed = [
        &b"\x82SNAPPY\0\0\0\0\x01\0\0\0\x01\0\0\0\x06"[..],
        &snappy_raw,
    ]
    .concat();
    let zstd = [
        0x28, 0xb5, 0x2f, 0xfd, 0xa0, 0xff, 0xff, 0xff, 0x7f, 0x01, 0x00, 0x00,
    ];
    for (compression, bytes) in [
        (Compression::Snappy, &snappy_raw[..]),
        (Compression::Snappy, &snappy_framed),
        (Compression::Zstd, &zstd),
    ] {
        let mut out = Vec::new();
        let error = compression
            .decompress_into(bytes, i32::MAX as usize, &mut out)
            .expect_err("a lie");
        assert!(matches!(error, CompressionError::Corrupt { .. }), "{error}");
        assert!(
            out.capacity() < 1 << 20,
            "{compression} reserved {}",
            out.capacity()
        );
    }
    // A frame of lz4 announces blocks of 4 MiB; a tiny one must not cost that.
    let descriptor = [0x60, 0x70];
    let checksum = (twox_hash::XxHash32::oneshot(0, &descriptor) >> 8) as u8;
    let lz4 = [
        &[0x04, 0x22, 0x4d, 0x18][..],
        &descriptor,
        &[checksum],
        &[2, 0, 0, 0, 0x10, b'x', 0, 0, 0, 0],
    ]
    .concat();
    let mut out = Vec::new();
    Compression::Lz4
        .decompress_into(&lz4, LIMIT, &mut out)
        .expect("a frame");
    assert_eq!(out, b"x");
    assert!(out.capacity() < 1 << 16, "reserved {}", out.capacity());
}

/// Hazard 34.
#[test]
fn snappy_is_read_as_java_does() {
    let data = text(100_000);
    let raw = snap::raw::Encoder::new()
        .compress_vec(&data)
        .expect("it compresses");
    let framed = compressed(Compression::Snappy.into(), &data);
    let twice = [&framed[..], &framed].concat();
    let read = |bytes: &[u8]| Compression::Snappy.decompress(bytes, LIMIT);
    assert_eq!(read(&raw).as_ref(), Ok(&data), "a block without framing");
    assert_eq!(read(&twice), Ok(data.repeat(2)), "two streams");
    assert_eq!(read(&framed[..16]), Ok(Vec::new()), "no chunks");
    for (name, bytes) in [
        ("nothing", &[][..]),
        ("a cut length", &framed[..18]),
        ("a cut chunk", &framed[..framed.len() - 1]),
        (
            "version 0",
            &[&b"\x82SNAPPY\0\0\0\0\0\0\0\0\0"[..], &framed[16..]].concat(),
        ),
    ] {
        assert!(
            matches!(read(bytes), Err(CompressionError::Corrupt { .. })),
            "{name}"
        );
    }
}

/// Hazard 34.
#[test]
fn lz4_frames_of_other_writers_are_read() {
    use lz4_flex::frame::{BlockMode, BlockSize, FrameEncoder, FrameInfo};
    use std::io::Write;
    let data = text(700_000);
    let frame = |info: FrameInfo| {
        let mut encoder = FrameEncoder::with_frame_info(info, Vec::new());
        encoder.write_all(&data).expect("it compresses");
        encoder.finish().expect("it compresses")
    };
    let read = |bytes: &[u8]| Compression::Lz4.decompress(bytes, LIMIT);
    let all = || {
        FrameInfo::new()
            .block_checksums(true)
            .content_checksum(true)
            .content_size(Some(data.len() as u64))
    };
    for size in [
        BlockSize::Max64KB,
        BlockSize::Max256KB,
        BlockSize::Max1MB,
        BlockSize::Max4MB,
    ] {
        for info in [FrameInfo::new(), all()] {
            assert_eq!(read(&frame(info.block_size(size))).as_ref(), Ok(&data));
        }
    }
    let linked = read(&frame(FrameInfo::new().block_mode(BlockMode::Linked)))
        .expect_err("Kafka refuses them");
    assert!(
        linked.to_string().contains("depend on each other"),
        "{linked}"
    );

    // Every single byte of a frame with all checksums counts.
    let mut short = FrameEncoder::with_frame_info(
        FrameInfo::new()
            .block_checksums(true)
            .content_checksum(true)
            .content_size(Some(300)),
        Vec::new(),
    );
    short.write_all(&data[..300]).expect("it compresses");
    let short = short.finish().expect("it compresses");
    for at in 0..short.len() {
        let mut flipped = short.clone();
        flipped[at] ^= 0x55;
        assert!(read(&flipped).is_err(), "byte {at} was flipped");
        assert!(read(&short[..at]).is_err(), "cut at {at}");
    }
}

#[test]
fn lz4_of_magic_0_is_read_whatever_its_header_checksum() {
    let mut frame = compressed(Compression::Lz4.into(), b"value");
    frame[6] ^= 1;
    assert!(Compression::Lz4.decompress(&frame, LIMIT).is_err());
    assert_eq!(
        Compression::Lz4.decompress_magic0(&frame, LIMIT).as_deref(),
        Ok(&b"value"[..])
    );
}

#[test]
fn gzip_members_and_zstd_frames_may_follow_one_another() {
    let data = text(70_000);
    for compression in [Compression::Gzip, Compression::Zstd] {
        let twice = compressed(compression.into(), &data).repeat(2);
        assert_eq!(
            compression.decompress(&twice, LIMIT),
            Ok(data.repeat(2)),
            "{compression}"
        );
        assert!(
            compression.decompress(&twice, 100_000).is_err(),
            "the limit holds for both together"
        );
    }
}

#[test]
fn an_error_says_what_is_wrong_and_where() {
    let data = text(100);
    let of = |compression: Compression| compressed(compression.into(), &data);
    let changed = |compression, at: usize, byte: u8| {
        let mut bytes = of(compression);
        bytes[at] = byte;
        bytes
    };
    let twice = |compression: Compression, at: usize, byte: u8| {
        [of(compression), changed(compression, at, byte)].concat()
    };
    let lz4 = of(Compression::Lz4);
    // The second member, stream or block starts where the first ends.
    let [gzip_len, snappy_len] = [Compression::Gzip, Compression::Snappy].map(|c| of(c).len());
    // A header of 16 bytes and a length; a header of 7, a length and four bytes at the end.
    let (chunk, block) = (snappy_len - 20, lz4.len() - 15);
    let snappy_chunk = format!("a chunk of {} bytes, where {chunk} are left", chunk + 256);
    let lz4_block = format!(
        "a block of {} bytes, where {} are left",
        block + 256,
        block + 4
    );
    let lz4_huge = format!(
        "a block of {} bytes, where 65536 are the most",
        block + 131_072
    );
    use Compression::{Gzip, Lz4, Snappy, Zstd};
    for (compression, bytes, at, reason) in [
        (Gzip, vec![], 0, "no data, expected a member"),
        (Gzip, of(Gzip)[..20].to_vec(), 20, "the data ends early"),
        (
            Gzip,
            twice(Gzip, 0, 0),
            gzip_len + 2,
            "deflate decompression error",
        ),
        (Snappy, vec![], 0, "snappy: corrupt input (empty)"),
        (
            Snappy,
            of(Snappy)[..18].to_vec(),
            16,
            "the length of a chunk is cut off",
        ),
        (Snappy, changed(Snappy, 18, 1), 16, &snappy_chunk),
        (
            Snappy,
            twice(Snappy, 11, 0),
            snappy_len + 8,
            "version 0 of the framing, expected 1 or more",
        ),
        (Snappy, changed(Snappy, 21, 0xff), 20, ""),
        (
            Lz4,
            vec![],
            0,
            "it does not start with the magic number of a frame",
        ),
        (Lz4, lz4[..5].to_vec(), 5, "the data ends early"),
        (
            Lz4,
            lz4[..lz4.len() - 1].to_vec(),
            lz4.len() - 1,
            "the data ends early",
        ),
        (
            Lz4,
            changed(Lz4, 4, 0xa0),
            4,
            "version 2 of the format, expected 1",
        ),
        (
            Lz4,
            changed(Lz4, 4, 0x40),
            4,
            "its blocks depend on each other, which Kafka does not allow",
        ),
        (
            Lz4,
            changed(Lz4, 4, 0x61),
            4,
            "its header asks for a dictionary or has reserved bits set",
        ),
        (
            Lz4,
            changed(Lz4, 5, 0x30),
            5,
            "block size code 3, expected 4 to 7",
        ),
        (
            Lz4,
            changed(Lz4, 6, 0),
            6,
            "the checksum of the header is 0x00, its bytes give 0x82",
        ),
        (Lz4, changed(Lz4, 8, 1), 7, &lz4_block),
        (Lz4, changed(Lz4, 9, 2), 7, &lz4_huge),
        (Lz4, changed(Lz4, 11, 0xff), 7, ""),
        (Zstd, vec![], 0, "no data, expected a frame"),
        (Zstd, of(Zstd)[..20].to_vec(), 20, "unexpected end of input"),
        (Zstd, changed(Zstd, 0, 0), 0, "invalid frame magic number"),
    ] {
        let error = compression.decompress(&bytes, LIMIT).expect_err(reason);
        let expected = format!("corrupt {compression} data at byte {at}: {reason}");
        assert!(
            error.to_string().starts_with(&expected),
            "{error}\nexpected: {expected}"
        );
    }
}

#[test]
fn what_is_cut_off_is_an_error() {
    for compression in Compression::ALL.into_iter().skip(1) {
        let bytes = compressed(compression.into(), &text(3_000));
        for length in 0..bytes.len() {
            let result = compression.decompress(&bytes[..length], LIMIT);
            // A header alone is an empty stream to snappy.
            let empty_stream = compression == Compression::Snappy && result == Ok(Vec::new());
            assert!(
                result.is_err() || empty_stream,
                "{compression} cut at {length}"
            );
        }
    }
}

#[test]
fn names_ids_and_levels_are_checked() {
    for compression in Compression::ALL {
        assert_eq!(compression.name().parse(), Ok(compression));
        assert_eq!(Compression::from_id(compression.id()), Ok(compression));
    }
    let text_of = |error: CompressionError| error.to_string();
    assert_eq!(Compression::from_id(5).map_err(text_of), Err("compression id 5 is unknown: expected 0 (none), 1 (gzip), 2 (snappy), 3 (lz4) or 4 (zstd)".into()));
    assert_eq!(
        "GZIP".parse::<Compression>().map_err(text_of),
        Err("compression \"GZIP\" is unknown: expected none, gzip, snappy, lz4 or zstd".into())
    );
    for (compression, level, message) in [
        (
            Compression::Gzip,
            0,
            "gzip level 0 is out of range: expected 1 to 9",
        ),
        (
            Compression::Gzip,
            10,
            "gzip level 10 is out of range: expected 1 to 9",
        ),
        (
            Compression::Zstd,
            5,
            "zstd level 5 is out of range: expected -7 to 4",
        ),
        (
            Compression::Lz4,
            9,
            "lz4 has no levels: leave the level 9 away",
        ),
    ] {
        assert_eq!(
            Codec::with_level(compression, level).map_err(text_of),
            Err(message.into())
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn damaged_data_never_panics_and_keeps_the_limit(
        data in prop::collection::vec(any::<u8>(), 0..400),
        repeat in 1usize..40,
        flips in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
        cut in any::<prop::sample::Index>(),
    ) {
        for compression in Compression::ALL {
            let mut bytes = compressed(compression.into(), &data.repeat(repeat));
            for (index, byte) in &flips {
                if !bytes.is_empty() {
                    let at = index.index(bytes.len());
                    bytes[at] ^= byte;
                }
            }
            bytes.truncate(cut.index(bytes.len() + 1).max(bytes.len() / 2));
            if let Ok(out) = compression.decompress(&bytes, 10_000) {
                prop_assert!(out.len() <= 10_000);
            }
            // And data that never was compressed.
            if let Ok(out) = compression.decompress(&data, 10_000) {
                prop_assert!(out.len() <= 10_000);
            }
        }
    }
}
