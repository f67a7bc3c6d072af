// Watches for transactions of the source that stay open. Records behind the first open one are not mirrored before it
// ends; one that stays open is somebody's trouble, and is named, once, with the producer that has it open.
//
// The clock is the caller's.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "net/asio.h"
#include "replicate/control/cluster.h"
#include "replicate/data/flow.h"

namespace shunt::replicate {

class OpenTransactions {
 public:
  /// `patience`: how long one may be open before it is named. `source` must outlive the watch.
  OpenTransactions(Cluster& source, net::Duration patience) : source_(source), patience_(patience) {}

  /// Whether another look is due.
  [[nodiscard]] bool is_due(net::Time now) const { return now >= next_look_; }
  struct Named {
    std::string source_topic;
    std::string text;
  };
  /// One for each transaction that has been open too long and was not named before, a few at a time. Asks the
  /// source's leaders only when there is one. `flows`: all there are.
  net::Awaitable<std::vector<Named>> look(std::vector<const FlowSpec*> flows, net::Time now);

 private:
  struct Held {
    std::int64_t at = -1;  // the first offset that an open transaction holds back; -1: none does
    net::Time since{};
    bool is_named = false;
  };

  struct Overdue {
    std::int64_t at = -1;
    std::int64_t waiting = 0;  // records behind it
  };

  std::map<TopicPartition, Overdue> find_overdue(const std::vector<const FlowSpec*>& flows, net::Time now);

  Cluster& source_;
  const net::Duration patience_;
  net::Time next_look_{};
  std::map<FlowId, Held> held_;
};

}  // namespace shunt::replicate
