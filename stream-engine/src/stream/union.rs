use super::DStream;
use crate::{Data, Operator, StreamingContext};

impl<T: Data> DStream<T> {
    /// The records of both streams, which must have the same slide.
    #[track_caller]
    pub fn union(&self, other: &DStream<T>) -> DStream<T> {
        self.union_at(Operator::here("union"), std::slice::from_ref(other))
    }

    fn union_at(&self, operator: Operator, others: &[DStream<T>]) -> DStream<T> {
        let mut parents = vec![self.node().clone()];
        for other in others {
            self.check_combines(operator, other);
            parents.push(other.node().clone());
        }
        let context = self.shared().rdds.clone();
        DStream::create(
            self.shared(),
            operator,
            self.slide_duration(),
            move |batch| {
                let mut rdds = Vec::with_capacity(parents.len());
                for parent in &parents {
                    rdds.extend(parent.rdd(batch)?);
                }
                Ok((!rdds.is_empty()).then(|| context.union(rdds)))
            },
        )
    }
}

impl StreamingContext {
    /// The records of all streams, which must have the same slide; without any stream, a stream without records.
    #[track_caller]
    pub fn union<T: Data>(&self, streams: &[DStream<T>]) -> DStream<T> {
        let operator = Operator::here("union");
        match streams {
            [first, others @ ..] => {
                first.check_belongs(operator, self.shared());
                first.union_at(operator, others)
            }
            [] => {
                let context = self.shared().rdds.clone();
                let slide = self.shared().batch_duration;
                DStream::create(self.shared(), operator, slide, move |_| {
                    Ok(Some(context.empty()))
                })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::testkit::{check2, secs};
    use crate::{EngineError, testkit::TestKit};

    #[test]
    fn union_holds_both_sides_of_each_batch() {
        check2(
            &[vec![1], vec![]],
            &[vec![2, 3], vec![]],
            |a, b| a.union(b),
            &[vec![1, 2, 3], vec![]],
        );
    }

    #[test]
    fn streams_with_different_slides_are_refused_by_start() {
        let error = TestKit::default()
            .run(&[vec![1]], |s| {
                s.window(secs(2), secs(2)).map(|w| w.union(s))
            })
            .unwrap_err();
        assert!(matches!(error, EngineError::Graph { .. }), "{error:?}");
        assert!(
            error.to_string().contains("the streams slide by 2s and 1s"),
            "{error}"
        );
    }
}
