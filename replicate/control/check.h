// `shunt check`: reaches everything a configuration concerns, step by step, and changes nothing.
//
// For each cluster of each flow: every bootstrap address (resolve, connect, handshake), then every broker the cluster
// names, then what the brokers must speak and what the user must be allowed to see.
#pragma once

#include <functional>
#include <string>

#include "net/asio.h"
#include "replicate/config/model.h"

namespace shunt::replicate {

struct CheckStep {
  bool ok = false;
  std::string what;    // "source A, broker 3 (b3:9092)"
  std::string detail;  // what was found, or what failed, why, and what to do
};

/// True when every step is ok. Bootstrap addresses that fail are no failure of the check while another one answers, but
/// are told.
net::Awaitable<bool> check_connectivity(net::asio::any_io_executor executor, const Config& config,
                                        std::function<void(const CheckStep&)> tell);

}  // namespace shunt::replicate
