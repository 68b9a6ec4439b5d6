import org.apache.spark.streaming.Durations;

final class InverseWindow implements Program {
    public void define(Run run) {
        run.record("inverse_window", WordCount.pairs(run)
            .reduceByKeyAndWindow(Long::sum, (a, b) -> a - b, Durations.seconds(5), Durations.seconds(1)));
    }
}
