// The admin path of one flow: everything that is not the copying of records. It has a thread of its own, which all flows
// share, and connections of its own, so that nothing of it delays data or what data waits for.
//
// What it does are duties (admin/duty.h), each at its own interval, none waiting for another. What fails is told, once for
// every reason, and tried again: a mirror whose bookkeeping is refused goes on mirroring.
//
// Everything runs on the admin thread, except append_status().
#pragma once

#include <cstddef>
#include <exception>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "net/asio.h"
#include "replicate/admin/acl_sync.h"
#include "replicate/admin/config_sync.h"
#include "replicate/admin/duty.h"
#include "replicate/admin/group_sync.h"
#include "replicate/admin/heartbeats.h"
#include "replicate/admin/mirrored.h"
#include "replicate/admin/plain_syncs.h"
#include "replicate/admin/positions.h"
#include "replicate/control/cluster.h"
#include "replicate/status.h"

namespace shunt::replicate {

struct AdministrationSettings {
  std::string name;  // "A->B"
  ClusterSettings source;
  ClusterSettings target;
  std::optional<HeartbeatsSettings> heartbeats;
  std::optional<PositionsSettings> positions;
  std::optional<GroupSyncSettings> groups;
  std::optional<PlainSyncsSettings> plain_syncs;
  std::shared_ptr<const KnownTopics> topics;  // that the flow mirrors; needed by what follows
  std::optional<ConfigSyncSettings> topic_configs;
  std::optional<AclSyncSettings> acls;
  bool waits_for_leave = false;  // nothing is done before begin()
  net::Duration patience_at_the_end = std::chrono::seconds(10);
};

class Administration {
 public:
  /// `ask`: how far the flow's partitions have come.
  Administration(const net::asio::any_io_executor& executor, AdministrationSettings settings,
                 const AskPlaces& ask = {});

  /// What was waited for is settled: the flow is to be mirrored.
  void begin();
  /// Until stop(). Throws only what nobody can have expected.
  net::Awaitable<> run();
  /// `graceful`: what is due at the end is done before.
  void stop(bool graceful);

  // ---- from any thread ----
  void append_status(MirrorStatus& status) const;

 private:
  /// A duty, and how it fares.
  struct Keeper {
    std::unique_ptr<Duty> duty;
    DutyStatus status;  // guarded by mutex_
  };

  net::Awaitable<> keep(Keeper& keeper);
  net::Awaitable<> perform(Keeper& keeper);
  void note(Keeper& keeper, const std::string& failure);

  const net::asio::any_io_executor executor_;
  const AdministrationSettings settings_;
  Cluster source_;
  Cluster target_;
  net::Signal changed_;
  bool may_begin_;
  bool stopping_ = false;
  bool is_cut_off_ = false;  // stopping, and nothing more is awaited
  std::size_t kept_ = 0;     // duties that have not ended
  std::exception_ptr failure_;
  std::vector<std::unique_ptr<Keeper>> keepers_;
  mutable std::mutex mutex_;
};

}  // namespace shunt::replicate
