package shunt.judge;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.StringJoiner;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.Headers;

/**
 * What a record holds, as the columns that histories and views share: key, value and headers, each as the first 48 bits
 * of its SHA-256 ("-" for null). So a difference can be told to be one of key, value or headers.
 */
final class Fingerprint {
    /** The header by which a record of the workload is known again, whatever else became of it. */
    static final String ID = "id";

    static String columns(byte[] key, byte[] value, Headers headers) {
        return new StringJoiner("\t").add(of(key)).add(of(value)).add(of(headers)).toString();
    }

    static String idOf(Headers headers) {
        Header id = headers.lastHeader(ID);
        return id == null || id.value() == null ? "-" : new String(id.value(), StandardCharsets.UTF_8);
    }

    private static String of(byte[] data) {
        return data == null ? "-" : text(sha256().digest(data));
    }

    private static String of(Headers headers) {
        MessageDigest hash = sha256();
        for (Header header : headers) {
            feed(hash, header.key().getBytes(StandardCharsets.UTF_8));
            feed(hash, header.value());
        }
        return text(hash.digest());
    }

    /** Length first (-1 for null), so that no two different lists of headers feed the same bytes. */
    private static void feed(MessageDigest hash, byte[] data) {
        hash.update(ByteBuffer.allocate(4).putInt(data == null ? -1 : data.length).array());
        if (data != null) {
            hash.update(data);
        }
    }

    private static String text(byte[] digest) {
        return HexFormat.of().formatHex(digest, 0, 6);
    }

    private static MessageDigest sha256() {
        try {
            return MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException impossible) {
            throw new AssertionError(impossible);
        }
    }

    private Fingerprint() {}
}
