package shunt.conformance;

import java.lang.reflect.Method;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Random;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.protocol.ApiMessage;
import org.apache.kafka.common.record.internal.MemoryRecords;
import shunt.conformance.Definition.Field;

/** Objects of Kafka's generated classes, filled at random: every field the version has, nulls where they are allowed. */
final class RandomMessage {
  private static final String[] PIECES = {"a", "Z", "7", "-", "_", ".", " ", "\"", "\u00fc", "\u20ac", "\ud83d\ude82"};

  private final Random random;

  RandomMessage(long seed) {
    random = new Random(seed);
  }

  ApiMessage make(Definition definition, Class<?> type, int version) throws ReflectiveOperationException {
    return (ApiMessage) fill(type, type, definition.fields, version);
  }

  private Object fill(Class<?> outer, Class<?> type, List<Field> fields, int version) throws ReflectiveOperationException {
    Object object = type.getConstructor().newInstance();
    for (Field field : fields) {
      if (!field.versions().contains(version)) continue;
      if (field.tag() != null && random.nextBoolean()) continue;
      Method setter = setter(type, field.name());
      boolean isNull = field.nullable().contains(version) && random.nextInt(4) == 0;
      setter.invoke(object, isNull ? null : value(outer, setter.getParameterTypes()[0], field, version));
    }
    return object;
  }

  private static Method setter(Class<?> type, String field) {
    String name = "set" + Character.toUpperCase(field.charAt(0)) + field.substring(1);
    for (Method method : type.getMethods()) {
      if (method.getName().equals(name) && method.getParameterCount() == 1) return method;
    }
    throw new IllegalStateException(type.getName() + " has no " + name);
  }

  @SuppressWarnings({"unchecked", "rawtypes"})
  private Object value(Class<?> outer, Class<?> type, Field field, int version) throws ReflectiveOperationException {
    if (!field.isArray()) return element(outer, type, field, version);
    Collection list = type == List.class ? new ArrayList<>() : (Collection) type.getConstructor().newInstance();
    for (int left = random.nextInt(4); left > 0; --left) list.add(element(outer, null, field, version));
    return list;
  }

  private Object element(Class<?> outer, Class<?> type, Field field, int version) throws ReflectiveOperationException {
    if (field.struct() != null) {
      return fill(outer, Class.forName(outer.getName() + "$" + field.struct()), field.fields(), version);
    }
    return switch (field.elementType()) {
      case "bool" -> random.nextBoolean();
      case "int8" -> (byte) random.nextInt();
      case "int16" -> (short) random.nextInt();
      case "int32" -> random.nextInt();
      case "int64" -> random.nextLong();
      case "uuid" -> new Uuid(random.nextLong(), random.nextLong());
      case "string" -> string();
      case "bytes" -> type == ByteBuffer.class ? ByteBuffer.wrap(bytes()) : bytes();
      case "records" -> MemoryRecords.readableRecords(ByteBuffer.wrap(bytes()));
      default -> throw new IllegalStateException("type " + field.type());
    };
  }

  private String string() {
    StringBuilder text = new StringBuilder();
    for (int left = length(); left > 0; --left) text.append(PIECES[random.nextInt(PIECES.length)]);
    return text.toString();
  }

  private byte[] bytes() {
    byte[] bytes = new byte[length()];
    random.nextBytes(bytes);
    return bytes;
  }

  /** Mostly short; at times long enough for a varint of two bytes. */
  private int length() {
    return random.nextInt(16) == 0 ? 120 + random.nextInt(20) : random.nextInt(12);
  }
}
