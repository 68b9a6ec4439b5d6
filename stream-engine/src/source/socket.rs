use std::io;
use std::net::{Shutdown, TcpStream, ToSocketAddrs};
use std::time::Duration;

use crate::{
    BoxError, DStream, Data, EngineError, Lines, Operator, Receiver, ReceiverOptions,
    ReceiverStopped, ReceiverStore, RecordReader, StreamingContext,
};

/// How long connecting to an address may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// What went wrong with a socket that is read from.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SocketError {
    /// Nobody answers there.
    #[error("socket {host}:{port}: no connection: {source}")]
    Connect {
        /// The host.
        host: String,
        /// The port.
        port: u16,
        /// The operating system's answer.
        source: io::Error,
    },
    /// The connection broke, or what came is not what its reader expects.
    #[error("socket {host}:{port}: {source}")]
    Read {
        /// The host.
        host: String,
        /// The port.
        port: u16,
        /// The cause.
        source: BoxError,
    },
}

struct SocketReceiver<F> {
    host: String,
    port: u16,
    open: F,
}

impl<F> SocketReceiver<F> {
    fn connect(&self) -> io::Result<TcpStream> {
        let mut failure = io::Error::new(io::ErrorKind::NotFound, "the host has no address");
        for address in (self.host.as_str(), self.port).to_socket_addrs()? {
            match TcpStream::connect_timeout(&address, CONNECT_TIMEOUT) {
                Ok(stream) => return Ok(stream),
                Err(error) => failure = error,
            }
        }
        Err(failure)
    }

    fn failed(&self, source: BoxError) -> SocketError {
        SocketError::Read {
            host: self.host.clone(),
            port: self.port,
            source,
        }
    }
}

impl<T, R, F> Receiver<T> for SocketReceiver<F>
where
    T: Data,
    R: RecordReader<T>,
    F: Fn(TcpStream) -> R + Send + 'static,
{
    fn run(&mut self, store: &ReceiverStore<T>) -> Result<(), BoxError> {
        let stream = self.connect().map_err(|source| SocketError::Connect {
            host: self.host.clone(),
            port: self.port,
            source,
        })?;
        let other_end = stream
            .try_clone()
            .map_err(|error| self.failed(error.into()))?;
        store.interrupt_with(move || drop(other_end.shutdown(Shutdown::Both)));
        let mut reader = (self.open)(stream);
        let mut records = Vec::new();
        loop {
            let read = reader.read(&mut records);
            // What came before an error is good.
            if let Err(ReceiverStopped) = store.store_all(&mut records) {
                return Ok(());
            }
            if !read.map_err(|source| self.failed(source))? {
                return Ok(());
            }
        }
    }
}

impl StreamingContext {
    /// A stream of the lines that a server sends: connects to `host:port` and reads text, as [`Lines`] does (Spark's
    /// `socketTextStream`). If the connection ends or fails, it is made again after a delay, as [`ReceiverOptions`] says, and
    /// listeners are told.
    ///
    /// What waits in memory is lost if the program ends other than by a graceful stop, and a server that sends while nobody
    /// is connected is not heard: for input that must not be lost, use Kafka.
    ///
    /// With `nc -lk 9999` in a terminal this counts the words typed there:
    ///
    /// ```no_run
    /// # tokio::runtime::Builder::new_current_thread().enable_time().build()?.block_on(async {
    /// use std::time::Duration;
    /// use stream_engine::StreamingContext;
    ///
    /// let ssc = StreamingContext::builder("network-word-count").batch_duration(Duration::from_secs(1)).build()?;
    /// let lines = ssc.socket_text_stream("localhost", 9999)?;
    /// lines
    ///     .flat_map(|line| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
    ///     .map(|word| (word, 1u64))
    ///     .reduce_by_key(|a, b| a + b)
    ///     .print();
    /// ssc.start()?.await_termination().await?;
    /// # Ok::<_, stream_engine::EngineError>(())
    /// # })?;
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`EngineError::State`] after the context was started. That nobody answers is no error of the context.
    #[track_caller]
    pub fn socket_text_stream(
        &self,
        host: impl Into<String>,
        port: u16,
    ) -> Result<DStream<String>, EngineError> {
        let operator = Operator::here("socket_text_stream");
        self.socket_stream_at(
            operator,
            host.into(),
            port,
            Lines::new,
            ReceiverOptions::default(),
        )
    }

    /// As [`StreamingContext::socket_text_stream`], with a reader of one's own: `open` makes one of each connection (the
    /// converter of Spark's `socketStream`). The reader may be [`Lines`] with other bounds,
    /// [`FixedRecords`](crate::FixedRecords), [`Frames`](crate::Frames) for Spark's `rawSocketStream`, or any [`RecordReader`].
    /// It should hand over what it has rather than wait for more.
    ///
    /// ```no_run
    /// # let ssc = stream_engine::StreamingContext::builder("blocks").batch_duration(std::time::Duration::from_secs(1)).build()?;
    /// use stream_engine::Frames;
    ///
    /// let blocks = ssc.socket_stream("localhost", 9999, |connection| Frames::new(connection, 1024 * 1024))?;
    /// # Ok::<_, stream_engine::EngineError>(())
    /// ```
    ///
    /// # Errors
    /// As there.
    #[track_caller]
    pub fn socket_stream<T: Data, R: RecordReader<T>>(
        &self,
        host: impl Into<String>,
        port: u16,
        open: impl Fn(TcpStream) -> R + Send + 'static,
    ) -> Result<DStream<T>, EngineError> {
        let operator = Operator::here("socket_stream");
        self.socket_stream_at(
            operator,
            host.into(),
            port,
            open,
            ReceiverOptions::default(),
        )
    }

    /// As [`StreamingContext::socket_stream`], with options.
    ///
    /// # Errors
    /// As there, and [`EngineError::Setting`] for impossible options.
    #[track_caller]
    pub fn socket_stream_with<T: Data, R: RecordReader<T>>(
        &self,
        host: impl Into<String>,
        port: u16,
        open: impl Fn(TcpStream) -> R + Send + 'static,
        options: ReceiverOptions,
    ) -> Result<DStream<T>, EngineError> {
        let operator = Operator::here("socket_stream");
        self.socket_stream_at(operator, host.into(), port, open, options)
    }

    fn socket_stream_at<T: Data, R: RecordReader<T>>(
        &self,
        operator: Operator,
        host: String,
        port: u16,
        open: impl Fn(TcpStream) -> R + Send + 'static,
        options: ReceiverOptions,
    ) -> Result<DStream<T>, EngineError> {
        self.receiver_stream_at(operator, SocketReceiver { host, port, open }, options)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::net::TcpListener;
    use std::sync::{Arc, mpsc};

    use proptest::prelude::*;

    use super::*;
    use crate::{Frames, ManualClock, ReceiverInfo, StreamingListener, Trigger};

    /// How long a test waits for what happens on another thread before it counts as not happening.
    const PATIENCE: Duration = Duration::from_secs(20);

    /// A server, a context with a stream of what it sends, and the records and events that come.
    struct Bench<T> {
        server: Option<TcpListener>,
        port: u16,
        clock: ManualClock,
        ssc: StreamingContext,
        records: mpsc::Receiver<T>,
        events: mpsc::Receiver<String>,
    }

    struct Events(mpsc::Sender<String>);

    impl StreamingListener for Events {
        fn on_receiver_error(&self, receiver: &ReceiverInfo) {
            let error = receiver.last_error.as_ref().map(ToString::to_string);
            let _ = self.0.send(error.unwrap_or_default());
        }
        fn on_receiver_stopped(&self, receiver: &ReceiverInfo) {
            let _ = self.0.send(format!("stopped {:?}", receiver.restart_in));
        }
    }

    impl<T: Data> Bench<T> {
        fn new(stream: impl FnOnce(&StreamingContext, u16) -> DStream<T>) -> Self {
            let server = TcpListener::bind(("127.0.0.1", 0)).unwrap();
            let port = server.local_addr().unwrap().port();
            let clock = ManualClock::default();
            let ssc = StreamingContext::builder("socket")
                .trigger(Trigger::Continuous)
                .threads(1)
                .clock(clock.clone())
                .build()
                .unwrap();
            let (sender, events) = mpsc::channel();
            ssc.add_streaming_listener(Arc::new(Events(sender)));
            let (sender, records) = mpsc::channel();
            stream(&ssc, port).foreach_rdd(move |rdd| {
                let mut records = rdd.collect()?.into_iter();
                records
                    .try_for_each(|record| sender.send(record))
                    .map_err(|_| "the test has ended")?;
                Ok::<_, BoxError>(())
            });
            Bench {
                server: Some(server),
                port,
                clock,
                ssc,
                records,
                events,
            }
        }

        /// The next connection that is made to the server.
        fn accept(&self) -> TcpStream {
            let server = self.server.as_ref().unwrap();
            server.set_nonblocking(true).unwrap();
            let started = std::time::Instant::now();
            loop {
                match server.accept() {
                    Ok((stream, _)) => {
                        stream.set_nonblocking(false).unwrap();
                        stream.set_nodelay(true).unwrap();
                        return stream;
                    }
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                        assert!(
                            started.elapsed() < PATIENCE,
                            "waited in vain for a connection"
                        );
                        std::thread::yield_now();
                    }
                    Err(error) => panic!("accepting a connection: {error}"),
                }
            }
        }

        fn record(&self) -> T {
            self.records.recv_timeout(PATIENCE).expect("a record")
        }

        fn event(&self) -> String {
            self.events.recv_timeout(PATIENCE).expect("an event")
        }

        fn stop(&self) {
            self.ssc.stop();
            let stopped = tokio::runtime::Builder::new_current_thread()
                .enable_time()
                .build()
                .unwrap()
                .block_on(self.ssc.await_termination_or_timeout(PATIENCE));
            assert!(stopped.unwrap(), "it did not stop in time");
        }
    }

    fn text() -> Bench<String> {
        Bench::new(|ssc, port| ssc.socket_text_stream("127.0.0.1", port).unwrap())
    }

    #[test]
    fn lines_come_as_they_are_sent_and_the_connection_is_made_again() {
        let bench = text();
        bench.ssc.start().unwrap();
        let mut connection = bench.accept();
        connection.write_all(b"to be\nor n").unwrap();
        assert_eq!(bench.record(), "to be");
        connection.write_all(b"ot\r\nto").unwrap();
        assert_eq!(bench.record(), "or not");
        drop(connection);
        assert_eq!(bench.record(), "to");
        assert_eq!(bench.event(), "stopped Some(2s)");
        bench.clock.advance(Duration::from_secs(2));
        bench.accept().write_all(b"be\n").unwrap();
        assert_eq!(bench.record(), "be");
        bench.stop();
    }

    #[test]
    fn nobody_there_is_told_and_tried_again() {
        let mut bench = text();
        // Keeps the port from being given to another test, and refuses connections.
        drop(bench.server.take());
        bench.ssc.start().unwrap();
        let error = bench.event();
        let expected = format!("failed: socket 127.0.0.1:{}: no connection: ", bench.port);
        assert!(
            error.starts_with("socket_text_stream at ") && error.contains(&expected),
            "{error}"
        );
        assert_eq!(bench.event(), "stopped Some(2s)");
        bench.clock.advance(Duration::from_secs(2));
        assert!(bench.event().contains(&expected));
        assert_eq!(bench.event(), "stopped Some(4s)");
        bench.stop();
    }

    #[test]
    fn a_line_too_long_is_an_error_and_what_came_before_it_is_kept() {
        let bench = Bench::new(|ssc, port| {
            let open = |connection| Lines::new(connection).max_line_length(10);
            ssc.socket_stream("127.0.0.1", port, open).unwrap()
        });
        bench.ssc.start().unwrap();
        let mut connection = bench.accept();
        connection.write_all(b"short\n").unwrap();
        assert_eq!(bench.record(), "short");
        connection.write_all(&[b'x'; 100]).unwrap();
        let error = bench.event();
        let expected = format!(
            "socket 127.0.0.1:{}: a line is longer than 10 bytes: ",
            bench.port
        );
        assert!(error.contains(&expected), "{error}");
        bench.stop();
    }

    #[test]
    fn blocks_have_their_length_before_them() {
        let bench = Bench::new(|ssc, port| {
            let open = |connection| Frames::new(connection, 100);
            ssc.socket_stream("127.0.0.1", port, open).unwrap()
        });
        bench.ssc.start().unwrap();
        let mut connection = bench.accept();
        connection.write_all(b"\0\0\0\x02to\0\0").unwrap();
        assert_eq!(bench.record(), "to");
        connection.write_all(b"\0\x02be").unwrap();
        assert_eq!(bench.record(), "be");
        bench.stop();
    }

    #[test]
    fn a_stop_does_not_wait_for_a_silent_server() {
        let bench = text();
        bench.ssc.start().unwrap();
        let mut connection = bench.accept();
        connection.write_all(b"one\n").unwrap();
        assert_eq!(bench.record(), "one");
        bench.stop();
        assert_eq!(bench.event(), "stopped None");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]
        #[test]
        fn lines_do_not_depend_on_how_they_are_cut_into_packets(
            lines in prop::collection::vec("[a-z\u{e9}\u{4e2d} ]{0,20}", 1..50),
            cuts in prop::collection::vec(1usize..30, 1..8),
        ) {
            let bench = text();
            bench.ssc.start().unwrap();
            let mut connection = bench.accept();
            let bytes = lines.iter().map(|line| format!("{line}\n")).collect::<String>().into_bytes();
            let (mut rest, mut cuts) = (&bytes[..], cuts.into_iter().cycle());
            while !rest.is_empty() {
                let (packet, behind) = rest.split_at(cuts.next().unwrap_or(1).min(rest.len()));
                connection.write_all(packet).unwrap();
                rest = behind;
            }
            for line in &lines {
                prop_assert_eq!(&bench.record(), line);
            }
            bench.stop();
        }
    }
}
