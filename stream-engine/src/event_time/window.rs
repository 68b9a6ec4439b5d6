use std::fmt;
use std::time::Duration;

use super::setting::whole_millis;
use crate::{EngineError, Operator, Time};

/// A stretch of event time, from its start up to but not including its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Window {
    /// The first moment that belongs to it.
    pub start: Time,
    /// The first moment after it.
    pub end: Time,
}

impl Window {
    /// From `start` to before `end`, in the signed milliseconds that windows are computed in. A window that would begin before
    /// the epoch begins at it.
    pub(super) fn between(start: i64, end: i64) -> Self {
        let time = |millis: i64| Time::from_millis(u64::try_from(millis).unwrap_or(0));
        Window {
            start: time(start),
            end: time(end),
        }
    }

    /// Whether the window holds this moment.
    pub fn contains(&self, time: Time) -> bool {
        self.start <= time && time < self.end
    }
}

impl fmt::Display for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{}, {})", self.start.as_millis(), self.end)
    }
}

/// How event time is cut into windows, and for how long windows that have fired take late records.
///
/// ```
/// use stream_engine::event_time::Windows;
/// use stream_engine::testkit::secs;
///
/// let every_minute = Windows::tumbling(secs(60));
/// let last_hour_every_minute = Windows::sliding(secs(3600), secs(60)).allowed_lateness(secs(30));
/// let visits = Windows::session(secs(600));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Windows {
    kind: Kind,
    offset: Duration,
    allowed_lateness: Duration,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Aligned { size: Duration, slide: Duration },
    Session { gap: Duration },
}

/// Checked windows, in milliseconds.
pub(super) enum Layout {
    Aligned(Slices),
    Session { gap: i64 },
}

impl Windows {
    /// Windows of the same size side by side: each record is in one of them.
    pub const fn tumbling(size: Duration) -> Self {
        Windows::sliding(size, size)
    }

    /// Windows of one size that begin every `slide` (hopping windows): each record is in `size / slide` of them, rounded up or
    /// down. With a slide longer than the size there are gaps, and records in a gap are in no window: they are left out and are
    /// not late.
    pub const fn sliding(size: Duration, slide: Duration) -> Self {
        Windows {
            kind: Kind::Aligned { size, slide },
            offset: Duration::ZERO,
            allowed_lateness: Duration::ZERO,
        }
    }

    /// A window for each burst of records of a key: it ends `gap` after its last record. Records less than `gap` apart are in the
    /// same session; one that comes exactly `gap` after the last begins a new session, whether or not the old one has fired.
    pub const fn session(gap: Duration) -> Self {
        Windows {
            kind: Kind::Session { gap },
            offset: Duration::ZERO,
            allowed_lateness: Duration::ZERO,
        }
    }

    /// Tumbling and sliding windows begin at `offset` after multiples of the slide since the epoch instead of at them, such as
    /// days that begin at 6 o'clock. Less than the slide.
    pub const fn offset(mut self, offset: Duration) -> Self {
        self.offset = offset;
        self
    }

    /// For how long after its end, in event time, a window still takes late records; each batch with such records fires an
    /// updated result. By default not at all. The window's state is kept that much longer.
    pub const fn allowed_lateness(mut self, lateness: Duration) -> Self {
        self.allowed_lateness = lateness;
        self
    }

    /// The allowed lateness in milliseconds.
    pub(super) fn lateness(&self, operator: Operator) -> Result<i64, EngineError> {
        whole_millis(operator, "allowed lateness", self.allowed_lateness)
    }

    pub(super) fn layout(&self, operator: Operator) -> Result<Layout, EngineError> {
        let length = |name: &str, duration| match whole_millis(operator, name, duration)? {
            0 => Err(EngineError::Graph {
                operator,
                problem: format!("the {name} is zero: it must be at least a millisecond"),
            }),
            millis => Ok(millis),
        };
        let offset = whole_millis(operator, "window offset", self.offset)?;
        match self.kind {
            Kind::Aligned { size, slide } => {
                let (size, slide) = (length("window", size)?, length("slide", slide)?);
                if offset >= slide {
                    let problem = format!(
                        "the window offset of {:?} must be less than the slide, {slide} ms: windows repeat every slide, so take the remainder",
                        self.offset
                    );
                    return Err(EngineError::Graph { operator, problem });
                }
                Ok(Layout::Aligned(Slices {
                    size,
                    slide,
                    offset,
                }))
            }
            Kind::Session { .. } if offset != 0 => Err(EngineError::Graph {
                operator,
                problem:
                    "session windows begin with their first record, so they have no offset: leave it out"
                        .to_owned(),
            }),
            Kind::Session { gap } => Ok(Layout::Session {
                gap: length("session gap", gap)?,
            }),
        }
    }
}

/// Tumbling and sliding windows, cut at every window's start and end into slices. All moments of a slice are in the same windows,
/// so a record is added to one slice however many windows overlap, and there are at most two slices per slide.
///
/// Windows and slices are known by their end: it is after the epoch and differs between windows.
#[derive(Clone, Copy, Debug)]
pub(super) struct Slices {
    pub(super) size: i64,
    pub(super) slide: i64,
    pub(super) offset: i64,
}

impl Slices {
    /// The start and end of the slice with this moment.
    pub(super) fn slice(&self, time: i64) -> (i64, i64) {
        let since_start = (time - self.offset).rem_euclid(self.slide);
        let since_end = (time - self.offset - self.size).rem_euclid(self.slide);
        (
            time - since_start.min(since_end),
            time + self.slide - since_start.max(since_end),
        )
    }

    /// The end of the first window that ends after this moment.
    pub(super) fn first_end(&self, time: i64) -> i64 {
        time - (time - self.offset - self.size).rem_euclid(self.slide) + self.slide
    }

    /// The end of the last window that begins at or before this moment.
    pub(super) fn last_end(&self, time: i64) -> i64 {
        time - (time - self.offset).rem_euclid(self.slide) + self.size
    }

    /// The ends of the windows with this moment, in order.
    pub(super) fn ends(&self, time: i64) -> impl Iterator<Item = i64> + use<> {
        let (first, last) = (self.first_end(time), self.last_end(time));
        (first..=last).step_by(usize::try_from(self.slide).unwrap_or(usize::MAX))
    }

    pub(super) fn window(&self, end: i64) -> Window {
        Window::between(end - self.size, end)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::testkit::secs;

    #[test]
    fn windows_lie_where_size_slide_and_offset_put_them() {
        type Case = (i64, i64, i64, i64, &'static [(u64, u64)]);
        let cases: [Case; 9] = [
            (10, 10, 0, 0, &[(0, 10)]),
            (10, 10, 0, 9, &[(0, 10)]),
            (10, 10, 0, 10, &[(10, 20)]),
            (10, 10, 3, 12, &[(3, 13)]),
            (10, 10, 3, 2, &[(0, 3)]), // begins before the epoch
            (10, 5, 0, 12, &[(5, 15), (10, 20)]),
            (10, 4, 0, 12, &[(4, 14), (8, 18), (12, 22)]),
            (4, 10, 0, 13, &[(10, 14)]),
            (4, 10, 0, 14, &[]), // in a gap
        ];
        for (size, slide, offset, time, expected) in cases {
            let slices = Slices {
                size,
                slide,
                offset,
            };
            let windows: Vec<_> = slices
                .ends(time)
                .map(|end| slices.window(end))
                .map(|window| (window.start.as_millis(), window.end.as_millis()))
                .collect();
            assert_eq!(windows, expected, "{slices:?} at {time}");
        }
    }

    proptest! {
        #[test]
        fn moments_of_a_slice_are_in_the_same_windows(
            size in 1i64..50, slide in 1i64..50, offset in 0i64..50, time in 0i64..10_000
        ) {
            let slices = Slices { size, slide, offset: offset % slide };
            let (start, end) = slices.slice(time);
            prop_assert!(start <= time && time < end && end - start <= slide);
            for other in start..end {
                prop_assert_eq!(slices.slice(other), (start, end));
                prop_assert!(slices.ends(other).eq(slices.ends(time)));
            }
            // From scratch: every window that begins somewhere around.
            let plain: Vec<i64> = (-60..10_060i64)
                .filter(|start| (start - slices.offset).rem_euclid(slide) == 0)
                .filter(|start| *start <= time && time < start + size)
                .map(|start| start + size)
                .collect();
            prop_assert_eq!(slices.ends(time).collect::<Vec<_>>(), plain);
        }
    }

    #[test]
    fn impossible_windows_are_refused_with_the_reason() {
        let half = Duration::from_micros(1500);
        let cases = [
            (Windows::tumbling(Duration::ZERO), "the window is zero"),
            (
                Windows::sliding(secs(1), Duration::ZERO),
                "the slide is zero",
            ),
            (Windows::session(Duration::ZERO), "the session gap is zero"),
            (
                Windows::tumbling(half),
                "the window of 1.5ms is no whole number",
            ),
            (
                Windows::sliding(secs(1), half),
                "the slide of 1.5ms is no whole number",
            ),
            (
                Windows::tumbling(secs(u64::MAX)),
                "is longer than the engine can count",
            ),
            (
                Windows::tumbling(secs(10)).offset(secs(10)),
                "the window offset of 10s must be less than the slide, 10000 ms",
            ),
            (
                Windows::session(secs(10)).offset(secs(1)),
                "session windows begin with their first record",
            ),
        ];
        for (windows, expected) in cases {
            let error = windows
                .layout(Operator::here("window"))
                .err()
                .map(|e| e.to_string());
            assert!(
                error.as_ref().is_some_and(|error| error.contains(expected)),
                "{windows:?}: {error:?}"
            );
        }
        let error = Windows::tumbling(secs(1))
            .allowed_lateness(half)
            .lateness(Operator::here("window"));
        assert!(error.is_err_and(|error| error.to_string().contains("allowed lateness of 1.5ms")),);
    }
}
