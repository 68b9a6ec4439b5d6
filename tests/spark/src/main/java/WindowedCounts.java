import org.apache.spark.streaming.Durations;

final class WindowedCounts implements Program {
    public void define(Run run) {
        run.record("windowed_counts",
            WordCount.pairs(run).reduceByKeyAndWindow(Long::sum, Durations.seconds(5), Durations.seconds(1)));
    }
}
