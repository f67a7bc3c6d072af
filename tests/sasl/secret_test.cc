#include "sasl/secret.h"

#include <sstream>
#include <utility>

#include <gtest/gtest.h>

namespace shunt::sasl {
namespace {

TEST(Secret, IsNotPrinted) {
  const Secret secret("hunter2");
  std::ostringstream out;
  out << secret;
  EXPECT_EQ(out.str(), "[hidden]");
  EXPECT_EQ(fmt::format("<{}>", secret), "<[hidden]>");
  EXPECT_EQ(secret.reveal(), "hunter2");
}

TEST(Secret, MovesWithoutLeavingACopy) {
  Secret from("hunter2");
  const char* bytes = from.reveal().data();
  const Secret to = std::move(from);
  EXPECT_EQ(to.reveal().data(), bytes);
  EXPECT_TRUE(from.empty());  // NOLINT(bugprone-use-after-move): that is what is tested
}

}  // namespace
}  // namespace shunt::sasl
