import java.io.*;
import java.nio.charset.StandardCharsets;
import java.util.*;
import org.apache.spark.streaming.Time;

/** The text that print writes. It is recorded as it is, and numbered so that it stays in order. */
final class Print implements Program {
    private static final ByteArrayOutputStream PRINTED = new ByteArrayOutputStream();

    /** Has to come before anything is printed. */
    static void capture() { System.setOut(new PrintStream(PRINTED, true, StandardCharsets.UTF_8)); }

    public void define(Run run) {
        run.batches(8);
        PRINTED.reset();
        var lines = run.input("lines");
        var words = WordCount.words(run);
        words.print();
        words.map(word -> new scala.Tuple2<>(word, word.length())).print(2);
        words.map(word -> new scala.Tuple2<>(word.length() * 0.5, word.length() > 3)).print(3);
        lines.count().print();
        lines.foreachRDD((rdd, time) -> Run.add("print", time, numbered()));
    }

    private static synchronized List<String> numbered() {
        var lines = new ArrayList<String>();
        for (String line : PRINTED.toString(StandardCharsets.UTF_8).split("\n", -1)) lines.add(String.format("%03d:%s", lines.size(), line));
        PRINTED.reset();
        return lines;
    }
}
