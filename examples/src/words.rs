//! A deterministic text: words as frequent as in real ones, where the second is half as frequent as the first, the third a
//! third, and so on (Zipf's law).

use std::fmt::Write;

/// An endless text, line by line; the same seed gives the same one.
#[derive(Debug)]
pub struct Text {
    random: fastrand::Rng,
    words: Vec<String>,
    /// The sum of the frequencies up to each word.
    cumulated: Vec<f64>,
}

/// Words in the vocabulary.
const VOCABULARY: usize = 20_000;
/// Words in a line, at least and at most.
const LINE: std::ops::RangeInclusive<usize> = 8..=22;

impl Text {
    /// The text of a seed.
    pub fn new(seed: u64) -> Self {
        let mut sum = 0.0;
        let cumulated = (1..=VOCABULARY).map(|rank| {
            sum += 1.0 / rank as f64;
            sum
        });
        Self {
            random: fastrand::Rng::with_seed(seed),
            cumulated: cumulated.collect(),
            words: (0..VOCABULARY).map(word).collect(),
        }
    }

    /// Replaces `line` by the next line.
    pub fn next_line(&mut self, line: &mut String) {
        line.clear();
        let total = self.cumulated.last().copied().unwrap_or_default();
        for n in 0..self.random.usize(LINE) {
            let at = self.random.f64() * total;
            let rank = self
                .cumulated
                .partition_point(|sum| *sum < at)
                .min(self.words.len() - 1);
            if n > 0 {
                line.push(' ');
            }
            line.push_str(&self.words[rank]);
        }
    }
}

/// A word that can be spoken, shorter for the more frequent ones.
fn word(rank: usize) -> String {
    const ONSETS: [&str; 16] = [
        "t", "s", "m", "n", "k", "r", "l", "b", "d", "v", "p", "h", "g", "st", "br", "tr",
    ];
    const VOWELS: [&str; 5] = ["e", "a", "o", "i", "u"];
    let mut word = String::new();
    let mut left = rank;
    loop {
        let syllable = left % (ONSETS.len() * VOWELS.len());
        let _ = write!(
            word,
            "{}{}",
            ONSETS[syllable / VOWELS.len()],
            VOWELS[syllable % VOWELS.len()]
        );
        left /= ONSETS.len() * VOWELS.len();
        if left == 0 {
            return word;
        }
        left -= 1;
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{HashMap, HashSet};

    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_text() {
        let lines = |seed| {
            let mut text = Text::new(seed);
            let mut line = String::new();
            let next = |_| {
                text.next_line(&mut line);
                line.clone()
            };
            (0..50).map(next).collect::<Vec<String>>()
        };
        assert_eq!(lines(1), lines(1));
        assert_ne!(lines(1), lines(2));
    }

    #[test]
    fn no_two_words_are_the_same() {
        let words: HashSet<String> = (0..VOCABULARY).map(word).collect();
        assert_eq!(words.len(), VOCABULARY);
    }

    #[test]
    fn the_second_word_is_half_as_frequent_as_the_first() {
        let mut text = Text::new(7);
        let mut counts: HashMap<String, u32> = HashMap::new();
        let mut line = String::new();
        for _ in 0..20_000 {
            text.next_line(&mut line);
            for word in line.split(' ') {
                *counts.entry(word.to_owned()).or_default() += 1;
            }
        }
        let ratio = f64::from(counts[&word(0)]) / f64::from(counts[&word(1)]);
        assert!((1.8..2.2).contains(&ratio), "{ratio}");
    }
}
