#pragma once

#include <nlohmann/json_fwd.hpp>

#include "model/run_request.h"

namespace ak::model {

// Decoders ignore unknown fields (interfaces.md of clients: forward compatibility), accept null for
// optional scalars, and answer InvalidArgument naming the field for anything else. Bytes travel as
// base64. Key names: docs/api.md.
nlohmann::json toJson(const RunRequest& request);
Result<RunRequest> runRequestFromJson(const nlohmann::json& body);
nlohmann::json toJson(const ExecRequest& request);
Result<ExecRequest> execRequestFromJson(const nlohmann::json& body);
nlohmann::json toJson(const AttachRequest& request);
Result<AttachRequest> attachRequestFromJson(const nlohmann::json& body);
nlohmann::json toJson(const ExecOutcome& outcome);
Result<ExecOutcome> execOutcomeFromJson(const nlohmann::json& body);
nlohmann::json toJson(const Change& change);
Result<Change> changeFromJson(const nlohmann::json& body);

nlohmann::json toJson(const Error& error);  // {code, message, remedy}
Error errorFromJson(const nlohmann::json& body);

}  // namespace ak::model
