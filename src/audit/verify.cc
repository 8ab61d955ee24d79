#include "audit/verify.h"

#include <algorithm>

#include <nlohmann/json.hpp>

#include "audit/event.h"
#include "audit/lines.h"
#include "base/text.h"

namespace ak::audit {

namespace {

// Looked for before it is parsed: hardly any line is one. A label or an argument may say the same.
bool isDamage(std::string_view line) {
  const std::string_view name = kindInfo(Kind::LogDamaged).name;
  if (!line.contains(name)) {
    return false;
  }
  const auto event = nlohmann::json::parse(line, nullptr, false);
  return event.is_object() && event.value("type", nlohmann::json()) == name;
}

// Walks the chain; stops at the first thing that is wrong.
class Walk {
 public:
  Walk(const std::vector<LogPart>& parts, const Expectation& expected)
      : parts_(parts), expected_(expected) {
    verdict_.last = Link();
  }

  Result<Verdict> go() {
    ForwardLines lines(parts_);
    while (!done_) {
      const std::optional<Line> line = AK_TRY(lines.next());
      if (!line) {
        break;
      }
      look(*line);
    }
    if (verdict_.problem.empty()) {
      judgeEnds();
    }
    verdict_.intact = verdict_.problem.empty() && verdict_.damages == 0;
    if (verdict_.problem.empty() && verdict_.damages != 0) {
      verdict_.problem = cat("damage was found and recorded ", verdict_.damages,
                             " times: see the log_damaged events");
    }
    return std::move(verdict_);
  }

 private:
  void wrong(const Line& line, std::string what) {
    verdict_.problem = std::move(what);
    verdict_.file = parts_[line.part].path;
    verdict_.line = number_;
    done_ = true;
  }

  void look(const Line& line) {
    number_ = line.part == part_ ? number_ + 1 : 1;
    part_ = line.part;
    const bool head_reached =
        expected_.head && verdict_.lines != 0 && verdict_.last.seq >= expected_.head->last.seq;
    if (head_reached) {
      done_ = true;  // what a running daemon writes meanwhile
      return;
    }
    const std::optional<Sealed> sealed = line.whole ? unseal(line.text) : std::nullopt;
    if (!sealed) {
      wrong(line, line.whole ? "this is not a line of the audit log" : "this line is not whole");
      return;
    }
    if (expected_.head && sealed->seq < expected_.head->first) {
      return;  // of a file that rotation is about to remove
    }
    if (!sealed->holds()) {
      wrong(line, cat("line ", sealed->seq, " was changed"));
      return;
    }
    if (verdict_.lines == 0) {
      begin(line, *sealed);
    } else if (!sealed->follows(verdict_.last)) {
      outOfOrder(line, *sealed);
    }
    if (!done_) {
      count(line, *sealed);
    }
  }

  void begin(const Line& line, const Sealed& sealed) {
    const std::uint64_t first = expected_.head ? expected_.head->first : sealed.seq;
    if (sealed.seq != first) {
      wrong(line, cat("lines ", first, " to ", sealed.seq - 1, " are missing"));
    } else if (sealed.seq == 1 && sealed.prev != Link().hash) {
      wrong(line, "line 1 follows on something");
    }
    verdict_.first = sealed.link();
  }

  void outOfOrder(const Line& line, const Sealed& sealed) {
    const std::uint64_t next = verdict_.last.seq + 1;
    if (sealed.seq > next) {
      wrong(line, cat("lines ", next, " to ", sealed.seq - 1, " are missing"));
    } else if (sealed.seq < next) {
      wrong(line, cat("line ", sealed.seq, " stands behind line ", verdict_.last.seq));
    } else {
      wrong(line, cat("line ", sealed.seq, " does not follow on the line before it"));
    }
  }

  void count(const Line& line, const Sealed& sealed) {
    verdict_.last = sealed.link();
    ++verdict_.lines;
    kept_found_ = kept_found_ || (expected_.kept && *expected_.kept == verdict_.last);
    verdict_.damages += isDamage(line.text) ? 1 : 0;
  }

  void judgeEnds() {
    if (expected_.head) {
      const Link& last = expected_.head->last;
      if (verdict_.last.seq < last.seq) {
        verdict_.problem = cat("lines ", std::max(verdict_.last.seq + 1, expected_.head->first),
                               " to ", last.seq, " are missing at the end");
      } else if (verdict_.last.seq == last.seq && verdict_.last != last) {
        verdict_.problem = cat("line ", last.seq, " is another one than was written");
      }
    }
    if (verdict_.problem.empty() && expected_.kept && !kept_found_) {
      verdict_.problem =
          expected_.kept->seq < verdict_.first.seq
              ? cat("line ", expected_.kept->seq, " is older than what is kept")
              : cat("line ", expected_.kept->seq, " is not the one that was noted elsewhere");
    }
  }

  const std::vector<LogPart>& parts_;
  const Expectation& expected_;
  Verdict verdict_;
  std::size_t part_ = 0;
  std::uint64_t number_ = 0;
  bool kept_found_ = false;
  bool done_ = false;
};

}  // namespace

Result<Verdict> verifyParts(const std::vector<LogPart>& parts, const Expectation& expected) {
  return Walk(parts, expected).go();
}

Result<Verdict> verifyLog(const std::string& path, const Expectation& expected) {
  return verifyParts(AK_TRY(openParts(path)), expected);
}

}  // namespace ak::audit
