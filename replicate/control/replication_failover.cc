// The part of Replication that notices that the flow has failed over (failover_mark.h): before anything is mirrored, and
// again and again while it runs. Nothing is written from then on.
#include <utility>

#include <spdlog/spdlog.h>

#include "replicate/control/replication.h"

namespace shunt::replicate {

using net::Awaitable;

void Replication::begin_look_for_failover() {
  if (!failover_marks_ || is_looking_ || stopping_ || !failed_over_.empty() || now() < next_look_) return;
  is_looking_ = true;
  begin_task(look_for_failover());
}

/// A task of its own: a broker that hangs here holds up nothing but this.
Awaitable<> Replication::look_for_failover() {
  std::optional<FailoverMark> mark;
  std::string failure;
  bool is_hidden = false;
  try {
    mark = co_await failover_marks_->read();
  } catch (const UnauthorizedError& error) {
    failure = error.what();
    is_hidden = true;
  } catch (const std::runtime_error& error) {  // ClusterError, net::BrokerError, LogError
    failure = error.what();
  }
  is_looking_ = false;
  net::Duration pause = settings_.failover_look_interval;
  if (settings_.refresh_interval) pause = std::min(pause, *settings_.refresh_interval);
  next_look_ = now() + (failure.empty() ? pause : std::max<net::Duration>(pause, retry_after_failure));
  if (mark) {
    const std::string reason = failed_over_text(*mark, target_.alias());
    spdlog::error("{}: {}", settings_.name, reason);
    if (topics_.empty()) count({}, Condition::failed_over);
    {
      const std::lock_guard lock(mutex_);
      failed_over_ = reason;
    }
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
