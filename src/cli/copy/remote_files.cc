#include "cli/copy/remote_files.h"

#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>

#include <nlohmann/json.hpp>

#include "base/text.h"
#include "cli/api.h"
#include "model/base64.h"
#include "model/run_request_json.h"

namespace ak::cli {

using model::StreamFrame;
using model::StreamKind;
using nlohmann::json;

namespace {

// Waiting for the daemon: more is left in the file.
constexpr std::size_t kMaxPending = 256 * 1024;

std::unexpected<Error> malformed() {
  return fail(ErrorCode::Protocol, "the daemon's answer about a file cannot be read");
}

std::unexpected<Error> daemonGone() {
  return fail(ErrorCode::Unavailable, "the daemon went away before the file was whole",
              "Copy it again; the daemon starts by itself.");
}

// The exact bytes of a text that a guest chose.
std::string bytesOf(const json& object, const std::string& key) {
  const std::string encoded = fieldText(object, key + "_base64");
  if (!encoded.empty()) {
    if (auto bytes = model::fromBase64(encoded)) {
      return *std::move(bytes);
    }
  }
  return fieldText(object, key);
}

std::string octal(std::uint32_t mode) {
  char digits[16];
  const auto end = std::to_chars(digits, digits + sizeof digits, mode, 8).ptr;
  return {digits, end};
}

RemoteEntry::Kind kindOf(std::string_view word) {
  return word == "file"        ? RemoteEntry::Kind::File
         : word == "directory" ? RemoteEntry::Kind::Directory
         : word == "symlink"   ? RemoteEntry::Kind::Link
                               : RemoteEntry::Kind::Other;
}

Result<RemoteEntry> entryOf(const json& object) {
  const json size = object.is_object() ? object.value("size", json()) : json();
  const json mode = object.is_object() ? object.value("mode", json()) : json();
  if (!size.is_number_unsigned() || !mode.is_number_unsigned()) {
    return malformed();
  }
  RemoteEntry entry;
  entry.kind = kindOf(fieldText(object, "kind"));
  entry.name = bytesOf(object, "name");
  entry.size = size.get<std::uint64_t>();
  entry.mode = mode.get<std::uint32_t>() & 07777U;
  entry.target = bytesOf(object, "target");
  return entry;
}

bool isPlainName(std::string_view name) {
  return !name.empty() && name.size() <= 255 && name != "." && name != ".." &&
         !name.contains('/') && !name.contains('\0');
}

Result<json> lastOf(const StreamFrame& frame) {
  json last = json::parse(frame.payload, nullptr, false);
  if (frame.kind == StreamKind::Exit) {
    return last;
  }
  if (frame.kind == StreamKind::Failed) {
    return std::unexpected(model::errorFromJson(last));
  }
  return malformed();
}

}  // namespace

RemoteFiles::RemoteFiles(Context& context, std::string sandbox, SignalPipe signals)
    : context_(context),
      sandbox_(std::move(sandbox)),
      signals_(std::move(signals)),
      progress_(std::make_unique<Progress>()) {}

Result<RemoteFiles> RemoteFiles::open(Context& context, std::string sandbox) {
  ::signal(SIGPIPE, SIG_IGN);  // the write's EPIPE is handled instead
  SignalPipe signals = AK_TRY(SignalPipe::open({SIGINT, SIGTERM, SIGHUP, SIGQUIT}));
  return RemoteFiles(context, std::move(sandbox), std::move(signals));
}

std::string RemoteFiles::url(const std::string& path, std::string_view query) const {
  std::string url = sandboxPath(sandbox_, "files");
  for (const std::string_view part : split(path, '/')) {
    if (!part.empty()) {
      url += cat("/", client::escapeSegment(part));
    }
  }
  return query.empty() ? url : cat(url, "?", query);
}

Status RemoteFiles::wait(int fd, short events, int other_fd) {
  pollfd slots[] = {{.fd = signals_.fd(), .events = POLLIN, .revents = 0},
                    {.fd = fd, .events = events, .revents = 0},
                    {.fd = other_fd, .events = POLLIN, .revents = 0}};
  if (::poll(slots, std::size(slots), -1) < 0 && errno != EINTR) {
    return failErrno("poll");
  }
  for (const int signal : signals_.take()) {
    signalled_ = signal;
    return fail(ErrorCode::Cancelled, "interrupted");
  }
  return {};
}

Status RemoteFiles::waitForOutput(int fd) {
  return wait(fd, POLLOUT, -1);
}

Result<RemoteEntry> RemoteFiles::stat(const std::string& path) {
  const json answer = AK_TRY(getApi(context_, url(path, "stat=true&follow=true")));
  return entryOf(answer);
}

Result<std::vector<RemoteEntry>> RemoteFiles::list(const std::string& path) {
  const json answer = AK_TRY(getApi(context_, url(path, "list=true")));
  std::vector<RemoteEntry> entries;
  for (const json& item : AK_TRY(listIn(answer, "entries")).get()) {
    entries.push_back(AK_TRY(entryOf(item)));
    if (!isPlainName(entries.back().name)) {
      return malformed();
    }
  }
  std::ranges::sort(entries, {}, &RemoteEntry::name);
  return entries;
}

Status RemoteFiles::makeDirectory(const std::string& path, std::uint32_t mode) {
  const std::string query = cat("directory=true&mode=", octal(mode & 0777U));
  AK_TRY(callApi(context_, "PUT", url(path, query), nullptr));
  return {};
}

Status RemoteFiles::makeLink(const std::string& path, const std::string& target) {
  const std::string query = cat("parents=false&link=", client::escapeSegment(target));
  AK_TRY(callApi(context_, "PUT", url(path, query), nullptr));
  return {};
}

Result<RemoteEntry> RemoteFiles::read(const std::string& path, const Sink& sink) {
  client::Client client = AK_TRY(context_.connect());
  const client::Request request{.path = url(path, {})};
  client::Stream stream = AK_TRY(std::move(client).upgrade(request)).stream;
  std::uint64_t received = 0;
  StreamFrame frame;
  for (;;) {
    while (AK_TRY(stream.next(frame))) {
      if (frame.kind != StreamKind::Stdout) {
        const json last = AK_TRY(lastOf(frame));
        RemoteEntry entry = AK_TRY(entryOf(last));
        return entry.size == received ? Result<RemoteEntry>(std::move(entry)) : malformed();
      }
      received += frame.payload.size();
      progress_->bytes(frame.payload.size());
      AK_TRY(sink(frame.payload));
    }
    if (stream.ended()) {
      return daemonGone();
    }
    AK_TRY(wait(stream.fd(), POLLIN, -1));
    AK_TRY(stream.fill());
  }
}

// What is there now and what the stream should hold; false when that was the end. A small file
// leaves in one write together with its end.
Result<bool> RemoteFiles::queueContent(int source, client::Stream& stream) {
  char buffer[model::kStreamMaxPayload];
  while (stream.pending() < kMaxPending) {
    pollfd ready{.fd = source, .events = POLLIN, .revents = 0};
    if (::poll(&ready, 1, 0) <= 0) {
      break;
    }
    const ssize_t size = ::read(source, buffer, sizeof buffer);
    if (size == 0) {
      stream.send(StreamKind::StdinEnd, {});
      return false;
    }
    if (size < 0) {
      if (errno == EINTR || errno == EAGAIN) {
        break;
      }
      return failErrno("read what is to be copied");
    }
    stream.send(StreamKind::Stdin, std::string_view(buffer, static_cast<std::size_t>(size)));
    progress_->bytes(static_cast<std::uint64_t>(size));
  }
  return true;
}

Status RemoteFiles::write(const std::string& path, std::uint32_t mode, int source) {
  const std::string query =
      mode == 0 ? "parents=false" : cat("parents=false&mode=", octal(mode & 0777U));
  client::Client client = AK_TRY(context_.connect());
  const client::Request request{.method = "PUT", .path = url(path, query)};
  client::Stream stream = AK_TRY(std::move(client).upgrade(request)).stream;
  bool more = true;
  StreamFrame frame;
  for (;;) {
    while (AK_TRY(stream.next(frame))) {
      AK_TRY(lastOf(frame));
      return {};
    }
    if (stream.ended()) {
      return daemonGone();
    }
    const bool room = more && stream.pending() < kMaxPending;
    AK_TRY(
        wait(stream.fd(), stream.pending() != 0 ? POLLIN | POLLOUT : POLLIN, room ? source : -1));
    if (room) {
      more = AK_TRY(queueContent(source, stream));
    }
    AK_TRY(stream.flush());
    AK_TRY(stream.fill());
  }
}

}  // namespace ak::cli
