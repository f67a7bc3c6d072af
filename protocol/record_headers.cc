#include "protocol/record_headers.h"

#include <cstdint>
#include <cstring>
#include <optional>

#include "protocol/record_fields.h"

namespace shunt::protocol {

namespace {

using Bytes = std::span<const std::byte>;

struct Header {
  Bytes key;
  std::optional<Bytes> value;
};

bool is_text(Bytes bytes, std::string_view text) {
  return bytes.size() == text.size() && std::memcmp(bytes.data(), text.data(), text.size()) == 0;
}

/// `visit(header, rest)`: what follows it.
template <class Visit>
void for_each(Bytes headers, Visit visit) {
  FieldCursor cursor(headers);
  for (std::int64_t left = cursor.varint(); left > 0 && cursor.ok(); --left) {
    Header header;
    header.key = cursor.bytes(cursor.varint());
    header.value = cursor.nullable_bytes();
    visit(header, cursor.left());
  }
}

/// Those that `list` begins with.
std::vector<std::byte> list_of(std::int64_t count, Bytes list) {
  std::vector<std::byte> headers;
  append_varint(headers, count);
  headers.insert(headers.end(), list.begin(), list.end());
  return headers;
}

}  // namespace

std::vector<std::byte> with_header(Bytes headers, std::string_view key, std::string_view value) {
  FieldCursor cursor(headers);
  const std::int64_t count = cursor.varint();
  std::vector<std::byte> longer = list_of(count + 1, cursor.left());
  for (const std::string_view text : {key, value}) {
    append_varint(longer, static_cast<std::int64_t>(text.size()));
    const Bytes bytes = std::as_bytes(std::span(text));
    longer.insert(longer.end(), bytes.begin(), bytes.end());
  }
  return longer;
}

std::vector<std::byte> without_last_headers(Bytes headers, std::string_view key) {
  FieldCursor cursor(headers);
  cursor.varint();
  const Bytes list = cursor.left();
  std::int64_t seen = 0;
  std::int64_t kept = 0;
  std::size_t kept_bytes = 0;
  for_each(headers, [&](const Header& header, Bytes rest) {
    ++seen;
    if (is_text(header.key, key)) return;
    kept = seen;
    kept_bytes = list.size() - rest.size();
  });
  return list_of(kept, list.first(kept_bytes));
}

bool has_header(Bytes headers, std::string_view key, std::string_view value) {
  bool is_there = false;
  for_each(headers, [&](const Header& header, Bytes) {
    is_there = is_there || (is_text(header.key, key) && header.value && is_text(*header.value, value));
  });
  return is_there;
}

}  // namespace shunt::protocol
