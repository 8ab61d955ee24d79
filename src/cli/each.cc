#include "cli/each.h"

#include <nlohmann/json.hpp>

#include "base/text.h"
#include "cli/api.h"
#include "model/run_request_json.h"

namespace ak::cli {

using nlohmann::json;

Result<int> forEachName(Context& context,
                        const Arguments& arguments,
                        const std::function<Result<json>(const std::string&)>& action) {
  int status = 0;
  json report = json::array();
  for (const std::string& name : arguments.positional()) {
    const Result<json> done = action(name);
    if (!done) {
      context.output().error(done.error());
      if (status == 0) {
        status = errorCodeInfo(done.error().code).exit_status;
      }
      report.push_back({{"name", name}, {"error", model::toJson(done.error())}});
      continue;
    }
    report.push_back({{"name", name}, {"result", *done}});
    if (!arguments.has("json")) {
      context.output().line(printable(name));
    }
  }
  if (arguments.has("json")) {
    context.output().text(prettyJson(report));
  }
  return status;
}

Result<int> forEachSandbox(Context& context,
                           const Arguments& arguments,
                           std::string_view method,
                           std::string_view action) {
  return forEachName(context, arguments, [&](const std::string& name) {
    return callApi(context, method, sandboxPath(name, action), nullptr);
  });
}

Result<int> tellFailures(Context& context, const Arguments& arguments, const json& answer) {
  int status = 0;
  const json& failures = AK_TRY(listIn(answer, "failures"));
  for (const json& failure : failures) {
    Error error = model::errorFromJson(failure.value("error", json()));
    error = std::move(error).context(fieldText(failure, "sandbox"));
    if (!arguments.has("json")) {
      context.output().error(error);
    }
    status = status != 0 ? status : errorCodeInfo(error.code).exit_status;
  }
  return status;
}

}  // namespace ak::cli
