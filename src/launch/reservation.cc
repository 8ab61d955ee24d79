#include "launch/reservation.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <iterator>
#include <set>

#include "base/text.h"
#include "base/tlv.h"
#include "launch/box_record.h"
#include "launch/child.h"
#include "launch/placeholder.h"
#include "model/box_codec.h"
#include "os/mount.h"
#include "sys/file.h"
#include "sys/resolve.h"

namespace ak::launch {

namespace {

constexpr const char* kDirectory = "reserved";

struct Record {
  model::HostPath source;
  std::vector<std::string> paths;
};

Result<sys::OwnedFd> openRecords(int runtime) {
  if (::mkdirat(runtime, kDirectory, 0700) != 0 && errno != EEXIST) {
    return failErrno("reservation records");
  }
  return sys::openAt(runtime, kDirectory, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
}

Record readRecord(int records, const std::string& id) {
  Record record;
  const Result<sys::OwnedFd> file = sys::openAt(records, id, O_RDONLY | O_NOFOLLOW);
  const Result<std::string> text =
      file ? sys::readAll(file->get(), 1024 * 1024) : std::unexpected(file.error());
  TlvReader in(text ? std::string_view(*text) : std::string_view());
  while (in.next()) {
    switch (in.field()) {
      case 1:
        record.source.path = in.string();
        break;
      case 2:
        record.source.device = in.number();
        break;
      case 3:
        record.source.inode = in.number();
        break;
      case 4:
        record.paths.push_back(in.string());
        break;
      default:
        break;
    }
  }
  return record;
}

Status writeRecord(int records, const std::string& id, const Record& record) {
  TlvWriter out;
  out.bytes(1, record.source.path).number(2, record.source.device).number(3, record.source.inode);
  for (const std::string& path : record.paths) {
    out.bytes(4, path);
  }
  return sys::replaceFile(records, id, out.text(), 0600);
}

// What the records of other boxes hold of the same directory.
std::set<std::string> heldByOthers(int runtime,
                                   int records,
                                   const std::string& id,
                                   const model::HostPath& source) {
  std::set<std::string> held;
  for (const std::string& other : boxIdsIn(runtime, kDirectory)) {
    if (other == id) {
      continue;
    }
    Record record = readRecord(records, other);
    if (record.source.device == source.device && record.source.inode == source.inode) {
      held.insert(std::make_move_iterator(record.paths.begin()),
                  std::make_move_iterator(record.paths.end()));
    }
  }
  return held;
}

Result<bool> exists(int workspace, const std::string& path) {
  const Result<std::optional<sys::OwnedFd>> found =
      sys::openAtIfExists(workspace, path, O_PATH | O_NOFOLLOW, sys::kBeneath);
  bool link = !found && found.error().sys_errno == ELOOP;
  if (found && *found) {
    struct stat info{};
    link = ::fstat((*found)->get(), &info) == 0 && S_ISLNK(info.st_mode);
  }
  if (link) {
    return fail(ErrorCode::Unsupported,
                cat("protected path ", path, " of the workspace is a symbolic link"),
                "Use a copy-on-write workspace (--mount cow), or grant the path by name.");
  }
  if (!found && found.error().sys_errno != ENOTDIR) {
    return std::unexpected(found.error());
  }
  return found && found->has_value();
}

struct Plan {
  std::vector<std::string> shown;     // entries for the child, in order
  std::vector<std::string> reserved;  // to be made, parents always exist
};

Status planPath(Plan& plan, int workspace, const std::string& path) {
  const auto add = [&](char kind, const std::string& what) {
    std::string entry = kind + what;
    if (std::ranges::find(plan.shown, entry) == plan.shown.end()) {
      plan.shown.push_back(std::move(entry));
    }
  };
  for (std::size_t at = path.find('/');; at = path.find('/', at + 1)) {
    const std::string prefix = path.substr(0, at);
    if (prefix.empty() || prefix.ends_with("/..") || prefix == ".." || prefix.ends_with('/')) {
      return fail(ErrorCode::InvalidArgument, cat("bad protected path '", printable(path), "'"));
    }
    if (!AK_TRY(exists(workspace, prefix))) {
      if (std::ranges::find(plan.reserved, prefix) == plan.reserved.end()) {
        plan.reserved.push_back(prefix);
      }
      add('p', prefix);
      return {};
    }
    if (at == std::string::npos) {
      add('p', prefix);
      return {};
    }
    add('d', prefix);
  }
}

}  // namespace

Result<Reservation> Reservation::make(int runtime,
                                      const std::string& id,
                                      const model::BoxWorkspace& spec,
                                      int workspace) {
  Reservation made;
  if (spec.protected_paths.empty()) {
    return made;
  }
  const sys::OwnedFd records = AK_TRY(openRecords(runtime));
  Plan plan;
  for (const std::string& path : spec.protected_paths) {
    AK_TRY(planPath(plan, workspace, path));
  }
  Record record{spec.source, plan.reserved};
  const std::set<std::string> held = heldByOthers(runtime, records.get(), id, spec.source);
  for (const std::string& entry : plan.shown) {
    const std::string path = entry.substr(1);
    if (entry.front() == 'p' && held.contains(path) &&
        std::ranges::find(plan.reserved, path) == plan.reserved.end()) {
      record.paths.push_back(path);
    }
  }
  if (!record.paths.empty()) {
    AK_TRY(writeRecord(records.get(), id, record));
  }
  for (const std::string& path : plan.reserved) {
    Status reserved = makePlaceholder(workspace, path, spec);
    if (!reserved) {
      release(runtime, id);
      return std::unexpected(std::move(reserved).error());
    }
  }
  for (const std::string& entry : plan.shown) {
    made.entries_ += entry;
    made.entries_ += '\0';
  }
  if (made.entries_.size() > kMaxProtected) {
    release(runtime, id);
    return fail(ErrorCode::TooLarge, "too many protected paths in the workspace",
                "Use a copy-on-write workspace (--mount cow), or a smaller directory.");
  }
  return made;
}

void Reservation::release(int runtime, const std::string& id) {
  const Result<sys::OwnedFd> records =
      sys::openAt(runtime, kDirectory, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  if (!records) {
    return;
  }
  const Record record = readRecord(records->get(), id);
  const Result<sys::OwnedFd> workspace = record.paths.empty()
                                             ? fail(ErrorCode::NotFound, "no record")
                                             : os::openHostPath(record.source);
  if (workspace) {
    const std::set<std::string> held = heldByOthers(runtime, records->get(), id, record.source);
    for (auto path = record.paths.rbegin(); path != record.paths.rend(); ++path) {
      if (!held.contains(*path)) {
        removePlaceholder(workspace->get(), *path);
      }
    }
  }
  (void)::unlinkat(records->get(), id.c_str(), 0);
}

}  // namespace ak::launch
