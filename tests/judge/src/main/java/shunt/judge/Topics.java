package shunt.judge;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.ExecutionException;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.clients.consumer.Consumer;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.TopicExistsException;
import org.apache.kafka.common.errors.UnknownTopicOrPartitionException;

/** Topics: creation, and what partitions and offsets they have. */
final class Topics {
    static int create(Options options) throws Exception {
        Map<String, Object> client = options.client("bootstrap");
        List<String> names = options.some("topic");
        int partitions = options.number("partitions", 1);
        short replication = (short) options.number("replication", -1);
        Map<String, String> configs = Options.pairs(options.all("config"));
        options.finish();
        try (Admin admin = Admin.create(client)) {
            admin
                .createTopics(
                    names.stream().map(name -> topic(name, partitions, replication).configs(configs)).toList())
                .all()
                .get();
        }
        return 0;
    }

    /** Creates a topic unless it is there; its partition count is then whatever it has. */
    static void ensure(Admin admin, String name, int partitions, Map<String, String> configs) throws Exception {
        try {
            admin.createTopics(List.of(topic(name, partitions, (short) -1).configs(configs))).all().get();
        } catch (ExecutionException error) {
            if (!(error.getCause() instanceof TopicExistsException)) {
                throw error;
            }
        }
    }

    /**
     * Waits until every partition's leader serves it. An idempotent producer that is faster than its new topic can end
     * in sequence errors that only its delivery time-out resolves.
     */
    static void awaitLeaders(Admin admin, List<String> names) throws Exception {
        Map<TopicPartition, OffsetSpec> ends = new HashMap<>();
        for (String name : names) {
            for (int partition = 0; partition < partitionCount(admin, name); partition++) {
                ends.put(new TopicPartition(name, partition), OffsetSpec.latest());
            }
        }
        admin.listOffsets(ends).all().get();
    }

    /** Of a topic that exists, though the broker that is asked may not know it yet. */
    private static int partitionCount(Admin admin, String name) throws Exception {
        long deadline = System.nanoTime() + 60_000_000_000L;
        while (true) {
            try {
                return admin.describeTopics(List.of(name)).allTopicNames().get().get(name).partitions().size();
            } catch (ExecutionException error) {
                if (!(error.getCause() instanceof UnknownTopicOrPartitionException) || System.nanoTime() > deadline) {
                    throw error;
                }
                Thread.sleep(50);
            }
        }
    }

    private static NewTopic topic(String name, int partitions, short replication) {
        return new NewTopic(
            name, Optional.of(partitions), replication < 0 ? Optional.empty() : Optional.of(replication));
    }

    /** All partitions of the topics, in order. A topic that does not exist is an error. */
    static List<TopicPartition> partitions(Consumer<byte[], byte[]> consumer, Iterable<String> topics) {
        Map<String, List<org.apache.kafka.common.PartitionInfo>> known = consumer.listTopics();
        List<TopicPartition> result = new ArrayList<>();
        for (String topic : topics) {
            if (!known.containsKey(topic)) {
                throw new IllegalStateException("topic " + topic + " does not exist");
            }
            known.get(topic)
                .stream()
                .map(info -> info.partition())
                .sorted()
                .forEach(partition -> result.add(new TopicPartition(topic, partition)));
        }
        return result;
    }

    static int endOffsets(Options options) throws Exception {
        Map<String, Object> client = options.client("bootstrap");
        List<String> topics = options.some("topic");
        options.finish();
        Map<String, Map<Integer, List<Long>>> result = new TreeMap<>();
        try (Consumer<byte[], byte[]> consumer = Scan.consumer(client, "read_uncommitted")) {
            List<TopicPartition> partitions = partitions(consumer, topics);
            Map<TopicPartition, Long> begin = consumer.beginningOffsets(partitions);
            Map<TopicPartition, Long> end = consumer.endOffsets(partitions);
            for (TopicPartition one : partitions) {
                result.computeIfAbsent(one.topic(), unused -> new TreeMap<>())
                    .put(one.partition(), List.of(begin.get(one), end.get(one)));
            }
        }
        Json.print(result);
        return 0;
    }

    private Topics() {}
}
