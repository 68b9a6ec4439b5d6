import java.util.List;
import org.apache.spark.api.java.Optional;
import org.apache.spark.streaming.*;
import org.apache.spark.streaming.api.java.*;
import scala.Tuple2;

/** The count of each word so far, told at each of its occurrences; and all counts after each batch. */
final class RunningCounts implements Program {
    public void define(Run run) {
        var initial = run.spark().parallelizePairs(List.of(new Tuple2<>("the", 100L), new Tuple2<>("hello", 10L)));
        JavaMapWithStateDStream<String, Long, Long, String> counts = WordCount.pairs(run).mapWithState(
            StateSpec.function((String word, Optional<Long> one, State<Long> state) -> {
                long count = (state.exists() ? state.get() : 0) + one.get();
                state.update(count);
                return word + " " + count;
            }).initialState(initial));
        run.record("running_counts", counts);
        run.record("running_counts_snapshots", counts.stateSnapshots());
    }
}
