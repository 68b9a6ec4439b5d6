use super::DStream;
use crate::{Data, Grouped, Key, Operator, Outer, Rdd};

/// Joins of the same batch of two streams, which must have the same slide; join windows to match over several batches.
impl<K: Key, V: Data> DStream<(K, V)> {
    fn join_by<W: Data, R: Data>(
        &self,
        operator: Operator,
        other: &DStream<(K, W)>,
        join: impl Fn(&Rdd<(K, V)>, &Rdd<(K, W)>) -> Rdd<(K, R)> + Send + Sync + 'static,
    ) -> DStream<(K, R)> {
        self.combine_with(operator, other, move |left, right, _| join(&left, &right))
    }

    /// The values of both sides for each key that occurs on either.
    #[track_caller]
    pub fn cogroup<W: Data>(&self, other: &DStream<(K, W)>) -> DStream<(K, Grouped<V, W>)> {
        let operator = Operator::here("cogroup");
        self.join_by(operator, other, move |left, right| {
            left.cogroup_at(operator, right, None)
        })
    }

    /// As [`DStream::cogroup`], into `partitions` partitions.
    #[track_caller]
    pub fn cogroup_with_partitions<W: Data>(
        &self,
        other: &DStream<(K, W)>,
        partitions: usize,
    ) -> DStream<(K, Grouped<V, W>)> {
        let operator = Operator::here("cogroup");
        self.join_by(operator, other, move |left, right| {
            left.cogroup_at(operator, right, Some(partitions))
        })
    }

    /// Each combination of the two sides' values, for each key that occurs on both.
    #[track_caller]
    pub fn join<W: Data>(&self, other: &DStream<(K, W)>) -> DStream<(K, (V, W))> {
        let operator = Operator::here("join");
        self.join_by(operator, other, move |left, right| {
            left.inner_join_at(operator, right, None)
        })
    }

    /// As [`DStream::join`], into `partitions` partitions.
    #[track_caller]
    pub fn join_with_partitions<W: Data>(
        &self,
        other: &DStream<(K, W)>,
        partitions: usize,
    ) -> DStream<(K, (V, W))> {
        let operator = Operator::here("join");
        self.join_by(operator, other, move |left, right| {
            left.inner_join_at(operator, right, Some(partitions))
        })
    }

    /// As [`DStream::join`], and each value of the left side without a partner, with `None`.
    #[track_caller]
    pub fn left_outer_join<W: Data>(
        &self,
        other: &DStream<(K, W)>,
    ) -> DStream<(K, (V, Option<W>))> {
        let operator = Operator::here("left_outer_join");
        self.join_by(operator, other, move |left, right| {
            left.left_outer_join_at(operator, right, None)
        })
    }

    /// As [`DStream::left_outer_join`], into `partitions` partitions.
    #[track_caller]
    pub fn left_outer_join_with_partitions<W: Data>(
        &self,
        other: &DStream<(K, W)>,
        partitions: usize,
    ) -> DStream<(K, (V, Option<W>))> {
        let operator = Operator::here("left_outer_join");
        self.join_by(operator, other, move |left, right| {
            left.left_outer_join_at(operator, right, Some(partitions))
        })
    }

    /// As [`DStream::join`], and each value of the right side without a partner, with `None`.
    #[track_caller]
    pub fn right_outer_join<W: Data>(
        &self,
        other: &DStream<(K, W)>,
    ) -> DStream<(K, (Option<V>, W))> {
        let operator = Operator::here("right_outer_join");
        self.join_by(operator, other, move |left, right| {
            left.right_outer_join_at(operator, right, None)
        })
    }

    /// As [`DStream::right_outer_join`], into `partitions` partitions.
    #[track_caller]
    pub fn right_outer_join_with_partitions<W: Data>(
        &self,
        other: &DStream<(K, W)>,
        partitions: usize,
    ) -> DStream<(K, (Option<V>, W))> {
        let operator = Operator::here("right_outer_join");
        self.join_by(operator, other, move |left, right| {
            left.right_outer_join_at(operator, right, Some(partitions))
        })
    }

    /// As [`DStream::join`], and each value of either side without a partner, with `None`.
    #[track_caller]
    pub fn full_outer_join<W: Data>(&self, other: &DStream<(K, W)>) -> DStream<(K, Outer<V, W>)> {
        let operator = Operator::here("full_outer_join");
        self.join_by(operator, other, move |left, right| {
            left.full_outer_join_at(operator, right, None)
        })
    }

    /// As [`DStream::full_outer_join`], into `partitions` partitions.
    #[track_caller]
    pub fn full_outer_join_with_partitions<W: Data>(
        &self,
        other: &DStream<(K, W)>,
        partitions: usize,
    ) -> DStream<(K, Outer<V, W>)> {
        let operator = Operator::here("full_outer_join");
        self.join_by(operator, other, move |left, right| {
            left.full_outer_join_at(operator, right, Some(partitions))
        })
    }
}

#[cfg(test)]
mod tests {
    use crate::testkit::{check2_unordered, secs};

    type Left = [Vec<(char, i32)>; 2];
    type Right = [Vec<(char, &'static str)>; 2];

    fn input() -> (Left, Right) {
        (
            [vec![('a', 1), ('a', 2), ('b', 3)], vec![('c', 4)]],
            [vec![('a', "x"), ('d', "y")], vec![]],
        )
    }

    #[test]
    fn only_the_same_batch_is_joined() {
        let (l, r) = input();
        check2_unordered(
            &l,
            &r,
            |a, b| a.join(b),
            &[vec![('a', (1, "x")), ('a', (2, "x"))], vec![]],
        );
        check2_unordered(
            &l,
            &r,
            |a, b| a.join_with_partitions(b, 1),
            &[vec![('a', (1, "x")), ('a', (2, "x"))], vec![]],
        );
        let windows = |a: &crate::DStream<(char, i32)>,
                       b: &crate::DStream<(char, &'static str)>| {
            Ok::<_, crate::EngineError>(a.join(&b.window(secs(2), secs(1))?))
        };
        check2_unordered(
            &[vec![], vec![('d', 9)]],
            &r,
            windows,
            &[vec![], vec![('d', (9, "y"))]],
        );
    }

    #[test]
    fn outer_joins_keep_what_has_no_partner() {
        let (l, r) = input();
        let left = [
            vec![
                ('a', (1, Some("x"))),
                ('a', (2, Some("x"))),
                ('b', (3, None)),
            ],
            vec![('c', (4, None))],
        ];
        check2_unordered(&l, &r, |a, b| a.left_outer_join(b), &left);
        check2_unordered(
            &l,
            &r,
            |a, b| a.left_outer_join_with_partitions(b, 3),
            &left,
        );
        let right = [
            vec![
                ('a', (Some(1), "x")),
                ('a', (Some(2), "x")),
                ('d', (None, "y")),
            ],
            vec![],
        ];
        check2_unordered(&l, &r, |a, b| a.right_outer_join(b), &right);
        check2_unordered(
            &l,
            &r,
            |a, b| a.right_outer_join_with_partitions(b, 3),
            &right,
        );
        let full = [
            vec![
                ('a', (Some(1), Some("x"))),
                ('a', (Some(2), Some("x"))),
                ('b', (Some(3), None)),
                ('d', (None, Some("y"))),
            ],
            vec![('c', (Some(4), None))],
        ];
        check2_unordered(&l, &r, |a, b| a.full_outer_join(b), &full);
        check2_unordered(
            &l,
            &r,
            |a, b| a.full_outer_join_with_partitions(b, 3),
            &full,
        );
    }

    #[test]
    fn cogroup_holds_every_key_of_either_side() {
        let (l, r) = input();
        let expected = [
            vec![
                ('a', (vec![1, 2], vec!["x"])),
                ('b', (vec![3], vec![])),
                ('d', (vec![], vec!["y"])),
            ],
            vec![('c', (vec![4], vec![]))],
        ];
        check2_unordered(&l, &r, |a, b| a.cogroup(b), &expected);
        check2_unordered(&l, &r, |a, b| a.cogroup_with_partitions(b, 7), &expected);
    }
}
