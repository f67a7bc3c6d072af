#include "replicate/admin/acl_sync.h"

#include <boost/asio/io_context.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "protocol/messages/create_acls.h"
#include "protocol/messages/delete_acls.h"
#include "protocol/messages/describe_acls.h"
#include "tests/replicate/control/fake_kafka.h"

namespace shunt::replicate {
namespace {

using namespace protocol;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using tests::FakeKafka;

/// The access rights of one fake cluster.
struct FakeAcls {
  explicit FakeAcls(FakeKafka& kafka) {
    kafka.broker(0).on<DescribeAclsRequest>([this](const DescribeAclsRequest& request) {
      DescribeAclsResponse response;
      response.error_code = describe_error;
      if (describe_error != 0) return std::optional(response);
      for (const AclBinding& binding : bindings) {
        if (binding.resource_type != request.resource_type_filter) continue;
        auto& resource = response.resources.emplace_back();
        resource.resource_type = binding.resource_type;
        resource.resource_name = binding.name;
        resource.pattern_type = binding.pattern_type;
        resource.acls.push_back({.principal = binding.principal,
                                 .host = binding.host,
                                 .operation = binding.operation,
                                 .permission_type = binding.permission});
      }
      return std::optional(response);
    });
    kafka.broker(0).on<CreateAclsRequest>([this](const CreateAclsRequest& request) {
      CreateAclsResponse response;
      for (const auto& creation : request.creations) {
        response.results.emplace_back().error_code = change_error;
        if (change_error != 0) continue;
        bindings.insert({.resource_type = creation.resource_type,
                         .name = creation.resource_name,
                         .pattern_type = creation.resource_pattern_type,
                         .principal = creation.principal,
                         .host = creation.host,
                         .operation = creation.operation,
                         .permission = creation.permission_type});
      }
      return std::optional(response);
    });
    kafka.broker(0).on<DeleteAclsRequest>([this](const DeleteAclsRequest& request) {
      DeleteAclsResponse response;
      for (const auto& filter : request.filters) {
        response.filter_results.emplace_back().error_code = change_error;
        if (change_error != 0) continue;
        bindings.erase({.resource_type = filter.resource_type_filter,
                        .name = filter.resource_name_filter.value(),
                        .pattern_type = filter.pattern_type_filter,
                        .principal = filter.principal_filter.value(),
                        .host = filter.host_filter.value(),
                        .operation = filter.operation,
                        .permission = filter.permission_type});
      }
      return std::optional(response);
    });
  }

  AclBindings bindings;
  std::int16_t describe_error = 0;
  std::int16_t change_error = 0;
};

AclBinding read_on(const std::string& name, const std::string& user) {
  return {.name = name, .principal = "User:" + user, .host = "*"};
}

class AclSyncTest : public ::testing::Test {
 protected:
  AclSyncTest() { topics_->add("orders", "A.orders"); }

  static AclSyncSettings settings(bool removes) {
    AclSyncSettings settings;
    settings.flow = "A->B";
    settings.rules.prefix = "A.";
    settings.rules.removes = removes;
    return settings;
  }
  /// Once; what has failed, or nothing.
  std::string perform(AclSync& sync) {
    std::string failure;
    tests::run(context_, [&]() -> net::Awaitable<> {
      try {
        co_await sync.perform();
      } catch (const ClusterError& error) {
        failure = error.what();
      }
    });
    return failure;
  }

  net::asio::io_context context_;
  FakeKafka source_{context_, 1};
  FakeKafka target_{context_, 1};
  FakeAcls on_source_{source_};
  FakeAcls on_target_{target_};
  Cluster source_cluster_{context_.get_executor(), source_.settings("A")};
  Cluster target_cluster_{context_.get_executor(), target_.settings("B")};
  std::shared_ptr<KnownTopics> topics_ = std::make_shared<KnownTopics>();
};

TEST_F(AclSyncTest, CreatesWhatTheTargetHasNotAndRemovesNothing) {
  on_source_.bindings = {read_on("orders", "a")};
  on_target_.bindings = {read_on("A.orders", "b")};
  AclSync sync(source_cluster_, target_cluster_, topics_, settings(false));
  EXPECT_EQ(perform(sync), "");
  EXPECT_THAT(on_target_.bindings, ElementsAre(read_on("A.orders", "a"), read_on("A.orders", "b")));
  EXPECT_EQ(perform(sync), "");
  EXPECT_EQ(target_.requests(CreateAclsRequest::api.key), 1);
  EXPECT_EQ(target_.requests(DeleteAclsRequest::api.key), 0);
}

TEST_F(AclSyncTest, RemovesWhatTheSourceHasNotIfAskedFor) {
  AclBinding denied = read_on("orders", "d");
  denied.permission = acl::deny;
  AclBinding denied_there = denied;
  denied_there.name = "A.orders";
  on_source_.bindings = {read_on("orders", "a"), denied};
  on_target_.bindings = {read_on("A.orders", "b"), read_on("other", "b")};
  AclSync sync(source_cluster_, target_cluster_, topics_, settings(true));
  EXPECT_EQ(perform(sync), "");
  EXPECT_THAT(on_target_.bindings,
              ::testing::UnorderedElementsAre(read_on("A.orders", "a"), denied_there, read_on("other", "b")));
  on_source_.bindings.clear();
  EXPECT_EQ(perform(sync), "");
  EXPECT_THAT(on_target_.bindings, ElementsAre(read_on("other", "b")));
}

TEST_F(AclSyncTest, WithoutAnAuthorizerNothingIsDone) {
  on_target_.bindings = {read_on("A.orders", "b")};
  on_source_.describe_error = 54;
  AclSync sync(source_cluster_, target_cluster_, topics_, settings(true));
  EXPECT_EQ(perform(sync), "");
  on_source_.describe_error = 0;
  on_source_.bindings = {read_on("orders", "a")};
  on_target_.describe_error = 54;
  EXPECT_EQ(perform(sync), "");
  EXPECT_THAT(on_target_.bindings, ElementsAre(read_on("A.orders", "b")));
  EXPECT_FALSE(sync.is_due_early());
}

TEST_F(AclSyncTest, MissingRightsAreNamedWithWhatToGrant) {
  on_source_.bindings = {read_on("orders", "a")};
  on_source_.describe_error = 31;
  AclSync sync(source_cluster_, target_cluster_, topics_, settings(true));
  EXPECT_THAT(perform(sync),
              HasSubstr("A answered CLUSTER_AUTHORIZATION_FAILED (31) to DescribeAcls (grant Describe on "
                        "the cluster, or say sync.topic.acls.enabled=false)"));
  on_source_.describe_error = 0;
  on_target_.change_error = 31;
  EXPECT_THAT(perform(sync), HasSubstr("B answered CLUSTER_AUTHORIZATION_FAILED (31) to CreateAcls (grant Alter on the "
                                       "cluster"));
  on_target_.change_error = 42;
  EXPECT_EQ(perform(sync), "") << "one that is refused for itself is no reason to call the duty failed";
  EXPECT_THAT(on_target_.bindings, IsEmpty());
}

}  // namespace
}  // namespace shunt::replicate
