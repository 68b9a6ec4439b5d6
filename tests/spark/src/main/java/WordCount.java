import java.util.Arrays;
import org.apache.spark.streaming.api.java.*;
import scala.Tuple2;

final class WordCount implements Program {
    public void define(Run run) {
        JavaPairDStream<String, Long> counts = words(run)
            .mapToPair(word -> new Tuple2<>(word, 1L))
            .reduceByKey(Long::sum);
        run.record("word_count", counts);
    }

    static JavaDStream<String> words(Run run) {
        return run.input("lines").flatMap(line -> Arrays.asList(line.split(" ")).iterator());
    }

    static JavaPairDStream<String, Long> pairs(Run run) {
        return words(run).mapToPair(word -> new Tuple2<>(word, 1L));
    }
}
