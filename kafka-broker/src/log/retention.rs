//! What a log forgets: its oldest segments by size and age, and what a client says.

use super::{OffsetOutOfRange, PartitionLog, Segment};
use crate::configs::LogSettings;

/// After how long, by its records, a new segment is sealed.
pub(super) fn segment_millis(settings: &LogSettings) -> i64 {
    let jitter = settings.segment_jitter_millis.min(settings.segment_millis);
    let less = if jitter > 0 {
        fastrand::i64(0..jitter)
    } else {
        0
    };
    settings.segment_millis - less
}

impl PartitionLog {
    /// Goes by other settings from now on.
    pub(crate) fn configure(&mut self, settings: LogSettings) {
        self.settings = settings;
        self.segment_millis = segment_millis(&settings);
        self.retain();
    }

    /// Drops the oldest segments as long as the rest has as many bytes as are to be kept.
    pub(super) fn retain(&mut self) {
        let Some(retention_bytes) = self.settings.retention_bytes else {
            return;
        };
        while self.settings.delete
            && self.segments.len() > 1
            && let Some(oldest) = self.segments.front()
            && self.size - oldest.len() as u64 >= retention_bytes
        {
            self.drop_oldest();
        }
    }

    /// Drops the oldest segments as long as all of their records are older than is to be kept, also the active one. The
    /// time is in milliseconds since 1970.
    pub(crate) fn expire(&mut self, now: i64) {
        let Some(retention) = self
            .settings
            .retention_millis
            .filter(|_| self.settings.delete)
        else {
            return;
        };
        while let Some(oldest) = self.segments.front()
            && (self.is_hollow(oldest)
                || oldest.max_timestamp() >= 0
                    && now.saturating_sub(oldest.max_timestamp()) > retention)
        {
            self.drop_oldest();
        }
    }

    /// Has the log start at `offset`; -1 stands for its end. Answers where it starts.
    pub(crate) fn delete_before(&mut self, offset: i64) -> Result<i64, OffsetOutOfRange> {
        let end = self.high_watermark();
        let offset = if offset == -1 { end } else { offset };
        if !(0..=end).contains(&offset) {
            return Err(OffsetOutOfRange);
        }
        self.start = self.start.max(offset);
        while let Some(oldest) = self.segments.front()
            && (self.is_hollow(oldest) || oldest.len() > 0 && oldest.next_offset() <= self.start)
        {
            self.drop_oldest();
        }
        self.transactions.forget_before(self.start);
        // Whoever waits for records before the new start is told that they are gone.
        self.wake();
        Ok(self.start)
    }

    /// Whether compaction has left nothing of a segment.
    fn is_hollow(&self, oldest: &Segment) -> bool {
        oldest.len() == 0 && self.segments.len() > 1
    }

    fn drop_oldest(&mut self) {
        let Some(oldest) = self.segments.pop_front() else {
            return;
        };
        self.cuts += 1;
        self.size -= oldest.len() as u64;
        if self.segments.is_empty() {
            self.segments
                .push_back(Segment::new(oldest.next_offset(), 0));
        }
        let first = self.segments.front().map_or(0, Segment::base_offset);
        self.start = self.start.max(first);
        self.dirty_from = self.dirty_from.max(self.start);
        self.transactions.forget_before(self.start);
    }
}
