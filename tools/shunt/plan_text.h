// A plan (replicate/plan/plan.h) for people, grouped and short, and as one JSON object with keys that stay.
#pragma once

#include <string>

#include "replicate/plan/plan.h"

namespace shunt::tools {

std::string plan_text(const replicate::Plan& plan);
std::string plan_json(const replicate::Plan& plan);

}  // namespace shunt::tools
