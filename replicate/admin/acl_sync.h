// Gives the target the access rights of the source (admin/acl_bindings.h says which): what it has not is created, and, if
// asked for, what the source has no more is removed. Where either cluster has no authorizer that is said once, and nothing
// is done.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "replicate/admin/acl_bindings.h"
#include "replicate/admin/duty.h"
#include "replicate/admin/topic_news.h"
#include "replicate/control/cluster.h"

namespace shunt::replicate {

struct AclSyncSettings {
  std::string flow;                    // "A->B"
  std::chrono::seconds interval{600};  // sync.topic.acls.interval.seconds
  AclRules rules;
};

/// All there are of topics, and, if asked for, of groups; nothing: the cluster has no authorizer. Throws ClusterError.
net::Awaitable<std::optional<AclBindings>> read_acls(Cluster& cluster, bool groups);

class AclSync final : public Duty {
 public:
  /// The clusters must outlive it.
  AclSync(Cluster& source, Cluster& target, std::shared_ptr<const KnownTopics> topics, AclSyncSettings settings);

  [[nodiscard]] const char* name() const override { return "acls"; }
  [[nodiscard]] net::Duration interval() const override { return settings_.interval; }
  [[nodiscard]] bool is_due_early() const override { return news_.has_news(); }
  [[nodiscard]] bool is_due_at_the_end() const override { return news_.has_news(); }
  net::Awaitable<> perform() override;

 private:
  /// As read_acls(), and says it where there is no authorizer.
  net::Awaitable<std::optional<AclBindings>> read(Cluster& cluster);
  net::Awaitable<> create(std::vector<AclBinding> bindings);
  net::Awaitable<> remove(std::vector<AclBinding> bindings);
  void tell(const WantedBindings& wanted);
  void handle_refused(const AclBinding& binding, std::int16_t error_code, const std::optional<std::string>& message,
                      const char* request);

  Cluster& source_;
  Cluster& target_;
  TopicNews news_;
  const AclSyncSettings settings_;
  AclBindings seen_;                    // wanted, at one time or another
  std::set<std::string> unauthorized_;  // clusters without an authorizer; said
  bool are_patterns_told_ = false;
  std::set<std::string> out_of_reach_;  // said
  std::set<AclBinding> refused_;        // said
  std::string trouble_;                 // of this time: a right that is missing
};

}  // namespace shunt::replicate
