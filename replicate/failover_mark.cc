#include "replicate/failover_mark.h"

#include <string_view>

#include <boost/json.hpp>

namespace shunt::replicate {

using protocol::Offset;

namespace {

namespace json = boost::json;

constexpr int version = 1;

std::vector<std::byte> bytes_of(std::string_view text) {
  const auto bytes = std::as_bytes(std::span(text));
  return {bytes.begin(), bytes.end()};
}

std::string text_of(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

std::vector<std::byte> value_of(const json::object& object) {
  return bytes_of(json::serialize(object));
}

std::string topic_key(const std::string& flow, const std::string& topic) {
  return flow + " " + topic;
}

/// Empty: it is none of ours.
std::optional<json::object> parse(std::span<const std::byte> value) {
  boost::system::error_code error;
  const json::value parsed = json::parse(text_of(value), error);
  if (error || !parsed.is_object()) return std::nullopt;
  const json::value* said = parsed.get_object().if_contains("version");
  if (said == nullptr || !said->is_int64() || said->get_int64() != version) return std::nullopt;
  return parsed.get_object();
}

}  // namespace

std::vector<FailoverRecord> records_of(const FailoverMark& mark) {
  std::vector<FailoverRecord> records;
  for (const auto& [topic, ends] : mark.ends) {
    json::array offsets;
    for (const Offset end : ends) offsets.push_back(end.value());
    const json::object object{{"version", version}, {"ends", std::move(offsets)}};
    records.push_back({.key = bytes_of(topic_key(mark.flow, topic)), .value = value_of(object)});
  }
  const json::object object{
      {"version", version}, {"failed_over_ms", mark.time_ms}, {"forced", mark.is_forced}, {"topics", mark.ends.size()}};
  records.push_back({.key = bytes_of(mark.flow), .value = value_of(object)});
  return records;
}

std::vector<FailoverRecord> tombstones_of(const FailoverMark& mark) {
  std::vector<FailoverRecord> records;
  records.push_back({.key = bytes_of(mark.flow), .value = std::nullopt});
  for (const auto& [topic, ends] : mark.ends)
    records.push_back({.key = bytes_of(topic_key(mark.flow, topic)), .value = std::nullopt});
  return records;
}

bool FailoverMarkReader::take(std::span<const std::byte> key, const std::optional<std::span<const std::byte>>& value) {
  const std::string name = text_of(key);
  const bool is_mark = name == flow_;
  const std::string prefix = topic_key(flow_, "");
  if (!is_mark && !name.starts_with(prefix)) return true;
  const std::string topic = is_mark ? "" : name.substr(prefix.size());
  if (value) return is_mark ? take_mark(*value) : take_ends(topic, *value);
  if (is_mark) mark_.reset();
  ends_.erase(topic);
  return true;
}

bool FailoverMarkReader::take_mark(std::span<const std::byte> value) {
  // Who wrote it meant that the flow is not to be mirrored any more: what else it says matters less.
  mark_.emplace();
  const std::optional<json::object> object = parse(value);
  if (!object) return false;
  if (const json::value* time = object->if_contains("failed_over_ms"); time != nullptr && time->is_int64())
    mark_->time_ms = time->get_int64();
  if (const json::value* forced = object->if_contains("forced"); forced != nullptr && forced->is_bool())
    mark_->is_forced = forced->get_bool();
  return true;
}

bool FailoverMarkReader::take_ends(const std::string& topic, std::span<const std::byte> value) {
  const std::optional<json::object> object = parse(value);
  const json::value* said = object ? object->if_contains("ends") : nullptr;
  if (said == nullptr || !said->is_array()) return false;
  std::vector<Offset> ends;
  for (const json::value& end : said->get_array()) {
    if (!end.is_int64()) return false;
    ends.emplace_back(end.get_int64());
  }
  ends_[topic] = std::move(ends);
  return true;
}

std::optional<FailoverMark> FailoverMarkReader::mark() const {
  std::optional<FailoverMark> mark = mark_;
  if (!mark) return std::nullopt;
  mark->flow = flow_;
  mark->ends = ends_;
  return mark;
}

}  // namespace shunt::replicate
