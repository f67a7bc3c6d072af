package shunt.judge;

import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.ConcurrentSkipListMap;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.connect.mirror.MirrorClient;

/** What MirrorMaker 2's own client library (RemoteClusterUtils, MirrorClient) reads from a target cluster. */
final class Remote {
    private static final Duration PATIENCE = Duration.ofSeconds(30);

    static int run(Options options) throws Exception {
        Map<String, Object> settings = options.client("bootstrap");
        settings.put("replication.policy.class", options.or("policy", "org.apache.kafka.connect.mirror.DefaultReplicationPolicy"));
        settings.put("source.cluster.alias", options.or("alias", ""));
        settings.put("replication.policy.separator", options.or("separator", "."));
        String alias = options.or("alias", null);
        List<String> groups = options.all("group");
        options.finish();

        Map<String, Object> result = new LinkedHashMap<>();
        try (MirrorClient client = new MirrorClient(settings)) {
            Map<String, Object> hops = new TreeMap<>();
            for (String cluster : client.upstreamClusters()) {
                hops.put(cluster, client.replicationHops(cluster));
            }
            result.put("hops", hops);
            result.put("heartbeats", new TreeSet<>(client.heartbeatTopics()));
            result.put("checkpoints", new TreeSet<>(client.checkpointTopics()));
            Map<String, Object> translated = new ConcurrentSkipListMap<>();
            groups.parallelStream().forEach(group -> {
                Map<TopicPartition, OffsetAndMetadata> offsets =
                    client.remoteConsumerOffsets(group, alias, PATIENCE);
                Map<String, Object> byPartition = new TreeMap<>();
                offsets.forEach((partition, offset) -> byPartition.put(partition.toString(), offset.offset()));
                translated.put(group, byPartition);
            });
            result.put("groups", translated);
        }
        Json.print(result);
        return 0;
    }

    private Remote() {}
}
