package shunt.judge;

import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** One producer of a workload: the parsed text of --producer. */
final class WorkloadSpec {
    private static final Set<String> KEYS = Set.of("name", "topic", "partitions", "codec", "rate", "size", "keys",
        "batch", "linger", "transaction", "abort", "hold", "hold-ms", "abandon");

    final String name; // the first part of its records' ids, and of its transactional ids
    final String topic;
    final int partitions;
    final String codec;
    final int rate; // records a second
    final Spec.Range size;
    final int keys; // so many different ones; 0: each record its own, or none
    final int batch;
    final int linger;
    final Spec.Range transaction; // records of one; null: no transactions
    final int abort; // one in so many, at random; 0: none
    final int hold; // likewise: is kept open for a while
    final int holdMs;
    final int abandon; // likewise: the producer dies in it

    WorkloadSpec(String text) {
        Map<String, String> given = Options.pairs(List.of(text.split(",")));
        Set<String> unknown = new HashSet<>(given.keySet());
        unknown.removeAll(KEYS);
        if (!unknown.isEmpty() || !given.containsKey("name") || !given.containsKey("topic")) {
            throw new Judge.UsageException("--producer: needs name= and topic=, knows " + KEYS + ", not " + unknown);
        }
        name = given.get("name");
        topic = given.get("topic");
        partitions = number(given, "partitions", 1);
        codec = given.getOrDefault("codec", "none");
        rate = number(given, "rate", 100);
        size = Spec.Range.parse(given.getOrDefault("size", "20..400"));
        keys = number(given, "keys", 0);
        batch = number(given, "batch", 16384);
        linger = number(given, "linger", 5);
        transaction = given.containsKey("transaction") ? Spec.Range.parse(given.get("transaction")) : null;
        abort = number(given, "abort", 0);
        hold = number(given, "hold", 0);
        holdMs = number(given, "hold-ms", 1000);
        abandon = number(given, "abandon", 0);
    }

    private static int number(Map<String, String> given, String key, int fallback) {
        return Integer.parseInt(given.getOrDefault(key, Integer.toString(fallback)));
    }
}
