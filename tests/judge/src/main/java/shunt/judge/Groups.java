package shunt.judge;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.GroupListing;
import org.apache.kafka.clients.admin.ListConsumerGroupOffsetsSpec;
import org.apache.kafka.clients.admin.ListShareGroupOffsetsSpec;
import org.apache.kafka.clients.consumer.Consumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.TopicPartition;

/** Offsets of groups: committed from outside, and what a consumer that goes on from them would read. */
final class Groups {
    private record Place(long offset, String content) {}

    /** --set GROUP=TOPIC:PARTITION:OFFSET..., without any member; --share: of share groups. */
    static int commit(Options options) throws Exception {
        Map<String, Object> client = options.client("bootstrap");
        List<String> sets = options.some("set");
        String metadata = options.or("metadata", "");
        boolean share = options.flag("share");
        options.finish();
        Map<String, Map<TopicPartition, OffsetAndMetadata>> byGroup = new LinkedHashMap<>();
        for (String set : sets) {
            int sign = set.indexOf('=');
            String[] place = set.substring(sign + 1).split(":");
            byGroup.computeIfAbsent(set.substring(0, sign), unused -> new HashMap<>())
                .put(new TopicPartition(place[0], Integer.parseInt(place[1])),
                    new OffsetAndMetadata(Long.parseLong(place[2]), metadata));
        }
        try (Admin admin = Admin.create(client)) {
            for (Map.Entry<String, Map<TopicPartition, OffsetAndMetadata>> one : byGroup.entrySet()) {
                if (share) {
                    Map<TopicPartition, Long> starts = new HashMap<>();
                    one.getValue().forEach((partition, offset) -> starts.put(partition, offset.offset()));
                    admin.alterShareGroupOffsets(one.getKey(), starts).all().get();
                } else {
                    admin.alterConsumerGroupOffsets(one.getKey(), one.getValue()).all().get();
                }
            }
        }
        return 0;
    }

    /** Every group that commits for these topics: for each partition its offset, and how many records follow, from which on. */
    static int run(Options options) throws Exception {
        Map<String, Object> client = options.client("bootstrap");
        List<String> topics = options.all("topic");
        String isolation = options.or("isolation", "read_committed");
        options.finish();
        Map<String, Object> result = new TreeMap<>();
        try (Admin admin = Admin.create(client); Consumer<byte[], byte[]> consumer = Scan.consumer(client, isolation)) {
            Map<String, Map<TopicPartition, OffsetAndMetadata>> committed = committed(admin);
            Map<TopicPartition, List<Place>> places = new HashMap<>();
            Map<TopicPartition, Long> begins = new HashMap<>();
            if (!topics.isEmpty()) {
                List<TopicPartition> partitions = Topics.partitions(consumer, topics);
                begins.putAll(consumer.beginningOffsets(partitions));
                Scan.read(consumer, partitions, (partition, record) ->
                    places.computeIfAbsent(partition, unused -> new ArrayList<>()).add(
                        new Place(record.offset(), Fingerprint.columns(record.key(), record.value(), record.headers()))));
            }
            committed.forEach((group, offsets) -> {
                Map<String, Object> byPartition = new TreeMap<>();
                offsets.forEach((partition, offset) -> {
                    Map<String, Object> one = new LinkedHashMap<>();
                    one.put("offset", offset.offset());
                    one.put("metadata", offset.metadata());
                    if (begins.containsKey(partition)) {
                        List<Place> left = places.getOrDefault(partition, List.of()).stream()
                            .filter(place -> place.offset() >= offset.offset())
                            .sorted(Comparator.comparingLong(Place::offset)).toList();
                        one.put("in_log", offset.offset() >= begins.get(partition));
                        one.put("left", left.size());
                        one.put("next", left.isEmpty() ? null : left.get(0).content());
                    }
                    byPartition.put(partition.toString(), one);
                });
                result.put(group, byPartition);
            });
        }
        Json.print(result);
        return 0;
    }

    private static Map<String, Map<TopicPartition, OffsetAndMetadata>> committed(Admin admin) throws Exception {
        Map<String, ListConsumerGroupOffsetsSpec> asked = new HashMap<>();
        Map<String, ListShareGroupOffsetsSpec> share = new HashMap<>();
        for (GroupListing group : admin.listGroups().all().get()) {
            if (group.type().map(Object::toString).orElse("").equalsIgnoreCase("share")) {
                share.put(group.groupId(), new ListShareGroupOffsetsSpec());
            } else {
                asked.put(group.groupId(), new ListConsumerGroupOffsetsSpec());
            }
        }
        Map<String, Map<TopicPartition, OffsetAndMetadata>> all = new HashMap<>();
        if (!asked.isEmpty()) {
            all.putAll(admin.listConsumerGroupOffsets(asked).all().get());
        }
        if (!share.isEmpty()) {
            admin.listShareGroupOffsets(share).all().get().forEach((group, offsets) -> {
                Map<TopicPartition, OffsetAndMetadata> starts = new HashMap<>();
                offsets.forEach((partition, info) -> starts.put(partition, new OffsetAndMetadata(info.startOffset())));
                all.put(group, starts);
            });
        }
        return all;
    }

    private Groups() {}
}
