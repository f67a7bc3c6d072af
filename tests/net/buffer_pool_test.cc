#include "net/buffer_pool.h"

#include <gtest/gtest.h>

namespace shunt::net {
namespace {

class BufferPoolTest : public ::testing::Test {
 protected:
  void run() { loop_->run_once(loop_->now()); }

  std::unique_ptr<Loop> loop_ = make_loop({.kind = IoKind::epoll});
  BufferPool pool_{*loop_, 1U << 16, 3};
};

TEST_F(BufferPoolTest, IsBoundedAndTakesMemoryAsNeeded) {
  EXPECT_EQ(pool_.allocated(), 0U);
  const ChunkRef a = pool_.acquire();
  EXPECT_EQ(pool_.allocated(), 1U);
  EXPECT_EQ(a.bytes().size(), 1U << 16);
  ChunkRef b = pool_.acquire();
  const ChunkRef c = pool_.acquire();
  ASSERT_TRUE(a && b && c);
  EXPECT_FALSE(pool_.acquire());
  EXPECT_EQ(pool_.in_use(), 3U);
  b = {};
  EXPECT_EQ(pool_.in_use(), 2U);
  EXPECT_TRUE(pool_.acquire());
  EXPECT_EQ(pool_.allocated(), 3U);
}

TEST_F(BufferPoolTest, GivesTheChunkThatIsStillInTheCache) {
  ChunkRef a = pool_.acquire();
  ChunkRef b = pool_.acquire();
  const std::byte* const of_a = a.bytes().data();
  const std::byte* const of_b = b.bytes().data();
  a = {};
  b = {};
  const ChunkRef first = pool_.acquire();
  const ChunkRef second = pool_.acquire();
  EXPECT_EQ(first.bytes().data(), of_b);
  EXPECT_EQ(second.bytes().data(), of_a);
}

TEST_F(BufferPoolTest, AChunkComesBackWithItsLastReference) {
  ChunkRef a = pool_.acquire();
  {
    const ChunkRef copy = a;  // NOLINT(performance-unnecessary-copy-initialization): the copy is the point
    EXPECT_EQ(copy, a);
    ChunkRef moved = std::move(a);
    EXPECT_FALSE(a);  // NOLINT(bugprone-use-after-move): moved from is empty
    const ChunkRef& same = moved;
    moved = same;
    EXPECT_EQ(pool_.in_use(), 1U);
    a = moved;
  }
  EXPECT_EQ(pool_.in_use(), 1U);
  a = {};
  EXPECT_EQ(pool_.in_use(), 0U);
}

TEST_F(BufferPoolTest, CallsWaitersFromTheLoopFirstAskedFirstCalled) {
  std::vector<ChunkRef> held = {pool_.acquire(), pool_.acquire(), pool_.acquire()};
  std::string called;
  ChunkRef of_a;
  ChunkRef of_b;
  pool_.when_available([&] {
    called += 'a';
    of_a = pool_.acquire();
  });
  pool_.when_available([&] {
    called += 'b';
    of_b = pool_.acquire();
  });
  run();
  EXPECT_EQ(called, "");
  held.pop_back();
  EXPECT_EQ(called, "");
  run();
  EXPECT_EQ(called, "a");
  run();
  EXPECT_EQ(called, "a");
  of_a = {};
  run();
  EXPECT_EQ(called, "ab");
  EXPECT_TRUE(of_b);
}

TEST_F(BufferPoolTest, AWaiterWhoseChunkWasTakenAwayMayWaitAgain) {
  std::vector<ChunkRef> held = {pool_.acquire(), pool_.acquire(), pool_.acquire()};
  int called = 0;
  ChunkRef got;
  std::function<void()> waiter = [&] {
    ++called;
    got = pool_.acquire();
    if (!got) pool_.when_available(waiter);
  };
  pool_.when_available(waiter);
  held.pop_back();
  held.push_back(pool_.acquire());
  run();
  EXPECT_EQ(called, 0);
  held.pop_back();
  run();
  EXPECT_EQ(called, 1);
  EXPECT_TRUE(got);
}

TEST_F(BufferPoolTest, AskingWhileThereAreChunksCallsSoonButNotAtOnce) {
  int called = 0;
  pool_.when_available([&] { ++called; });
  EXPECT_EQ(called, 0);
  run();
  EXPECT_EQ(called, 1);
}

}  // namespace
}  // namespace shunt::net
