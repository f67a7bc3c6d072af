#include <fmt/format.h>

#include "replicate/config/key_table.h"
#include "tools/shunt/commands.h"

namespace shunt::tools {

int print_keys(bool markdown) {
  fmt::print("{}",
             replicate::render_key_table(markdown ? replicate::TableFormat::markdown : replicate::TableFormat::text));
  return exit_done;
}

}  // namespace shunt::tools
