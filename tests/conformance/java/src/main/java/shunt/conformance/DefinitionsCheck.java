package shunt.conformance;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import org.apache.kafka.common.errors.InvalidMetadataException;
import org.apache.kafka.common.errors.RetriableException;
import org.apache.kafka.common.protocol.ApiKeys;
import org.apache.kafka.common.protocol.Errors;
import shunt.conformance.Definition.Field;
import shunt.conformance.Definition.Range;

/** Writes from Kafka's definitions the lines that {@code codec_conformance describe} must have written. */
final class DefinitionsCheck {
  private final List<String> ours;
  private final List<String> kafkas = new ArrayList<>();

  DefinitionsCheck(List<String> ours) {
    this.ours = ours;
  }

  boolean run() throws IOException {
    for (Spoken spoken : Spoken.of(ours)) describe(spoken);
    for (Errors error : Errors.values()) kafkas.add(describe(error));
    int failed = 0;
    Set<String> expected = Set.copyOf(kafkas);
    Set<String> found = Set.copyOf(ours);
    for (String line : ours) {
      if (!expected.contains(line)) System.err.println("only shunt: " + line);
      if (!expected.contains(line)) ++failed;
    }
    for (String line : kafkas) {
      if (!found.contains(line)) System.err.println("only Kafka: " + line);
      if (!found.contains(line)) ++failed;
    }
    // The same lines, but in another order: fields swapped.
    if (failed == 0 && !ours.stream().filter(l -> !l.startsWith("error ")).toList()
        .equals(kafkas.stream().filter(l -> !l.startsWith("error ")).toList())) {
      System.err.println("fields in another order than Kafka's");
      ++failed;
    }
    System.out.println("shunt's field lists and errors against Kafka's definitions: " + ours.size() + " lines, " + failed + " differ");
    return failed == 0;
  }

  private void describe(Spoken spoken) throws IOException {
    Definition definition = Definition.load(spoken.message(), spoken.min(), spoken.max());
    ApiKeys api = ApiKeys.forId(definition.key);
    // All versions that a released broker of this Kafka may offer; the oldest of them is known to every broker since 2.8.
    kafkas.add("versions %s %d-%d".formatted(spoken.message(), api.oldestVersion(), api.latestVersion(false)));
    for (int version = spoken.min(); version <= spoken.max(); ++version) {
      if (!definition.valid.contains(version)) continue;
      kafkas.add(
          "api %s key=%d version=%d flexible=%s request_header=%d response_header=%d"
              .formatted(
                  spoken.message(),
                  definition.key,
                  version,
                  definition.flexible.contains(version),
                  api.requestHeaderVersion((short) version),
                  api.responseHeaderVersion((short) version)));
    }
    describe(spoken.message(), "", definition.fields, new Range(spoken.min(), spoken.max()));
  }

  private void describe(String message, String path, List<Field> fields, Range within) {
    for (Field field : fields) {
      kafkas.add(
          "field %s %s%s type=%s versions=%s nullable=%s tag=%s default=%s ignorable=%s"
              .formatted(
                  message,
                  path,
                  field.name(),
                  typeOf(field),
                  field.versions(),
                  field.nullable(),
                  field.tag() == null ? "none" : field.tag(),
                  defaultOf(field),
                  field.versions().equals(within) ? "any" : String.valueOf(field.json().path("ignorable").asBoolean(false))));
      describe(message, path + field.name() + ".", field.fields(), field.versions());
    }
  }

  private static String typeOf(Field field) {
    String entity = field.text("entityType");
    boolean strong = "brokerId".equals(entity) || "producerId".equals(entity);
    return field.type() + (strong ? ":" + entity : "");
  }

  /**
   * shunt's defaults are Kafka's, with two exceptions: what can be null starts as null, and a tagged field, of whatever
   * default, starts as absent.
   */
  private static String defaultOf(Field field) {
    if (!field.isArray() && field.tag() != null || !field.nullable().isEmpty()) return "null";
    if (field.isArray()) return "empty";
    String stated = field.text("default");
    return switch (field.type()) {
      case "bool" -> stated == null ? "false" : stated;
      case "int8", "int16", "int32", "int64" -> stated == null || stated.isEmpty() ? "0" : Long.decode(stated).toString();
      case "string" -> stated == null || stated.isEmpty() ? "empty" : "not empty";
      case "bytes", "records" -> "empty";
      case "uuid" -> "zero";
      case "struct" -> "struct";
      default -> throw new IllegalStateException("type " + field.type());
    };
  }

  private static String describe(Errors error) {
    boolean retriable = error.exception() instanceof RetriableException;
    // Kafka's clients look up leaders after the first kind; the controller and a lagging broker's epochs are our own care.
    boolean metadata =
        error.exception() instanceof InvalidMetadataException
            || error == Errors.NOT_CONTROLLER
            || error == Errors.UNKNOWN_LEADER_EPOCH;
    boolean coordinator = error == Errors.NOT_COORDINATOR || error == Errors.COORDINATOR_NOT_AVAILABLE;
    return "error %d %s retriable=%s refresh=%s"
        .formatted(error.code(), error.name(), retriable, metadata ? "metadata" : coordinator ? "coordinator" : "nothing");
  }

  /** A message and the versions of it that shunt speaks. */
  record Spoken(String message, int min, int max) {
    static List<Spoken> of(List<String> lines) {
      var versions =
          lines.stream()
              .filter(line -> line.startsWith("api "))
              .map(line -> line.split(" "))
              .collect(
                  Collectors.groupingBy(
                      words -> words[1],
                      java.util.LinkedHashMap::new,
                      Collectors.summarizingInt(words -> Integer.parseInt(words[3].substring("version=".length())))));
      if (versions.isEmpty()) throw new IllegalArgumentException("no messages described");
      return versions.entrySet().stream().map(e -> new Spoken(e.getKey(), e.getValue().getMin(), e.getValue().getMax())).toList();
    }
  }
}
