import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.*;
import java.util.concurrent.*;
import org.apache.spark.api.java.JavaRDD;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.streaming.*;
import org.apache.spark.streaming.api.java.*;
import org.apache.spark.streaming.scheduler.*;
import org.apache.spark.util.ManualClock;

/** One run of a program: batches of a second on a clock that only moves when the batch before is done. */
final class Run {
    /** How long a batch may take before something is wrong. */
    static final long PATIENCE_S = 60;

    /** What was recorded: by the name of the stream, by the batch's time, its records. Static, as closures are serialized. */
    private static final Map<String, SortedMap<Long, List<String>>> RECORDED = new ConcurrentSkipListMap<>();

    private final JavaSparkContext spark;
    private final Path inputs;
    private final Path scratch;
    private final JavaStreamingContext ssc;
    private final BlockingQueue<Long> completed = new LinkedBlockingQueue<>();
    private int batches;

    Run(JavaSparkContext spark, Path inputs, Path scratch) {
        this.spark = spark;
        this.inputs = inputs;
        this.scratch = scratch;
        ssc = new JavaStreamingContext(spark, Durations.seconds(1));
        ssc.checkpoint(scratch.resolve("checkpoint").toString());
        ssc.ssc().addStreamingListener(new StreamingListener() {
            @Override public void onBatchCompleted(StreamingListenerBatchCompleted event) {
                completed.add(event.batchInfo().batchTime().milliseconds());
            }
        });
        RECORDED.clear();
    }

    JavaStreamingContext context() { return ssc; }

    JavaSparkContext spark() { return spark; }

    /** A folder of this run's own, which is not there yet. */
    Path folder(String name) { return scratch.resolve(name); }

    /** A stream of a recorded input. A line of the file is the number of its batch, a blank and the record. */
    JavaDStream<String> input(String name) {
        List<List<String>> all = new ArrayList<>();
        try {
            for (String line : Files.readAllLines(inputs.resolve(name + ".txt"))) {
                int blank = line.indexOf(' '), batch = Integer.parseInt(line.substring(0, blank));
                while (all.size() < batch) all.add(new ArrayList<>());
                all.get(batch - 1).add(line.substring(blank + 1));
            }
        } catch (IOException e) {
            throw new java.io.UncheckedIOException(e);
        }
        Queue<JavaRDD<String>> queue = new LinkedList<>();
        for (List<String> batch : all) queue.add(spark.parallelize(batch, 2));
        return ssc.queueStream(queue);
    }

    /** Runs for this many batches. */
    void batches(int n) { batches = n; }

    /** Records what is in each batch of the stream. A batch without an RDD is not recorded, one without records is. */
    void record(String name, JavaDStream<?> stream) {
        RECORDED.put(name, new ConcurrentSkipListMap<>());
        stream.foreachRDD((rdd, time) -> add(name, time, rdd.map(record -> record.toString()).collect()));
    }

    void record(String name, JavaPairDStream<?, ?> stream) {
        record(name, stream.map(pair -> pair._1 + " " + pair._2));
    }

    /** Records these lines for a batch. */
    static void add(String name, Time time, List<String> records) {
        List<String> sorted = new ArrayList<>(records);
        Collections.sort(sorted);
        RECORDED.computeIfAbsent(name, any -> new ConcurrentSkipListMap<>()).put(time.milliseconds(), sorted);
    }

    /** Runs the program, and writes what was recorded: a line for each batch's time, and an indented one for each record. */
    void run(Program program, Path recorded) throws Exception {
        program.define(this);
        // Spark does not say that a batch has completed in which no stream had an RDD.
        ssc.queueStream(new LinkedList<JavaRDD<String>>()).foreachRDD(rdd -> { });
        ssc.start();
        try {
            var clock = (ManualClock) ssc.ssc().scheduler().clock();
            for (int batch = 1; batch <= batches; batch++) {
                clock.advance(1000);
                await(batch * 1000L);
            }
        } finally {
            ssc.stop(false, false);
        }
        program.stopped(new Time(batches * 1000L));
        for (var stream : RECORDED.entrySet()) {
            var text = new StringBuilder();
            stream.getValue().forEach((time, records) -> {
                text.append(time).append(" ms\n");
                for (String record : records) text.append("  ").append(record).append('\n');
            });
            Files.writeString(recorded.resolve(stream.getKey() + ".txt"), text);
        }
    }

    private void await(long time) throws Exception {
        for (long waited = 0; waited < PATIENCE_S * 10; waited++) {
            Long done = completed.poll(100, TimeUnit.MILLISECONDS);
            if (done == null) {
                ssc.awaitTerminationOrTimeout(1); // throws what has failed a batch
            } else if (done == time) {
                return;
            } else {
                throw new IllegalStateException("batch " + done + " ms has completed, and not " + time + " ms");
            }
        }
        throw new TimeoutException("batch " + time + " ms has not completed within " + PATIENCE_S + " s");
    }
}
