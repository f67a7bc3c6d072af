// A SCRAM server that knows no password, whatever it says: the first byte chooses the mechanism, the rest, up to a line
// feed, is its first message, and what follows its last. "@" stands for our nonce. Nobody is believed.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "sasl/authenticator.h"

using namespace shunt::sasl;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  Credentials credentials;
  credentials.mechanism = data[0] % 2 == 0 ? Mechanism::scram_sha_256 : Mechanism::scram_sha_512;
  credentials.user = "alice";
  credentials.password = Secret("pencil");
  credentials.most_scram_iterations = least_scram_iterations;  // the fuzzer's time is dear
  Authenticator authenticator(credentials);
  if (authenticator.start() != Authenticator::Step::send) std::abort();
  const std::vector<std::byte> said = authenticator.take_output();
  const std::string_view client_first(reinterpret_cast<const char*>(said.data()), said.size());
  const std::string nonce(client_first.substr(client_first.rfind(",r=") + 3));

  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  const std::size_t end = std::min(text.find('\n'), text.size());
  std::string first(text.substr(0, end));
  if (const std::size_t at = first.find('@'); at != std::string::npos) first.replace(at, 1, nonce);
  if (authenticator.handle_challenge(std::as_bytes(std::span(first))) == Authenticator::Step::send) {
    if (!first.starts_with("r=" + nonce)) std::abort();
    const std::string_view last = text.substr(std::min(end + 1, text.size()));
    if (authenticator.handle_challenge(std::as_bytes(std::span(last))) != Authenticator::Step::failed) std::abort();
  }
  if (authenticator.reason().empty()) std::abort();
  return 0;
}
