import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.*;

/** Makes the inputs, the same each time. */
final class Inputs {
    static final int BATCHES = 24;
    private static final String[] WORDS = ("the of and a to in is you that it he was for on are with as his they be at one have "
        + "this from or had by hot word but what some we can out other were all there").split(" ");

    static void write(Path folder) throws IOException {
        Files.createDirectories(folder);
        var random = new Random(20_240_215);
        write(folder, "lines", lines(random));
        write(folder, "impressions", events(random, 5, "page"));
        write(folder, "clicks", events(random, 3, "user"));
        write(folder, "visits", visits(random));
    }

    /** Text. The first batch is empty; in 13 and 14 only one word is left, and none from 15 to 20: windows and states run out. */
    private static List<List<String>> lines(Random random) {
        var batches = new ArrayList<List<String>>();
        for (int batch = 1; batch <= BATCHES; batch++) {
            var lines = new ArrayList<String>();
            int count = batch == 1 || batch >= 15 && batch <= 20 ? 0 : 1 + random.nextInt(5);
            for (int n = 0; n < count; n++) {
                var line = new StringJoiner(" ");
                for (int words = 1 + random.nextInt(7); words > 0; words--) {
                    double r = random.nextDouble();
                    line.add(batch == 13 || batch == 14 ? "the" : WORDS[(int) (WORDS.length * r * r * r)]);
                }
                lines.add(line.toString());
            }
            batches.add(lines);
        }
        return batches;
    }

    /** Pairs of an ad and who or what had to do with it. */
    private static List<List<String>> events(Random random, int most, String with) {
        var batches = new ArrayList<List<String>>();
        for (int batch = 1; batch <= 12; batch++) {
            var events = new ArrayList<String>();
            for (int n = random.nextInt(most + 1); n > 0; n--) events.add("ad" + random.nextInt(5) + " " + with + random.nextInt(20));
            batches.add(events);
        }
        return batches;
    }

    /** Users who come, look at some pages and go; some come back a little later, some much later. */
    private static List<List<String>> visits(Random random) {
        var batches = new ArrayList<List<String>>();
        for (int batch = 1; batch <= BATCHES; batch++) batches.add(new ArrayList<>());
        for (int user = 0; user < 8; user++) {
            for (int at = random.nextInt(6); at < BATCHES; at += random.nextInt(4) == 0 ? 4 + random.nextInt(6) : random.nextInt(3)) {
                batches.get(at).add("user" + user + " page" + random.nextInt(20));
            }
        }
        return batches;
    }

    private static void write(Path folder, String name, List<List<String>> batches) throws IOException {
        var text = new StringBuilder();
        for (int batch = 0; batch < batches.size(); batch++) {
            for (String record : batches.get(batch)) text.append(batch + 1).append(' ').append(record).append('\n');
        }
        Files.writeString(folder.resolve(name + ".txt"), text);
    }
}
