import scala.Tuple2;

/** How often each ad was shown and clicked, batch by batch, with the batch's time. */
final class TransformWith implements Program {
    public void define(Run run) {
        var shown = Joins.pairs(run.input("impressions")).mapToPair(ad -> new Tuple2<>(ad._1, 1L));
        var clicked = Joins.pairs(run.input("clicks")).mapToPair(ad -> new Tuple2<>(ad._1, 1000L));
        run.record("transform_with", shown.transformWithToPair(clicked, (a, b, time) -> {
            String at = " at " + time;
            return a.union(b).reduceByKey(Long::sum).mapToPair(ad -> new Tuple2<>(ad._1 + at, ad._2));
        }));
    }
}
