package shunt.judge;

import java.nio.charset.StandardCharsets;
import java.util.List;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.internals.RecordHeader;

/** Record number i of a spec, a pure function of the seed and i: two loads with the same spec hold the same records. */
final class Content {
    private static final String[] FIRST = {"Ada", "Bo", "Chidi", "Dana", "Emre", "Fatima", "Grace", "Hiro", "Ines",
        "Jürgen", "Kofi", "Lena", "Mei", "Noor"};
    private static final String[] LAST = {"Abara", "Berg", "Chen", "Dubois", "Eriksen", "Fischer", "García", "Haddad",
        "Ito", "Jensen", "Kowalski", "López"};
    private static final String[] CITY = {
        "Lagos", "Zürich", "Osaka", "São Paulo", "Tallinn", "Pune", "Lyon", "Cusco", "Nairobi", "Austin", "Gdańsk"};
    private static final String[] ITEM = {"desk lamp", "cast iron pan", "notebook A5", "usb cable 2 m", "rain jacket",
        "espresso beans 1 kg", "phone case", "garden hose", "running socks", "wall clock", "bicycle bell", "chess set",
        "tea towel", "drill bit 8 mm"};
    private static final String[] STATE = {"created", "paid", "packed", "shipped", "delivered", "returned"};
    private static final String[] CURRENCY = {"EUR", "USD", "CHF", "NGN", "JPY", "BRL"};

    private final Spec spec;

    Content(Spec spec) {
        this.spec = spec;
    }

    ProducerRecord<byte[], byte[]> record(long index) {
        Spec.Random random = new Spec.Random(spec.seed, index);
        byte[] key = key(random, index);
        byte[] value = value(random, index);
        Integer partition = spec.spreadByHash ? null : (int) (index % spec.partitions);
        long timestamp = spec.firstTimestamp + index * spec.timestampStep;
        return new ProducerRecord<>(spec.topic, partition, timestamp, key, value, headers(random, index));
    }

    private static boolean among(String choice, String wanted, Spec.Random random) {
        return choice.equals(wanted) || (choice.equals("mixed") && random.below(8) == 0);
    }

    private byte[] key(Spec.Random random, long index) {
        if (among(spec.key, "null", random)) {
            return null;
        }
        return among(spec.key, "empty", random) ? new byte[0]
                                                : ("order-" + (index % 100_003)).getBytes(StandardCharsets.UTF_8);
    }

    private byte[] value(Spec.Random random, long index) {
        if (among(spec.value, "null", random)) {
            return null;
        }
        if (among(spec.value, "empty", random)) {
            return new byte[0];
        }
        int size = spec.size.pick(random);
        return switch (spec.kind) {
            case "json" -> order(random, index, size);
            case "small" -> reading(random, index, size);
            case "random" -> noise(random, size);
            default -> new byte[size];
        };
    }

    private List<Header> headers(Spec.Random random, long index) {
        if (spec.headers == 0) {
            return List.of();
        }
        Header[] result = new Header[spec.headers];
        for (int i = 0; i < result.length; i++) {
            byte[] value = switch (random.below(6)) {
                case 0 -> null;
                case 1 -> new byte[0];
                default -> ("trace-" + Long.toHexString(random.next())).getBytes(StandardCharsets.UTF_8);
            };
            // Kafka allows a header's name to repeat and to be empty.
            result[i] = new RecordHeader(i % 3 == 2 ? "" : "header-" + (index + i) % 5, value);
        }
        return List.of(result);
    }

    private static String of(String[] words, Spec.Random random) {
        return words[random.below(words.length)];
    }

    /** An order as a shop would write it; items are added until it has about the wanted size. */
    private byte[] order(Spec.Random random, long index, int size) {
        StringBuilder out = new StringBuilder(size + 200);
        out.append("{\"order_id\":\"")
            .append(Long.toHexString(random.next()))
            .append("\",\"number\":")
            .append(index)
            .append(",\"state\":\"")
            .append(of(STATE, random))
            .append("\",\"customer\":{\"id\":")
            .append(random.below(5_000_000))
            .append(",\"name\":\"")
            .append(of(FIRST, random))
            .append(' ')
            .append(of(LAST, random))
            .append("\",\"email\":\"user")
            .append(random.below(9_000_000))
            .append("@example.com\",\"address\":{\"street\":\"")
            .append(of(LAST, random))
            .append(" road ")
            .append(1 + random.below(240))
            .append("\",\"city\":\"")
            .append(of(CITY, random))
            .append("\",\"postcode\":\"")
            .append(10000 + random.below(89999))
            .append("\"}},\"currency\":\"")
            .append(of(CURRENCY, random))
            .append("\",\"items\":[");
        for (boolean first = true; first || out.length() < size - 120; first = false) {
            out.append(first ? "" : ",")
                .append("{\"sku\":\"")
                .append(Long.toString(random.next() >>> 30, 36))
                .append("\",\"name\":\"")
                .append(of(ITEM, random))
                .append("\",\"quantity\":")
                .append(1 + random.below(9))
                .append(",\"price_cents\":")
                .append(99 + random.below(250_000))
                .append('}');
        }
        out.append("],\"paid\":")
            .append(random.below(4) != 0)
            .append(",\"updated_ms\":")
            .append(spec.firstTimestamp + index * spec.timestampStep)
            .append('}');
        return out.toString().getBytes(StandardCharsets.UTF_8);
    }

    /** A sensor's reading, padded with digits or cut to the exact size. */
    private static byte[] reading(Spec.Random random, long index, int size) {
        StringBuilder out = new StringBuilder(size + 40);
        out.append("{\"sensor\":")
            .append(random.below(20_000))
            .append(",\"seq\":")
            .append(index)
            .append(",\"temperature\":")
            .append(random.below(4000) / 100.0)
            .append(",\"humidity\":")
            .append(random.below(1000) / 10.0)
            .append(",\"raw\":\"");
        while (out.length() < size - 2) {
            out.append((char) ('0' + random.below(10)));
        }
        out.append("\"}");
        out.setLength(size);
        return out.toString().getBytes(StandardCharsets.ISO_8859_1);
    }

    private static byte[] noise(Spec.Random random, int size) {
        byte[] out = new byte[size];
        for (int i = 0; i < size; i += 8) {
            long word = random.next();
            for (int j = i; j<Math.min(size, i + 8); j++, word>>>= 8) {
                out[j] = (byte) word;
            }
        }
        return out;
    }
}
