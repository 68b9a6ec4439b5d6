import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.apache.kafka.common.compress.Compression;
import org.apache.kafka.common.record.TimestampType;
import org.apache.kafka.common.record.internal.MemoryRecords;

/**
 * Writes the vectors of levels.jsonl: the same records in batches of every codec and level of Kafka's own classes.
 *
 * java -cp "$(tests/kafka/kafka.sh fetch)/*" tests/golden/CompressionLevels.java | gzip -9n > tests/golden/levels.jsonl.gz
 */
public class CompressionLevels {
    public static void main(String[] args) {
        int records = args.length > 0 ? Integer.parseInt(args[0]) : 80;
        print("none", List.of(), batch(Compression.NONE, records));
        print("snappy", List.of(), batch(Compression.snappy().build(), records));
        Map<String, List<Integer>> gzip = new LinkedHashMap<>();
        Map<String, List<Integer>> lz4 = new LinkedHashMap<>();
        Map<String, List<Integer>> zstd = new LinkedHashMap<>();
        IntStream.rangeClosed(1, 9).forEach(level -> add(gzip, level, Compression.gzip().level(level).build(), records));
        IntStream.rangeClosed(1, 17).forEach(level -> add(lz4, level, Compression.lz4().level(level).build(), records));
        IntStream.of(-131072, -1000, -100, -20).forEach(level -> add(zstd, level, Compression.zstd().level(level).build(), records));
        IntStream.rangeClosed(-7, 22).filter(level -> level != 0).forEach(level -> add(zstd, level, Compression.zstd().level(level).build(), records));
        gzip.forEach((hex, levels) -> print("gzip", levels, hex));
        lz4.forEach((hex, levels) -> print("lz4", levels, hex));
        zstd.forEach((hex, levels) -> print("zstd", levels, hex));
    }

    /** Levels that give the same bytes share a vector. */
    private static void add(Map<String, List<Integer>> vectors, int level, Compression compression, int records) {
        vectors.computeIfAbsent(batch(compression, records), hex -> new ArrayList<>()).add(level);
    }

    private static void print(String codec, List<Integer> levels, String hex) {
        System.out.printf("{\"codec\":\"%s\",\"levels\":%s,\"hex\":\"%s\"}%n", codec, levels, hex);
    }

    private static String batch(Compression compression, int records) {
        var builder = MemoryRecords.builder(ByteBuffer.allocate(1 << 16), compression, TimestampType.CREATE_TIME, 0);
        int state = 1;
        for (int i = 0; i < records; i++) {
            state = state * 1103515245 + 12345;
            String value = "order %d of customer %d: %s, paid".formatted(i, (state >>> 16) % 50, "wheel barrow ".repeat(state >>> 29));
            builder.append(1_700_000_000_000L + i, ("key" + i % 7).getBytes(StandardCharsets.UTF_8), value.getBytes(StandardCharsets.UTF_8));
        }
        ByteBuffer bytes = builder.build().buffer();
        byte[] copy = new byte[bytes.remaining()];
        bytes.get(copy);
        return HexFormat.of().formatHex(copy);
    }
}
