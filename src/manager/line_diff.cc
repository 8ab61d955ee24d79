#include "manager/line_diff.h"

#include <algorithm>
#include <cstddef>
#include <optional>

#include "base/text.h"

namespace ak::manager {

namespace {

using Lines = std::vector<std::string_view>;
constexpr std::ptrdiff_t kMostEdits = 2000;
constexpr std::size_t kContext = 3;

struct Edit {
  char mark;  // ' ', '-' or '+'
  std::size_t before;
  std::size_t after;
};

// Lines keep their newline, so that a last line without one differs from the same line with it.
Lines linesOf(std::string_view text) {
  Lines lines;
  while (!text.empty()) {
    const std::size_t size = std::min(text.find('\n'), text.size() - 1) + 1;
    lines.push_back(text.substr(0, size));
    text.remove_prefix(size);
  }
  return lines;
}

void show(std::vector<std::string>& out, char mark, std::string_view line) {
  const bool finished = line.ends_with('\n');
  out.push_back(cat(mark, line.substr(0, line.size() - (finished ? 1 : 0))));
  if (!finished) {
    out.emplace_back("\\ No newline at end of file");
  }
}

// E. Myers, "An O(ND) Difference Algorithm and Its Variations" (1986): the greedy forward search,
// with the furthest-reaching points of every step kept for the way back.
std::optional<std::vector<Edit>> shortestEdits(const Lines& a, const Lines& b) {
  const auto n = static_cast<std::ptrdiff_t>(a.size());
  const auto m = static_cast<std::ptrdiff_t>(b.size());
  const std::ptrdiff_t most = std::min(n + m, kMostEdits);
  const auto at = [most](std::ptrdiff_t k) { return static_cast<std::size_t>(k + most + 1); };
  std::vector<std::ptrdiff_t> reach(static_cast<std::size_t>(2 * most + 3), 0);
  std::vector<std::vector<std::ptrdiff_t>> steps;
  const auto goesDown = [&](const std::vector<std::ptrdiff_t>& v, std::ptrdiff_t k,
                            std::ptrdiff_t d) {
    return k == -d || (k != d && v[at(k - 1)] < v[at(k + 1)]);
  };
  bool found = false;
  for (std::ptrdiff_t d = 0; d <= most && !found; ++d) {
    steps.push_back(reach);
    for (std::ptrdiff_t k = -d; k <= d && !found; k += 2) {
      std::ptrdiff_t x = goesDown(reach, k, d) ? reach[at(k + 1)] : reach[at(k - 1)] + 1;
      while (x < n && x - k < m &&
             a[static_cast<std::size_t>(x)] == b[static_cast<std::size_t>(x - k)]) {
        ++x;
      }
      reach[at(k)] = x;
      found = x >= n && x - k >= m;
    }
  }
  if (!found) {
    return std::nullopt;
  }
  std::vector<Edit> edits;
  std::ptrdiff_t x = n;
  std::ptrdiff_t y = m;
  for (auto d = static_cast<std::ptrdiff_t>(steps.size()) - 1; d >= 0; --d) {
    const auto& v = steps[static_cast<std::size_t>(d)];
    const std::ptrdiff_t k = x - y;
    const bool down = goesDown(v, k, d);
    const std::ptrdiff_t from_k = down ? k + 1 : k - 1;
    const std::ptrdiff_t from_x = d == 0 ? 0 : v[at(from_k)];
    const std::ptrdiff_t from_y = d == 0 ? 0 : from_x - from_k;
    while (x > from_x && y > from_y && !(d > 0 && (down ? x == from_x : y == from_y))) {
      --x, --y;
      edits.push_back({' ', static_cast<std::size_t>(x), static_cast<std::size_t>(y)});
    }
    if (d > 0) {
      edits.push_back(
          {down ? '+' : '-', static_cast<std::size_t>(from_x), static_cast<std::size_t>(from_y)});
      x = from_x, y = from_y;
    }
  }
  std::ranges::reverse(edits);
  return edits;
}

std::vector<Edit> replaceAll(const Lines& a, const Lines& b) {
  std::vector<Edit> edits;
  for (std::size_t i = 0; i < a.size(); ++i) {
    edits.push_back({'-', i, 0});
  }
  for (std::size_t i = 0; i < b.size(); ++i) {
    edits.push_back({'+', a.size(), i});
  }
  return edits;
}

}  // namespace

std::vector<std::string> unifiedLines(std::string_view before, std::string_view after) {
  const Lines a = linesOf(before);
  const Lines b = linesOf(after);
  const std::vector<Edit> edits = shortestEdits(a, b).value_or(replaceAll(a, b));
  std::vector<std::string> out;
  std::size_t next = 0;
  const auto changed = [](const Edit& edit) { return edit.mark != ' '; };
  while (true) {
    const auto first =
        std::find_if(edits.begin() + static_cast<std::ptrdiff_t>(next), edits.end(), changed);
    if (first == edits.end()) {
      return out;
    }
    const auto start = static_cast<std::size_t>(first - edits.begin());
    const std::size_t begin = start - std::min(kContext, start - next);
    std::size_t end = start + 1;  // one past the last changed edit of the hunk
    for (std::size_t i = end; i < edits.size() && i < end + 2 * kContext; ++i) {
      end = changed(edits[i]) ? i + 1 : end;
    }
    const std::size_t stop = std::min(end + kContext, edits.size());
    const auto count = [&](char skip) {
      return std::count_if(edits.begin() + static_cast<std::ptrdiff_t>(begin),
                           edits.begin() + static_cast<std::ptrdiff_t>(stop),
                           [skip](const Edit& edit) { return edit.mark != skip; });
    };
    const auto old_count = count('+');
    const auto new_count = count('-');
    out.push_back(cat("@@ -", edits[begin].before + (old_count == 0 ? 0U : 1U), ",", old_count,
                      " +", edits[begin].after + (new_count == 0 ? 0U : 1U), ",", new_count,
                      " @@"));
    for (std::size_t i = begin; i < stop; ++i) {
      const Edit& edit = edits[i];
      show(out, edit.mark, edit.mark == '+' ? b[edit.after] : a[edit.before]);
    }
    next = stop;
  }
}

}  // namespace ak::manager
