// Whether a topic that is mirrored is still the same one. Metadata answers tell, one after the other; a broker that
// lags behind the others may say that a topic is gone, or name one that was replaced long ago.
//
//   a topic id that was never seen   another topic has taken its place: at once, for ids are not handed out twice
//   an id that was replaced, or      what a lagging broker says: nothing. Unless nothing else is said for as long as the
//   that this process has deleted    patience lasts: then it was the replacement that lagged
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
    if (error_code != 0 || is_past(id, now, patience)) return Fate::unclear;
    missing_since_.reset();
    return id == id_ || id.is_zero() || id_.is_zero() ? Fate::same : Fate::recreated;
  }

  /// The topic that has taken its place is the one from now on. What was said before was said of the other one.
  void replace(const protocol::Uuid& id) {
    if (id != id_) past_.insert(id_);
    past_.erase(id);
    id_ = id;
    insisted_.reset();
    missing_since_.reset();
  }
  /// It is deleted, and will not be there again, whatever a lagging broker says.
  void handle_deleted() {
    if (!id_.is_zero()) past_.insert(id_);
  }
  /// No topic of this id, which was answered, is there any more.
  bool is_past(const protocol::Uuid& id, net::Time now, net::Duration patience) {
    if (!past_.contains(id)) {
      insisted_.reset();
      return false;
    }
    if (!insisted_ || insisted_->id != id) insisted_ = {.id = id, .since = now};
    return now - insisted_->since < patience;
  }

  [[nodiscard]] const protocol::Uuid& id() const { return id_; }

 private:
  protocol::Uuid id_;
  std::set<protocol::Uuid> past_;
  struct Insisted {
    protocol::Uuid id;  // one of them
    net::Time since;
  };
  std::optional<Insisted> insisted_;  // the only one that is answered
  std::optional<net::Time> missing_since_;
};

}  // namespace shunt::replicate
