#include "guest/file_writer.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include <cerrno>

#include "base/text.h"
#include "guest/file_info.h"
#include "sys/file.h"
#include "sys/random.h"

namespace ak::guest {

Result<std::unique_ptr<Stream>> FileWriter::open(wire::FileRequest request, StreamPort& port) {
  Place place =
      AK_TRY(openPlace(request.path, request.parents ? Parents::Make : Parents::MustExist));
  std::unique_ptr<FileWriter> writer(new FileWriter(std::move(request), port, std::move(place)));
  AK_TRY(writer->begin());
  return writer;
}

Status FileWriter::begin() {
  if (onKernelFileSystem(place_.directory.get())) {
    return fail(ErrorCode::Unsupported, cat(printable(request_.path), " is a kernel file"),
                "Use a command in the sandbox to write it.");
  }
  AK_TRY(inherit());
  temporary_ = cat(".ak-write-", sys::KernelRandom().hex(8));
  auto file = sys::openAt(place_.directory.get(), temporary_,
                          O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600);
  if (!file) {
    temporary_.clear();
    return std::unexpected(std::move(file).error().context(printable(request_.path)));
  }
  file_ = std::move(*file);
  return {};
}

// What the request leaves open comes from the file that is there; only a regular file (or a link)
// may be replaced.
Status FileWriter::inherit() {
  struct stat old{};
  if (::fstatat(place_.directory.get(), place_.name.c_str(), &old, AT_SYMLINK_NOFOLLOW) != 0) {
    if (errno != ENOENT) {
      return failErrno(printable(request_.path));
    }
    request_.mode = request_.mode == 0 ? 0644 : request_.mode;
    return {};
  }
  if (S_ISDIR(old.st_mode)) {
    return fail(ErrorCode::Conflict, cat(printable(request_.path), " is a directory"));
  }
  if (!S_ISREG(old.st_mode) && !S_ISLNK(old.st_mode)) {
    return fail(ErrorCode::Unsupported, cat(printable(request_.path), " is not a regular file"),
                "Remove it first, or choose another name.");
  }
  if (request_.mode == 0) {
    // Not its set-id bits: with other content it is another program (write(2) drops them too).
    request_.mode = S_ISREG(old.st_mode) ? old.st_mode & 0777U : 0644;
  }
  if (!request_.has_owner && S_ISREG(old.st_mode) &&
      (old.st_uid != ::geteuid() || old.st_gid != ::getegid())) {
    request_.has_owner = true;
    request_.uid = old.st_uid;
    request_.gid = old.st_gid;
  }
  return {};
}

FileWriter::~FileWriter() {
  if (!temporary_.empty()) {
    ::unlinkat(place_.directory.get(), temporary_.c_str(), 0);
  }
}

void FileWriter::onData(std::uint8_t channel, std::string_view bytes) {
  if (file_.valid()) {
    const Status written = sys::writeAll(file_.get(), bytes);
    if (!written) {
      file_.reset();
      port_.reset(Error(written.error()).context(printable(request_.path)));
      return;
    }
  }
  port_.grantCredit(channel, static_cast<std::uint32_t>(bytes.size()));
}

Result<wire::FileInfo> FileWriter::commit() {
  // Owner first: a change of owner clears the set-id bits that the mode may want.
  if (request_.has_owner && ::fchown(file_.get(), request_.uid, request_.gid) != 0) {
    return failErrno("set owner");
  }
  if (::fchmod(file_.get(), request_.mode) != 0) {
    return failErrno("set mode");
  }
  wire::FileInfo info = AK_TRY(describe(file_.get()));
  AK_TRY(file_.close());
  if (::renameat(place_.directory.get(), temporary_.c_str(), place_.directory.get(),
                 place_.name.c_str()) != 0) {
    return failErrno("rename");
  }
  temporary_.clear();
  return info;
}

void FileWriter::onEnd(std::uint8_t) {
  auto info = commit();
  if (!info) {
    port_.reset(std::move(info).error().context(printable(request_.path)));
    return;
  }
  port_.reply(wire::encode(*info));
  port_.close();
}

void FileWriter::onControl(std::string_view) {}

}  // namespace ak::guest
