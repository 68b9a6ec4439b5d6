import java.util.List;
import org.apache.spark.api.java.JavaPairRDD;
import scala.Tuple2;

/** Clicks with the prices of the ads that have one, and those without. */
final class StaticJoin implements Program {
    public void define(Run run) {
        JavaPairRDD<String, Integer> prices = run.spark()
            .parallelizePairs(List.of(new Tuple2<>("ad1", 15), new Tuple2<>("ad3", 7), new Tuple2<>("ad9", 1))).cache();
        var clicks = Joins.pairs(run.input("clicks"));
        run.record("static_join", clicks.transformToPair(rdd -> rdd.join(prices))
            .map(ad -> ad._1 + " " + ad._2._1 + " " + ad._2._2));
        run.record("static_left_outer_join", clicks.transformToPair(rdd -> rdd.leftOuterJoin(prices))
            .filter(ad -> !ad._2._2.isPresent()).map(ad -> ad._1 + " " + ad._2._1));
    }
}
