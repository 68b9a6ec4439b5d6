//! Who an idempotent producer is to the brokers.

/// A producer id and its epoch. Brokers keep a sequence of batches for it, in which none may be missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Identity {
    pub(super) id: i64,
    pub(super) epoch: i16,
}

impl Identity {
    /// The identity for new sequences that begin at 0; `None` when this id's epochs are used up and another id is needed.
    pub(super) fn renewed(self) -> Option<Self> {
        let epoch = self
            .epoch
            .checked_add(1)
            .filter(|epoch| *epoch < i16::MAX)?;
        Some(Self { epoch, ..self })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn epochs_go_up_until_the_id_is_used_up() {
        let renewed = |epoch| Identity { id: 7, epoch }.renewed();
        assert_eq!(renewed(0), Some(Identity { id: 7, epoch: 1 }));
        assert_eq!(
            renewed(i16::MAX - 2),
            Some(Identity {
                id: 7,
                epoch: i16::MAX - 1
            })
        );
        assert_eq!(renewed(i16::MAX - 1), None);
        assert_eq!(renewed(i16::MAX), None);
    }
}
