import org.apache.spark.streaming.Durations;
import org.apache.spark.streaming.api.java.*;
import scala.Tuple2;

/** Impressions of ads and clicks on them. */
final class Joins implements Program {
    public void define(Run run) {
        JavaPairDStream<String, String> impressions = pairs(run.input("impressions")), clicks = pairs(run.input("clicks"));
        run.record("join", impressions.join(clicks).map(ad -> ad._1 + " " + ad._2._1 + " " + ad._2._2));
        run.record("left_outer_join",
            impressions.leftOuterJoin(clicks).map(ad -> ad._1 + " " + ad._2._1 + " " + ad._2._2.or("none")));
        run.record("right_outer_join",
            impressions.rightOuterJoin(clicks).map(ad -> ad._1 + " " + ad._2._1.or("none") + " " + ad._2._2));
        run.record("full_outer_join",
            impressions.fullOuterJoin(clicks).map(ad -> ad._1 + " " + ad._2._1.or("none") + " " + ad._2._2.or("none")));
        run.record("cogroup", impressions.cogroup(clicks).map(ad -> ad._1
            + " [" + GroupByKeyAndWindow.sorted(ad._2._1) + "] [" + GroupByKeyAndWindow.sorted(ad._2._2) + "]"));
        run.record("windowed_join", impressions.window(Durations.seconds(5)).join(clicks)
            .map(ad -> ad._1 + " " + ad._2._1 + " " + ad._2._2));
    }

    static JavaPairDStream<String, String> pairs(JavaDStream<String> lines) {
        return lines.mapToPair(line -> new Tuple2<>(line.split(" ")[0], line.split(" ")[1]));
    }
}
