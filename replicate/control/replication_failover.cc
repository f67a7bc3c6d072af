// The part of Replication that notices that the flow has failed over (failover_mark.h): before anything is mirrored, and
// again while it runs, where the mark's topic exists by a question that is answered when it grows. Nothing is written
// from then on.
#include <utility>

#include <spdlog/spdlog.h>

#include "replicate/control/replication.h"

namespace shunt::replicate {

using net::Awaitable;

namespace {

// A session that is to be renewed waits for the answer (KIP-368): shorter than what is left of it then.
constexpr net::Duration longest_poll = std::chrono::seconds(4);

// Of a mark that this user may not see: authorizers log every such question.
constexpr auto hidden_look_interval = std::chrono::seconds(5);

}  // namespace

/// A leader that hangs is given up soon: another one may have the mark.
ClusterSettings Replication::marks_cluster_settings(ClusterSettings settings) {
  settings.client.request_timeout = std::min(settings.client.request_timeout, 2 * longest_poll);
  return settings;
}

void Replication::begin_look_for_failover() {
  if (!failover_marks_ || is_looking_ || stopping_ || !failed_over_.empty() || now() < next_look_) return;
  is_looking_ = true;
  begin_task(look_for_failover());
}

/// A task of its own: a broker that hangs here holds up nothing but this. Once the flow is cleared a look lasts until
/// there is news, or for a while.
Awaitable<> Replication::look_for_failover() {
  const net::Time began = now();
  std::optional<FailoverMark> mark;
  std::string failure;
  bool is_hidden = false;
  try {
    if (is_cleared_) {
      const net::Duration answer_time = settings_.target.client.request_timeout / 2;
      co_await failover_marks_->wait(std::min(longest_poll, answer_time));
    }
    mark = co_await failover_marks_->read();
  } catch (const UnauthorizedError& error) {
    failure = error.what();
    is_hidden = true;
  } catch (const std::runtime_error& error) {  // ClusterError, net::BrokerError, LogError
    failure = error.what();
  }
  is_looking_ = false;
  if (stopping_) co_return;
  next_look_ = std::max(now(), began + settings_.failover_look_interval);
  if (is_hidden) next_look_ = now() + hidden_look_interval;
  if (mark) {
    const std::string reason = failed_over_text(*mark, target_.alias());
    spdlog::error("{}: {}", settings_.name, reason);
    if (topics_.empty()) count({}, Condition::failed_over);
    {
      const std::lock_guard lock(mutex_);
      failed_over_ = reason;
    }
    close_failed_over();
    if (settings_.handle_failed_over) settings_.handle_failed_over();
    co_return;
  }
  if (is_hidden && !std::exchange(is_mark_hidden_, true)) {
    spdlog::warn("{}: it would not be noticed if this flow failed over: {}", settings_.name, failure);
  }
  if (!failure.empty() && !is_hidden) {
    next_look_ = now() + retry_after_failure;
    if (!is_cleared_ && !std::exchange(is_look_late_, true))
      spdlog::warn("{}: it cannot be told whether this flow has failed over: {}", settings_.name, failure);
    co_return;
  }
  if (!std::exchange(is_cleared_, true) && settings_.handle_cleared) settings_.handle_cleared();
}

/// All there is, also what was found while the mark was read.
void Replication::close_failed_over() {
  if (failed_over_.empty()) return;
  for (auto& [name, topic] : topics_) {
    if (topic.stage == MirroredTopic::Stage::mirrored) close(topic, Condition::failed_over, failed_over_);
  }
}

}  // namespace shunt::replicate
