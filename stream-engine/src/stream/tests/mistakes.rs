//! Mistakes in describing streams, and what the user reads about them.

use std::time::Duration;

use crate::testkit::{Stepper, TestKit, secs};
use crate::{DStream, EngineError, ManualClock, StreamingContext};

type Pairs = DStream<(u8, u8)>;
type Combine = fn(&StreamingContext, &Pairs, &Pairs);

fn context() -> (StreamingContext, Pairs, ManualClock) {
    let clock = ManualClock::default();
    let builder = StreamingContext::builder("mistakes")
        .batch_duration(secs(1))
        .threads(1);
    let ssc = builder.clock(clock.clone()).build().unwrap();
    let stream = TestKit::default().input(&ssc, &[vec![(1, 2)]]).unwrap();
    (ssc, stream, clock)
}

/// The error of `start`, without the place in this file.
fn problem(ssc: &StreamingContext, clock: &ManualClock) -> String {
    let error = Stepper::start(ssc, clock).unwrap_err();
    assert!(matches!(error, EngineError::Graph { .. }), "{error:?}");
    without_place(&error)
}

fn without_place(error: &EngineError) -> String {
    let text = error.to_string();
    let (operator, rest) = text.split_once(" at ").unwrap();
    let (place, problem) = rest.split_once(": ").unwrap();
    assert!(place.contains("mistakes.rs:"), "{text}");
    format!("{operator}: {problem}")
}

#[test]
fn streams_combined_with_another_slide_are_refused_and_name_the_operator() {
    let operators: [(&str, Combine); 7] = [
        ("union", |_, a, b| a.union(b).print()),
        ("union", |ssc, a, b| {
            ssc.union(&[a.clone(), a.clone(), b.clone()]).print()
        }),
        ("transform_with", |_, a, b| {
            a.transform_with(b, |a, _| a).print()
        }),
        ("transform", |ssc, a, b| {
            let both = ssc.transform(&[a.clone(), b.clone()], |mut rdds, _| rdds.remove(0));
            both.unwrap().print();
        }),
        ("cogroup", |_, a, b| a.cogroup(b).print()),
        ("join", |_, a, b| a.join(b).print()),
        ("full_outer_join", |_, a, b| a.full_outer_join(b).print()),
    ];
    for (name, combine) in operators {
        let (ssc, stream, clock) = context();
        let slow = stream.window(secs(4), secs(2)).unwrap();
        combine(&ssc, &stream, &slow);
        assert_eq!(
            problem(&ssc, &clock),
            format!(
                "{name}: the streams slide by 1s and 2s: give both the same slide, by a window on the faster one"
            )
        );
    }
}

#[test]
fn streams_of_another_context_are_refused_whoever_combines_them() {
    let (ssc, stream, clock) = context();
    let (_other, foreign, _) = context();
    stream.join(&foreign).print();
    assert_eq!(
        problem(&ssc, &clock),
        "join: the streams belong to different streaming contexts: make both from one"
    );
    let expected = ": a stream belongs to another streaming context: make all from this one";
    let (ssc, _, clock) = context();
    ssc.union(&[foreign.clone(), foreign.clone()]).print();
    assert_eq!(problem(&ssc, &clock), format!("union{expected}"));
    let (ssc, _, clock) = context();
    let first = ssc.transform(&[foreign], |mut rdds, _| rdds.remove(0));
    first.unwrap().print();
    assert_eq!(problem(&ssc, &clock), format!("transform{expected}"));
}

#[test]
fn the_first_of_several_mistakes_is_reported() {
    let (ssc, stream, clock) = context();
    let (slow, slower) = (
        stream.window(secs(2), secs(2)).unwrap(),
        stream.window(secs(3), secs(3)).unwrap(),
    );
    slow.union(&slower).print();
    slow.join(&stream).print();
    assert!(problem(&ssc, &clock).contains("slide by 2s and 3s"));
}

#[test]
fn windows_that_do_not_fit_are_refused_at_once() {
    let (_ssc, stream, _) = context();
    let (odd, fine) = (Duration::from_millis(1_500), secs(3));
    let add = |a: u8, b: u8| a.wrapping_add(b);
    let minus = |a: u8, b: u8| a.wrapping_sub(b);
    let numbers = stream.map(|pair| pair.1);
    let results = [
        stream.window(odd, None).err(),
        numbers.reduce_by_window(add, fine, odd).err(),
        numbers
            .reduce_by_window_with_inverse(add, minus, odd, None)
            .err(),
        numbers.count_by_window(odd, fine).err(),
        numbers.count_by_value_and_window(odd, fine).err(),
        stream.reduce_by_key_and_window(add, odd, fine).err(),
        stream
            .reduce_by_key_and_window_with_inverse(add, minus, fine, odd)
            .err(),
        stream.group_by_key_and_window(fine, odd).err(),
    ];
    let problems = results.map(|error| without_place(&error.expect("an error")));
    let window = "the window of 1.5s must be a multiple of the parent stream's slide, 1s";
    let slide = "the slide of 1.5s must be a multiple of the parent stream's slide, 1s";
    assert_eq!(
        problems,
        [
            format!("window: {window}"),
            format!("reduce_by_window: {slide}"),
            format!("reduce_by_window_with_inverse: {window}"),
            format!("count_by_window: {window}"),
            format!("count_by_value_and_window: {window}"),
            format!("reduce_by_key_and_window: {window}"),
            format!("reduce_by_key_and_window_with_inverse: {slide}"),
            format!("group_by_key_and_window: {slide}"),
        ]
    );
}

#[test]
fn n_streams_are_transformed_together_and_none_is_a_mistake() {
    let (ssc, stream, clock) = context();
    let none = ssc.transform(&[] as &[Pairs], |_, _| -> crate::Rdd<u8> { unreachable!() });
    assert_eq!(
        without_place(&none.unwrap_err()),
        "transform: no stream given: pass at least one"
    );
    let streams = [stream.clone(), stream.map_values(|v| v + 1), stream];
    let together = ssc.transform(&streams, |rdds, time| {
        let context = rdds[0].context().clone();
        context
            .union(rdds)
            .map(move |pair| (pair, time.as_millis()))
    });
    let (sent, received) = std::sync::mpsc::channel();
    together
        .unwrap()
        .foreach_rdd(move |rdd| sent.send(rdd.collect()?).map_err(crate::BoxError::from));
    Stepper::start(&ssc, &clock).unwrap().step().unwrap();
    let expected = [((1, 2), 1000), ((1, 3), 1000), ((1, 2), 1000)];
    assert_eq!(received.try_recv().unwrap(), expected);
}
