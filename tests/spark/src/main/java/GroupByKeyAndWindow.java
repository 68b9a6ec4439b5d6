import java.util.*;
import org.apache.spark.streaming.Durations;
import scala.Tuple2;

/** The words of the window by their first letter. */
final class GroupByKeyAndWindow implements Program {
    public void define(Run run) {
        var groups = WordCount.words(run)
            .mapToPair(word -> new Tuple2<>(word.substring(0, 1), word))
            .groupByKeyAndWindow(Durations.seconds(3), Durations.seconds(1));
        run.record("group_by_key_and_window", groups.map(group -> group._1 + " " + sorted(group._2)));
    }

    /** Spark promises no order within a group. */
    static String sorted(Iterable<String> values) {
        var all = new TreeMap<String, Integer>();
        for (String value : values) all.merge(value, 1, Integer::sum);
        var text = new StringJoiner(",");
        all.forEach((value, times) -> { for (int n = 0; n < times; n++) text.add(value); });
        return text.toString();
    }
}
