import org.apache.spark.streaming.Durations;
import org.apache.spark.streaming.api.java.*;
import scala.Tuple2;

/** The three most frequent words of the last five seconds; of equally frequent ones, the last in the alphabet. */
final class TopWords implements Program {
    public void define(Run run) {
        JavaPairDStream<String, Long> counts =
            WordCount.pairs(run).reduceByKeyAndWindow(Long::sum, Durations.seconds(5), Durations.seconds(1));
        var top = counts
            .mapToPair(count -> new Tuple2<>(String.format("%04d %s", count._2, count._1), 0))
            .transformToPair(rdd -> rdd.sortByKey(false));
        top.foreachRDD((rdd, time) -> Run.add("top_words", time, rdd.keys().take(3)));
    }
}
