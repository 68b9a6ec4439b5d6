//! What keeps something from going on, and when to tell the user.

use std::time::{Duration, Instant};

use crate::error::Error;

/// How long a topic may be said not to exist before that is believed: a broker that has just started, or heard of a topic a
/// moment ago, may not know it yet.
pub(crate) const TOPIC_GRACE: Duration = Duration::from_secs(2);

/// An error that lasts. A hiccup is not worth telling of; what lasts is told once, and again whenever there is nothing
/// else to say, so that a loop that passes over errors still gets everything else.
#[derive(Debug, Default)]
pub(crate) struct Trouble(Option<Lasting>);

#[derive(Debug)]
struct Lasting {
    error: Error,
    since: Instant,
    grace: Duration,
    told: bool,
}

impl Trouble {
    /// It is over.
    pub(crate) fn clear(&mut self) {
        self.0 = None;
    }

    pub(crate) fn is_none(&self) -> bool {
        self.0.is_none()
    }

    /// The error, however long it has lasted.
    pub(crate) fn error(&self) -> Option<&Error> {
        self.0.as_ref().map(|lasting| &lasting.error)
    }

    /// Since when there is one.
    pub(crate) fn since(&self) -> Option<Instant> {
        self.0.as_ref().map(|lasting| lasting.since)
    }

    /// The error, once it has lasted for its grace.
    pub(crate) fn lasting(&self, now: Instant) -> Option<Error> {
        let lasting = self.0.as_ref()?;
        let lasts = now.saturating_duration_since(lasting.since) >= lasting.grace;
        lasts.then(|| lasting.error.clone())
    }

    /// It goes on, or begins. Told once it has lasted for `grace`.
    pub(crate) fn goes_on(&mut self, error: Error, grace: Duration, now: Instant) {
        match &mut self.0 {
            Some(lasting) => {
                lasting.grace = lasting.grace.min(grace);
                lasting.error = error;
            }
            none => {
                *none = Some(Lasting {
                    error,
                    since: now,
                    grace,
                    told: false,
                })
            }
        }
    }

    /// What there is to tell now.
    pub(crate) fn tell(&mut self, now: Instant, nothing_else: bool) -> Option<Error> {
        let error = self.lasting(now)?;
        let told = &mut self.0.as_mut()?.told;
        let tell = nothing_else || !*told;
        *told = true;
        tell.then_some(error)
    }

    /// When there will be something to tell that was not told yet.
    pub(crate) fn due(&self) -> Option<Instant> {
        self.0
            .as_ref()
            .filter(|lasting| !lasting.told)
            .map(|lasting| lasting.since + lasting.grace)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lasts_is_told_once_and_again_when_there_is_nothing_else() {
        let (start, grace) = (Instant::now(), Duration::from_secs(2));
        let error = Error::Closed { what: "it" };
        let mut trouble = Trouble::default();
        trouble.goes_on(error.clone(), grace, start);
        assert_eq!(trouble.due(), Some(start + grace));
        assert_eq!(trouble.tell(start, true), None);
        trouble.goes_on(error.clone(), grace, start + grace);
        assert_eq!(trouble.tell(start + grace, false), Some(error.clone()));
        assert_eq!(trouble.tell(start + grace, false), None);
        assert_eq!(trouble.tell(start + grace, true), Some(error));
        assert_eq!(trouble.due(), None);
        trouble.clear();
        assert_eq!(trouble.tell(start + grace, true), None);
    }
}
