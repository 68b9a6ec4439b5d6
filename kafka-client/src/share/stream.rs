//! A share consumer as a `Stream`.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_core::Stream;

use super::{ShareBatch, ShareConsumer, ShareRecords};
use crate::error::{Error, Result};

/// How long one poll of the stream waits before the next one begins; nobody sees the difference.
const POLL: Duration = Duration::from_secs(5);

type Polling = Pin<Box<dyn Future<Output = Result<ShareRecords>> + Send>>;

/// The batches of a share consumer, one after another, without end: see [`ShareConsumer::stream`].
pub struct ShareBatchStream {
    consumer: ShareConsumer,
    ready: std::vec::IntoIter<ShareBatch>,
    polling: Option<Polling>,
}

impl ShareBatchStream {
    pub(super) fn new(consumer: ShareConsumer) -> Self {
        Self {
            consumer,
            ready: Vec::new().into_iter(),
            polling: None,
        }
    }
}

impl Stream for ShareBatchStream {
    type Item = Result<ShareBatch>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            if let Some(batch) = self.ready.next() {
                return Poll::Ready(Some(Ok(batch)));
            }
            let consumer = self.consumer.clone();
            let polling = self
                .polling
                .get_or_insert_with(|| Box::pin(async move { consumer.poll(POLL).await }));
            let polled = std::task::ready!(polling.as_mut().poll(cx));
            self.polling = None;
            match polled {
                Ok(records) => self.ready = records.into_iter(),
                Err(Error::Closed { .. }) => return Poll::Ready(None),
                Err(error) => return Poll::Ready(Some(Err(error))),
            }
        }
    }
}

impl fmt::Debug for ShareBatchStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ShareBatchStream")
            .field("ready", &self.ready.len())
            .finish_non_exhaustive()
    }
}
