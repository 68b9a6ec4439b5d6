import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.*;
import java.util.*;

/** The folders and files of each batch, with their lines. */
final class SaveAsTextFiles implements Program {
    public void define(Run run) {
        run.batches(6);
        Path folder = run.folder("saved");
        var lines = run.input("lines");
        lines.dstream().saveAsTextFiles(folder.resolve("lines").toString(), "txt");
        WordCount.pairs(run).reduceByKey(Long::sum, 1).dstream().saveAsTextFiles(folder.resolve("counts").toString(), "");
        String path = folder.toString();
        lines.foreachRDD((rdd, time) -> Run.add("save_as_text_files", time, lines(Path.of(path), time.milliseconds())));
    }

    private static List<String> lines(Path folder, long time) {
        var all = new ArrayList<String>();
        try (var files = Files.walk(folder)) {
            for (Path file : (Iterable<Path>) files.filter(Files::isRegularFile)::iterator) {
                String name = folder.relativize(file).toString();
                if (!name.contains("-" + time) || name.endsWith(".crc")) continue;
                all.add(name);
                for (String line : Files.readAllLines(file)) all.add(name + ": " + line);
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return all;
    }
}
