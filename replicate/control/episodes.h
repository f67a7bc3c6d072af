// Conditions that pass, told in episodes. One lost connection holds up thousands of partitions, each of them may be
// tried again many times, and it may take hours: there is one line when an episode begins, with all that it has hit by
// then, and one when the last of them is on its way again. A condition that comes and goes quickly is named once an
// interval at most. What an episode began with is not always its cause (a connection that was closed, and a password that
// is refused since): other reasons that come meanwhile are told too, a few, one an interval.
//
// The clock is the caller's.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "net/loop.h"
#include "replicate/condition.h"
#include "replicate/data/flow.h"

namespace shunt::replicate {

class Episodes {
 public:
  struct Line {
    bool is_end = false;
    std::string text;
  };

  explicit Episodes(net::Duration interval = std::chrono::seconds(10)) : interval_(interval) {}

  /// `partition` is held up. True: it was not, for this condition.
  bool add(Condition condition, FlowId flow, const std::string& partition, const std::string& reason, net::Time now);
  /// It is on its way again, from this condition or from all.
  void end(FlowId flow, Condition condition) { under_way_[condition].held_up.erase(flow); }
  void end(FlowId flow);

  /// The lines that are due.
  std::vector<Line> take(net::Time now);

 private:
  struct Episode {
    std::set<FlowId> held_up;
    std::size_t hit = 0;    // since the line before; 0: nothing is to be said of a beginning
    std::string partition;  // the first of them
    std::string reason;     // its reason
    net::Time began{};
    net::Time not_before{};         // the next line of a beginning
    bool is_told = false;           // an end is to be told as well
    std::set<std::string> reasons;  // of this episode, that were told
    std::string other_partition;    // held up for a reason that was not, yet
    std::string other_reason;
  };

  const net::Duration interval_;
  std::map<Condition, Episode> under_way_;
};

}  // namespace shunt::replicate
