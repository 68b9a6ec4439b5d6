import java.util.*;
import org.apache.spark.streaming.*;
import org.apache.spark.streaming.api.java.*;

/** Looks back: in each third batch, at the batches of the last three seconds, by times that lie between batches. */
final class Slice implements Program {
    private static JavaDStream<String> lines;

    public void define(Run run) {
        run.context().remember(Durations.seconds(10));
        lines = run.input("lines");
        lines.foreachRDD((rdd, time) -> {
            if (time.milliseconds() % 3000 != 0) return;
            var found = new ArrayList<String>();
            int n = 0;
            for (var batch : lines.slice(new Time(time.milliseconds() - 2500), new Time(time.milliseconds() + 400))) {
                n++;
                for (String line : batch.collect()) found.add(n + " " + line);
            }
            found.add(n + " batches");
            Run.add("slice", time, found);
        });
    }
}
