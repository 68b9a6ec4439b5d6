//! The network between clients and brokers: pipes in memory, of which a seed decides what they do to what they carry.

use std::collections::{BTreeMap, VecDeque};
use std::future::pending;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use fastrand::Rng;
use kafka_broker::Broker;
use kafka_client::{Connecting, Connector, Transport};
use kafka_proto::codec::{Message, Request as _};
use kafka_proto::frame::{correlation_id, decode_request_header, take_frame};
use kafka_proto::messages::{OffsetCommitRequest, ProduceRequest};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, ReadHalf, WriteHalf, duplex, split};
use tokio::sync::Notify;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::{Instant, sleep, sleep_until};

use crate::journal::Journal;
use crate::plan::{Faults, Plan};
use crate::trace::{Trace, What, hash};

/// The port of the first broker; the others have those after it.
const FIRST_PORT: u16 = 9092;
/// What a pipe holds.
const PIPE: usize = 1 << 20;

/// All connections, and what happens to them.
#[derive(Debug, Clone)]
pub(crate) struct Network(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    broker: Arc<Broker>,
    trace: Trace,
    journal: Arc<Journal>,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    rng: Rng,
    faults: Faults,
    connections: u32,
    /// Brokers that nobody can reach, until when.
    isolated: BTreeMap<i32, Instant>,
    /// Brokers of which no answer arrives, until when.
    muted: BTreeMap<i32, Instant>,
    /// Brokers that neither hear nor say anything, until when.
    frozen: BTreeMap<i32, Instant>,
    /// How many requests are held up, or are to be carried out again.
    late: usize,
    /// By broker, what cuts its connections.
    cuts: BTreeMap<i32, Vec<Arc<Notify>>>,
}

/// A request that is held up, for as long as this is there.
struct Late(Network);

impl Drop for Late {
    fn drop(&mut self) {
        self.0.state().late -= 1;
    }
}

/// The network, as one client sees it.
#[derive(Debug)]
pub(crate) struct Line {
    network: Network,
    client: String,
}

/// What becomes of a request, once it was on its way for some time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Carried,
    RequestLost,
    RequestCut,
    AnswerLost,
    AnswerCut,
    AnswerRepeated,
    Repeated(Duration),
}

/// A request on its way.
#[derive(Debug)]
struct Request {
    key: i16,
    version: i16,
    frame: Bytes,
}

/// A request that the broker has.
#[derive(Debug)]
struct Asked {
    key: i16,
    version: i16,
    fate: Fate,
}

impl Network {
    pub(crate) fn new(
        plan: &Plan,
        broker: Arc<Broker>,
        trace: Trace,
        journal: Arc<Journal>,
    ) -> Self {
        Self(Arc::new(Inner {
            broker,
            trace,
            journal,
            state: Mutex::new(State {
                rng: plan.rng("network"),
                faults: plan.faults,
                connections: 0,
                isolated: BTreeMap::new(),
                muted: BTreeMap::new(),
                frozen: BTreeMap::new(),
                late: 0,
                cuts: BTreeMap::new(),
            }),
        }))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap()
    }

    /// The network for a client of this name.
    pub(crate) fn line(&self, client: &str) -> kafka_client::Network {
        kafka_client::Network::of(Line {
            network: self.clone(),
            client: client.to_owned(),
        })
    }

    /// Nothing goes wrong any more.
    pub(crate) fn heal(&self) {
        let mut state = self.state();
        state.faults = Faults::NONE;
        state.isolated.clear();
        state.muted.clear();
    }

    /// Whether nothing is on its way any more that somebody may have given up.
    pub(crate) fn is_quiet(&self) -> bool {
        self.state().late == 0
    }

    fn late(&self) -> Late {
        self.state().late += 1;
        Late(self.clone())
    }

    /// Cuts a broker off for some time.
    pub(crate) fn isolate(&self, node: i32, time: Duration) {
        let mut state = self.state();
        state.isolated.insert(node, Instant::now() + time);
        let cuts = state.cuts.remove(&node).unwrap_or_default();
        drop(state);
        cuts.iter().for_each(|cut| cut.notify_one());
    }

    /// Loses what a broker answers for some time.
    pub(crate) fn mute(&self, node: i32, time: Duration) {
        self.state().muted.insert(node, Instant::now() + time);
    }

    fn is_muted(&self, node: i32) -> bool {
        let until = self.state().muted.get(&node).copied();
        until.is_some_and(|until| Instant::now() < until)
    }

    /// Holds up everything from and to a broker for some time.
    pub(crate) fn freeze(&self, node: i32, time: Duration) {
        self.state().frozen.insert(node, Instant::now() + time);
    }

    async fn thaw(&self, node: i32) {
        let until = self.state().frozen.get(&node).copied();
        if let Some(until) = until {
            sleep_until(until).await;
        }
    }

    async fn connect(&self, client: &str, port: u16) -> io::Result<DuplexStream> {
        let node = i32::from(port) - i32::from(FIRST_PORT) + 1;
        let (wait, refused, number) = {
            let mut state = self.state();
            state.connections += 1;
            let number = state.connections;
            let refuse = state.faults.refuse;
            let wait = state.latency();
            (wait, state.rng.u32(..1000) < refuse, number)
        };
        sleep(wait).await;
        let is_isolated = self
            .state()
            .isolated
            .get(&node)
            .is_some_and(|until| Instant::now() < *until);
        if refused || is_isolated {
            self.0
                .trace
                .note(format!("{client} cannot reach broker {node}"));
            return Err(io::ErrorKind::ConnectionRefused.into());
        }
        let (ours, near) = duplex(PIPE);
        let (far, theirs) = duplex(PIPE);
        self.0
            .broker
            .serve(node, theirs)
            .map_err(io::Error::other)?;
        let cut = Arc::new(Notify::new());
        self.state().cuts.entry(node).or_default().push(cut.clone());
        let pipe = Pipe {
            network: self.clone(),
            name: format!("{client}/{number}/{node}").into(),
            node,
            asked: Mutex::default(),
        };
        tokio::spawn(async move {
            let (near_read, near_write) = split(near);
            let (far_read, far_write) = split(far);
            let (sent, requests) = unbounded_channel();
            let heard = async {
                pipe.hear(near_read, sent).await;
                // What is on its way still arrives.
                pending::<()>().await;
            };
            tokio::select! {
                biased;
                () = cut.notified() => {}
                () = heard => {}
                () = pipe.requests(requests, far_write) => {}
                () = pipe.answers(far_read, near_write) => {}
            }
        });
        Ok(ours)
    }

    /// Has a broker carry out a request that nobody waits for, later.
    fn repeat(&self, node: i32, frame: Bytes, after: Duration) {
        let (network, late) = (self.clone(), self.late());
        tokio::spawn(async move {
            let _late = late;
            sleep(after).await;
            let (mut ours, theirs) = duplex(PIPE);
            if network.0.broker.serve(node, theirs).is_ok() && send(&mut ours, &frame).await.is_ok()
            {
                network
                    .0
                    .trace
                    .note(format!("broker {node} gets a batch again"));
                // The answer shows that it was carried out.
                let _ = next_frame(&mut ours, &mut BytesMut::new()).await;
            }
        });
    }
}

impl State {
    fn latency(&mut self) -> Duration {
        let most = self.faults.latency.as_micros() as u64;
        Duration::from_micros(self.rng.u64(..=most))
    }

    fn fate(&mut self, key: i16) -> (Duration, Fate) {
        let delay = self.latency();
        let faults = self.faults;
        let stall = faults.longest_stall.mul_f64(self.rng.f64());
        let mut at = self.rng.u32(..1000);
        for (rate, delay, fate) in [
            (faults.lose_request, delay, Fate::RequestLost),
            (faults.cut_request, delay, Fate::RequestCut),
            (faults.lose_answer, delay, Fate::AnswerLost),
            (faults.cut_answer, delay, Fate::AnswerCut),
            (faults.repeat_answer, delay, Fate::AnswerRepeated),
            (faults.stall, delay + stall, Fate::Carried),
        ] {
            match at.checked_sub(rate) {
                Some(rest) => at = rest,
                None => return (delay, fate),
            }
        }
        let is_repeated =
            key == ProduceRequest::KEY && self.rng.u32(..1000) < faults.repeat_produce;
        let fate = if is_repeated {
            Fate::Repeated(stall)
        } else {
            Fate::Carried
        };
        (delay, fate)
    }
}

impl Connector for Line {
    fn connect<'a>(&'a self, _host: &'a str, port: u16) -> Connecting<'a> {
        Box::pin(async move {
            let stream = self.network.connect(&self.client, port).await?;
            Ok(Box::new(stream) as Box<dyn Transport>)
        })
    }
}

/// One connection.
struct Pipe {
    network: Network,
    /// Who is connected, the number of the connection, and to which broker.
    name: Arc<str>,
    node: i32,
    asked: Mutex<VecDeque<Asked>>,
}

impl Pipe {
    fn note(&self, text: &str) {
        self.network.0.trace.note(format!("{}: {text}", self.name));
    }

    fn trace(&self, is_answer: bool, key: i16, version: i16, frame: &Bytes) {
        let at = if is_answer { 0 } else { 4 };
        let correlation = correlation_id(&frame.slice(at..)).unwrap_or(-1);
        self.network.0.trace.push(What::Message {
            connection: self.name.clone(),
            is_answer,
            key,
            version,
            correlation,
            len: frame.len(),
            hash: hash(frame),
        });
    }

    /// Takes what the client sends in the moment in which it does.
    async fn hear(&self, mut from: ReadHalf<DuplexStream>, sent: UnboundedSender<Request>) {
        let mut received = BytesMut::new();
        while let Some(frame) = next_frame(&mut from, &mut received).await {
            let (header, _, content) = decode_request_header(&frame).expect("a request of ours");
            let (key, version) = (header.request_api_key, header.request_api_version);
            self.trace(false, key, version, &frame);
            if key == OffsetCommitRequest::KEY {
                let commit = OffsetCommitRequest::decode(content, version);
                let member = header.client_id.unwrap_or_default();
                let journal = &self.network.0.journal;
                journal.committing(&member, &commit.expect("a commit of ours"));
            }
            let request = Request {
                key,
                version,
                frame,
            };
            if sent.send(request).is_err() {
                return;
            }
        }
    }

    /// Carries requests, until the client has ended the connection or a fault does.
    async fn requests(
        &self,
        mut sent: UnboundedReceiver<Request>,
        mut to: WriteHalf<DuplexStream>,
    ) {
        while let Some(request) = sent.recv().await {
            let Request {
                key,
                version,
                frame,
            } = request;
            let (delay, fate) = self.network.state().fate(key);
            let late = self.network.late();
            sleep(delay).await;
            self.network.thaw(self.node).await;
            match fate {
                Fate::RequestLost => return self.note("cut, and a request lost"),
                Fate::RequestCut => {
                    let _ = to.write_all(&(frame.len() as i32).to_be_bytes()).await;
                    let _ = to.write_all(&frame[..frame.len() / 2]).await;
                    return self.note("cut within a request");
                }
                Fate::Repeated(after) => {
                    self.network.repeat(self.node, frame.clone(), after);
                }
                _ => {}
            }
            let asked = Asked { key, version, fate };
            self.asked.lock().unwrap().push_back(asked);
            if send(&mut to, &frame).await.is_err() {
                return;
            }
            drop(late);
        }
    }

    /// Carries answers, until the broker ends the connection or a fault does.
    async fn answers(&self, mut from: ReadHalf<DuplexStream>, mut to: WriteHalf<DuplexStream>) {
        let mut received = BytesMut::new();
        while let Some(frame) = next_frame(&mut from, &mut received).await {
            let asked = self.asked.lock().unwrap().pop_front();
            let asked = asked.expect("a broker answers what it was asked");
            let delay = self.network.state().latency();
            sleep(delay).await;
            self.network.thaw(self.node).await;
            self.trace(true, asked.key, asked.version, &frame);
            let fate = if self.network.is_muted(self.node) {
                Fate::AnswerLost
            } else {
                asked.fate
            };
            match fate {
                Fate::AnswerLost => return self.note("cut, and the answer lost"),
                Fate::AnswerCut => {
                    let _ = to.write_all(&(frame.len() as i32).to_be_bytes()).await;
                    let _ = to.write_all(&frame[..frame.len() / 2]).await;
                    return self.note("cut within the answer");
                }
                Fate::AnswerRepeated => {
                    self.note("the answer comes twice");
                    let _ = send(&mut to, &frame).await;
                }
                _ => {}
            }
            // A client that is gone does not keep the broker from carrying out what is still on its way.
            let _ = send(&mut to, &frame).await;
        }
    }
}

async fn send(to: &mut (impl AsyncWriteExt + Unpin), frame: &[u8]) -> io::Result<()> {
    let mut whole = Vec::with_capacity(frame.len() + 4);
    whole.extend_from_slice(&(frame.len() as i32).to_be_bytes());
    whole.extend_from_slice(frame);
    to.write_all(&whole).await
}

/// The next whole frame, without its length; `None` at the end.
pub(crate) async fn next_frame(
    from: &mut (impl AsyncReadExt + Unpin),
    received: &mut BytesMut,
) -> Option<Bytes> {
    loop {
        if let Ok(Some(frame)) = take_frame(received, usize::MAX >> 1) {
            return Some(frame);
        }
        if from.read_buf(received).await.ok()? == 0 {
            return None;
        }
    }
}
