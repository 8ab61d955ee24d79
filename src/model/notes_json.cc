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

void putNotes(json& body, const Notes& notes) {
  if (!notes.labels.empty()) {
    body["labels"] = notes.labels;
  }
  if (!notes.description.empty()) {
    body["description"] = notes.description;
  }
  if (!notes.created_from_template.empty()) {
    body["created_from_template"] = notes.created_from_template;
  }
  if (!notes.template_help_text.empty()) {
    body["template_help_text"] = notes.template_help_text;
  }
  if (notes.ttl_seconds) {
    body["ttl"] = *notes.ttl_seconds;
  }
  if (!notes.lifecycle.empty()) {
    body["lifecycle"] = toJson(notes.lifecycle);
  }
}

void readNotes(JsonFields& fields, Notes& notes) {
  readLabels(fields, notes.labels);
  readDescription(fields, notes.description);
  readDescription(fields, notes.created_from_template, "created_from_template");
  readDescription(fields, notes.template_help_text, "template_help_text");
  readTtl(fields, notes.ttl_seconds);
  readLifecycle(fields, notes.lifecycle);
}

void readLabels(JsonFields& fields, Labels& labels, const char* key) {
  const json* found = fields.find(key);
  if (found == nullptr) {
    return;
  }
  if (!found->is_object() || found->size() > kMaxLabels) {
    fields.rejectType(key, cat("an object of at most ", kMaxLabels, " strings"));
    return;
  }
  Labels read;
  for (const auto& [label, value] : found->items()) {
    if (!value.is_string()) {
      fields.rejectType(key, "an object of strings");
      return;
    }
    // As they are kept is as they are checked: without surrounding space.
    read[std::string(trim(label))] = trim(value.get_ref<const std::string&>());
  }
  rejectUnless(fields, validateLabels(read));
  labels = std::move(read);
}

void readDescription(JsonFields& fields, std::string& description, const char* key) {
  std::string text;
  fields.string(key, text);
  Result<std::string> clean = cleanDescription(text);
  if (clean) {
    description = *std::move(clean);
  } else {
    fields.reject(std::move(clean).error().context(key));
  }
}

void readTtl(JsonFields& fields, std::optional<std::uint64_t>& ttl_seconds) {
  std::optional<std::uint64_t> seconds;
  readSeconds(fields, "ttl", seconds);
  if (seconds) {
    ttl_seconds = *seconds == 0 ? std::nullopt : seconds;
  }
}

void readSeconds(JsonFields& fields, const char* key, std::optional<std::uint64_t>& seconds) {
  const json* found = fields.find(key);
  if (found == nullptr) {
    return;
  }
  if (!found->is_string()) {
    fields.number(key, seconds, kMaxLifetimeSeconds);
    return;
  }
  const auto parsed = parseDuration(found->get_ref<const std::string&>());
  if (!parsed) {
    fields.rejectType(key, "a duration: seconds, or a number with s, m, h or d");
    return;
  }
  seconds = static_cast<std::uint64_t>(parsed->count());
  rejectUnless(fields, validateTtl(*seconds));
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
