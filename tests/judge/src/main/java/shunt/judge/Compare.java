package shunt.judge;

import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import org.apache.kafka.clients.consumer.Consumer;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.common.TopicPartition;

/**
 * Is the target the source? Digests both sides at the same time, then reads only a differing partition again, side by
 * side, to name the first difference. Exit code 1 if anything differs.
 */
final class Compare {
    private final Map<String, Object> source;
    private final Map<String, Object> target;
    private final boolean withOffsets;
    private final boolean withTimeTypes; // CreateTime or LogAppendTime: not what a mirror can always keep
    private final String isolation; // of the source's reader; the target is read uncommitted: nothing may be hidden there
    private final List<String> differences = new ArrayList<>();

    private Compare(Map<String, Object> source, Map<String, Object> target, boolean withOffsets, boolean withTimeTypes,
        String isolation) {
        this.source = source;
        this.target = target;
        this.withOffsets = withOffsets;
        this.withTimeTypes = withTimeTypes;
        this.isolation = isolation;
    }

    static int run(Options options) throws Exception {
        Compare compare =
            new Compare(options.client("source"), options.client("target"), !options.flag("ignore-offsets"),
                !options.flag("ignore-time-types"), options.or("isolation", "read_uncommitted"));
        Map<String, String> topics = new LinkedHashMap<>();
        for (String text : options.some("topic")) {
            int sign = text.indexOf('=');
            topics.put(sign < 0 ? text : text.substring(0, sign), text.substring(sign + 1));
        }
        boolean batches = options.flag("batches");
        options.finish();
        return compare.topics(topics, batches);
    }

    private int topics(Map<String, String> topics, boolean batches) throws Exception {
        List<String> targets = List.copyOf(topics.values());
        var there = CompletableFuture.supplyAsync(
            () -> Digest.of(target, targets, "read_uncommitted", withOffsets, withTimeTypes));
        var here = Digest.of(source, List.copyOf(topics.keySet()), isolation, withOffsets, withTimeTypes);
        var found = there.get();
        long records = 0;
        long bytes = 0;
        int partitions = 0;
        for (Map.Entry<String, String> pair : topics.entrySet()) {
            Map<Integer, Map<String, Object>> sources = here.get(pair.getKey());
            Map<Integer, Map<String, Object>> copies = found.get(pair.getValue());
            for (var entry : sources.entrySet()) {
                int partition = entry.getKey();
                partition(new TopicPartition(pair.getKey(), partition), entry.getValue(),
                    new TopicPartition(pair.getValue(), partition), copies.get(partition));
                records += (Long) entry.getValue().get("records");
                bytes += (Long) entry.getValue().get("bytes");
                partitions++;
            }
            copies.forEach((partition, digest) -> {
                if (!sources.containsKey(partition) && (Long) digest.get("records") > 0) {
                    differ(pair.getValue() + "-" + partition + " holds records, but the source has no such partition");
                }
            });
        }
        if (batches) {
            Raw.compare(source, target, topics, this::differ);
        }
        Map<String, Object> result = new LinkedHashMap<>();
        result.put("equal", differences.isEmpty());
        result.put("topics", topics.size());
        result.put("partitions", partitions);
        result.put("records", records);
        result.put("bytes", bytes);
        result.put("differences", differences);
        Json.print(result);
        return differences.isEmpty() ? 0 : 1;
    }

    private void differ(String text) {
        System.err.println("judge compare: " + text);
        differences.add(text);
    }

    private void partition(
        TopicPartition from, Map<String, Object> expected, TopicPartition to, Map<String, Object> actual) {
        if (actual == null) {
            differ(to + " does not exist");
        } else if (!expected.get("sha256").equals(actual.get("sha256"))) {
            differ(firstDifference(from, to) + " (source " + summary(expected) + ", target " + summary(actual) + ")");
        } else if (withOffsets && !expected.get("end").equals(actual.get("end"))) {
            differ(to + ": records equal, but the log ends at " + actual.get("end") + " instead of "
                + expected.get("end"));
        }
    }

    private static String summary(Map<String, Object> digest) {
        return digest.get("records") + " records, offsets " + digest.get("first") + " to " + digest.get("last")
            + ", end " + digest.get("end");
    }

    private String firstDifference(TopicPartition from, TopicPartition to) {
        try (Cursor left = new Cursor(source, from, isolation); Cursor right = new Cursor(target, to, "read_uncommitted")) {
            for (long number = 0;; number++) {
                ConsumerRecord<byte[], byte[]> a = left.next();
                ConsumerRecord<byte[], byte[]> b = right.next();
                String where = to + ": record number " + number;
                if (a == null && b == null) {
                    return to + " differed and no longer does: something still writes";
                }
                if (b == null) {
                    return where + " is missing: source offset " + a.offset();
                }
                if (a == null) {
                    return where + " is too many: target offset " + b.offset();
                }
                if (withOffsets && a.offset() != b.offset()) {
                    return where + " is at offset " + b.offset() + " instead of " + a.offset();
                }
                String what = difference(a, b, withTimeTypes);
                if (what != null) {
                    return where + ", offset " + a.offset() + ": " + what;
                }
            }
        }
    }

    /** What distinguishes the contents of two records, or null. */
    private static String difference(
        ConsumerRecord<byte[], byte[]> a, ConsumerRecord<byte[], byte[]> b, boolean withTimeTypes) {
        if (a.timestamp() != b.timestamp()) {
            return "timestamp " + b.timestamp() + " instead of " + a.timestamp();
        }
        if (withTimeTypes && a.timestampType() != b.timestampType()) {
            return "timestamp type " + b.timestampType() + " instead of " + a.timestampType();
        }
        if (!Arrays.equals(a.key(), b.key())) {
            return "key " + text(b.key()) + " instead of " + text(a.key());
        }
        if (!Arrays.equals(a.value(), b.value())) {
            return "value " + text(b.value()) + " instead of " + text(a.value());
        }
        if (!Objects.equals(a.headers(), b.headers())) {
            return "headers " + b.headers() + " instead of " + a.headers();
        }
        return null;
    }

    private static String text(byte[] data) {
        if (data == null) {
            return "null";
        }
        String start = new String(data, 0, Math.min(60, data.length), StandardCharsets.ISO_8859_1);
        return data.length + " bytes \"" + start + (data.length > 60 ? "...\"" : "\"");
    }

    /** One partition, record by record. */
    private static final class Cursor implements AutoCloseable {
        private final Consumer<byte[], byte[]> consumer;
        private final TopicPartition partition;
        private final long end;
        private Iterator<ConsumerRecord<byte[], byte[]>> buffered = Collections.emptyIterator();

        Cursor(Map<String, Object> client, TopicPartition partition, String isolation) {
            this.partition = partition;
            consumer = Scan.consumer(client, isolation);
            consumer.assign(List.of(partition));
            consumer.seekToBeginning(List.of(partition));
            end = consumer.endOffsets(List.of(partition)).get(partition);
        }

        ConsumerRecord<byte[], byte[]> next() {
            while (!buffered.hasNext() && consumer.position(partition) < end) {
                buffered = consumer.poll(Duration.ofMillis(200)).iterator();
            }
            return buffered.hasNext() ? buffered.next() : null;
        }

        @Override
        public void close() {
            consumer.close();
        }
    }
}
