#include "replicate/metrics/server.h"

#include <chrono>
#include <stdexcept>
#include <thread>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <fmt/format.h>
#include <pthread.h>

#include "net/asio.h"
#include "replicate/metrics/prometheus.h"

namespace shunt::replicate {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using asio::ip::tcp;

namespace {

constexpr std::size_t most_connections = 32;
constexpr std::size_t largest_header_bytes = std::size_t{16} * 1024;
constexpr std::size_t largest_body_bytes = 1024;
constexpr auto idle_timeout = std::chrono::seconds(30);
constexpr auto retry_accept = std::chrono::milliseconds(100);

}  // namespace

class MetricsServer::Impl {
 public:
  Impl(const net::HostPort& listen, std::string version) : version_(std::move(version)), acceptor_(context_) {
    tcp::resolver resolver(context_);
    beast::error_code error;
    const auto found = resolver.resolve(listen.host, std::to_string(listen.port), tcp::resolver::passive, error);
    for (const auto& entry : found) {
      error = listen_on(entry.endpoint());
      if (!error) return;
    }
    throw std::runtime_error(fmt::format(
        "shunt.metrics.listen: cannot listen on {}: {}; choose an address of this machine and a port that is free "
        "(port 0: any), or leave the setting out",
        listen.to_string(), error.message()));
  }

  ~Impl() {
    context_.stop();
    if (thread_.joinable()) thread_.join();
  }

  void serve(std::function<MirrorStatus()> status) {
    status_ = std::move(status);
    asio::co_spawn(context_, accept(), asio::detached);
    thread_ = std::thread([this] {
      pthread_setname_np(pthread_self(), "metrics");
      context_.run();
    });
  }

  [[nodiscard]] std::string address() const {
    const tcp::endpoint endpoint = acceptor_.local_endpoint();
    return net::HostPort{.host = endpoint.address().to_string(), .port = endpoint.port()}.to_string();
  }

 private:
  /// A place among the connections that are served, for as long as it lives.
  class Place {
   public:
    explicit Place(std::size_t& taken) : taken_(taken) { ++taken_; }
    ~Place() { --taken_; }
    Place(const Place&) = delete;
    Place& operator=(const Place&) = delete;

   private:
    std::size_t& taken_;
  };

  beast::error_code listen_on(const tcp::endpoint& endpoint) {
    beast::error_code error;
    beast::error_code ignored;
    acceptor_.close(ignored);
    acceptor_.open(endpoint.protocol(), error);
    if (!error) acceptor_.set_option(tcp::acceptor::reuse_address(true), error);
    if (!error) acceptor_.bind(endpoint, error);
    if (!error) acceptor_.listen(asio::socket_base::max_listen_connections, error);
    return error;
  }

  net::Awaitable<> accept() {
    while (true) {
      auto [error, socket] = co_await acceptor_.async_accept(net::with_error);
      if (error) {
        // Out of descriptors, most likely: others may close some.
        co_await net::sleep_for(retry_accept);
      } else if (connections_ < most_connections) {
        asio::co_spawn(context_, serve(beast::tcp_stream(std::move(socket))), asio::detached);
      }
    }
  }

  net::Awaitable<> serve(beast::tcp_stream stream) {
    const Place place(connections_);
    beast::flat_buffer buffer(largest_header_bytes + largest_body_bytes);
    for (bool keep = true; keep;) {
      http::request_parser<http::string_body> parser;
      parser.header_limit(largest_header_bytes);
      parser.body_limit(largest_body_bytes);
      stream.expires_after(idle_timeout);
      const auto [read_error, read] = co_await http::async_read(stream, buffer, parser, net::with_error);
      if (read_error) break;
      http::response<http::string_body> response = answer(parser.get());
      keep = response.keep_alive();
      stream.expires_after(idle_timeout);
      const auto [write_error, written] = co_await http::async_write(stream, response, net::with_error);
      if (write_error) break;
    }
    beast::error_code ignored;
    stream.socket().shutdown(tcp::socket::shutdown_both, ignored);
  }

  http::response<http::string_body> answer(const http::request<http::string_body>& request) {
    http::response<http::string_body> response;
    response.version(request.version());
    response.keep_alive(request.keep_alive());
    response.set(http::field::content_type, "text/plain; charset=utf-8");
    const bool head = request.method() == http::verb::head;
    const beast::string_view path = request.target().substr(0, request.target().find('?'));
    if (request.method() != http::verb::get && !head) {
      response.result(http::status::method_not_allowed);
      response.set(http::field::allow, "GET, HEAD");
      response.body() = "GET only\n";
    } else if (path == "/metrics") {
      response.set(http::field::content_type, "text/plain; version=0.0.4; charset=utf-8");
      response.body() = prometheus_text(status_(), process_usage(version_));
    } else if (path == "/healthz") {
      const std::string problems = health_problems(status_());
      response.result(problems.empty() ? http::status::ok : http::status::service_unavailable);
      response.body() = problems.empty() ? "ok\n" : problems;
    } else {
      response.result(http::status::not_found);
      response.body() = "/metrics, /healthz\n";
    }
    const std::size_t size = response.body().size();
    if (head) response.body().clear();
    response.content_length(size);
    return response;
  }

  const std::string version_;
  std::function<MirrorStatus()> status_;
  asio::io_context context_{1};
  tcp::acceptor acceptor_;
  std::size_t connections_ = 0;
  std::thread thread_;
};

MetricsServer::MetricsServer(const net::HostPort& listen, std::string version)
    : impl_(std::make_unique<Impl>(listen, std::move(version))) {}
MetricsServer::~MetricsServer() = default;
void MetricsServer::serve(std::function<MirrorStatus()> status) {
  impl_->serve(std::move(status));
}
std::string MetricsServer::address() const {
  return impl_->address();
}

}  // namespace shunt::replicate
