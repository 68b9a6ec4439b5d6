/** What is left of a batch without records. */
final class EmptyBatches implements Program {
    public void define(Run run) {
        var lines = run.input("lines");
        run.record("count", lines.count());
        run.record("reduce", lines.map(String::length).reduce(Integer::sum));
        run.record("count_by_value", lines.map(String::length).countByValue());
        run.record("group_by_key", WordCount.pairs(run).groupByKey()
            .mapValues(ones -> { int n = 0; for (long one : ones) n += one; return n; }));
    }
}
