package shunt.conformance;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/**
 * Kafka's half of the conformance test of shunt's codec; the other half is codec_conformance.cc.
 *
 * <pre>
 *   definitions FIELDS           compares shunt's field lists and error table with Kafka's
 *   write FIELDS SEED ROUNDS     writes random messages of Kafka's classes, for shunt to read
 *   check FIELDS MESSAGES        reads shunt's messages with Kafka's classes and writes them again
 * </pre>
 *
 * FIELDS is the output of {@code codec_conformance describe}: it also says which messages and versions there are.
 */
public final class Main {
  private Main() {}

  public static void main(String[] args) throws Exception {
    String command = args.length > 1 ? args[0] : "";
    List<String> fields = args.length > 1 ? Files.readAllLines(Path.of(args[1])) : List.of();
    boolean passed;
    switch (command) {
      case "definitions" -> passed = new DefinitionsCheck(fields).run();
      case "write" -> passed = new Messages(fields).write(Long.parseLong(args[2]), Integer.parseInt(args[3]));
      case "check" -> passed = new Messages(fields).check(Files.readAllLines(Path.of(args[2])));
      default -> throw new IllegalArgumentException("definitions, write or check");
    }
    System.exit(passed ? 0 : 1);
  }
}
