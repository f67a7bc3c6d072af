package shunt.judge;

import java.io.IOException;
import java.io.Reader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.Set;

/**
 * Command-line options `--name value`, repeatable, and flags `--name`. A misspelt option is an error: finish() reports
 * what nobody asked for.
 */
final class Options {
    private static final Set<String> FLAGS = Set.of("ignore-offsets", "ignore-time-types", "batches", "json", "hold", "share");
    private final Map<String, List<String>> values = new LinkedHashMap<>();
    private final Set<String> asked = new HashSet<>(Set.of("json")); // output is JSON anyway

    Options(List<String> arguments) {
        for (int i = 0; i < arguments.size(); i++) {
            if (!arguments.get(i).startsWith("--")) {
                throw new Judge.UsageException("unexpected argument " + arguments.get(i));
            }
            String name = arguments.get(i).substring(2);
            String value = "true";
            if (!FLAGS.contains(name)) {
                if (++i == arguments.size()) {
                    throw new Judge.UsageException("--" + name + " needs a value");
                }
                value = arguments.get(i);
            }
            values.computeIfAbsent(name, unused -> new ArrayList<>()).add(value);
        }
    }

    List<String> all(String name) {
        asked.add(name);
        return values.getOrDefault(name, List.of());
    }

    List<String> some(String name) {
        List<String> found = all(name);
        if (found.isEmpty()) {
            throw new Judge.UsageException("--" + name + " is missing");
        }
        return found;
    }

    String one(String name) {
        return some(name).get(0);
    }

    String or(String name, String fallback) {
        List<String> found = all(name);
        return found.isEmpty() ? fallback : found.get(0);
    }

    int number(String name, int fallback) {
        return Integer.parseInt(or(name, Integer.toString(fallback)));
    }

    boolean flag(String name) {
        return !all(name).isEmpty();
    }

    void finish() {
        for (String name : values.keySet()) {
            if (!asked.contains(name)) {
                throw new Judge.UsageException("unknown option --" + name);
            }
        }
    }

    /** Client settings for the cluster named by an option: its bootstrap address and, if given, a properties file. */
    Map<String, Object> client(String cluster) throws IOException {
        Map<String, Object> settings = new HashMap<>();
        String file = or(cluster.equals("bootstrap") ? "properties" : cluster + "-properties", null);
        if (file != null) {
            Properties loaded = new Properties();
            try (Reader reader = Files.newBufferedReader(Path.of(file))) {
                loaded.load(reader);
            }
            loaded.forEach((key, value) -> settings.put((String) key, value));
        }
        settings.put("bootstrap.servers", one(cluster));
        return settings;
    }

    /** `key=value` texts as a map. */
    static Map<String, String> pairs(List<String> texts) {
        Map<String, String> result = new LinkedHashMap<>();
        for (String text : texts) {
            int sign = text.indexOf('=');
            if (sign < 1) {
                throw new Judge.UsageException(text + " is not key=value");
            }
            result.put(text.substring(0, sign), text.substring(sign + 1));
        }
        return result;
    }
}
