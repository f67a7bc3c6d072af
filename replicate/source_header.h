// `shunt.source.header`: every record on the target says in a header which cluster it was taken from. Records that have been
// through several mirrors say so once for each, in their order. Such headers are no part of what a record was on the source:
// where both sides are compared they are left aside.
#pragma once

#include <algorithm>

#include "protocol/record.h"
#include "protocol/record_headers.h"

namespace shunt::replicate {

/// The header's key; its value is the alias of the cluster.
inline constexpr const char* source_header = "shunt.source";

/// But for those that say where a record has come from.
inline bool are_same_headers(const protocol::Record& a, const protocol::Record& b) {
  const auto own = [](const protocol::Record& record) {
    return protocol::without_last_headers(record.headers, source_header);
  };
  return std::ranges::equal(a.headers, b.headers) || own(a) == own(b);
}

}  // namespace shunt::replicate
