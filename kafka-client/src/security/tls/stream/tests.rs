//! The stream against a server of rustls, over a wire that does as it is told.

use std::collections::VecDeque;
use std::future::Future;
use std::io::{Read, Write};
use std::pin::pin;
use std::sync::{Mutex, MutexGuard};
use std::task::{Wake, Waker};

use rustls::crypto::{CipherSuiteCommon, CryptoProvider};
use rustls::{
    AlertDescription, RootCertStore, ServerConfig, ServerConnection, SupportedCipherSuite,
    SupportedProtocolVersion, Tls13CipherSuite,
};

use super::super::{pem, provider::provider};
use super::*;

mod peer;

use peer::{Woken, connect, connected, hello};

const BOTH: [&SupportedProtocolVersion; 2] = [&rustls::version::TLS12, &rustls::version::TLS13];

/// Bytes that are found out when they are in the wrong place.
fn bytes(len: usize) -> Vec<u8> {
    (0..len).map(|n| (n * 7 + n / 251) as u8).collect()
}

#[test]
fn however_it_is_cut_what_was_sent_arrives() {
    let sent = bytes(40_000);
    for version in BOTH {
        for piece in [1, 5, 6, 1000, 16_406, 20_481, usize::MAX] {
            let (mut stream, mut peer) = connect(version, |wire| wire.piece = piece);
            for (pieces, room) in [(1, 1), (3, 333), (7, 16_384), (50_000, 40_000)] {
                let mut read = Vec::new();
                for part in sent.chunks(sent.len() / pieces.min(13) + 1) {
                    peer.session.writer().write_all(part).unwrap();
                    peer.turn().unwrap();
                    while let Poll::Ready(part) = peer.read(&mut stream, room) {
                        read.extend(part.unwrap());
                    }
                }
                assert!(read == sent, "{version:?}, {piece}, {pieces}, {room}");
            }
        }
    }
}

#[test]
fn however_it_is_written_what_was_written_arrives_in_order() {
    let written = bytes(250_000);
    for version in BOTH {
        let (mut stream, mut peer) = connected(version);
        for lens in [
            &[16_384][..],
            &[100; 64],
            &[100, 0, 16_384],
            &[16_383, 2, 1, 0, 70_000],
            &[30, 200_000],
        ] {
            for room in [usize::MAX, 50_000, 7_001] {
                let mut read = Vec::new();
                let mut rest = &written[..];
                while !rest.is_empty() {
                    let mut begin = rest;
                    let pieces: Vec<_> = lens
                        .iter()
                        .map(|len| {
                            let (piece, after) = begin.split_at((*len).min(begin.len()));
                            begin = after;
                            IoSlice::new(piece)
                        })
                        .collect();
                    peer.wire().room = room;
                    if let Poll::Ready(len) = peer.write(&mut stream, &pieces) {
                        rest = &rest[len.unwrap()..];
                    }
                    read.extend(peer.received().unwrap());
                }
                peer.wire().room = usize::MAX;
                assert!(peer.flush(&mut stream).is_ready());
                read.extend(peer.received().unwrap());
                assert!(read == written, "{version:?}, {lens:?}, {room}");
            }
        }
    }
}

#[test]
fn what_is_cut_off_anywhere_has_not_ended_well() {
    for version in BOTH {
        let (mut stream, mut peer) = connected(version);
        for part in [&b"one"[..], b"two and more", b"three"] {
            peer.session.writer().write_all(part).unwrap();
        }
        peer.session.send_close_notify();
        let mut sent = peer.say();
        let mut read = Vec::new();
        while let Some(byte) = sent.pop_front() {
            peer.wire().ended = true;
            match peer.read(&mut stream, 100) {
                Poll::Ready(Err(error)) => {
                    assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
                }
                other => panic!("before the last {} bytes: {other:?}", sent.len() + 1),
            }
            peer.wire().ended = false;
            peer.wire().to_client.push_back(byte);
            match peer.read(&mut stream, 100) {
                Poll::Ready(part) => read.extend(part.unwrap()),
                Poll::Pending => assert!(!sent.is_empty()),
            }
        }
        assert_eq!(read, b"onetwo and morethree");
        for _ in 0..3 {
            let Poll::Ready(Ok(end)) = peer.read(&mut stream, 100) else {
                panic!("not ended");
            };
            assert!(end.is_empty());
        }
    }
}

#[test]
fn after_the_other_side_has_ended_its_half_ours_goes_on() {
    for version in BOTH {
        let (mut stream, mut peer) = connected(version);
        peer.session.send_close_notify();
        peer.turn().unwrap();
        assert!(matches!(peer.read(&mut stream, 9), Poll::Ready(Ok(end)) if end.is_empty()));
        let pieces = [IoSlice::new(b"still here")];
        assert!(peer.write(&mut stream, &pieces).is_ready());
        let mut context = Context::from_waker(Waker::noop());
        let shut = Pin::new(&mut stream).poll_shutdown(&mut context);
        assert!(matches!(shut, Poll::Ready(Ok(()))));
        assert_eq!(peer.received().unwrap(), b"still here");
        let state = peer.session.process_new_packets().unwrap();
        assert!(state.peer_has_closed(), "{version:?}");
        assert!(peer.wire().shut_down);
        assert!(matches!(
            peer.write(&mut stream, &pieces),
            Poll::Ready(Err(error)) if error.kind() == io::ErrorKind::BrokenPipe
        ));
    }
}

#[test]
fn a_forged_record_ends_it_and_the_other_side_is_told() {
    for version in BOTH {
        let (mut stream, mut peer) = connected(version);
        peer.session.writer().write_all(b"good").unwrap();
        let good = peer.say();
        peer.session.writer().write_all(b"evil").unwrap();
        let mut evil = peer.say();
        *evil.back_mut().unwrap() ^= 1;
        peer.session.writer().write_all(b"too late").unwrap();
        let late = peer.say();
        peer.wire()
            .to_client
            .extend(good.into_iter().chain(evil).chain(late));

        assert!(matches!(peer.read(&mut stream, 99), Poll::Ready(Ok(read)) if read == b"good"));
        for _ in 0..3 {
            let Poll::Ready(Err(error)) = peer.read(&mut stream, 99) else {
                panic!("a forged record was read over");
            };
            assert_eq!(of(&error), Some(&rustls::Error::DecryptError));
        }
        assert!(matches!(
            peer.write(&mut stream, &[IoSlice::new(b"x")]),
            Poll::Ready(Err(_))
        ));
        let told = peer.received().err().unwrap();
        let told = told.downcast::<rustls::Error>().unwrap();
        let expected = rustls::Error::AlertReceived(AlertDescription::BadRecordMac);
        assert_eq!(told, expected, "{version:?}");
    }
}

#[test]
fn an_alert_is_told_after_what_came_before_it() {
    for version in BOTH {
        let (mut stream, mut peer) = connected(version);
        peer.session.writer().write_all(b"last words").unwrap();
        // A record that no client of this session has sealed makes the server give up.
        let mut forged = vec![23, 3, 3, 0, 40];
        forged.extend([0; 40]);
        peer.session.read_tls(&mut &forged[..]).unwrap();
        assert!(peer.session.process_new_packets().is_err());
        peer.turn().unwrap();
        let Poll::Ready(Ok(read)) = peer.read(&mut stream, 99) else {
            panic!("nothing was read");
        };
        assert_eq!(read, b"last words");
        let Poll::Ready(Err(error)) = peer.read(&mut stream, 99) else {
            panic!("the alert was not told");
        };
        let expected = rustls::Error::AlertReceived(AlertDescription::BadRecordMac);
        assert_eq!(of(&error), Some(&expected), "{version:?}");
    }
}

fn of(error: &io::Error) -> Option<&rustls::Error> {
    error.get_ref()?.downcast_ref()
}

#[test]
fn keys_are_replaced_on_the_way() {
    // Each side takes another key after so many records.
    let short = |suite: &SupportedCipherSuite| {
        let suite = suite.tls13()?;
        let common = CipherSuiteCommon {
            suite: suite.common.suite,
            hash_provider: suite.common.hash_provider,
            confidentiality_limit: 5,
        };
        let suite = Tls13CipherSuite { common, ..*suite };
        Some(SupportedCipherSuite::Tls13(Box::leak(Box::new(suite))))
    };
    let mut of_short_keys = CryptoProvider::clone(&provider());
    of_short_keys.cipher_suites = of_short_keys
        .cipher_suites
        .iter()
        .filter_map(short)
        .collect();
    let (mut stream, mut peer) = hello(Arc::new(of_short_keys), BOTH[1], |_| {}).unwrap();
    let sent = bytes(300_000);
    for _ in 0..5 {
        let (mut there, mut back) = (Vec::new(), Vec::new());
        for part in sent.chunks(40_000) {
            let Poll::Ready(Ok(len)) = peer.write(&mut stream, &[IoSlice::new(part)]) else {
                panic!("not written");
            };
            assert_eq!(len, part.len());
            assert!(peer.flush(&mut stream).is_ready());
            there.extend(peer.received().unwrap());
            peer.session.refresh_traffic_keys().unwrap();
            peer.session.writer().write_all(part).unwrap();
            peer.turn().unwrap();
            while let Poll::Ready(part) = peer.read(&mut stream, 9_999) {
                back.extend(part.unwrap());
            }
        }
        assert!(there == sent && back == sent);
    }
}

#[test]
fn a_wire_that_takes_nothing_stops_the_writer_and_not_the_reader() {
    let (mut stream, mut peer) = connected(BOTH[1]);
    let (writer, reader) = (Woken::new(), Woken::new());
    let (writers, readers) = (Waker::from(writer.clone()), Waker::from(reader.clone()));
    peer.wire().room = 0;
    let written = bytes(1 << 20);
    let mut done = 0;
    loop {
        let mut context = Context::from_waker(&writers);
        match Pin::new(&mut stream).poll_write(&mut context, &written[done..]) {
            Poll::Ready(len) => done += len.unwrap(),
            Poll::Pending => break,
        }
    }
    assert!(done > 0 && done <= SENT_AT_ONCE, "{done} bytes are kept");
    assert!(stream.sealed.len() <= SENT_AT_ONCE);

    let mut context = Context::from_waker(&readers);
    let mut space = [0; 10];
    let mut to = ReadBuf::new(&mut space);
    assert!(
        Pin::new(&mut stream)
            .poll_read(&mut context, &mut to)
            .is_pending()
    );
    peer.session.writer().write_all(b"hello").unwrap();
    peer.turn().unwrap();
    assert_eq!((reader.times(), writer.times()), (1, 0));
    let read = Pin::new(&mut stream).poll_read(&mut context, &mut to);
    assert!(read.is_ready() && to.filled() == b"hello");

    // A forged record must not take the place in front of the socket from who waits there.
    peer.wire()
        .to_client
        .extend([23, 3, 3, 0, 20].into_iter().chain([0; 20]));
    peer.wire().open(usize::MAX);
    assert_eq!(writer.times(), 1);
    peer.wire().room = 0;
    let mut again = Context::from_waker(&writers);
    assert!(
        Pin::new(&mut stream)
            .poll_write(&mut again, &written[done..])
            .is_pending()
    );
    let mut to = ReadBuf::new(&mut space);
    assert!(matches!(
        Pin::new(&mut stream).poll_read(&mut context, &mut to),
        Poll::Ready(Err(_))
    ));
    peer.wire().open(usize::MAX);
    assert_eq!(writer.times(), 2);
    assert!(peer.flush(&mut stream).is_ready());
    let told = peer.received().unwrap_err().downcast::<rustls::Error>();
    let expected = rustls::Error::AlertReceived(AlertDescription::BadRecordMac);
    assert_eq!(told.unwrap(), expected, "behind what was sealed before");
}

#[test]
fn a_greeting_that_is_cut_off_or_nonsense_is_told_so() {
    let error = hello(provider(), BOTH[1], |wire| wire.ended = true)
        .err()
        .unwrap();
    assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
    for whole in [
        &[0x15, 3, 3, 0, 2, 2, 40][..],
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        &[22; 9],
    ] {
        for len in 0..whole.len() {
            let error = hello(provider(), BOTH[1], |wire| {
                (wire.ended, wire.to_client) = (true, whole[..len].iter().copied().collect());
            });
            let error = error.err().unwrap();
            let is_told = error.kind() == io::ErrorKind::UnexpectedEof || of(&error).is_some();
            assert!(is_told, "{len} of {whole:?}: {error:?}");
        }
        let error = hello(provider(), BOTH[1], |wire| {
            wire.to_client = whole.iter().copied().collect();
        });
        assert!(of(&error.err().unwrap()).is_some(), "{whole:?}");
    }
}

#[test]
fn a_memory_of_bytes_keeps_their_order() {
    let mut random = fastrand::Rng::with_seed(6);
    let (mut buffer, mut expected) = (Buffer::default(), VecDeque::new());
    for _ in 0..20_000 {
        if random.bool() {
            let pushed = bytes(random.usize(..40));
            buffer.push(&pushed);
            expected.extend(pushed);
        } else {
            let len = random.usize(..40);
            buffer.discard(len);
            expected.drain(..len.min(expected.len()));
        }
        assert!(expected.iter().eq(buffer.filled()));
        assert_eq!(buffer.len(), expected.len());
    }
}
