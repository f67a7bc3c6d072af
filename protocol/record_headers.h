// The headers of a record (KIP-82), as Record::headers holds them: the count and every header, well-formed. A key may occur
// more than once, and their order counts.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>
#include <vector>

namespace shunt::protocol {

/// One more, at the end.
std::vector<std::byte> with_header(std::span<const std::byte> headers, std::string_view key, std::string_view value);

/// Without those of this key that nothing of another key follows.
std::vector<std::byte> without_last_headers(std::span<const std::byte> headers, std::string_view key);

/// One of them says exactly that.
bool has_header(std::span<const std::byte> headers, std::string_view key, std::string_view value);

}  // namespace shunt::protocol
