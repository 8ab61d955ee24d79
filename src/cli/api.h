#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "base/result.h"
#include "cli/context.h"
#include "model/run_request.h"

// Routes of the API as commands call them, and the text of JSON values.
namespace ak::cli {

// "/sandboxes/NAME" or "/sandboxes/NAME/ACTION".
std::string sandboxPath(std::string_view name, std::string_view action = {});

// One call on a connection of its own; the data of the answer. A null body sends none.
Result<nlohmann::json> callApi(Context& context,
                               std::string_view method,
                               std::string path,
                               const nlohmann::json& body);
Result<nlohmann::json> getApi(Context& context, std::string path);

// The list at `key` of an answer; Protocol when there is none.
Result<std::reference_wrapper<const nlohmann::json>> listIn(const nlohmann::json& answer,
                                                            std::string_view key);
Result<std::vector<model::Change>> changesIn(const nlohmann::json& answer, std::string_view key);

// InvalidArgument when some text is not UTF-8, which JSON cannot carry.
Result<std::string> toJsonText(const nlohmann::json& value);

// For --json: two-space indentation, bytes that are not UTF-8 replaced.
std::string prettyJson(const nlohmann::json& value);

// "limits.memory.by: cgroup-v2": one line for each scalar, sorted by key. An entry of a list goes
// by its name where it has one, else by its number.
std::string fieldLines(const nlohmann::json& value);

// The text of a field for a table: strings as they are, other scalars as JSON, "" when absent.
std::string fieldText(const nlohmann::json& object, std::string_view key);
// The published ports of a sandbox for people: "127.0.0.1:49153->80/tcp".
std::vector<std::string> portTexts(const nlohmann::json& sandbox);
// The same of a time (RFC 3339), to the second.
std::string fieldTime(const nlohmann::json& object, std::string_view key);
// The same of a number of bytes: "5.1 MB".
std::string fieldSize(const nlohmann::json& object, std::string_view key);

}  // namespace ak::cli
