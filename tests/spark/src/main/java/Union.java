import org.apache.spark.streaming.api.java.*;

/** Three streams as one. */
final class Union implements Program {
    @SuppressWarnings("unchecked")
    public void define(Run run) {
        run.record("union", run.context().union(run.input("impressions"), run.input("clicks"), run.input("visits")));
        run.record("union_of_two", run.input("clicks").union(run.input("clicks")));
    }
}
