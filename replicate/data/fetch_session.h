// What the broker at the other end of one fetch connection has been told to send: a fetch session (KIP-227). Partitions
// without news cost nothing in either direction; a partition is named again only when its offset or its size limit
// changed, and forgotten while its flow cannot take data.
//
// A session names topics, or says their ids (KIP-516): by id nothing is fetched of another topic that has taken the name
// meanwhile. Ids it is where the broker knows them and every flow has one.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "net/loop.h"
#include "protocol/fetch_stream.h"
#include "protocol/ids.h"
#include "protocol/messages/fetch.h"
#include "replicate/data/flow_map.h"
#include "replicate/isolation.h"

namespace shunt::replicate {

struct FetchSettings {
  std::int32_t max_bytes = 32 * 1024 * 1024;  // of one answer; streamed, so it costs no memory
  std::int32_t partition_max_bytes = 8 * 1024 * 1024;
  std::int32_t max_wait_ms = 500;
  std::int32_t min_bytes = 1;
  Isolation isolation = Isolation::read_committed;
};

class FetchSession {
 public:
  explicit FetchSession(FetchSettings settings) : settings_(settings) {}

  void add(Flow& flow);
  void remove(Flow& flow);
  [[nodiscard]] const FlowMap& flows() const { return flows_; }
  /// The broker at the other end of a new connection understands ids (Fetch 13, Kafka 3.1).
  void set_knows_ids(bool knows_ids) { knows_ids_ = knows_ids; }
  /// Whose partition that is. Null: nobody's; or the flow was not named in a request of this session, and what is said is
  /// meant for the assignment before, of which the session may still have to hear that it is over.
  [[nodiscard]] Flow* find(const protocol::FetchStream::Partition& partition);
  /// The flow's position, or its readiness to take data, may have changed.
  void touch(Flow& flow);

  /// The next request, which says of every touched flow what has changed; nothing when no flow wants data. To be sent,
  /// and its answer read, as of version().
  /// `accepts(flow)`: may the flow's target take data now?
  std::optional<protocol::FetchRequest> next_request(net::Time now, const std::function<bool(const Flow&)>& accepts);

  [[nodiscard]] std::int16_t version() const {
    return is_by_id_ ? protocol::FetchStream::by_id : protocol::FetchStream::by_name;
  }

  enum class Outcome { accepted, reset };
  /// The top of an answer. `reset`: the broker has no such session (any more); the next request opens a new one.
  Outcome handle_answer(std::int16_t error_code, std::int32_t session_id);

  /// The connection is gone, or the session is: everything will be told anew.
  void reset();

 private:
  bool refresh(net::Time now, const std::function<bool(const Flow&)>& accepts);
  void enter(Flow& flow);
  void forget(Flow& flow);
  [[nodiscard]] std::int32_t partition_max_bytes(const Flow& flow, net::Time now) const;

  FetchSettings settings_;
  FlowMap flows_{MirrorSide::source};
  bool knows_ids_ = false;
  bool is_by_id_ = false;
  std::vector<Flow*> touched_;  // to be looked at when the next request is made
  std::vector<Flow*> changed_;  // to be named in the next request
  struct Forgotten {
    std::string topic;
    protocol::Uuid topic_id;
    protocol::PartitionIndex partition;
  };
  std::vector<Forgotten> forgotten_;
  std::size_t in_session_ = 0;  // partitions the broker's session will hold after the next request
  std::int32_t session_id_ = 0;
  std::int32_t session_epoch_ = 0;  // 0: the next request opens a session
};

}  // namespace shunt::replicate
