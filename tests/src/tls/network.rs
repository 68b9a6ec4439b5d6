//! A network between a client and a listener that harms connections at places that a seed decides.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::sleep;

/// What is done to one direction of a connection, once so many bytes have gone through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Harm {
    /// Both directions are reset.
    Cut(usize),
    /// What comes after is lost, and the stream ends as if that were all.
    Truncate(usize),
    /// What comes after waits.
    Delay(usize, Duration),
}

/// A port that leads to another one.
#[derive(Debug)]
pub struct RoughNetwork {
    /// Where to connect to.
    pub address: SocketAddr,
    harmed: Arc<AtomicUsize>,
}

impl RoughNetwork {
    /// Leads to `to`. `plan` says what happens to connection 0, 1 and so on: towards the listener, and back.
    ///
    /// # Errors
    /// When there is no port to listen on.
    pub async fn start(
        to: SocketAddr,
        mut plan: impl FnMut(usize) -> [Option<Harm>; 2] + Send + 'static,
    ) -> io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        let harmed = Arc::new(AtomicUsize::new(0));
        let counted = harmed.clone();
        tokio::spawn(async move {
            let mut number = 0;
            while let Ok((near, _)) = listener.accept().await {
                let [there, back] = plan(number);
                number += 1;
                let harmed = counted.clone();
                tokio::spawn(async move {
                    let Ok(far) = TcpStream::connect(to).await else {
                        return;
                    };
                    if [there, back]
                        .iter()
                        .any(|harm| matches!(harm, Some(Harm::Cut(_))))
                    {
                        // What is closed without lingering is reset.
                        let _ = (near.set_zero_linger(), far.set_zero_linger());
                    }
                    let (near_read, near_write) = near.into_split();
                    let (far_read, far_write) = far.into_split();
                    tokio::select! {
                        () = carry(near_read, far_write, there, &harmed) => {}
                        () = carry(far_read, near_write, back, &harmed) => {}
                    }
                });
            }
        });
        Ok(Self { address, harmed })
    }

    /// How often harm was done.
    pub fn harmed(&self) -> usize {
        self.harmed.load(Ordering::Relaxed)
    }
}

/// Carries one direction until it ends, which ends the other as well.
async fn carry(
    mut from: impl AsyncReadExt + Unpin,
    mut to: impl AsyncWriteExt + Unpin,
    mut harm: Option<Harm>,
    harmed: &AtomicUsize,
) {
    let mut buffer = vec![0; 16 << 10];
    let mut carried = 0;
    loop {
        let read = match from.read(&mut buffer).await {
            Ok(0) | Err(_) => return,
            Ok(read) => read,
        };
        let mut rest = &buffer[..read];
        if let Some(planned) = harm {
            let (Harm::Cut(at) | Harm::Truncate(at) | Harm::Delay(at, _)) = planned;
            if carried + read > at {
                harm = None;
                harmed.fetch_add(1, Ordering::Relaxed);
                let (before, after) = rest.split_at(at - carried);
                if to.write_all(before).await.is_err() {
                    return;
                }
                match planned {
                    Harm::Cut(_) => return,
                    Harm::Truncate(_) => {
                        let _ = to.shutdown().await;
                        return;
                    }
                    Harm::Delay(_, time) => sleep(time).await,
                }
                carried = at;
                rest = after;
            }
        }
        if to.write_all(rest).await.is_err() {
            return;
        }
        carried += rest.len();
    }
}
