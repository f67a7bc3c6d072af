// Base64 with the alphabet of URLs and without padding (RFC 4648, 5), as JWTs are written.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

namespace shunt::sasl {

std::vector<char> encode_base64url(std::string_view bytes);

/// Nothing: it is not base64url.
std::optional<std::vector<char>> decode_base64url(std::string_view text);

}  // namespace shunt::sasl
