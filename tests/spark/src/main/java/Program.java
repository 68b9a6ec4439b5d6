/** A streaming program whose output is recorded. */
interface Program {
    /** Describes the program's streams; those that are to be recorded are handed to {@link Run#record}. */
    void define(Run run);

    /** Called when the program has been stopped, at the time of its last batch. */
    default void stopped(org.apache.spark.streaming.Time time) throws Exception { }
}
