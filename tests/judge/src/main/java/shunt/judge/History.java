package shunt.judge;

import java.io.BufferedWriter;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.TreeMap;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;

/**
 * What producers know of their records, as tab-separated lines for tests/chaos/history.py:
 *
 *   record acked|failed ID TOPIC PARTITION OFFSET TIMESTAMP KEY VALUE HEADERS TRANSACTION
 *   transaction NAME committed|aborted|unknown
 *
 * OFFSET is -1 where the broker did not tell; TRANSACTION is "-" for records outside of any. A record that failed may
 * be in the log all the same, and so may a transaction be committed whose outcome is unknown.
 */
final class History implements AutoCloseable {
    private final PrintWriter out;
    private final Map<String, Long> counts = new TreeMap<>();

    History(String file) throws IOException {
        BufferedWriter buffered = Files.newBufferedWriter(Path.of(file), StandardCharsets.UTF_8);
        out = new PrintWriter(buffered);
    }

    synchronized void record(ProducerRecord<byte[], byte[]> record, String transaction, RecordMetadata done,
        Exception error) {
        long offset = error == null && done.hasOffset() ? done.offset() : -1;
        String outcome = error == null ? "acked" : "failed";
        out.println("record\t" + outcome + '\t' + Fingerprint.idOf(record.headers()) + '\t' + record.topic() + '\t'
            + record.partition() + '\t' + offset + '\t' + record.timestamp() + '\t'
            + Fingerprint.columns(record.key(), record.value(), record.headers()) + '\t' + transaction);
        counts.merge(outcome, 1L, Long::sum);
    }

    synchronized void transaction(String name, String outcome) {
        out.println("transaction\t" + name + '\t' + outcome);
        out.flush(); // a workload that is killed leaves what it knew so far
        counts.merge(outcome, 1L, Long::sum);
    }

    synchronized Map<String, Long> counts() {
        return new TreeMap<>(counts);
    }

    @Override
    public synchronized void close() throws IOException {
        out.close();
        if (out.checkError()) {
            throw new IOException("the history could not be written");
        }
    }
}
