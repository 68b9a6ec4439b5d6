import org.apache.spark.streaming.Durations;

final class CountByWindow implements Program {
    public void define(Run run) {
        run.record("count_by_window", run.input("lines").countByWindow(Durations.seconds(4), Durations.seconds(1)));
    }
}
