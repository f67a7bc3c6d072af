#include "sasl/bearer_token.h"

#include <string>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sasl/base64url.h"
#include "sasl/unsecured_token.h"

namespace shunt::sasl {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

std::string encoded(std::string_view text) {
  const auto bytes = encode_base64url(text);
  return {bytes.begin(), bytes.end()};
}

std::string token_of(std::string_view claims) {
  return fmt::format("{}.{}.{}", encoded(R"({"alg":"RS256"})"), encoded(claims), encoded("signature"));
}

std::string refusal(std::string_view token, std::string_view subject_claim = "sub") {
  std::string why;
  return parse_bearer_token(token, subject_claim, why) ? "(taken)" : why;
}

TEST(Base64Url, IsThatOfTheRfc) {
  // RFC 4648, 10, without its padding.
  const std::pair<std::string_view, std::string_view> cases[] = {
      {"", ""}, {"f", "Zg"}, {"fo", "Zm8"}, {"foo", "Zm9v"}, {"foob", "Zm9vYg"}, {"\xfb\xef\xff", "--__"}};
  for (const auto& [bytes, text] : cases) {
    EXPECT_EQ(encoded(bytes), text);
    const auto decoded = decode_base64url(encoded(bytes));
    ASSERT_TRUE(decoded);
    EXPECT_EQ(std::string_view(decoded->data(), decoded->size()), bytes);
  }
  for (const char* text : {"Z", "Zg=", "Zg==", "Zg===", "Zm9v+", "Zm 9", "Zm/v"})
    EXPECT_FALSE(decode_base64url(text)) << text;
}

TEST(BearerToken, SaysWhoseItIsAndWhenItEnds) {
  std::string why;
  const std::string text = token_of(R"({"sub":"mirror","iat":1700000000,"exp":1700003600.5,"scope":["a","b"]})");
  const auto token = parse_bearer_token(" " + text + "\r\n", "sub", why);
  ASSERT_TRUE(token) << why;
  EXPECT_EQ(token->text.reveal(), text);
  EXPECT_EQ(token->user, "mirror");
  EXPECT_EQ(token->issued_ms, 1700000000'000);
  EXPECT_EQ(token->expires_ms, 1700003600'500);
  const auto other = parse_bearer_token(token_of(R"({"azp":"clie\u0007nt","exp":1})"), "azp", why);
  ASSERT_TRUE(other) << why;
  EXPECT_EQ(other->user, "clie?nt");
  EXPECT_FALSE(other->issued_ms);
}

TEST(BearerToken, IsRefusedForWhatItLacksAndNotQuoted) {
  const std::pair<std::string, const char*> cases[] = {
      {"", "empty"},
      {"hunter2", "no JWT"},
      {"hunter2.hunter2", "no JWT"},
      {"hunter2..x", "no JWT"},
      {".hunter2.x", "no JWT"},
      {"a.hunter2.x.y", "no JWT"},
      {"hun ter2.a.b", "holds what no JWT"},
      {"hunter2\x01.a.b", "holds what no JWT"},
      {"a.hunter2hunter2=.c", "holds what no JWT"},
      {"aa.hunte.c", "base64url"},
      {"aa." + encoded("hunter2") + ".c", "no JSON object"},
      {"aa." + encoded("[\"hunter2\"]") + ".c", "no JSON object"},
      {token_of(R"({"sub":"hunter2"})"), "claim exp"},
      {token_of(R"({"sub":"hunter2","exp":"soon"})"), "claim exp"},
      {token_of(R"({"sub":"hunter2","exp":-1})"), "claim exp"},
      {token_of(R"({"hunter2":"x","exp":1})"), "claim sub"},
      {token_of(R"({"sub":7,"exp":1})"), "claim sub"},
      {std::string(bearer_token_limit_bytes + 1, 'a'), "longer than"},
  };
  for (const auto& [text, reason] : cases) {
    EXPECT_THAT(refusal(text), AllOf(HasSubstr(reason), Not(HasSubstr("hunter2")))) << text.substr(0, 100);
  }
}

TEST(UnsecuredToken, HoldsTheClaimsOfTheJaasLine) {
  std::string why;
  const auto module = parse_jaas(
      "org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule required "
      "unsecuredLoginStringClaim_sub=\"alice\" "
      "unsecuredLoginListClaim_scope=\"|a|b\" unsecuredLoginNumberClaim_level=\"7.5\" "
      "unsecuredLoginLifetimeSeconds=\"60\" "
      "unsecuredLoginExtension_trace=\"1\";",
      why);
  ASSERT_TRUE(module) << why;
  const auto text = make_unsecured_token(*module, 1'000'000, why);
  ASSERT_TRUE(text) << why;
  const std::string_view token = text->reveal();
  EXPECT_TRUE(token.ends_with('.'));
  const std::size_t dot = token.find('.');
  const auto header = decode_base64url(token.substr(0, dot)).value();
  EXPECT_EQ(std::string_view(header.data(), header.size()), R"({"alg":"none"})");
  const auto claims = decode_base64url(token.substr(dot + 1, token.size() - dot - 2)).value();
  EXPECT_THAT(std::string(claims.data(), claims.size()),
              AllOf(HasSubstr(R"("sub":"alice")"), HasSubstr(R"("scope":["a","b"])"), HasSubstr(R"("level":7.5)"),
                    Not(HasSubstr("trace"))));
  const auto parsed = parse_bearer_token(token, unsecured_subject_claim(*module), why);
  ASSERT_TRUE(parsed) << why;
  EXPECT_EQ(parsed->user, "alice");
  EXPECT_EQ(parsed->issued_ms, 1'000'000);
  EXPECT_EQ(parsed->expires_ms, 1'060'000);
}

TEST(UnsecuredToken, NeedsAUser) {
  const auto refused = [](std::string_view options) {
    std::string why;
    const auto module = parse_jaas(
        fmt::format("org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule required {};", options), why);
    EXPECT_TRUE(module) << why;
    return make_unsecured_token(*module, 0, why) ? "(made)" : why;
  };
  EXPECT_THAT(refused(""), HasSubstr("unsecuredLoginStringClaim_sub is missing"));
  EXPECT_THAT(refused("unsecuredLoginStringClaim_sub=\"\""), HasSubstr("unsecuredLoginStringClaim_sub is missing"));
  EXPECT_THAT(refused("unsecuredLoginPrincipalClaimName=\"who\" unsecuredLoginStringClaim_sub=\"a\""),
              HasSubstr("unsecuredLoginStringClaim_who is missing"));
  EXPECT_THAT(refused("unsecuredLoginStringClaim_sub=\"a\" unsecuredLoginNumberClaim_x=\"y\""),
              HasSubstr("not a number"));
  EXPECT_THAT(refused("unsecuredLoginStringClaim_sub=\"a\" unsecuredLoginLifetimeSeconds=\"0\""), HasSubstr("above 0"));
}

}  // namespace
}  // namespace shunt::sasl
