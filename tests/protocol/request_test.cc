#include "protocol/request.h"

#include <string>

#include <gtest/gtest.h>

#include "protocol/messages/api_versions.h"
#include "protocol/messages/metadata.h"
#include "protocol/messages/sasl_handshake.h"

namespace shunt::protocol {
namespace {

Bytes bytes(std::initializer_list<int> values) {
  Bytes out;
  for (const int value : values) out.push_back(static_cast<std::byte>(value));
  return out;
}

Bytes frame(std::initializer_list<int> header, const Bytes& body) {
  Bytes out = bytes(header);
  out.insert(out.end(), body.begin(), body.end());
  return out;
}

TEST(Request, HeaderOfAnOrdinaryVersion) {
  const SaslHandshakeRequest request{.mechanism = "PLAIN"};
  EXPECT_EQ(encode_request(request, 1, 258, "me"),
            bytes({0, 0, 0, 19, 0, 17, 0, 1, 0, 0, 1, 2, 0, 2, 'm', 'e', 0, 5, 'P', 'L', 'A', 'I', 'N'}));
}

TEST(Request, HeaderOfAFlexibleVersionHasTagsButNoCompactClientId) {
  MetadataRequest request;
  request.allow_auto_topic_creation = false;
  EXPECT_EQ(encode_request(request, 12, 1, "me"),
            bytes({0, 0, 0, 17, 0, 3, 0, 12, 0, 0, 0, 1, 0, 2, 'm', 'e', 0, 0, 0, 0, 0}));
}

TEST(Request, AClientIdThatDoesNotFitIsRefused) {
  EXPECT_THROW(encode_request(SaslHandshakeRequest{}, 1, 1, std::string(32768, 'x')), EncodeError);
}

TEST(Response, CorrelationIdOfShortFrames) {
  EXPECT_EQ(response_correlation_id(bytes({0, 0, 1, 2, 9})), 258);
  EXPECT_EQ(response_correlation_id(bytes({0, 0, 1})), -1);
  EXPECT_EQ(response_correlation_id({}), -1);
}

TEST(Response, HeaderTagsAreSkipped) {
  MetadataResponse response;
  response.cluster_id = "c";
  response.controller_id = BrokerId(4);
  const Bytes body = encode(response, 12);
  EXPECT_EQ(decode_response<MetadataResponse>(frame({0, 0, 0, 1, 0}, body), 12), response);
  EXPECT_EQ(decode_response<MetadataResponse>(frame({0, 0, 0, 1, 2, 0, 1, 0xaa, 5, 2, 0xbb, 0xcc}, body), 12),
            response);
  const Bytes ordinary = encode(response, 8);
  EXPECT_EQ(decode_response<MetadataResponse>(frame({0, 0, 0, 1}, ordinary), 8), response);
}

TEST(Response, BrokenHeadersAreRefused) {
  std::string why;
  EXPECT_FALSE(decode_response<MetadataResponse>(bytes({0, 0, 0}), 8, &why));
  EXPECT_EQ(why, "MetadataResponse v8: header: 4 bytes wanted, 3 left (byte 0)");
  EXPECT_FALSE(decode_response<MetadataResponse>(bytes({0, 0, 0, 1, 1, 0, 9}), 12, &why));
  EXPECT_FALSE(decode_response<MetadataResponse>(bytes({0, 0, 0, 1, 0xff, 0xff, 0xff, 0xff, 0x0f}), 12, &why));
  EXPECT_FALSE(decode_response<MetadataResponse>({}, 12));
}

TEST(Response, TheAnswerToApiVersionsHasNoHeaderTags) {
  ApiVersionsResponse response;
  response.api_keys = {{.api_key = 18, .min_version = 0, .max_version = 4}};
  response.finalized_features_epoch = 3;
  EXPECT_EQ(decode_response<ApiVersionsResponse>(frame({0, 0, 0, 1}, encode(response, 4)), 4), response);
}

TEST(Response, UnsupportedVersionIsReadInTheShapeOfVersion0) {
  ApiVersionsResponse response;
  response.error_code = 35;
  response.api_keys = {{.api_key = 18, .min_version = 0, .max_version = 2}};
  const Bytes answer = frame({0, 0, 0, 1}, encode(response, 0));
  for (std::int16_t asked = 0; asked <= 4; ++asked) {
    EXPECT_EQ(decode_response<ApiVersionsResponse>(answer, asked), response) << asked;
  }
  // Brokers before 2.4 list nothing.
  response.api_keys.clear();
  EXPECT_EQ(decode_response<ApiVersionsResponse>(frame({0, 0, 0, 1}, encode(response, 0)), 3), response);
  EXPECT_FALSE(decode_response<ApiVersionsResponse>(bytes({0, 0, 0, 1, 0}), 3));
}

}  // namespace
}  // namespace shunt::protocol
