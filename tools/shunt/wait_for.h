// A command that asks clusters something and ends: one coroutine, run to its end.
#pragma once

#include <exception>
#include <optional>
#include <utility>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include "net/asio.h"

namespace shunt::tools {

/// Its result, or what it has thrown. The context may be used again afterwards.
template <class T>
T wait_for(boost::asio::io_context& context, net::Awaitable<T> work) {
  std::optional<T> result;
  std::exception_ptr failure;
  boost::asio::co_spawn(context, std::move(work), [&](std::exception_ptr thrown, T value) {
    failure = std::move(thrown);
    result = std::move(value);
  });
  context.restart();
  context.run();
  if (failure) std::rethrow_exception(failure);
  return std::move(*result);
}

inline void wait_for(boost::asio::io_context& context, net::Awaitable<> work) {
  std::exception_ptr failure;
  boost::asio::co_spawn(context, std::move(work), [&](std::exception_ptr thrown) { failure = std::move(thrown); });
  context.restart();
  context.run();
  if (failure) std::rethrow_exception(failure);
}

}  // namespace shunt::tools
