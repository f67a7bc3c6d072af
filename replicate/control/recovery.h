// What to do with a flow that was parked: the one place where the control plane's patience is decided. Pure: the clock
// is the caller's, the dice follow from a seed.
//
//   a leader moved, a connection broke, a broker is in trouble   again after a back-off, for as long as it takes
//   the target takes offence at a batch (corrupt, out of order)  again, but not for ever without progress
//   the source's log cannot be forwarded as it is                a detour, at once
//   the source has nothing at the position, or the target's log  back to admission, which finds out why
//   is not as the flow left it
//   the source lacks records that others may have mirrored       back to admission, which fences them out
//   another instance has taken over                              stand by, then look again
//   rights are missing                                           again, for they may be granted; a run that is to end is
//                                                                failed
//   refused, or the target's log contradicts what was written    failed, for an operator to look at; but first it is
//                                                                asked whether the topics are the same ones still
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "net/backoff.h"
#include "replicate/condition.h"
#include "replicate/data/flow.h"

namespace shunt::replicate {

struct RecoverySettings {
  std::chrono::milliseconds first_delay{50};
  std::chrono::milliseconds longest_delay{1000};
  std::chrono::milliseconds standby_delay{5000};
  std::chrono::milliseconds unauthorized_delay{5000};
  bool waits_for_rights = true;
  int rejections_without_progress = 8;
};

/// The name of what parked a flow; none where it is no misfortune, or nobody knows yet what it is.
inline std::optional<Condition> condition_of(ParkCause cause) {
  switch (cause) {
    case ParkCause::source_connection:
      return Condition::source_unreachable;
    case ParkCause::target_connection:
      return Condition::target_unreachable;
    case ParkCause::source_leader:
      return Condition::source_leader;
    case ParkCause::target_leader:
      return Condition::target_leader;
    case ParkCause::source_error:
      return Condition::source_error;
    case ParkCause::target_error:
      return Condition::target_error;
    case ParkCause::target_under_replicated:
      return Condition::target_under_replicated;
    case ParkCause::target_rejected:
      return Condition::target_rejecting;
    case ParkCause::coordinator:
      return Condition::target_coordinator;
    case ParkCause::source_authentication:
      return Condition::source_authentication;
    case ParkCause::target_authentication:
      return Condition::target_authentication;
    case ParkCause::source_unauthorized:
      return Condition::source_unauthorized;
    case ParkCause::target_unauthorized:
      return Condition::target_unauthorized;
    case ParkCause::superseded:
      return Condition::another_instance;
    case ParkCause::target_truncated:
      return Condition::target_truncated;
    case ParkCause::foreign_writer:
      return Condition::foreign_writer;
    case ParkCause::loop:
      return Condition::loop;
    case ParkCause::stopped:
    case ParkCause::detour:
    case ParkCause::gap:
    case ParkCause::out_of_range:
    case ParkCause::target_moved:
    case ParkCause::refused:
      return std::nullopt;
  }
  return std::nullopt;
}

struct RecoveryAction {
  enum class Kind { retry, detour, readmit, fail, finished } kind = Kind::retry;
  net::Duration delay{0};
  bool refresh_source = false;  // metadata first
  bool refresh_target = false;
  std::string reason;  // why it waits, or failed
};

class Recovery {
 public:
  Recovery(RecoverySettings settings, std::uint64_t seed)
      : settings_(settings), backoff_(settings.first_delay, settings.longest_delay, seed) {}

  /// `position`: how far the flow has come; -1 when it was never located.
  RecoveryAction handle_parked(const Parked& parked, std::int64_t position) {
    if (position > last_position_) {
      backoff_.reset();
      rejections_ = 0;
    }
    last_position_ = std::max(last_position_, position);
    RecoveryAction action{.reason = parked.reason};
    switch (parked.cause) {
      case ParkCause::stopped:
        action.kind = RecoveryAction::Kind::finished;
        return action;
      case ParkCause::refused:
      case ParkCause::target_truncated:
      case ParkCause::foreign_writer:
      case ParkCause::loop:
        action.kind = RecoveryAction::Kind::fail;
        return action;
      case ParkCause::detour:
        action.kind = RecoveryAction::Kind::detour;
        return action;
      case ParkCause::gap:
        action.kind = RecoveryAction::Kind::readmit;
        return action;
      case ParkCause::superseded:
        action.delay = settings_.standby_delay;
        return action;
      case ParkCause::source_unauthorized:
      case ParkCause::target_unauthorized:
        if (!settings_.waits_for_rights) action.kind = RecoveryAction::Kind::fail;
        action.delay = settings_.unauthorized_delay;
        // Metadata has the refusal too, where the right to describe the topic is gone.
        action.refresh_source = parked.cause == ParkCause::source_unauthorized;
        action.refresh_target = !action.refresh_source;
        return action;
      case ParkCause::out_of_range:
      case ParkCause::target_moved:
        action.kind = RecoveryAction::Kind::readmit;
        action.refresh_source = action.refresh_target = true;
        break;
      case ParkCause::source_connection:
      case ParkCause::source_authentication:
      case ParkCause::source_leader:
        action.refresh_source = true;
        break;
      case ParkCause::target_connection:
      case ParkCause::target_authentication:
      case ParkCause::target_leader:
      case ParkCause::coordinator:
        action.refresh_target = true;
        break;
      case ParkCause::source_error:
      case ParkCause::target_error:
      case ParkCause::target_under_replicated:
        break;
      case ParkCause::target_rejected:
        if (++rejections_ > settings_.rejections_without_progress) {
          action.kind = RecoveryAction::Kind::fail;
          action.reason = parked.reason + " (tried " + std::to_string(rejections_) + " times without progress)";
          return action;
        }
        break;
    }
    action.delay = backoff_.next();
    return action;
  }

 private:
  RecoverySettings settings_;
  net::Backoff backoff_;
  std::int64_t last_position_ = -1;
  int rejections_ = 0;
};

}  // namespace shunt::replicate
