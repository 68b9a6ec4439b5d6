import java.util.List;
import org.apache.spark.HashPartitioner;
import org.apache.spark.api.java.Optional;
import org.apache.spark.streaming.api.java.*;
import scala.Tuple2;

/** Counts that go on from those of an earlier run. */
final class InitialState implements Program {
    public void define(Run run) {
        var initial = run.spark().parallelizePairs(List.of(new Tuple2<>("the", 100L), new Tuple2<>("hello", 10L)));
        JavaPairDStream<String, Long> totals = WordCount.pairs(run).updateStateByKey(
            (ones, old) -> Optional.of(old.orElse(0L) + ones.size()), new HashPartitioner(2), initial);
        run.record("initial_state", totals);
    }
}
