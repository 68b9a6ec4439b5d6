import org.apache.spark.streaming.Durations;

/** Windows that slide by more than a batch: overlapping, tumbling, and with gaps. */
final class SlowSlide implements Program {
    public void define(Run run) {
        var pairs = WordCount.pairs(run);
        run.record("slow_slide_overlapping", pairs.reduceByKeyAndWindow(Long::sum, Durations.seconds(6), Durations.seconds(3)));
        run.record("slow_slide_tumbling", pairs.reduceByKeyAndWindow(Long::sum, Durations.seconds(4), Durations.seconds(4)));
        run.record("slow_slide_gaps", pairs.window(Durations.seconds(2), Durations.seconds(5)).reduceByKey(Long::sum));
        run.record("slow_slide_filtered_inverse", pairs.reduceByKeyAndWindow(
            Long::sum, (a, b) -> a - b, Durations.seconds(6), Durations.seconds(3), 2, count -> count._2 > 0));
        run.record("slow_slide_nested", pairs.window(Durations.seconds(2), Durations.seconds(2))
            .reduceByKeyAndWindow(Long::sum, Durations.seconds(6), Durations.seconds(4)));
    }
}
