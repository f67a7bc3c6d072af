// Any bytes, cut in any way: FetchStream says the same as for the whole, and never reads beyond what it was fed.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <random>
#include <span>
#include <string>

#include "tests/support/fetch_bodies.h"

using shunt::protocol::FetchStream;
using shunt::tests::events_of;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  std::mt19937_64 random(data[0]);
  const std::int16_t version = (data[0] & 1) != 0 ? FetchStream::by_id : FetchStream::by_name;
  const std::span body(reinterpret_cast<const std::byte*>(data + 1), size - 1);
  const std::string whole = events_of(version, body, [](std::size_t left) { return left; });
  const std::string pieces = events_of(version, body, [&](std::size_t) { return 1 + random() % 16; });
  if (whole != pieces) std::abort();
  return 0;
}
