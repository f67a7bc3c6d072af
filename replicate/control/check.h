// `shunt check`: reaches everything a configuration concerns, step by step, and changes nothing.
//
// For each cluster of each flow: every bootstrap address (resolve, connect, TLS, handshake, SASL, which cluster it is),
// then every broker the cluster names, what the brokers must speak, and what the user can see. Then what the flow would
// meet in the target (a cluster that is the source itself, topics with other partition counts, too few brokers for the
// replicas), and whether the user has the rights it needs (control/rights_check.h).
#pragma once

#include <functional>
#include <string>

#include "net/asio.h"
#include "replicate/config/model.h"

namespace shunt::replicate {

enum class CheckOutcome {
  ok,
  note,     // works; good to know
  warning,  // works, but hardly as intended
  failed,
};
const char* to_string(CheckOutcome outcome);

struct CheckStep {
  CheckOutcome outcome = CheckOutcome::ok;
  std::string what;    // "A->B: source A, broker 3 (b3:9092)"
  std::string detail;  // what was found, or what failed, why, and what to do
};

/// True when no step failed. A bootstrap address that fails is a warning while another one of its cluster answers.
/// `tell` is called for each step, in order.
net::Awaitable<bool> check_connectivity(net::asio::any_io_executor executor, const Config& config,
                                        std::function<void(const CheckStep&)> tell);

}  // namespace shunt::replicate
