import org.apache.spark.api.java.Optional;
import org.apache.spark.streaming.*;
import org.apache.spark.streaming.api.java.*;
import scala.Tuple2;

/** Sessions of users, which end when nothing was heard of one for more than three seconds. */
final class Sessions implements Program {
    /** Start, end, pages. */
    record Session(long start, long end, long pages) implements java.io.Serializable {
        String of(String user) { return user + " from " + start + " to " + end + " pages " + pages; }
    }

    public void define(Run run) {
        run.batches(32);
        JavaMapWithStateDStream<String, Long, Session, String> sessions = run.input("visits")
            .mapToPair(line -> new Tuple2<>(line.split(" ")[0], 1L))
            .reduceByKey(Long::sum)
            .mapWithState(StateSpec.function((Time time, String user, Optional<Long> pages, State<Session> state) -> {
                if (state.isTimingOut()) return Optional.of(state.get().of(user));
                long now = time.milliseconds();
                Session old = state.exists() ? state.get() : null;
                // Spark may not have looked for sessions that have ended since.
                boolean ended = old != null && now - old.end > 3000;
                state.update(old == null || ended
                    ? new Session(now, now, pages.get())
                    : new Session(old.start, now, old.pages + pages.get()));
                return ended ? Optional.of(old.of(user)) : Optional.empty();
            }).timeout(Durations.seconds(3)));
        run.record("sessions", sessions);
    }
}
