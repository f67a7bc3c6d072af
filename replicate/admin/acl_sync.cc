#include "replicate/admin/acl_sync.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include "protocol/error.h"
#include "protocol/messages/create_acls.h"
#include "protocol/messages/delete_acls.h"
#include "protocol/messages/describe_acls.h"

namespace shunt::replicate {

using net::Awaitable;
using protocol::CreateAclsRequest;
using protocol::DeleteAclsRequest;
using protocol::DescribeAclsRequest;

namespace errors = protocol::errors;

namespace {

constexpr std::ptrdiff_t bindings_per_request = 500;

std::string describe(const Cluster& cluster, std::int16_t error_code, const std::optional<std::string>& message,
                     const char* request) {
  return fmt::format("{} answered {} to {}{}{}", cluster.alias(), protocol::error_name(error_code), request,
                     message && !message->empty() ? ": " : "", message.value_or(""));
}

template <class Call>
Awaitable<> in_portions(std::vector<AclBinding> bindings, Call call) {
  for (auto begin = bindings.begin(); begin != bindings.end();) {
    const auto end = begin + std::min(bindings_per_request, bindings.end() - begin);
    std::vector<AclBinding> some(begin, end);
    co_await call(std::move(some));
    begin = end;
  }
}

}  // namespace

Awaitable<std::optional<AclBindings>> read_acls(Cluster& cluster, bool groups) {
  AclBindings found;
  std::vector<std::int8_t> resources{acl::topic};
  if (groups) resources.push_back(acl::group);
  for (const std::int8_t resource_type : resources) {
    DescribeAclsRequest request;
    request.resource_type_filter = resource_type;
    request.pattern_type_filter = acl::any;
    request.operation = acl::any;
    request.permission_type = acl::any;
    const auto response = co_await cluster.call_any(std::move(request));
    if (response.error_code == errors::security_disabled) co_return std::nullopt;
    if (response.error_code != 0) {
      const bool is_forbidden = response.error_code == errors::cluster_authorization_failed;
      throw ClusterError(
          describe(cluster, response.error_code, response.error_message, "DescribeAcls") +
          (is_forbidden ? " (grant Describe on the cluster, or say sync.topic.acls.enabled=false)" : ""));
    }
    for (const auto& resource : response.resources) {
      for (const auto& entry : resource.acls) {
        found.insert({.resource_type = resource.resource_type,
                      .name = resource.resource_name,
                      .pattern_type = resource.pattern_type,
                      .principal = entry.principal,
                      .host = entry.host,
                      .operation = entry.operation,
                      .permission = entry.permission_type});
      }
    }
  }
  co_return found;
}

AclSync::AclSync(Cluster& source, Cluster& target, std::shared_ptr<const KnownTopics> topics, AclSyncSettings settings)
    : source_(source), target_(target), news_(std::move(topics)), settings_(std::move(settings)) {}

Awaitable<> AclSync::perform() {
  trouble_.clear();
  TopicNames names;
  for (TopicPair& topic : news_.take()) names.emplace(std::move(topic.source), std::move(topic.target));
  if (names.empty()) {
    news_.done();
    co_return;
  }
  const std::optional<AclBindings> of_source = co_await read(source_);
  std::optional<AclBindings> of_target;
  if (of_source) of_target = co_await read(target_);
  if (!of_source || !of_target) {
    news_.done();
    co_return;
  }
  AclChanges changes = acl_changes(*of_source, *of_target, seen_, names, settings_.rules);
  tell(changes.wanted);
  co_await create(std::move(changes.missing));
  co_await remove(std::move(changes.surplus));
  if (settings_.rules.removes) seen_.merge(changes.wanted.bindings);
  news_.done();
  if (!trouble_.empty()) throw ClusterError(trouble_);
}

Awaitable<std::optional<AclBindings>> AclSync::read(Cluster& cluster) {
  std::optional<AclBindings> found = co_await read_acls(cluster, settings_.rules.groups);
  if (found) {
    unauthorized_.erase(cluster.alias());
  } else if (unauthorized_.insert(cluster.alias()).second) {
    spdlog::info("{}: {} has no authorizer: access rights are not carried over", settings_.flow, cluster.alias());
  }
  co_return found;
}

Awaitable<> AclSync::create(std::vector<AclBinding> bindings) {
  std::size_t created = 0;
  const auto one_portion = [this, &created](std::vector<AclBinding> some) -> Awaitable<> {
    CreateAclsRequest request;
    for (const AclBinding& binding : some) {
      request.creations.push_back({.resource_type = binding.resource_type,
                                   .resource_name = binding.name,
                                   .resource_pattern_type = binding.pattern_type,
                                   .principal = binding.principal,
                                   .host = binding.host,
                                   .operation = binding.operation,
                                   .permission_type = binding.permission});
    }
    const auto response = co_await target_.call_controller(std::move(request));
    for (std::size_t i = 0; i < std::min(some.size(), response.results.size()); ++i) {
      const auto& result = response.results[i];
      if (result.error_code == 0) {
        ++created;
        refused_.erase(some[i]);
        spdlog::debug("{}: access right created on {}: {}", settings_.flow, target_.alias(), some[i].to_string());
      } else {
        handle_refused(some[i], result.error_code, result.error_message, "CreateAcls");
      }
    }
  };
  co_await in_portions(std::move(bindings), one_portion);
  if (created > 0) {
    spdlog::info("{}: {} access right{} created on {}", settings_.flow, created, created == 1 ? "" : "s",
                 target_.alias());
  }
}

Awaitable<> AclSync::remove(std::vector<AclBinding> bindings) {
  const auto one_portion = [this](std::vector<AclBinding> some) -> Awaitable<> {
    DeleteAclsRequest request;
    for (const AclBinding& binding : some) {
      request.filters.push_back({.resource_type_filter = binding.resource_type,
                                 .resource_name_filter = binding.name,
                                 .pattern_type_filter = binding.pattern_type,
                                 .principal_filter = binding.principal,
                                 .host_filter = binding.host,
                                 .operation = binding.operation,
                                 .permission_type = binding.permission});
    }
    const auto response = co_await target_.call_controller(std::move(request));
    for (std::size_t i = 0; i < std::min(some.size(), response.filter_results.size()); ++i) {
      const auto& result = response.filter_results[i];
      if (result.error_code == 0) {
        spdlog::info("{}: access right removed on {}, as on {}: {}", settings_.flow, target_.alias(), source_.alias(),
                     some[i].to_string());
      } else {
        handle_refused(some[i], result.error_code, result.error_message, "DeleteAcls");
      }
    }
  };
  co_await in_portions(std::move(bindings), one_portion);
}

void AclSync::tell(const WantedBindings& wanted) {
  if (wanted.patterns_left_out > 0 && !std::exchange(are_patterns_told_, true)) {
    spdlog::info(
        "{}: {} access right{} of {} stand for several topics or groups at once and are left out; "
        "shunt.acls.prefixed=true carries them over",
        settings_.flow, wanted.patterns_left_out, wanted.patterns_left_out == 1 ? "" : "s", source_.alias());
  }
  for (const std::string& one : wanted.out_of_reach) {
    if (!out_of_reach_.insert(one).second) continue;
    spdlog::warn("{}: an access right for a pattern does not reach the topic under its name on {}: {}; grant it there",
                 settings_.flow, target_.alias(), one);
  }
}

void AclSync::handle_refused(const AclBinding& binding, std::int16_t error_code,
                             const std::optional<std::string>& message, const char* request) {
  if (error_code == errors::cluster_authorization_failed) {
    trouble_ = describe(target_, error_code, message, request) +
               " (grant Alter on the cluster, or say sync.topic.acls.enabled=false)";
    return;
  }
  if (error_code == errors::not_controller) target_.forget_controller();
  if (!refused_.insert(binding).second) return;
  spdlog::warn("{}: access right {}: {}", settings_.flow, binding.to_string(),
               describe(target_, error_code, message, request));
}

}  // namespace shunt::replicate
