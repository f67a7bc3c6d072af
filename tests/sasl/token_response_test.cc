#include "sasl/token_response.h"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace shunt::sasl {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST(TokenResponse, HoldsATokenUnderEitherName) {
  EXPECT_EQ(parse_token_response(200, R"({"access_token":"a.b.c","token_type":"Bearer"})").text.reveal(), "a.b.c");
  EXPECT_EQ(parse_token_response(201, R"({"id_token":"a.b.c"})").text.reveal(), "a.b.c");
  EXPECT_EQ(parse_token_response(200, R"({"id_token":"i","access_token":"a"})").text.reveal(), "a");
}

TEST(TokenResponse, SaysWhyThereIsNone) {
  const struct {
    long status;
    const char* body;
    const char* why;
    bool is_final;
  } cases[] = {
      {401, R"({"error":"invalid_client","error_description":"Client authentication failed"})",
       "HTTP 401: invalid_client: Client authentication failed", true},
      {400, R"({"error":"invalid_scope"})", "HTTP 400: invalid_scope", true},
      {403, R"({"errorCode":"E0000006","errorSummary":"no\u001b[31m"})", "HTTP 403: E0000006: no?[31m", true},
      {302, "", "HTTP 302", true},
      {404, "<html>", "HTTP 404", true},
      {408, "", "HTTP 408", false},
      {429, R"({"error":7})", "HTTP 429", false},
      {500, "", "HTTP 500", false},
      {501, "", "HTTP 501", true},
      {503, "[]", "HTTP 503", false},
  };
  for (const auto& one : cases) {
    const FetchedToken fetched = parse_token_response(one.status, one.body);
    EXPECT_TRUE(fetched.text.empty());
    EXPECT_EQ(fetched.why, one.why);
    EXPECT_EQ(fetched.is_final, one.is_final) << one.why;
  }
}

TEST(TokenResponse, NothingOfAnAnswerThatMayHoldATokenIsQuoted) {
  for (const char* body : {"hunter2", "{\"access_token\":\"hunter2\"", "[\"hunter2\"]", "{\"token\":\"hunter2\"}",
                           "{\"access_token\":{\"hunter2\":1}}", "{\"access_token\":\"\"}", ""}) {
    const FetchedToken fetched = parse_token_response(200, body);
    EXPECT_TRUE(fetched.text.empty());
    EXPECT_THAT(fetched.why, testing::AllOf(HasSubstr("HTTP 200"), Not(HasSubstr("hunter2")))) << body;
  }
}

}  // namespace
}  // namespace shunt::sasl
