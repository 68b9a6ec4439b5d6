import org.apache.spark.streaming.Durations;
import org.apache.spark.streaming.api.java.*;

/** The number of characters in the window. */
final class ReduceByWindow implements Program {
    public void define(Run run) {
        JavaDStream<Long> lengths = run.input("lines").map(line -> (long) line.length());
        run.record("reduce_by_window", lengths.reduceByWindow(Long::sum, Durations.seconds(4), Durations.seconds(2)));
        run.record("reduce_by_window_with_inverse",
            lengths.reduceByWindow(Long::sum, (a, b) -> a - b, Durations.seconds(4), Durations.seconds(2)));
    }
}
