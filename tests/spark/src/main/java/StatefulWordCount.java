import org.apache.spark.api.java.Optional;
import org.apache.spark.streaming.api.java.*;
import scala.Tuple2;

/** Counts since the beginning; a word that was not seen for three batches is forgotten. */
final class StatefulWordCount implements Program {
    public void define(Run run) {
        JavaPairDStream<String, Tuple2<Long, Integer>> state = WordCount.pairs(run).updateStateByKey((ones, old) -> {
            long count = old.isPresent() ? old.get()._1 : 0;
            int idle = ones.isEmpty() ? old.get()._2 + 1 : 0;
            return idle < 3 ? Optional.of(new Tuple2<>(count + ones.size(), idle)) : Optional.empty();
        });
        run.record("stateful_word_count", state.map(entry -> entry._1 + " " + entry._2._1 + " idle " + entry._2._2));
    }
}
