// Records in MirrorMaker 2's own topics say whether shunt has written them: by a header, at which MirrorMaker 2 never looks.
// The newest record of a key then tells who of the two was there last.
#pragma once

#include <algorithm>
#include <cstddef>

#include "protocol/record.h"

namespace shunt::replicate {

/// As Record::headers: one, "shunt", without a value.
inline constexpr std::byte own_header[] = {std::byte{2},   std::byte{10},  std::byte{'s'}, std::byte{'h'},
                                           std::byte{'u'}, std::byte{'n'}, std::byte{'t'}, std::byte{1}};

inline bool is_own(const protocol::Record& record) {
  return std::ranges::equal(record.headers, own_header);
}

}  // namespace shunt::replicate
