use std::future::poll_fn;
use std::io;
use std::pin::pin;
use std::sync::mpsc;
use std::task::{Context, Poll};

use super::lifecycle::Stopped;
use super::{StopHandle, StreamingContext};
use crate::EngineError;

impl StreamingContext {
    /// Stops this context gracefully on SIGTERM or SIGINT (Ctrl-C), and at once on a second one (Spark's
    /// `spark.streaming.stopGracefullyOnShutdown`). Needs no runtime: a thread of its own waits for the signals until the
    /// context is stopped.
    ///
    /// From the first call on, these signals no longer end the process by themselves, also after the context has stopped:
    /// `main` ends it when [`await_termination`](StreamingContext::await_termination) returns. On Windows it is
    /// Ctrl-C alone that is listened to.
    ///
    /// # Errors
    /// [`EngineError::Setting`] if the operating system refuses the handlers or the thread.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use stream_engine::{RddQueue, StreamingContext};
    /// # let ssc = StreamingContext::builder("app").batch_duration(Duration::from_millis(5)).threads(1).build()?;
    /// # let handle = ssc.stop_handle();
    /// # ssc.queue_stream(&RddQueue::<u8>::new())?.foreach_rdd(move |_| handle.stop());
    /// ssc.stop_on_signals()?;
    /// ssc.start()?.await_termination_blocking()?;
    /// # Ok::<_, stream_engine::EngineError>(())
    /// ```
    pub fn stop_on_signals(&self) -> Result<(), EngineError> {
        let refused = |error: io::Error| EngineError::Setting {
            setting: "stop_on_signals",
            problem: format!("signals cannot be listened to: {error}"),
        };
        let (handle, stopped) = (self.stop_handle(), self.shared().lifecycle.stopped());
        let (installed, wait_installed) = mpsc::sync_channel(1);
        std::thread::Builder::new()
            .name("stream-signals".to_owned())
            .spawn(move || {
                if let Err(error) = listen(&handle, stopped, &installed) {
                    let _ = installed.send(Err(error));
                }
            })
            .map_err(refused)?;
        wait_installed
            .recv()
            .unwrap_or_else(|_| Err(io::Error::other("the listening thread ended")))
            .map_err(refused)
    }
}

/// Says `installed` when the handlers are there, then turns signals into stops until the context is stopped.
fn listen(
    handle: &StopHandle,
    stopped: Stopped,
    installed: &mpsc::SyncSender<io::Result<()>>,
) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .build()?;
    runtime.block_on(async {
        let mut signals = Signals::install()?;
        let _ = installed.send(Ok(()));
        let mut stopped = pin!(stopped.wait());
        let mut received = 0;
        loop {
            let signalled = poll_fn(|cx| match stopped.as_mut().poll(cx) {
                Poll::Ready(()) => Poll::Ready(false),
                Poll::Pending => signals.poll(cx).map(|()| true),
            });
            if !signalled.await {
                return Ok(());
            }
            received += 1;
            if received == 1 {
                tracing::info!("a signal: stopping after the current batch; at once on another");
                handle.stop_gracefully();
            } else {
                tracing::info!("another signal: stopping at once");
                handle.stop();
            }
        }
    })
}

#[cfg(unix)]
struct Signals {
    terminate: tokio::signal::unix::Signal,
    interrupt: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    fn install() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Signals {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        // Both are asked, so that both wake the task.
        let terminate = self.terminate.poll_recv(cx).is_ready();
        let interrupt = self.interrupt.poll_recv(cx).is_ready();
        if terminate || interrupt {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    }
}

#[cfg(windows)]
struct Signals {
    interrupt: tokio::signal::windows::CtrlC,
}

#[cfg(windows)]
impl Signals {
    fn install() -> io::Result<Self> {
        Ok(Signals {
            interrupt: tokio::signal::windows::ctrl_c()?,
        })
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.interrupt.poll_recv(cx).map(|_| ())
    }
}
