import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;

import org.apache.kafka.common.metrics.KafkaMetric;
import org.apache.kafka.common.metrics.MetricsReporter;
import org.apache.kafka.common.network.ClientInformation;
import org.apache.kafka.common.requests.RequestContext;
import org.apache.kafka.server.telemetry.ClientTelemetryContext;
import org.apache.kafka.server.telemetry.ClientTelemetryExporter;
import org.apache.kafka.server.telemetry.ClientTelemetryExporterProvider;
import org.apache.kafka.server.telemetry.ClientTelemetryPayload;
import org.apache.kafka.shaded.io.opentelemetry.proto.common.v1.KeyValue;
import org.apache.kafka.shaded.io.opentelemetry.proto.metrics.v1.Metric;
import org.apache.kafka.shaded.io.opentelemetry.proto.metrics.v1.MetricsData;
import org.apache.kafka.shaded.io.opentelemetry.proto.metrics.v1.NumberDataPoint;
import org.apache.kafka.shaded.io.opentelemetry.proto.metrics.v1.ResourceMetrics;
import org.apache.kafka.shaded.io.opentelemetry.proto.metrics.v1.ScopeMetrics;

/**
 * A broker's reporter that takes the metrics that clients push (KIP-714) and appends them, decoded by Kafka's own classes, to
 * the file that the broker setting {@code telemetry.file} names. A line a metric: instance id, client id, software and its
 * version, whether it is the last push, labels, name, kind, attributes, value, with tabs between them.
 */
public class TelemetryFile implements MetricsReporter, ClientTelemetryExporterProvider, ClientTelemetryExporter {
    private Path file;

    @Override
    public void configure(Map<String, ?> settings) {
        file = Path.of((String) settings.get("telemetry.file"));
    }

    @Override
    public ClientTelemetryExporter clientTelemetryExporter() {
        return this;
    }

    @Override
    public synchronized void exportMetrics(ClientTelemetryContext context, ClientTelemetryPayload payload) {
        RequestContext request = (RequestContext) context.authorizableRequestContext();
        ClientInformation software = request.clientInformation;
        String client = String.join("\t", payload.clientInstanceId().toString(), request.clientId(),
            software.softwareName() + " " + software.softwareVersion(), String.valueOf(payload.isTerminating()));
        List<String> lines = new ArrayList<>();
        try {
            for (ResourceMetrics resource : MetricsData.parseFrom(payload.data()).getResourceMetricsList()) {
                String labels = text(resource.getResource().getAttributesList());
                for (ScopeMetrics scope : resource.getScopeMetricsList()) {
                    for (Metric metric : scope.getMetricsList()) {
                        lines.add(String.join("\t", client, labels, text(metric)));
                    }
                }
            }
            Files.write(file, lines, StandardOpenOption.CREATE, StandardOpenOption.APPEND);
        } catch (IOException error) {
            throw new UncheckedIOException(error);
        }
    }

    private static String text(Metric metric) {
        String kind = "gauge";
        List<NumberDataPoint> points = metric.getGauge().getDataPointsList();
        if (metric.hasSum()) {
            kind = metric.getSum().getAggregationTemporality().name().replace("AGGREGATION_TEMPORALITY_", "").toLowerCase()
                + (metric.getSum().getIsMonotonic() ? "" : " not monotonic");
            points = metric.getSum().getDataPointsList();
        }
        if (points.size() != 1) {
            throw new IllegalArgumentException(points.size() + " values of " + metric.getName());
        }
        NumberDataPoint point = points.get(0);
        String value = String.valueOf(point.hasAsInt() ? (double) point.getAsInt() : point.getAsDouble());
        return String.join("\t", metric.getName(), kind, text(point.getAttributesList()), value);
    }

    private static String text(List<KeyValue> pairs) {
        TreeSet<String> sorted = new TreeSet<>();
        pairs.forEach(pair -> sorted.add(pair.getKey() + "=" + pair.getValue().getStringValue()));
        return String.join(",", sorted);
    }

    @Override
    public void init(List<KafkaMetric> metrics) {
    }

    @Override
    public void metricChange(KafkaMetric metric) {
    }

    @Override
    public void metricRemoval(KafkaMetric metric) {
    }

    @Override
    public void close() {
    }
}
