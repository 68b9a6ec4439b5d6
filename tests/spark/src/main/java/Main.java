import java.nio.file.*;
import java.util.*;
import java.util.stream.Stream;
import org.apache.spark.SparkConf;
import org.apache.spark.api.java.JavaSparkContext;

/** Runs the programs and records what they give: Main FOLDER SCRATCH BOOTSTRAP [PROGRAM...]. */
final class Main {
    static List<Program> programs(String bootstrap) {
        return List.of(new WordCount(), new StatefulWordCount(), new InitialState(), new RunningCounts(), new StateTimeout(),
            new Sessions(), new WindowedCounts(), new InverseWindow(), new FilteredInverseWindow(), new FilterTrap(),
            new CountByWindow(), new CountByValueAndWindow(), new ReduceByWindow(), new SlowSlide(), new GroupByKeyAndWindow(),
            new Joins(), new StaticJoin(), new TransformWith(), new Union(), new EmptyBatches(), new Averages(), new TopWords(),
            new Slice(), new Print(), new SaveAsTextFiles(), new KafkaDirect(bootstrap));
    }

    public static void main(String[] args) throws Exception {
        Path folder = Path.of(args[0]), scratch = Path.of(args[1]), recorded = folder.resolve("recorded");
        var wanted = Set.of(Arrays.copyOfRange(args, 3, args.length));
        Print.capture();
        Inputs.write(folder.resolve("input"));
        Files.createDirectories(recorded);
        var conf = new SparkConf().setMaster("local[2]").setAppName("recorder")
            .set("spark.ui.enabled", "false")
            .set("spark.default.parallelism", "2")
            .set("spark.streaming.clock", "org.apache.spark.util.ManualClock")
            .set("spark.streaming.kafka.maxRatePerPartition", "10");
        try (var spark = new JavaSparkContext(conf)) {
            for (Program program : programs(args[2])) {
                String name = program.getClass().getSimpleName();
                if (!wanted.isEmpty() && !wanted.contains(name)) continue;
                long began = System.nanoTime();
                var run = new Run(spark, folder.resolve("input"), scratch.resolve(name));
                run.batches(Inputs.BATCHES);
                run.run(program, recorded);
                System.err.printf("%s: %.1f s%n", name, (System.nanoTime() - began) / 1e9);
            }
        }
    }
}
