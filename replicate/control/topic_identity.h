// Whether a topic that is mirrored is still the same one. Metadata answers tell, one after the other; a broker that
// lags behind the others may say that a topic is gone, or name one that was replaced long ago.
//
//   a topic id that was never seen   another topic has taken its place: at once, for ids are not handed out twice
//   an id that was replaced          what a lagging broker says: nothing
//   no such topic                    gone, when it has been said for as long as the patience lasts
//
// Pure; the clock is the caller's.
#pragma once

#include <cstdint>
#include <optional>
#include <set>

#include "net/loop.h"
#include "protocol/error.h"
#include "protocol/uuid.h"

namespace shunt::replicate {

class TopicIdentity {
 public:
  enum class Fate { same, unclear, deleted, recreated };

  /// `id`: zero where brokers have no topic ids (before Kafka 2.8); then nothing is ever recreated.
  explicit TopicIdentity(const protocol::Uuid& id) : id_(id) {}

  /// What Metadata answered to a question for the topic by name.
  Fate handle_answer(std::int16_t error_code, const protocol::Uuid& id, net::Time now, net::Duration patience) {
    if (error_code == protocol::errors::unknown_topic_or_partition) {
      if (!missing_since_) missing_since_ = now;
      return now - *missing_since_ >= patience ? Fate::deleted : Fate::unclear;
    }
    if (error_code != 0 || replaced_.contains(id)) return Fate::unclear;
    missing_since_.reset();
    return id == id_ || id.is_zero() || id_.is_zero() ? Fate::same : Fate::recreated;
  }

  /// The topic that has taken its place is the one from now on.
  void replace(const protocol::Uuid& id) {
    if (id == id_) return;
    replaced_.insert(id_);
    id_ = id;
  }

  [[nodiscard]] const protocol::Uuid& id() const { return id_; }

 private:
  protocol::Uuid id_;
  std::set<protocol::Uuid> replaced_;
  std::optional<net::Time> missing_since_;
};

}  // namespace shunt::replicate
