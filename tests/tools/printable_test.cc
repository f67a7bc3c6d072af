#include "tools/shunt/printable.h"

#include <gtest/gtest.h>

namespace shunt::tools {
namespace {

TEST(PrintableTest, LeavesTextAsItIs) {
  EXPECT_EQ(printable("orders-0: größer als 5 €"), "orders-0: größer als 5 €");
  EXPECT_EQ(printable(""), "");
}

TEST(PrintableTest, SteersNoTerminalAndBreaksNoLine) {
  EXPECT_EQ(printable("a\nb\rc\td\x1b[2Je\x7f"), "a b c d [2Je ");
  EXPECT_EQ(printable("\xc2\x9b"
                      "31m"),
            " 31m");  // CSI as one C1 character
}

TEST(PrintableTest, BytesThatAreNotUtf8AreReplaced) {
  EXPECT_EQ(printable("a\xff"
                      "b\xc3"),
            "a\xef\xbf\xbd"
            "b\xef\xbf\xbd");
}

TEST(FitTest, CutsByCodePoints) {
  EXPECT_EQ(fit("orders", 6), "orders");
  EXPECT_EQ(fit("orders", 5), "orde~");
  EXPECT_EQ(fit("größer", 6), "größer");
  EXPECT_EQ(fit("größer", 4), "grö~");
  EXPECT_EQ(fit("größer", 1), "~");
  EXPECT_EQ(fit("größer", 0), "");
  EXPECT_EQ(fit("", 0), "");
}

}  // namespace
}  // namespace shunt::tools
