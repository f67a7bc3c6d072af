// The same work for many items, a bounded number at a time, on the control thread.
#pragma once

#include <algorithm>
#include <cstddef>
#include <exception>
#include <memory>
#include <utility>

#include "net/asio.h"

namespace shunt::net {

/// Runs `co_await work(item)` for every item of `items` (a container that outlives the call), at most `limit` at a
/// time, in order of their beginning; returns when all have ended. After an exception no further item is begun; when
/// those under way have ended it is thrown again. Not to be cancelled from outside: what is under way would outlive its
/// caller.
template <class Items, class Work>
Awaitable<> for_each_concurrently(Items& items, std::size_t limit, Work work) {
  struct Shared {
    Shared(const asio::any_io_executor& executor, Items& items)
        : next(items.begin()), end(items.end()), ended(executor) {}
    decltype(items.begin()) next;
    decltype(items.end()) end;
    std::size_t workers = 0;
    std::exception_ptr failure;
    Signal ended;
  };
  const asio::any_io_executor executor = co_await asio::this_coro::executor;
  const auto shared = std::make_shared<Shared>(executor, items);
  const auto worker = [](std::shared_ptr<Shared> state, Work* one) -> Awaitable<> {
    while (state->next != state->end && !state->failure) {
      auto& item = *state->next;
      ++state->next;
      co_await (*one)(item);
    }
  };
  const std::size_t count = std::min<std::size_t>(limit, items.size());
  shared->workers = count;
  for (std::size_t index = 0; index < count; ++index) {
    asio::co_spawn(executor, worker(shared, &work), [shared](const std::exception_ptr& failure) {
      if (failure && !shared->failure) shared->failure = failure;
      if (--shared->workers == 0) shared->ended.announce();
    });
  }
  while (shared->workers > 0) co_await shared->ended.wait(Time::max());
  if (shared->failure) std::rethrow_exception(shared->failure);
}

}  // namespace shunt::net
