#include "net/http_post.h"

#include <chrono>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "net/token_sources.h"
#include "tests/support/http_server.h"

namespace shunt::net {
namespace {

using namespace std::chrono_literals;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using tests::HttpServer;

const std::atomic<bool> not_stopping = false;

HttpPost post_to(const std::string& url) {
  HttpPost post;
  post.url = parse_http_url(url).value();
  post.user = "client";
  post.password = sasl::Secret("hunter2");
  post.content_type = "text/plain";
  post.body = "a=b";
  post.connect_timeout = 10s;
  post.whole_timeout = 20s;
  return post;
}

std::string ok(const std::string& body) {
  return "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

TEST(HttpUrl, IsShownWithoutWhatMayBeASecret) {
  const auto url = parse_http_url("https://user:hunter2@login.example:8443/token?key=hunter2#hunter2");
  ASSERT_TRUE(url);
  EXPECT_EQ(url->shown, "https://login.example:8443/token");
  EXPECT_TRUE(url->is_https);
  EXPECT_FALSE(url->is_loopback);
  for (const char* text : {"http://localhost/", "http://127.0.0.1:8080/t", "http://[::1]/"}) {
    EXPECT_TRUE(parse_http_url(text).value().is_loopback) << text;
  }
  EXPECT_FALSE(parse_http_url("http://localhost.example/").value().is_loopback);
  EXPECT_FALSE(parse_http_url("http://127.0.0.1.example/").value().is_loopback);
  for (const char* text :
       {"", "login.example/token", "ftp://login.example/", "file:///token", "https://", "https:// x"}) {
    EXPECT_FALSE(parse_http_url(text)) << text;
  }
}

TEST(HttpPost, AsksOnceAndIsAnswered) {
  HttpServer server({ok("answer"), "HTTP/1.1 401 no\r\n\r\nwhy"});
  const HttpPost post = post_to(server.url("/token?x=y"));
  HttpAnswer answer = http_post(post, not_stopping);
  EXPECT_EQ(answer.status, 200) << answer.failure;
  EXPECT_EQ(std::string(answer.body.data(), answer.body.size()), "answer");
  answer = http_post(post, not_stopping);
  EXPECT_EQ(answer.status, 401) << answer.failure;
  EXPECT_EQ(std::string(answer.body.data(), answer.body.size()), "why");
  ASSERT_EQ(server.requests().size(), 2u);
  EXPECT_THAT(server.requests()[0], AllOf(HasSubstr("POST /token?x=y HTTP/1.1\r\n"),
                                          HasSubstr("Authorization: Basic Y2xpZW50Omh1bnRlcjI=\r\n"),
                                          HasSubstr("Content-Type: text/plain\r\n"),
                                          HasSubstr("Accept: application/json\r\n"), HasSubstr("\r\n\r\na=b")));
}

TEST(HttpPost, FollowsNobodyElsewhere) {
  HttpServer elsewhere({ok("caught")});
  HttpServer server({"HTTP/1.1 307 there\r\nLocation: " + elsewhere.url("/") + "\r\nContent-Length: 0\r\n\r\n"});
  EXPECT_EQ(http_post(post_to(server.url("/")), not_stopping).status, 307);
  EXPECT_THAT(elsewhere.requests(), IsEmpty());
}

TEST(HttpPost, TakesNoMoreThanItsLimitAndWaitsNoLonger) {
  const std::string body(100, 'x');
  HttpServer server(
      {ok(body), ok(body), "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n64\r\n" + body + "\r\n0\r\n\r\n"});
  HttpPost post = post_to(server.url("/"));
  post.answer_limit_bytes = 100;
  EXPECT_EQ(http_post(post, not_stopping).body.size(), 100u);
  post.answer_limit_bytes = 99;
  for (int way = 0; way < 2; ++way) {
    const HttpAnswer answer = http_post(post, not_stopping);
    EXPECT_EQ(answer.status, 0);
    EXPECT_EQ(answer.failure, "the answer is longer than 99 bytes");
    EXPECT_THAT(answer.body, IsEmpty());
  }
  // It listens, and never answers.
  post.whole_timeout = 20ms;
  EXPECT_THAT(http_post(post, not_stopping).failure, HasSubstr("timed out"));
  post.whole_timeout = 20s;
  const std::atomic<bool> stopping = true;
  EXPECT_EQ(http_post(post, stopping).status, 0);
}

TEST(TokenSources, EndpointIsAskedAsKafkaDoes) {
  HttpServer server({ok(R"({"access_token":"a.b.c"})"), ok(R"({"access_token":"a.b.c"})"),
                     "HTTP/1.1 503 later\r\nContent-Length: 0\r\n\r\n"});
  ClientCredentials client;
  client.endpoint = parse_http_url(server.url("/token?key=hunter2")).value();
  client.id = "me&you";
  client.secret = sasl::Secret("p w/+");
  client.scope = "a b";
  client.connect_timeout = client.read_timeout = 10s;
  EXPECT_EQ(token_from_endpoint(client)(not_stopping).text.reveal(), "a.b.c");
  client.url_encoded = true;
  const TokenSource source = token_from_endpoint(client);
  EXPECT_EQ(source(not_stopping).text.reveal(), "a.b.c");
  const sasl::FetchedToken refused = source(not_stopping);
  EXPECT_EQ(refused.why, server.url("/token") + ": HTTP 503");
  EXPECT_FALSE(refused.is_final);
  EXPECT_THAT(server.requests().at(0), AllOf(HasSubstr("Basic bWUmeW91OnAgdy8r\r\n"),  // me&you:p w/+
                                             HasSubstr("\r\n\r\ngrant_type=client_credentials&scope=a b")));
  EXPECT_THAT(server.requests().at(1), AllOf(HasSubstr("Basic bWUlMjZ5b3U6cCt3JTJGJTJC\r\n"),  // me%26you:p+w%2F%2B
                                             HasSubstr("&scope=a+b")));
}

TEST(TokenSources, FileIsReadAnew) {
  const std::string path = ::testing::TempDir() + "/token_sources_test";
  const TokenSource source = token_from_file(path);
  std::remove(path.c_str());
  EXPECT_EQ(source(not_stopping).why, path + ": No such file or directory");
  for (const char* text : {"first", "second\n"}) {
    std::FILE* file = std::fopen(path.c_str(), "w");
    ASSERT_NE(file, nullptr);
    std::fputs(text, file);
    std::fclose(file);
    EXPECT_EQ(source(not_stopping).text.reveal(), text);
  }
  std::remove(path.c_str());
  EXPECT_THAT(token_from_file("/")(not_stopping).why, HasSubstr("/: Is a directory"));
  EXPECT_THAT(token_from_file("/dev/zero")(not_stopping).why, AllOf(HasSubstr("too large"), Not(HasSubstr("read"))));
}

}  // namespace
}  // namespace shunt::net
