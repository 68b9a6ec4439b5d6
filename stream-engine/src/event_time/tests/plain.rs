//! The rules of event time, written down as plainly as can be: everything is looked through in every batch.

use std::collections::{BTreeMap, BTreeSet};

use super::program::{Event, Grouped, LateEvent, Outcome, Partitions};
use crate::Time;
use crate::event_time::{LateRecord, Window, WindowResult};

#[derive(Clone, Copy, Debug)]
pub(super) enum Cut {
    Aligned { size: u64, slide: u64, offset: u64 },
    Session { gap: u64 },
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Rules {
    pub(super) cut: Cut,
    pub(super) lateness: u64,
    pub(super) bound: u64,
    pub(super) idle: Option<u64>,
}

pub(super) fn window(start: i64, end: i64) -> Window {
    let time = |at: i64| Time::from_millis(at.max(0) as u64);
    Window {
        start: time(start),
        end: time(end),
    }
}

/// The windows with this moment, from all that begin anywhere near.
pub(super) fn windows_of(time: u64, size: u64, slide: u64, offset: u64) -> Vec<(i64, i64)> {
    let (time, size, slide, offset) = (time as i64, size as i64, slide as i64, offset as i64);
    (time - size - slide..=time)
        .filter(|start| (start - offset) % slide == 0)
        .map(|start| (start, start + size))
        .filter(|(start, end)| *start <= time && time < *end)
        .collect()
}

/// A session that is not closed yet.
struct Live {
    key: u8,
    start: u64,
    end: u64,
    members: Vec<u32>,
    /// The windows of the results that were given for parts of it and stand.
    given: Vec<Window>,
    /// Its result was given as it is.
    fired: bool,
}

/// All batches, one after the other.
pub(super) fn outcomes(rules: Rules, batches: &[Partitions]) -> Vec<Outcome> {
    let mut partitions: BTreeMap<usize, (Option<u64>, u64)> = BTreeMap::new();
    let mut watermark = 0u64;
    let mut members: BTreeMap<(i64, i64, u8), Vec<u32>> = BTreeMap::new();
    let mut live: Vec<Live> = Vec::new();
    let mut outcomes = Vec::new();
    for (n, batch) in batches.iter().enumerate() {
        let now = (n as u64 + 1) * 1000;
        let before = watermark;
        for (partition, events) in batch.iter().enumerate() {
            let clock = partitions.entry(partition).or_insert((None, now));
            if let Some(latest) = events.iter().map(|event| event.0).max() {
                *clock = (clock.0.max(Some(latest)), now);
            }
        }
        let idle = |active: u64| rules.idle.is_some_and(|idle| now - active >= idle);
        let active: Vec<Option<u64>> = partitions
            .values()
            .filter(|c| !idle(c.1))
            .map(|c| c.0)
            .collect();
        let latest = if active.is_empty() {
            partitions.values().filter_map(|clock| clock.0).max()
        } else {
            active.into_iter().min().flatten()
        };
        watermark = watermark.max(latest.map_or(0, |latest| latest.saturating_sub(rules.bound)));
        let events: Vec<Event> = batch.iter().flatten().copied().collect();
        let mut outcome = match rules.cut {
            Cut::Aligned {
                size,
                slide,
                offset,
            } => aligned(
                rules,
                (size, slide, offset),
                &events,
                (before, watermark),
                &mut members,
            ),
            Cut::Session { gap } => sessions(rules, gap, &events, (before, watermark), &mut live),
        };
        outcome
            .results
            .iter_mut()
            .for_each(|result| result.value.sort());
        outcome.results.sort();
        outcome.late.sort();
        outcomes.push(outcome);
    }
    outcomes
}

fn late(event: &Event, watermark: u64, windows: Vec<Window>) -> LateEvent {
    LateRecord {
        record: (event.1, event.2),
        time: Time::from_millis(event.0),
        watermark: Time::from_millis(watermark),
        windows,
    }
}

fn aligned(
    rules: Rules,
    (size, slide, offset): (u64, u64, u64),
    events: &[Event],
    (before, after): (u64, u64),
    members: &mut BTreeMap<(i64, i64, u8), Vec<u32>>,
) -> Outcome {
    let mut outcome = Outcome::default();
    let had: BTreeSet<_> = members.keys().copied().collect();
    let mut touched = BTreeSet::new();
    for event in events {
        let mut missed = Vec::new();
        for (start, end) in windows_of(event.0, size, slide, offset) {
            if end + rules.lateness as i64 <= before as i64 {
                missed.push(window(start, end));
            } else {
                touched.insert((start, end, event.1));
                members
                    .entry((start, end, event.1))
                    .or_default()
                    .push(event.2);
            }
        }
        if !missed.is_empty() {
            outcome.late.push(late(event, before, missed));
        }
    }
    for (place @ (start, end, key), all) in members.iter() {
        let first = before < *end as u64 && *end as u64 <= after;
        let again = *end as u64 <= before && touched.contains(place);
        if first || again {
            outcome.results.push(WindowResult {
                window: window(*start, *end),
                key: *key,
                value: all.clone(),
                replaces: if again && had.contains(place) {
                    vec![window(*start, *end)]
                } else {
                    Vec::new()
                },
            });
        }
    }
    outcome
}

fn sessions(
    rules: Rules,
    gap: u64,
    events: &[Event],
    (before, after): (u64, u64),
    live: &mut Vec<Live>,
) -> Outcome {
    let mut outcome = Outcome::default();
    live.retain(|session| session.end + rules.lateness > before);
    let mut old = live.len();
    live.extend(events.iter().map(|event| Live {
        key: event.1,
        start: event.0,
        end: event.0 + gap,
        members: vec![event.2],
        given: Vec::new(),
        fired: false,
    }));
    // What overlaps is one, until nothing does. What comes from before this batch stays in front.
    let pair = |live: &[Live]| {
        (0..live.len()).find_map(|a| {
            (a + 1..live.len())
                .find(|b| {
                    live[a].key == live[*b].key
                        && live[a].start < live[*b].end
                        && live[*b].start < live[a].end
                })
                .map(|b| (a, b))
        })
    };
    while let Some((a, b)) = pair(live) {
        let other = live.remove(b);
        if b < old {
            old -= 1;
        }
        let session = &mut live[a];
        session.start = session.start.min(other.start);
        session.end = session.end.max(other.end);
        session.members.extend(other.members);
        session.given.extend(other.given);
        session.given.sort();
        session.fired = false;
    }
    let mut position = 0;
    live.retain(|session| {
        position += 1;
        let is_late = position > old && session.end + rules.lateness <= before;
        if is_late {
            for event in events
                .iter()
                .filter(|event| session.members.contains(&event.2))
            {
                let window = window(session.start as i64, session.end as i64);
                outcome.late.push(late(event, before, vec![window]));
            }
        }
        !is_late
    });
    for session in live.iter_mut() {
        if session.end <= after && !session.fired {
            let window = window(session.start as i64, session.end as i64);
            outcome.results.push(Grouped {
                window,
                key: session.key,
                value: session.members.clone(),
                replaces: std::mem::replace(&mut session.given, vec![window]),
            });
            session.fired = true;
        }
    }
    outcome
}
