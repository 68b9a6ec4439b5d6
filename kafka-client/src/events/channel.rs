//! From those who make events to those who read them: bounded, and nobody waits.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use super::event::Event;
use super::stream::EventStream;

/// How many events are held for those who read.
pub(super) const CAPACITY: usize = 1024;

/// Where a client puts its events; a cheap handle. The streams end when the last one is dropped, or it is closed.
#[derive(Debug, Clone)]
pub(crate) struct Events(Arc<Source>);

#[derive(Debug)]
struct Source(Arc<Channel>);

impl Drop for Source {
    fn drop(&mut self) {
        self.0.close();
    }
}

/// What the source and the streams share.
#[derive(Debug, Default)]
pub(super) struct Channel {
    /// How many streams there are: without one, nothing is done for an event.
    readers: AtomicUsize,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// The latest events.
    held: VecDeque<Event>,
    /// The number of the event that comes next.
    next: u64,
    is_closed: bool,
    /// Who waits, by the number of the reader.
    waiting: HashMap<u64, Waker>,
    next_reader: u64,
}

/// How far a reader is.
#[derive(Debug)]
pub(super) struct Cursor {
    reader: u64,
    /// The number of the event to read next.
    next: u64,
}

impl Default for Events {
    fn default() -> Self {
        Self(Arc::new(Source(Arc::default())))
    }
}

impl Events {
    /// Tells the readers, if there are any. Takes a moment and never waits for anybody.
    pub(crate) fn tell(&self, event: impl FnOnce() -> Event) {
        self.tell_all(|| [event()]);
    }

    /// The same with several events, or none.
    pub(crate) fn tell_all<E: IntoIterator<Item = Event>>(&self, events: impl FnOnce() -> E) {
        let channel = &self.0.0;
        if channel.readers.load(Ordering::Acquire) == 0 {
            return;
        }
        let events = events().into_iter();
        let mut state = channel.state();
        for event in events {
            if state.held.len() == CAPACITY {
                state.held.pop_front();
            }
            state.held.push_back(event);
            state.next += 1;
        }
        let waiting = std::mem::take(&mut state.waiting);
        drop(state);
        // Whoever is woken may do anything, and must not find the channel locked.
        waiting.into_values().for_each(Waker::wake);
    }

    /// Whether somebody wants to know.
    pub(crate) fn has_readers(&self) -> bool {
        self.0.0.readers.load(Ordering::Acquire) > 0
    }

    /// What happens from now on.
    pub(crate) fn subscribe(&self) -> EventStream {
        let channel = self.0.0.clone();
        channel.readers.fetch_add(1, Ordering::AcqRel);
        let mut state = channel.state();
        state.next_reader += 1;
        let cursor = Cursor {
            reader: state.next_reader,
            next: state.next,
        };
        drop(state);
        EventStream::new(channel, cursor)
    }

    /// Ends all streams, once they have told what they have.
    pub(crate) fn close(&self) {
        self.0.0.close();
    }
}

impl Channel {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn close(&self) {
        let mut state = self.state();
        state.is_closed = true;
        let waiting = std::mem::take(&mut state.waiting);
        drop(state);
        waiting.into_values().for_each(Waker::wake);
    }

    /// The reader's next event; how many it has missed, where it was too slow; `None` at the end.
    pub(super) fn poll_next(
        &self,
        cursor: &mut Cursor,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Event>> {
        let mut state = self.state();
        let oldest = state.next - state.held.len() as u64;
        if cursor.next < oldest {
            let events = oldest - cursor.next;
            cursor.next = oldest;
            return Poll::Ready(Some(Event::Missed { events }));
        }
        let at = (cursor.next - oldest) as usize;
        match state.held.get(at).cloned() {
            Some(event) => {
                cursor.next += 1;
                Poll::Ready(Some(event))
            }
            None if state.is_closed => Poll::Ready(None),
            None => {
                state.waiting.insert(cursor.reader, cx.waker().clone());
                Poll::Pending
            }
        }
    }

    /// A stream was dropped.
    pub(super) fn leave(&self, cursor: &Cursor) {
        let mut state = self.state();
        state.waiting.remove(&cursor.reader);
        if self.readers.fetch_sub(1, Ordering::AcqRel) == 1 {
            state.held.clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;

    use futures_core::Stream;

    use super::*;

    fn event(events: u64) -> Event {
        Event::Missed { events }
    }

    fn read(stream: &mut EventStream) -> Poll<Option<Event>> {
        pin!(stream).poll_next(&mut Context::from_waker(Waker::noop()))
    }

    #[test]
    fn each_stream_is_told_everything_from_when_it_began() {
        let events = Events::default();
        events.tell(|| unreachable!("nobody reads"));
        let mut first = events.subscribe();
        events.tell(|| event(1));
        let mut second = events.subscribe();
        events.tell_all(|| [event(2), event(3)]);
        for expected in [1, 2, 3] {
            assert_eq!(read(&mut first), Poll::Ready(Some(event(expected))));
        }
        assert_eq!(read(&mut first), Poll::Pending);
        assert_eq!(read(&mut second), Poll::Ready(Some(event(2))));
        drop(events);
        assert_eq!(read(&mut second), Poll::Ready(Some(event(3))));
        assert_eq!(read(&mut first), Poll::Ready(None));
        assert_eq!(read(&mut second), Poll::Ready(None));
    }

    #[test]
    fn a_slow_reader_loses_the_oldest_and_learns_how_many() {
        let events = Events::default();
        let mut slow = events.subscribe();
        let told = CAPACITY as u64 + 5;
        (0..told).for_each(|number| events.tell(|| event(number)));
        assert_eq!(read(&mut slow), Poll::Ready(Some(event(5))), "5 are missed");
        for expected in 5..told {
            assert_eq!(read(&mut slow), Poll::Ready(Some(event(expected))));
        }
        assert_eq!(read(&mut slow), Poll::Pending);
    }

    #[test]
    fn nothing_is_held_once_nobody_reads() {
        let events = Events::default();
        let stream = events.subscribe();
        events.tell(|| event(1));
        drop(stream);
        assert!(!events.has_readers());
        assert!(events.0.0.state().held.is_empty());
        let mut later = events.subscribe();
        assert_eq!(read(&mut later), Poll::Pending);
    }

    #[tokio::test]
    async fn who_waits_is_woken() {
        let events = Events::default();
        let mut stream = events.subscribe();
        let reader = tokio::spawn(async move { (stream.next().await, stream.next().await) });
        tokio::task::yield_now().await;
        events.tell(|| event(1));
        tokio::task::yield_now().await;
        events.close();
        assert_eq!(reader.await.unwrap(), (Some(event(1)), None));
    }
}
