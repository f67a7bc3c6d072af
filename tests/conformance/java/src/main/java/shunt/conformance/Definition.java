package shunt.conformance;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.InputStream;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** One of Kafka's message definitions, as the kafka-clients jar carries it (common/message/NAME.json). */
final class Definition {
  /** Versions, both ends included; empty when min is above max. */
  record Range(int min, int max) {
    static Range parse(String text, Range within) {
      if (text == null || text.equals("none")) return new Range(1, 0);
      int dash = text.indexOf('-');
      Range range;
      if (text.endsWith("+")) {
        range = new Range(Integer.parseInt(text.substring(0, text.length() - 1)), within.max);
      } else if (dash >= 0) {
        range = new Range(Integer.parseInt(text.substring(0, dash)), Integer.parseInt(text.substring(dash + 1)));
      } else {
        range = new Range(Integer.parseInt(text), Integer.parseInt(text));
      }
      return range.and(within);
    }

    Range and(Range other) {
      return new Range(Math.max(min, other.min), Math.min(max, other.max));
    }

    boolean isEmpty() {
      return min > max;
    }

    boolean contains(int version) {
      return min <= version && version <= max;
    }

    @Override
    public String toString() {
      return isEmpty() ? "never" : min + "-" + max;
    }
  }

  record Field(
      String name, String type, Range versions, Range nullable, Integer tag, JsonNode json, String struct, List<Field> fields) {
    boolean isArray() {
      return type.startsWith("[]");
    }

    String elementType() {
      return isArray() ? type.substring(2) : type;
    }

    String text(String key) {
      return json.hasNonNull(key) ? json.get(key).asText() : null;
    }
  }

  private static final ObjectMapper JSON = new ObjectMapper().configure(JsonParser.Feature.ALLOW_COMMENTS, true);

  final String name;
  final int key;
  final Range valid;
  final Range flexible;
  final List<Field> fields;
  private final Map<String, JsonNode> commonStructs = new HashMap<>();

  /** The definition of {@code name}, reduced to the versions {@code min} to {@code max}. */
  static Definition load(String name, int min, int max) throws IOException {
    try (InputStream in = Definition.class.getResourceAsStream("/common/message/" + name + ".json")) {
      if (in == null) throw new IOException("Kafka has no definition of " + name);
      return new Definition(JSON.readTree(in), new Range(min, max));
    }
  }

  private Definition(JsonNode json, Range within) {
    Range any = new Range(0, Short.MAX_VALUE);
    name = json.get("name").asText();
    key = json.get("apiKey").asInt();
    valid = Range.parse(json.get("validVersions").asText(), any);
    flexible = Range.parse(json.get("flexibleVersions").asText(), any);
    for (JsonNode struct : json.path("commonStructs")) commonStructs.put(struct.get("name").asText(), struct.get("fields"));
    fields = read(json.get("fields"), within);
  }

  private List<Field> read(JsonNode list, Range within) {
    List<Field> result = new ArrayList<>();
    for (JsonNode json : list) {
      Range versions = Range.parse(json.get("versions").asText(), within);
      if (versions.isEmpty()) continue;
      String type = json.get("type").asText();
      String element = type.startsWith("[]") ? type.substring(2) : type;
      JsonNode inner = json.hasNonNull("fields") ? json.get("fields") : commonStructs.get(element);
      String nullable = json.hasNonNull("nullableVersions") ? json.get("nullableVersions").asText() : null;
      if (json.hasNonNull("tag") && !Range.parse(json.get("taggedVersions").asText(), within).equals(versions)) {
        throw new IllegalStateException(name + ": " + json.get("name") + " is tagged in some versions only");
      }
      result.add(
          new Field(
              json.get("name").asText(),
              inner == null ? type : (type.startsWith("[]") ? "[]struct" : "struct"),
              versions,
              Range.parse(nullable, versions),
              json.hasNonNull("tag") ? json.get("tag").asInt() : null,
              json,
              inner == null ? null : element,
              inner == null ? List.of() : read(inner, versions)));
    }
    return result;
  }
}
