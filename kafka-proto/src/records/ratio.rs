use super::layout::RECORDS;

/// How far the estimate goes down for one batch, as in the Java client.
const STEP_DOWN: f32 = 0.005;
/// Batches differ: a little is kept free, as much as in the Java client.
const SAFETY: f32 = 1.05;

/// How small compression makes the records of a topic: learnt from the batches that were built, to tell how full the
/// next one is.
///
/// It goes down slowly and up at once: a batch that comes out larger than thought may be refused, one that comes out
/// smaller only wastes room. Ratios differ by topic and codec; keep one for each.
///
/// ```
/// use kafka_proto::compression::Compression;
/// use kafka_proto::records::{CompressionRatio, RecordBatchBuilder, Seal};
///
/// let seal = Seal { codec: Compression::Lz4.into(), ..Seal::default() };
/// let mut ratio = CompressionRatio::NONE;
/// let mut builder = RecordBatchBuilder::new();
/// let mut sizes = Vec::new();
/// for batch in 0..300 {
///     builder.expect_ratio(ratio);
///     while builder.would_fit(16_384, 0, None, Some(b"so much depends upon"), &[]) {
///         builder.append(0, None, Some(b"so much depends upon"), &[])?;
///     }
///     let built = builder.len();
///     let bytes = builder.finish(&seal)?;
///     ratio.observe(built, bytes.len());
///     sizes.push(built);
/// }
/// assert!(sizes[299] > 5 * sizes[0], "more records fit a batch than its size uncompressed would allow");
/// # Ok::<(), kafka_proto::records::RecordsError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CompressionRatio(f32);

impl CompressionRatio {
    /// Nothing is known, or nothing is compressed: a batch takes what its records take.
    pub const NONE: Self = Self(1.0);

    /// Learns from a batch: its [length](super::RecordBatchBuilder::len) before it was finished and after, in bytes.
    /// A batch without records teaches nothing.
    pub fn observe(&mut self, built: usize, finished: usize) {
        if built <= RECORDS {
            return;
        }
        let observed = finished.saturating_sub(RECORDS) as f32 / (built - RECORDS) as f32;
        self.0 = observed.max(self.0 - STEP_DOWN);
    }

    /// The size to expect of a batch that takes `built` bytes uncompressed, header included.
    pub fn estimate(self, built: usize) -> usize {
        if self == Self::NONE {
            return built;
        }
        let records = built.saturating_sub(RECORDS) as f32;
        RECORDS + (records * self.0 * SAFETY) as usize
    }
}

impl Default for CompressionRatio {
    fn default() -> Self {
        Self::NONE
    }
}
