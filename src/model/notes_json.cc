#include "model/notes_json.h"

#include <nlohmann/json.hpp>

#include "base/text.h"

namespace ak::model {

using nlohmann::json;

namespace {

json orNull(const std::optional<std::uint64_t>& value) {
  return value ? json(*value) : json();
}

void rejectUnless(JsonFields& fields, Status status) {
  if (!status) {
    fields.reject(std::move(status).error());
  }
}

}  // namespace

json toJson(const LifecyclePolicy& policy) {
  return {{"auto_stop_after_seconds", orNull(policy.auto_stop_after_seconds)},
          {"auto_archive_after_seconds", orNull(policy.auto_archive_after_seconds)},
          {"auto_delete_after_seconds", orNull(policy.auto_delete_after_seconds)}};
}

void readLabels(JsonFields& fields, Labels& labels) {
  const json* found = fields.find("labels");
  if (found == nullptr) {
    return;
  }
  if (!found->is_object() || found->size() > kMaxLabels) {
    fields.rejectType("labels", cat("an object of at most ", kMaxLabels, " strings"));
    return;
  }
  Labels read;
  for (const auto& [key, value] : found->items()) {
    if (!value.is_string()) {
      fields.rejectType("labels", "an object of strings");
      return;
    }
    // As they are kept is as they are checked: without surrounding space.
    read[std::string(trim(key))] = trim(value.get_ref<const std::string&>());
  }
  rejectUnless(fields, validateLabels(read));
  labels = std::move(read);
}

void readDescription(JsonFields& fields, std::string& description) {
  std::string text;
  fields.string("description", text);
  Result<std::string> clean = cleanDescription(text);
  if (clean) {
    description = *std::move(clean);
  } else {
    fields.reject(std::move(clean).error());
  }
}

void readTtl(JsonFields& fields, std::optional<std::uint64_t>& ttl_seconds) {
  const json* found = fields.find("ttl");
  if (found == nullptr) {
    return;
  }
  std::optional<std::uint64_t> seconds;
  if (found->is_string()) {
    const auto parsed = parseDuration(found->get_ref<const std::string&>());
    if (!parsed) {
      fields.rejectType("ttl", "a duration: seconds, or a number with s, m, h or d");
      return;
    }
    seconds = static_cast<std::uint64_t>(parsed->count());
  } else {
    fields.number("ttl", seconds, kMaxLifetimeSeconds);
  }
  if (seconds) {
    rejectUnless(fields, validateTtl(*seconds));
    ttl_seconds = *seconds == 0 ? std::nullopt : seconds;
  }
}

void readLifecycle(JsonFields& fields, LifecyclePolicy& policy) {
  if (auto object = fields.object("lifecycle")) {
    object->number("auto_stop_after_seconds", policy.auto_stop_after_seconds, kMaxLifetimeSeconds);
    object->number("auto_archive_after_seconds", policy.auto_archive_after_seconds,
                   kMaxLifetimeSeconds);
    object->number("auto_delete_after_seconds", policy.auto_delete_after_seconds,
                   kMaxLifetimeSeconds);
    fields.adopt(*object);
  }
}

}  // namespace ak::model
