import org.apache.spark.streaming.Durations;
import org.apache.spark.streaming.Time;

/** Only words that occur at least twice in the window. */
final class FilterTrap implements Program {
    public void define(Run run) {
        var frequent = WordCount.pairs(run).reduceByKeyAndWindow(
            Long::sum, (a, b) -> a - b, Durations.seconds(5), Durations.seconds(1), 2, count -> count._2 > 1);
        frequent.foreachRDD((rdd, time) -> {
            try {
                Run.add("filter_trap", time, rdd.map(count -> count._1 + " " + count._2).collect());
            } catch (Exception e) {
                Run.add("filter_trap", time, java.util.List.of("failed: " + reason(e)));
            }
        });
    }

    private static String reason(Throwable e) {
        while (e.getCause() != null) e = e.getCause();
        String message = e.getMessage();
        int at = message.indexOf("Neither previous");
        return at < 0 ? message : message.substring(at).lines().findFirst().get();
    }
}
