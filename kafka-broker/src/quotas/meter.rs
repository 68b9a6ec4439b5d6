//! How much is used: by Kafka's arithmetic, so that the same use is throttled as long as there.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// How many windows are looked at (`quota.window.num`).
pub(super) const WINDOWS: usize = 11;
/// How long a window is (`quota.window.size.seconds`).
const WINDOW: Duration = Duration::from_secs(1);

/// Use per second over the last windows.
#[derive(Debug, Default)]
pub(super) struct Rate {
    /// When each began, and what was used in it. Oldest first.
    windows: VecDeque<(Instant, f64)>,
}

impl Rate {
    /// Counts a use.
    pub(super) fn record(&mut self, amount: f64, now: Instant) {
        self.forget(now);
        match self.windows.back_mut() {
            Some((start, used)) if now.saturating_duration_since(*start) < WINDOW => {
                *used += amount;
            }
            _ => {
                self.windows.push_back((now, amount));
                if self.windows.len() > WINDOWS {
                    self.windows.pop_front();
                }
            }
        }
    }

    /// For how long nothing may be used, so that the rate falls to the limit.
    pub(super) fn throttle(&mut self, limit: f64, now: Instant) -> Duration {
        self.forget(now);
        let Some((oldest, _)) = self.windows.front() else {
            return Duration::ZERO;
        };
        let elapsed = now.saturating_duration_since(*oldest).as_secs_f64();
        // A rate is never taken over less than all whole windows: a first large use is spread over them.
        let missing = (WINDOWS as f64 - 1.0 - elapsed.floor()).max(0.0);
        let seconds = elapsed + missing;
        let used: f64 = self.windows.iter().map(|(_, used)| used).sum();
        let rate = used / seconds;
        if rate <= limit {
            return Duration::ZERO;
        }
        let millis = ((rate - limit) / limit * seconds * 1000.0).round();
        Duration::from_millis(millis.min(u32::MAX.into()) as u64)
    }

    pub(super) fn is_in_use(&self, now: Instant) -> bool {
        let last = self.windows.back();
        last.is_some_and(|(start, _)| !is_over(*start, now))
    }

    fn forget(&mut self, now: Instant) {
        while self
            .windows
            .front()
            .is_some_and(|(start, _)| is_over(*start, now))
        {
            self.windows.pop_front();
        }
    }
}

fn is_over(start: Instant, now: Instant) -> bool {
    now.saturating_duration_since(start) >= WINDOW * WINDOWS as u32
}

/// Tokens that come back with time; there may be debts (KIP-599).
#[derive(Debug)]
pub(super) struct TokenBucket {
    tokens: f64,
    last: Instant,
}

impl TokenBucket {
    /// As many tokens as there may be at most.
    pub(super) fn full(limit: f64, now: Instant) -> Self {
        Self {
            tokens: limit * WINDOWS as f64,
            last: now,
        }
    }

    /// Takes tokens, also those that are not there yet. Answers how long it takes until the debt is paid; where that is
    /// strict, who has debts gets nothing.
    pub(super) fn take(
        &mut self,
        amount: f64,
        limit: f64,
        is_strict: bool,
        now: Instant,
    ) -> Result<Duration, Duration> {
        let elapsed = now.saturating_duration_since(self.last).as_secs_f64();
        self.tokens = (self.tokens + elapsed * limit).min(limit * WINDOWS as f64);
        self.last = now;
        let debt = |tokens: f64| {
            let millis = (-tokens / limit * 1000.0).max(0.0).round();
            Duration::from_millis(millis.min(u32::MAX.into()) as u64)
        };
        if is_strict && self.tokens < 0.0 {
            return Err(debt(self.tokens));
        }
        self.tokens -= amount;
        Ok(if is_strict {
            Duration::ZERO
        } else {
            debt(self.tokens)
        })
    }
}
