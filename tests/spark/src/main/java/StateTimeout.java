import org.apache.spark.api.java.Optional;
import org.apache.spark.streaming.*;
import org.apache.spark.streaming.api.java.*;

/** Running counts of the words that were seen within the last three seconds. */
final class StateTimeout implements Program {
    public void define(Run run) {
        run.batches(32);
        JavaMapWithStateDStream<String, Long, Long, String> counts = WordCount.pairs(run).mapWithState(
            StateSpec.function((String word, Optional<Long> one, State<Long> state) -> {
                if (state.isTimingOut()) return word + " timed out at " + state.get();
                long count = (state.exists() ? state.get() : 0) + one.get();
                state.update(count);
                return word + " " + count;
            }).timeout(Durations.seconds(3)));
        run.record("state_timeout", counts);
    }
}
