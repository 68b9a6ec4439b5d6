//! What members say of records that they have.

use kafka_proto::error_code::ErrorCode;

use super::in_flight::Span;

/// What becomes of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AcknowledgeType {
    /// There is no record at this offset.
    Gap,
    /// It was processed.
    Accept,
    /// Somebody may try again.
    Release,
    /// Nobody shall try again.
    Reject,
    /// Its member needs longer (KIP-1222).
    Renew,
}

impl AcknowledgeType {
    fn from_code(code: i8, with_renew: bool) -> Option<Self> {
        match code {
            0 => Some(Self::Gap),
            1 => Some(Self::Accept),
            2 => Some(Self::Release),
            3 => Some(Self::Reject),
            4 if with_renew => Some(Self::Renew),
            _ => None,
        }
    }
}

/// Offsets with one word for all of them, or one for each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct AcknowledgementBatch {
    span: Span,
    types: Vec<AcknowledgeType>,
}

impl AcknowledgementBatch {
    /// Reads what a request says of a partition, as triples of first offset, last offset and types.
    ///
    /// # Errors
    /// INVALID_REQUEST where batches overlap or go backwards, or have unknown types or too few or too many.
    pub(crate) fn read<'a>(
        batches: impl Iterator<Item = (i64, i64, &'a [i8])>,
        with_renew: bool,
    ) -> Result<Vec<Self>, ErrorCode> {
        let mut previous = -1;
        let mut read = Vec::new();
        for (first, last, types) in batches {
            let span = Span { first, last };
            let fits = matches!(types.len(), 1) || i64::try_from(types.len()) == Ok(span.len());
            if first > last || first < previous || types.is_empty() || !fits {
                return Err(ErrorCode::InvalidRequest);
            }
            previous = last;
            let types = types
                .iter()
                .map(|code| AcknowledgeType::from_code(*code, with_renew));
            let types: Option<Vec<_>> = types.collect();
            read.push(Self {
                span,
                types: types.ok_or(ErrorCode::InvalidRequest)?,
            });
        }
        Ok(read)
    }

    pub(super) fn span(&self) -> Span {
        self.span
    }

    pub(super) fn has_renewal(&self) -> bool {
        self.types.contains(&AcknowledgeType::Renew)
    }

    /// Its offsets in spans of one type.
    pub(super) fn parts(&self) -> Vec<(Span, AcknowledgeType)> {
        if let [only] = self.types[..] {
            return vec![(self.span, only)];
        }
        let mut parts: Vec<(Span, AcknowledgeType)> = Vec::new();
        for (offset, kind) in (self.span.first..).zip(&self.types) {
            match parts.last_mut() {
                Some((span, last)) if last == kind => span.last = offset,
                _ => parts.push((
                    Span {
                        first: offset,
                        last: offset,
                    },
                    *kind,
                )),
            }
        }
        parts
    }
}
