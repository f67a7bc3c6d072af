package shunt.conformance;

import java.io.BufferedOutputStream;
import java.io.PrintStream;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.apache.kafka.common.message.ResponseHeaderData;
import org.apache.kafka.common.protocol.ApiKeys;
import org.apache.kafka.common.protocol.ApiMessage;
import org.apache.kafka.common.protocol.ByteBufferAccessor;
import org.apache.kafka.common.protocol.MessageUtil;
import org.apache.kafka.common.requests.RequestHeader;
import shunt.conformance.DefinitionsCheck.Spoken;

/** Messages as bytes, written and read by Kafka's generated classes. Lines are those of codec_conformance.cc. */
final class Messages {
  private static final int CORRELATION_ID = 0x01020304;
  private static final String CLIENT_ID = "conformance";

  private final List<Spoken> spoken;
  private int failed = 0;

  Messages(List<String> fields) {
    spoken = Spoken.of(fields);
  }

  boolean write(long seed, int rounds) throws Exception {
    RandomMessage random = new RandomMessage(seed);
    try (PrintStream out = new PrintStream(new BufferedOutputStream(System.out), false, StandardCharsets.UTF_8)) {
      for (Spoken message : spoken) {
        Definition definition = Definition.load(message.message(), message.min(), message.max());
        for (int version = message.min(); version <= message.max(); ++version) {
          for (int round = 0; round < rounds; ++round) {
            ApiMessage made = random.make(definition, classOf(message.message()), version);
            byte[] bytes = bytes(made, (short) version);
            if (!isRequest(message.message())) bytes = concat(responseHeader(definition.key, (short) version), bytes);
            out.println(message.message() + " " + version + " " + hex(bytes));
          }
        }
      }
    }
    return true;
  }

  boolean check(List<String> lines) throws Exception {
    Map<String, Spoken> byName = new HashMap<>();
    Set<String> missing = new HashSet<>();
    for (Spoken message : spoken) {
      byName.put(message.message(), message);
      for (int version = message.min(); version <= message.max(); ++version) missing.add(message.message() + " " + version);
    }
    for (String line : lines) {
      String[] words = line.split(" ");
      missing.remove(words[0] + " " + words[1]);
      try {
        checkOne(words[0], Short.parseShort(words[1]), words[2].equals("-") ? new byte[0] : HexFormat.of().parseHex(words[2]));
      } catch (RuntimeException e) {
        fail(line + "\n  " + e);
      }
    }
    for (String left : missing) fail(left + ": nothing to check");
    System.out.println("shunt's bytes, read and written again by Kafka: " + lines.size() + " messages, " + failed + " failed");
    return failed == 0;
  }

  private void checkOne(String name, short version, byte[] bytes) throws Exception {
    ByteBuffer buffer = ByteBuffer.wrap(bytes);
    if (isRequest(name)) {
      RequestHeader header = RequestHeader.parse(buffer);
      if (header.correlationId() != CORRELATION_ID
          || !CLIENT_ID.equals(header.clientId())
          || header.apiVersion() != version
          || header.apiKey().id != ((ApiMessage) classOf(name).getConstructor().newInstance()).apiKey()) {
        fail(name + " v" + version + ": header read as " + header);
      }
    }
    byte[] body = Arrays.copyOfRange(bytes, buffer.position(), bytes.length);
    ByteBufferAccessor readable = new ByteBufferAccessor(ByteBuffer.wrap(body));
    ApiMessage message = (ApiMessage) classOf(name).getConstructor().newInstance();
    message.read(readable, version);
    if (readable.remaining() > 0) fail(name + " v" + version + ": " + readable.remaining() + " bytes left after " + message);
    byte[] again = bytes(message, version);
    if (!Arrays.equals(again, body)) {
      fail(name + " v" + version + ": " + message + "\n  shunt wrote  " + hex(body) + "\n  Kafka writes " + hex(again));
    }
  }

  private void fail(String what) {
    ++failed;
    System.err.println(what);
  }

  private static boolean isRequest(String name) {
    return name.endsWith("Request");
  }

  private static Class<?> classOf(String name) throws ClassNotFoundException {
    return Class.forName("org.apache.kafka.common.message." + name + "Data");
  }

  private static byte[] responseHeader(int key, short version) {
    ResponseHeaderData header = new ResponseHeaderData().setCorrelationId(CORRELATION_ID);
    return bytes(header, ApiKeys.forId(key).responseHeaderVersion(version));
  }

  private static byte[] bytes(ApiMessage message, short version) {
    ByteBuffer buffer = MessageUtil.toByteBufferAccessor(message, version).buffer();
    byte[] bytes = new byte[buffer.remaining()];
    buffer.get(bytes);
    return bytes;
  }

  private static byte[] concat(byte[] first, byte[] second) {
    byte[] both = Arrays.copyOf(first, first.length + second.length);
    System.arraycopy(second, 0, both, first.length, second.length);
    return both;
  }

  private static String hex(byte[] bytes) {
    return bytes.length == 0 ? "-" : HexFormat.of().formatHex(bytes);
  }
}
