package shunt.judge;

import java.util.HashSet;
import java.util.Map;
import java.util.Set;

/** What to load into one topic: the parsed text of --spec. */
final class Spec {
    /** An inclusive range; "A..B", or "N" for both ends. */
    record Range(int low, int high) {
        static Range parse(String text) {
            String[] ends = text.split("\\.\\.");
            int low = Integer.parseInt(ends[0]);
            int high = ends.length == 2 ? Integer.parseInt(ends[1]) : low;
            if (ends.length > 2 || low < 0 || high < low) {
                throw new Judge.UsageException(text + " is not N or A..B");
            }
            return new Range(low, high);
        }

        int pick(Random random) {
            return low == high ? low : low + random.below(high - low + 1);
        }
    }

    /** splitmix64: the same numbers everywhere, for ever, unlike a library's generator. */
    static final class Random {
        private long state;

        Random(long seed, long index) {
            state = seed * 0x9E3779B97F4A7C15L + index * 0xD1B54A32D192ED03L;
        }

        long next() {
            state += 0x9E3779B97F4A7C15L;
            long z = (state ^ (state >>> 30)) * 0xBF58476D1CE4E5B9L;
            z = (z ^ (z >>> 27)) * 0x94D049BB133111EBL;
            return z ^ (z >>> 31);
        }

        int below(int bound) {
            return (int) ((next() >>> 33) % bound);
        }
    }

    private static final Set<String> KEYS =
        Set.of("topic", "kind", "records", "partitions", "seed", "size", "codec", "batch", "linger", "flush", "key",
            "value", "headers", "timestamp", "idempotence", "acks", "transaction", "abort", "spread", "start");

    final String topic;
    final String kind;
    final long start;
    final long records;
    final int partitions;
    final long seed;
    final Range size;
    final String codec;
    final int batch;
    final int linger;
    final Range flush;
    final String key;
    final String value;
    final int headers;
    final long firstTimestamp;
    final long timestampStep;
    final boolean idempotence;
    final String acks;
    final int transaction;
    final int abort;
    final boolean spreadByHash;

    Spec(String text) {
        Map<String, String> given = Options.pairs(java.util.Arrays.asList(text.split(",")));
        Set<String> unknown = new HashSet<>(given.keySet());
        unknown.removeAll(KEYS);
        if (!unknown.isEmpty()) {
            throw new Judge.UsageException("--spec: unknown " + unknown);
        }
        if (!given.containsKey("topic")) {
            throw new Judge.UsageException("--spec: topic= is missing");
        }
        topic = given.get("topic");
        kind = oneOf(given, "kind", "json", "small", "random", "zeros");
        start = Long.parseLong(given.getOrDefault("start", "0"));
        records = Long.parseLong(given.getOrDefault("records", "1000"));
        partitions = Integer.parseInt(given.getOrDefault("partitions", "1"));
        seed = Long.parseLong(given.getOrDefault("seed", "1"));
        size = Range.parse(given.getOrDefault("size",
            kind.equals("small")      ? "100"
                : kind.equals("json") ? "700..1300"
                                      : "1024"));
        codec = oneOf(given, "codec", "none", "gzip", "snappy", "lz4", "zstd");
        batch = Integer.parseInt(given.getOrDefault("batch", "131072"));
        linger = Integer.parseInt(given.getOrDefault("linger", "5"));
        flush = given.containsKey("flush") ? Range.parse(given.get("flush")) : null;
        key = oneOf(given, "key", "id", "null", "empty", "mixed");
        value = oneOf(given, "value", "full", "null", "empty", "mixed");
        headers = Integer.parseInt(given.getOrDefault("headers", "0"));
        String[] times = given.getOrDefault("timestamp", "1700000000000+1").split("\\+");
        firstTimestamp = Long.parseLong(times[0]);
        timestampStep = times.length > 1 ? Long.parseLong(times[1]) : 1;
        idempotence = Boolean.parseBoolean(given.getOrDefault("idempotence", "true"));
        acks = given.getOrDefault("acks", "all");
        transaction = Integer.parseInt(given.getOrDefault("transaction", "0"));
        abort = Integer.parseInt(given.getOrDefault("abort", "0"));
        spreadByHash = oneOf(given, "spread", "cycle", "hash").equals("hash");
    }

    private static String oneOf(Map<String, String> given, String key, String... allowed) {
        String value = given.getOrDefault(key, allowed[0]);
        if (!java.util.Arrays.asList(allowed).contains(value)) {
            throw new Judge.UsageException(
                "--spec: " + key + "=" + value + " is not one of " + String.join(", ", allowed));
        }
        return value;
    }
}
