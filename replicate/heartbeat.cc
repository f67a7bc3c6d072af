#include "replicate/heartbeat.h"

#include "protocol/wire.h"
#include "replicate/mm2_string.h"

namespace shunt::replicate {

namespace {

constexpr std::int16_t version = 0;

}  // namespace

std::vector<std::byte> Heartbeat::key() const {
  protocol::Writer writer;
  put_string(writer, source);
  put_string(writer, target);
  return writer.take();
}

std::vector<std::byte> Heartbeat::value() const {
  protocol::Writer writer;
  writer.integer(version);
  writer.integer(timestamp_ms);
  return writer.take();
}

}  // namespace shunt::replicate
