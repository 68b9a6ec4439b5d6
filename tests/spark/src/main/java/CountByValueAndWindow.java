import org.apache.spark.streaming.Durations;

final class CountByValueAndWindow implements Program {
    public void define(Run run) {
        run.record("count_by_value_and_window",
            WordCount.words(run).countByValueAndWindow(Durations.seconds(3), Durations.seconds(1)));
    }
}
