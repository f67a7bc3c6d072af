// Consumer groups for a FakeKafka: what its brokers answer about them, as real ones do, and how they refuse.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "tests/replicate/control/fake_kafka.h"

namespace shunt::tests {

struct FakeGroup {
  int coordinator = 0;
  std::string state = "Empty";
  std::string type = "classic";
  std::map<std::pair<std::string, int>, std::pair<std::int64_t, std::string>> offsets;  // and metadata
  std::int16_t fetch_error = 0;
  std::int16_t commit_error = 0;  // of every partition
  int unstable_answers = 0;       // so many say that a transaction is about to commit
  bool is_unlisted = false;       // there, but not said to be
};

class FakeGroups {
 public:
  /// Both must outlive the other's brokers.
  FakeGroups(FakeKafka& kafka, int brokers);

  std::map<std::string, FakeGroup> groups;
  int commits = 0;                 // taken
  std::vector<int> groups_asked;   // of each OffsetFetch
  bool creates_elsewhere = false;  // new groups are the last broker's
};

}  // namespace shunt::tests
