#include "protocol/dump.h"

#include <gtest/gtest.h>

#include "protocol/messages/fetch.h"
#include "protocol/messages/metadata.h"
#include "protocol/messages/sasl_authenticate.h"

namespace shunt::protocol {
namespace {

TEST(Dump, OnlyWhatTheVersionHas) {
  MetadataRequest request;
  request.topics.emplace().push_back({.topic_id = {}, .name = "orders"});
  request.allow_auto_topic_creation = false;
  EXPECT_EQ(dump(request, 1), "MetadataRequest v1 {Topics: [{Name: \"orders\"}]}");
  EXPECT_EQ(dump(request, 12),
            "MetadataRequest v12 {Topics: [{TopicId: AAAAAAAAAAAAAAAAAAAAAA, Name: \"orders\"}], "
            "AllowAutoTopicCreation: false, IncludeTopicAuthorizedOperations: false}");
}

TEST(Dump, SecretsAreHidden) {
  SaslAuthenticateRequest request;
  const std::string secret = "user\0alice\0hunter2";
  for (const char character : secret) request.auth_bytes.push_back(static_cast<std::byte>(character));
  EXPECT_EQ(dump(request, 2), "SaslAuthenticateRequest v2 {AuthBytes: [hidden]}");
  SaslAuthenticateResponse response;
  response.auth_bytes = request.auth_bytes;
  EXPECT_NE(dump(response, 2).find("AuthBytes: [hidden]"), std::string::npos);
}

TEST(Dump, RecordDataIsASizeAndTagsAppearWhenHeld) {
  FetchResponse response;
  auto& partition = response.responses.emplace_back().partitions.emplace_back();
  partition.records = Bytes(10);
  EXPECT_NE(dump(response, 12).find("Records: <10 bytes>"), std::string::npos);
  EXPECT_EQ(dump(response, 12).find("CurrentLeader"), std::string::npos);
  partition.current_leader = FetchResponse::LeaderIdAndEpoch{.leader_id = BrokerId(2), .leader_epoch = LeaderEpoch(5)};
  EXPECT_NE(dump(response, 12).find("CurrentLeader: {LeaderId: 2, LeaderEpoch: 5}"), std::string::npos);
  partition.records.reset();
  EXPECT_NE(dump(response, 12).find("Records: null"), std::string::npos);
}

TEST(Dump, AHostileNameStaysOnItsLine) {
  MetadataRequest request;
  request.topics.emplace().push_back({.topic_id = {}, .name = "a\nERROR \"x\"\\\x7f"});
  EXPECT_EQ(dump(request, 0), R"(MetadataRequest v0 {Topics: [{Name: "a\x0aERROR \"x\"\\\x7f"}]})");
}

}  // namespace
}  // namespace shunt::protocol
