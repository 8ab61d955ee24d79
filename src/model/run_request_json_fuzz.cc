#include <cstdint>
#include <cstdlib>

#include <nlohmann/json.hpp>

#include "model/run_request_json.h"

// Any JSON: decoded or refused; what was decoded means the same after another round.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto body = nlohmann::json::parse(data, data + size, nullptr, false);
  if (body.is_discarded()) {
    return 0;
  }
  if (const auto request = ak::model::runRequestFromJson(body)) {
    const auto again = ak::model::runRequestFromJson(ak::model::toJson(*request));
    if (!again || *again != *request) {
      std::abort();
    }
  }
  if (const auto request = ak::model::execRequestFromJson(body)) {
    const auto again = ak::model::execRequestFromJson(ak::model::toJson(*request));
    if (!again || *again != *request) {
      std::abort();
    }
  }
  if (const auto change = ak::model::changeFromJson(body)) {
    const auto again = ak::model::changeFromJson(ak::model::toJson(*change));
    if (!again || *again != *change) {
      std::abort();
    }
  }
  (void)ak::model::execOutcomeFromJson(body);
  (void)ak::model::errorFromJson(body);
  return 0;
}
