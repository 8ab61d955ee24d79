#include "cli/sandbox_options.h"

#include "base/text.h"
#include "cli/project.h"
#include "cli/values.h"
#include "env/host_environment.h"
#include "sys/file.h"

namespace ak::cli {

Status fillLimits(const Arguments& arguments, model::AskedLimits& request) {
  if (const auto word = arguments.value("memory")) {
    request.memory_bytes = AK_TRY(parseSize(*word));
  }
  if (const auto word = arguments.value("disk")) {
    request.disk_bytes = AK_TRY(parseSize(*word));
  }
  if (const auto word = arguments.value("cpus")) {
    request.cpu_percent = AK_TRY(parseCpus(*word));
  }
  if (const auto word = arguments.value("pids")) {
    request.pids = parseNumber<std::uint32_t>(*word);
    if (!request.pids || *request.pids == 0) {
      return fail(ErrorCode::InvalidArgument,
                  cat("--pids ", printable(*word), " is not a number above 0"),
                  "Write for example: --pids 256");
    }
  }
  return {};
}

namespace {

Status fillPermissions(const Arguments& arguments, model::RunRequest& request) {
  if (const auto word = arguments.value("profile")) {
    request.profile = AK_TRY(model::parseProfile(*word));
  }
  if (const auto word = arguments.value("network")) {
    request.network = AK_TRY(model::parseNetworkMode(*word));
  }
  if (arguments.has("no-network")) {
    if (request.network && *request.network != model::NetworkMode::None) {
      return fail(ErrorCode::InvalidArgument, "--network and --no-network contradict each other",
                  "Give one of the two.");
    }
    request.network = model::NetworkMode::None;
  }
  if (const auto word = arguments.value("mount")) {
    request.workspace.mode = AK_TRY(parseMount(*word));
  }
  request.workspace.granted = arguments.values("grant");
  return {};
}

Status fillPorts(const Arguments& arguments, std::vector<model::PortMapping>& ports) {
  for (const std::string& word : arguments.values("publish")) {
    ports.push_back(AK_TRY(model::parsePortMapping(word)));
  }
  return model::validatePorts(ports);
}

Status fillNotes(const Arguments& arguments, model::Notes& notes) {
  notes.labels = AK_TRY(parseLabels(arguments.values("label")));
  if (const auto text = arguments.value("description")) {
    notes.description = AK_TRY(model::cleanDescription(*text));
  }
  if (const auto word = arguments.value("ttl")) {
    const std::uint64_t seconds = AK_TRY(parseSeconds("--ttl", *word));
    notes.ttl_seconds = seconds == 0 ? std::nullopt : std::optional(seconds);
  }
  return {};
}

}  // namespace

Result<model::Labels> parseLabels(const std::vector<std::string>& words) {
  model::Labels labels;
  for (const std::string& word : words) {
    auto [key, value] = AK_TRY(model::parseLabel(word, '='));
    labels[std::move(key)] = std::move(value);
  }
  AK_TRY(model::validateLabels(labels));
  return labels;
}

Result<std::uint64_t> parseSeconds(std::string_view option, std::string_view word) {
  const auto seconds = parseDuration(word);
  if (!seconds) {
    return fail(ErrorCode::InvalidArgument, cat(option, " ", printable(word), " is not a duration"),
                cat("Write for example: ", option, " 90m (s, m, h, d; seconds without a unit)"));
  }
  return static_cast<std::uint64_t>(seconds->count());
}

Status fillSandbox(Context& context, const Arguments& arguments, model::RunRequest& request) {
  AK_TRY(fillLimits(arguments, request));
  AK_TRY(fillPermissions(arguments, request));
  AK_TRY(fillPorts(arguments, request.ports));
  AK_TRY(fillNotes(arguments, request.notes));
  request.image = arguments.value("image").value_or("");
  for (const std::string& word : arguments.values("file")) {
    request.files.push_back(AK_TRY(readFileOption(word)));
  }
  if (const auto path = arguments.value("init-script")) {
    request.init_script = AK_TRY(sys::readFile(*path, std::size_t{1} << 20U));
    AK_TRY(model::validateInitScript(request.init_script));
  }
  for (const std::string& word : arguments.values("volume")) {
    request.volumes.push_back(AK_TRY(model::parseVolumeMount(word)));
  }
  AK_TRY(model::validateVolumeMounts(request.volumes));
  nameDirectory(request.workspace);
  request.project = AK_TRY(projectOf(arguments, request.workspace.path));
  if (request.profile.value_or(model::Profile::Permissive) == model::Profile::Permissive) {
    request.host_environment = env::passedEnvironment(context.environment());
  }
  return {};
}

}  // namespace ak::cli
