#pragma once

#include <cstdint>
#include <string_view>

#include "model/job.h"
#include "model/sandbox.h"

namespace ak::manager {

// Told of what happens to sandboxes without anybody's request: their time was over, a policy says
// so, their box ended by itself, or a new daemon found them ended. On the loop; does not wait.
class Witness {
 public:
  enum class Deed : std::uint8_t { Stopped, Archived, Removed };

  virtual ~Witness() = default;
  virtual void byItself(Deed deed, const model::SandboxRecord& record, std::string_view reason) = 0;
  // A detached command, whoever started it, has ended or is lost.
  virtual void jobEnded(const model::SandboxRecord& record, const model::JobRecord& job) = 0;
  // It should have been, and could not be.
  virtual void couldNot(Deed deed, const model::SandboxRecord& record, const Error& error) = 0;
};

}  // namespace ak::manager
