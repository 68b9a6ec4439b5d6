//! Events as a `Stream`.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_core::Stream;

use super::channel::{CAPACITY, Channel, Cursor};
use super::event::Event;

/// What happens to a client from when the stream was made; ends when the client is closed or dropped. See the
/// [module](super).
#[derive(Debug)]
#[must_use = "events are gathered as long as there is a stream, and are lost with it"]
pub struct EventStream {
    channel: Arc<Channel>,
    cursor: Cursor,
}

impl EventStream {
    /// How many events are held for a reader that is slow.
    pub const CAPACITY: usize = CAPACITY;

    pub(super) fn new(channel: Arc<Channel>, cursor: Cursor) -> Self {
        Self { channel, cursor }
    }

    /// The next event; `None` when the client has ended. Cancel-safe: nothing is lost.
    pub async fn next(&mut self) -> Option<Event> {
        std::future::poll_fn(|cx| self.channel.poll_next(&mut self.cursor, cx)).await
    }
}

impl Stream for EventStream {
    type Item = Event;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Event>> {
        let Self { channel, cursor } = self.get_mut();
        channel.poll_next(cursor, cx)
    }
}

impl Drop for EventStream {
    fn drop(&mut self) {
        self.channel.leave(&self.cursor);
    }
}
