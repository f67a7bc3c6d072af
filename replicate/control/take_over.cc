#include "replicate/control/take_over.h"

#include <algorithm>

#include <fmt/format.h>

#include "replicate/control/leaders.h"
#include "replicate/control/log_cursor.h"

namespace shunt::replicate {

using net::Awaitable;
using protocol::Offset;

namespace {

struct Range {
  Offset begin;
  Offset end;
};

Awaitable<Range> range_of(Cluster& cluster, TopicPartition partition) {
  const std::vector<TopicPartition> asked{partition};
  const auto starts = co_await log_starts(cluster, asked);
  const auto ends = co_await readable_ends(cluster, asked, Isolation::read_uncommitted);
  co_return Range{.begin = value_of(cluster, starts, partition, "the log start"),
                  .end = value_of(cluster, ends, partition, "the log end")};
}

}  // namespace

/// MirrorMaker 2 reads uncommitted records too, unless it is told otherwise, so they are looked for.
Awaitable<std::optional<TakeOver>> take_over(Cluster& source, Cluster& target, TopicPartition from, TopicPartition to,
                                             MirrorMakerTrace trace, std::string& why) {
  const Range here = co_await range_of(source, from);
  const Range there = co_await range_of(target, to);
  TakeOver result;
  if (trace.anchor && trace.anchor->source < here.end && trace.anchor->target < there.end) {
    LogCursor original(source, from, std::max(trace.anchor->source, here.begin), here.end, Isolation::read_uncommitted);
    LogCursor copy(target, to, std::max(trace.anchor->target, there.begin), there.end, Isolation::read_uncommitted);
    bool has_original = co_await original.settle();
    while (has_original) {
      const bool has_copy = co_await copy.settle();
      if (!has_copy) break;
      if (is_copy(original, copy)) {
        append_run(result.runs, {.source = original.record().offset, .target = copy.record().offset, .records = 1});
        original.next_record();
        has_original = co_await original.settle();
      }
      copy.next_record();
    }
    result.is_anchored = !result.runs.empty();
  }
  if (!result.is_anchored && !trace.next) {
    why = trace.anchor ? fmt::format("its offset sync {} -> {} leads to no copy on the target",
                                     trace.anchor->source.value(), trace.anchor->target.value())
                       : "it has left no trace of the partition";
    co_return std::nullopt;
  }
  if (result.is_anchored) result.position = result.runs.back().source_end();
  if (trace.next) result.position = std::max(result.position, *trace.next);
  if (result.position > here.end) {
    why = fmt::format("it had copied {} up to offset {}, but the source's log ends at {}: it is another topic",
                      from.to_string(), result.position.value(), here.end.value());
    co_return std::nullopt;
  }
  co_return result;
}

}  // namespace shunt::replicate
