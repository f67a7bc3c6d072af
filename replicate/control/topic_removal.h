// Deletes a topic of the target that this mirror has written, so that it can be mirrored anew. Nothing else is ever
// deleted: every partition that holds something must remember this mirror as a writer, and no other producer beside it;
// and it is asked for by the topic's id, so that one created by somebody else in the meantime stays.
//
// What cannot be known: a broker forgets idle producers (producer.id.expiration.ms, a day by default), after which the
// topic is left alone; and it remembers idempotent producers only.
#pragma once

#include <cstdint>
#include <string>

#include "protocol/uuid.h"
#include "replicate/control/cluster.h"

namespace shunt::replicate {

struct TopicRemoval {
  enum class Outcome {
    gone,
    refused,  // it stays: `reason`
    retry,    // nobody could be asked, or it is not gone yet: `reason`
  };
  Outcome outcome = Outcome::retry;
  std::string reason;
};

struct OwnTargetTopic {
  std::string name;
  protocol::Uuid id;
  std::string source_topic;  // what is mirrored to it
  std::uint16_t tag = 0;     // of the flow (replicate/identity.h)
};

/// Needs Describe, Read and Delete on the topic. May be repeated. Throws nothing of the cluster's.
net::Awaitable<TopicRemoval> remove_own_topic(Cluster& target, OwnTargetTopic topic,
                                              net::Duration patience = std::chrono::seconds(30));

}  // namespace shunt::replicate
