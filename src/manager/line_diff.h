#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace ak::manager {

// Hunks of a unified diff with three lines of context, without the file header: "@@ -a,b +c,d @@"
// lines and lines that begin with ' ', '+', '-' or '\'. Work is bounded: when two texts differ by
// more than a few thousand lines, the whole old text is shown removed and the new one added.
std::vector<std::string> unifiedLines(std::string_view before, std::string_view after);

}  // namespace ak::manager
