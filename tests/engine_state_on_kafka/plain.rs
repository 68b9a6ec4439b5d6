//! Windows as they must come out, from all records at once.

use std::collections::BTreeMap;

use stream_engine::Time;
use stream_engine::event_time::Window;

/// Something that a visitor did. No two have the same number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Event {
    pub(crate) time: u64,
    pub(crate) visitor: u8,
    pub(crate) number: u32,
}

/// The numbers, in order, of the events of each visitor's windows.
pub(crate) type Grouped = BTreeMap<(u8, Window), Vec<u32>>;

fn window(start: u64, end: u64) -> Window {
    Window {
        start: Time::from_millis(start),
        end: Time::from_millis(end),
    }
}

pub(crate) fn tumbling(size: u64, events: &[Event]) -> Grouped {
    let mut grouped = Grouped::new();
    for event in events {
        let start = event.time / size * size;
        let of_window = (event.visitor, window(start, start + size));
        grouped.entry(of_window).or_default().push(event.number);
    }
    grouped.values_mut().for_each(|numbers| numbers.sort());
    grouped
}

pub(crate) fn sessions(gap: u64, events: &[Event]) -> Grouped {
    let mut in_order = events.to_vec();
    in_order.sort();
    let mut open: BTreeMap<u8, Vec<Event>> = BTreeMap::new();
    let mut closed = Vec::new();
    for event in in_order {
        let session = open.entry(event.visitor).or_default();
        if session
            .last()
            .is_some_and(|last| event.time - last.time >= gap)
        {
            closed.push(std::mem::take(session));
        }
        session.push(event);
    }
    closed.extend(open.into_values());
    let of_session = closed.into_iter().map(|session| {
        let (first, last) = (session[0], session[session.len() - 1]);
        let mut numbers: Vec<u32> = session.iter().map(|event| event.number).collect();
        numbers.sort();
        (
            (first.visitor, window(first.time, last.time + gap)),
            numbers,
        )
    });
    of_session.collect()
}
