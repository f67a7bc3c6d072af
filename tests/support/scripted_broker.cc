#include "tests/support/scripted_broker.h"

#include <stdexcept>
#include <utility>

#include <boost/asio/buffer.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>

#include "net/wire_size.h"
#include "protocol/messages/api_versions.h"

namespace shunt::tests {

namespace asio = net::asio;
using asio::ip::tcp;
using net::Awaitable;

namespace {

std::int16_t read_int16(std::span<const std::byte> bytes, std::size_t at) {
  return static_cast<std::int16_t>(std::to_integer<int>(bytes[at]) << 8 | std::to_integer<int>(bytes[at + 1]));
}

void append_int32(std::vector<std::byte>& bytes, std::int32_t value) {
  for (const int shift : {24, 16, 8, 0})
    bytes.push_back(static_cast<std::byte>(static_cast<std::uint32_t>(value) >> shift));
}

}  // namespace

ScriptedBroker::ScriptedBroker(asio::io_context& context) : context_(context), acceptor_(context) {
  start();
}

ScriptedBroker::~ScriptedBroker() {
  stop();
}

void ScriptedBroker::start() {
  const tcp::endpoint endpoint(asio::ip::address_v4::loopback(), port_);
  acceptor_.open(endpoint.protocol());
  acceptor_.set_option(tcp::acceptor::reuse_address(true));
  acceptor_.bind(endpoint);
  acceptor_.listen();
  port_ = acceptor_.local_endpoint().port();
  alive_ = std::make_shared<bool>(true);
  asio::co_spawn(context_, accept(this, alive_), asio::detached);
}

void ScriptedBroker::stop() {
  if (alive_) *alive_ = false;
  boost::system::error_code ignored;
  acceptor_.close(ignored);
  close_connections();
}

void ScriptedBroker::close_connections() {
  for (const auto& weak : sockets_) {
    boost::system::error_code ignored;
    if (const auto socket = weak.lock()) socket->close(ignored);
  }
  sockets_.clear();
}

Awaitable<> ScriptedBroker::accept(ScriptedBroker* broker, std::shared_ptr<bool> alive) {
  while (*alive) {
    auto socket = std::make_shared<Socket>(broker->context_);
    const auto [error] = co_await broker->acceptor_.async_accept(*socket, net::with_error);
    if (!*alive) co_return;
    if (error) continue;
    ++broker->connections_;
    broker->sockets_.push_back(socket);
    asio::co_spawn(broker->context_, converse(broker, socket, alive), asio::detached);
  }
}

std::vector<std::byte> ScriptedBroker::api_versions(std::int16_t version) const {
  protocol::ApiVersionsResponse response;
  std::map<std::int16_t, std::pair<std::int16_t, std::int16_t>> ranges = {{0, {0, 13}}, {1, {4, 18}}, {18, {0, 4}}};
  for (const auto& [key, handler] : handlers_) ranges[key] = {handler.api.versions.min, handler.api.versions.max};
  for (const auto& [key, range] : listed_) ranges[key] = range;
  for (const auto& [key, range] : ranges) response.api_keys.push_back({key, range.first, range.second});
  return protocol::encode(response, version);
}

Awaitable<> ScriptedBroker::converse(ScriptedBroker* broker, std::shared_ptr<Socket> socket,
                                     std::shared_ptr<bool> alive) {
  if (broker->conversation) {
    const auto conversation = broker->conversation;
    co_await conversation(*socket);
    co_return;
  }
  while (*alive) {
    std::array<std::byte, 4> prefix{};
    const auto [prefix_error, prefix_size] = co_await asio::async_read(*socket, asio::buffer(prefix), net::with_error);
    if (prefix_error || prefix_size != 4) co_return;
    std::vector<std::byte> request(static_cast<std::size_t>(net::read_int32(prefix)));
    const auto [error, size] = co_await asio::async_read(*socket, asio::buffer(request), net::with_error);
    if (error || !*alive || size < 10) co_return;

    const std::int16_t key = read_int16(request, 0);
    const std::int16_t version = read_int16(request, 2);
    const std::int32_t correlation_id = net::read_int32(std::span<const std::byte, 4>(&request[4], 4));
    ++broker->requests_[key];
    if (broker->ignored_[key]) continue;
    if (broker->hold) {
      const auto hold = broker->hold;
      co_await hold(key);
      if (!*alive) co_return;
    }
    std::optional<std::vector<std::byte>> body;
    bool flexible = false;
    if (key == protocol::ApiVersionsRequest::api.key) {
      body = broker->api_versions(version);
    } else if (const auto handler = broker->handlers_.find(key); handler != broker->handlers_.end()) {
      flexible = handler->second.api.is_flexible(version);
      const auto client_id = static_cast<std::size_t>(std::max<std::int16_t>(0, read_int16(request, 8)));
      const std::size_t header = 10 + client_id + (flexible ? 1 : 0);
      body = handler->second.answer(std::span<const std::byte>(request).subspan(header), version);
    }
    if (!body) {
      boost::system::error_code ignored;
      socket->close(ignored);
      co_return;
    }
    std::vector<std::byte> frame;
    append_int32(frame, static_cast<std::int32_t>(4 + (flexible ? 1 : 0) + body->size()));
    append_int32(frame, correlation_id);
    if (flexible) frame.push_back(std::byte{0});
    frame.insert(frame.end(), body->begin(), body->end());
    const auto [write_error, written] = co_await asio::async_write(*socket, asio::buffer(frame), net::with_error);
    if (write_error || written != frame.size()) co_return;
  }
}

void run(asio::io_context& context, std::function<Awaitable<>()> body) {
  bool ended = false;
  std::exception_ptr failure;
  asio::co_spawn(context, std::move(body), [&](std::exception_ptr thrown) {
    failure = std::move(thrown);
    ended = true;
    context.stop();
  });
  context.restart();
  context.run_for(std::chrono::seconds(30));
  if (failure) std::rethrow_exception(failure);
  if (!ended) throw std::runtime_error("the coroutine did not end within 30 seconds");
}

}  // namespace shunt::tests
