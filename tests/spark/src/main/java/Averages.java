import scala.Tuple2;

/** The average length of the words with each first letter. */
final class Averages implements Program {
    public void define(Run run) {
        var averages = WordCount.words(run)
            .mapToPair(word -> new Tuple2<>(word.substring(0, 1), (double) word.length()))
            .combineByKey(
                length -> new Tuple2<>(length, 1),
                (sum, length) -> new Tuple2<>(sum._1 + length, sum._2 + 1),
                (a, b) -> new Tuple2<>(a._1 + b._1, a._2 + b._2),
                new org.apache.spark.HashPartitioner(2))
            .mapValues(sum -> sum._1 / sum._2);
        run.record("averages", averages.map(average -> String.format("%s %.3f", average._1, average._2)));
    }
}
