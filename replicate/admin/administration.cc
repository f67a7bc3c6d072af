#include "replicate/admin/administration.h"

#include <algorithm>
#include <chrono>
#include <stdexcept>
#include <utility>

#include <spdlog/spdlog.h>

namespace shunt::replicate {

using net::Awaitable;

namespace {

constexpr auto early_look = std::chrono::seconds(1);

}  // namespace

Administration::Administration(const net::asio::any_io_executor& executor, AdministrationSettings settings,
                               const AskPlaces& ask)
    : executor_(executor),
      settings_(std::move(settings)),
      source_(executor, settings_.source),
      target_(executor, settings_.target),
      changed_(executor),
      may_begin_(!settings_.waits_for_leave) {
  const auto add = [this](std::unique_ptr<Duty> duty) {
    auto keeper = std::make_unique<Keeper>();
    keeper->status.flow = settings_.name;
    keeper->status.duty = duty->name();
    keeper->duty = std::move(duty);
    keepers_.push_back(std::move(keeper));
  };
  if (settings_.heartbeats) add(std::make_unique<Heartbeats>(target_, *settings_.heartbeats));
  if (settings_.positions) add(std::make_unique<Positions>(target_, *settings_.positions, ask));
  if (settings_.groups) add(std::make_unique<GroupSync>(source_, target_, *settings_.groups, ask));
  if (settings_.plain_syncs) {
    Cluster& cluster = settings_.plain_syncs->is_on_target ? target_ : source_;
    add(std::make_unique<PlainSyncs>(cluster, *settings_.plain_syncs, ask));
  }
  if (settings_.topic_configs) {
    add(std::make_unique<ConfigSync>(source_, target_, settings_.topics, *settings_.topic_configs));
  }
  if (settings_.acls) add(std::make_unique<AclSync>(source_, target_, settings_.topics, *settings_.acls));
}

void Administration::begin() {
  may_begin_ = true;
  changed_.announce();
}

Awaitable<> Administration::run() {
  kept_ = keepers_.size();
  for (const auto& keeper : keepers_) {
    net::asio::co_spawn(executor_, keep(*keeper), [this](const std::exception_ptr& failure) {
      if (failure && !failure_) failure_ = failure;
      if (failure) stopping_ = true;
      --kept_;
      changed_.announce();
    });
  }
  while (!stopping_) co_await changed_.wait(net::Time::max());
  const net::Time deadline = net::now() + settings_.patience_at_the_end;
  while (kept_ > 0 && !is_cut_off_ && net::now() < deadline) co_await changed_.wait(deadline);
  source_.close();
  target_.close();
  for (const auto& keeper : keepers_) keeper->duty->close();
  while (kept_ > 0) co_await changed_.wait(net::Time::max());
  if (failure_) std::rethrow_exception(failure_);
}

void Administration::stop(bool graceful) {
  stopping_ = true;
  if (!graceful) is_cut_off_ = true;
  changed_.announce();
}

Awaitable<> Administration::keep(Keeper& keeper) {
  while (!may_begin_ && !stopping_) co_await changed_.wait(net::Time::max());
  if (!may_begin_) co_return;
  for (;;) {
    const net::Time next = net::now() + keeper.duty->interval();
    const bool was_last = stopping_;
    co_await perform(keeper);
    if (was_last || is_cut_off_) co_return;
    while (!stopping_ && net::now() < next) {
      co_await changed_.wait(std::min(next, net::now() + early_look));
      if (keeper.duty->is_due_early()) break;
    }
    if (stopping_ && (is_cut_off_ || !keeper.duty->is_due_at_the_end())) co_return;
  }
}

Awaitable<> Administration::perform(Keeper& keeper) {
  std::string failure;
  try {
    co_await keeper.duty->perform();
  } catch (const std::runtime_error& error) {
    failure = error.what();
  }
  if (!is_cut_off_) note(keeper, failure);
}

void Administration::note(Keeper& keeper, const std::string& failure) {
  const std::lock_guard lock(mutex_);
  DutyStatus& status = keeper.status;
  if (failure.empty()) {
    ++status.done;
    if (!status.reason.empty()) spdlog::info("{}: {}: well again", settings_.name, status.duty);
  } else {
    ++status.failed;
    if (failure != status.reason) spdlog::warn("{}: {}: {}; tried again", settings_.name, status.duty, failure);
  }
  status.reason = failure;
}

void Administration::append_status(MirrorStatus& status) const {
  {
    const std::lock_guard lock(mutex_);
    for (const auto& keeper : keepers_) status.duties.push_back(keeper->status);
  }
  for (const auto& keeper : keepers_) keeper->duty->append_status(status);
}

}  // namespace shunt::replicate
