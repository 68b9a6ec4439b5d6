import org.apache.spark.streaming.Durations;

final class FilteredInverseWindow implements Program {
    public void define(Run run) {
        run.record("filtered_inverse_window", WordCount.pairs(run).reduceByKeyAndWindow(
            Long::sum, (a, b) -> a - b, Durations.seconds(5), Durations.seconds(1), 2, count -> count._2 > 0));
    }
}
