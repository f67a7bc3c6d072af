// The record data of one partition in a Produce request or a Fetch response: bytes that the codec carries and never
// opens. Null (std::optional<Records>) and empty are two different things on the wire, and brokers treat them so.
//
// The data path uses neither Records nor the codec for record data: it reads with fetch_stream.h and writes with
// produce_frame.h, which copy nothing. Records serves the slow paths, the tests and the simulated broker.
#pragma once

#include <cstddef>
#include <span>
#include <utility>
#include <vector>

namespace shunt::protocol {

class Records {
 public:
  Records() = default;
  Records(std::vector<std::byte> bytes) : bytes_(std::move(bytes)) {}

  operator std::span<const std::byte>() const { return bytes_; }
  [[nodiscard]] std::span<const std::byte> bytes() const { return bytes_; }
  [[nodiscard]] std::size_t size() const { return bytes_.size(); }
  [[nodiscard]] bool empty() const { return bytes_.empty(); }

  bool operator==(const Records&) const = default;

 private:
  std::vector<std::byte> bytes_;
};

}  // namespace shunt::protocol
