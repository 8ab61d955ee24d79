#include "guest/file_service.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <limits>

#include "base/text.h"
#include "guest/file_info.h"
#include "guest/file_writer.h"
#include "guest/guest_path.h"
#include "guest/simple_stream.h"
#include "sys/file.h"
#include "sys/random.h"

namespace ak::guest {

namespace {

// Bytes for stdout with credit, from a file or from a listing made beforehand.
class FileReader final : public AnsweredStream {
 public:
  FileReader(StreamPort& port, sys::OwnedFd file, std::uint64_t offset, std::uint64_t length)
      : port_(port), file_(std::move(file)), offset_(offset), left_(length) {}

  Piece produce(char* buffer, std::size_t size) override {
    const std::size_t credit = port_.credit(wire::kStdout);
    const std::size_t room =
        static_cast<std::size_t>(std::min<std::uint64_t>(std::min(size, credit), left_));
    if (credit == 0) {
      return {};
    }
    ssize_t got = 0;
    do {
      got = room == 0 ? 0 : ::pread(file_.get(), buffer, room, static_cast<off_t>(offset_));
    } while (got < 0 && errno == EINTR);
    if (got < 0) {
      port_.reset(Error::fromErrno(errno, "read"));
      return {};
    }
    if (got == 0) {
      port_.end(wire::kStdout);
      port_.close();
      return {};
    }
    offset_ += static_cast<std::uint64_t>(got);
    left_ -= static_cast<std::uint64_t>(got);
    return {static_cast<std::size_t>(got), wire::kStdout};
  }

 private:
  StreamPort& port_;
  sys::OwnedFd file_;
  std::uint64_t offset_;
  std::uint64_t left_;
};

class ListingReader final : public AnsweredStream {
 public:
  ListingReader(StreamPort& port, std::string listing)
      : port_(port), listing_(std::move(listing)) {}

  Piece produce(char* buffer, std::size_t size) override {
    const std::size_t credit = port_.credit(wire::kStdout);
    const std::size_t count = std::min({size, credit, listing_.size() - offset_});
    if (count != 0) {
      std::memcpy(buffer, listing_.data() + offset_, count);
      offset_ += count;
    } else if (offset_ == listing_.size()) {
      port_.end(wire::kStdout);
      port_.close();
    }
    return {count, wire::kStdout};
  }

 private:
  StreamPort& port_;
  std::string listing_;
  std::size_t offset_ = 0;
};

Result<std::unique_ptr<Stream>> statPath(const wire::FileRequest& request, StreamPort& port) {
  const sys::OwnedFd node =
      AK_TRY(openNode(request.path, request.follow ? LastLink::Follow : LastLink::Keep));
  const wire::FileInfo info = AK_TRY(describe(node.get()));
  return answer(port, wire::encode(info));
}

Result<std::unique_ptr<Stream>> listPath(const wire::FileRequest& request, StreamPort& port) {
  std::string listing = AK_TRY(listDirectory(request.path));
  port.ready();
  return std::make_unique<ListingReader>(port, std::move(listing));
}

Result<std::unique_ptr<Stream>> readPath(const wire::FileRequest& request, StreamPort& port) {
  constexpr auto kMost = static_cast<std::uint64_t>(std::numeric_limits<off_t>::max());
  if (request.offset > kMost) {
    return fail(ErrorCode::InvalidArgument, "the offset is beyond any file");
  }
  sys::OwnedFd file = AK_TRY(openRegular(request.path));
  const wire::FileInfo info = AK_TRY(describe(file.get()));
  port.reply(wire::encode(info));
  port.ready();
  const std::uint64_t most = kMost - request.offset;
  return std::make_unique<FileReader>(port, std::move(file), request.offset,
                                      request.length == 0 ? most : std::min(request.length, most));
}

Status refuseKernelPlace(const Place& place, const std::string& path) {
  if (onKernelFileSystem(place.directory.get())) {
    return fail(ErrorCode::Unsupported, cat(printable(path), " belongs to the kernel"));
  }
  return {};
}

Result<std::unique_ptr<Stream>> makeDirectory(const wire::FileRequest& request, StreamPort& port) {
  const Place place =
      AK_TRY(openPlace(request.path, request.parents ? Parents::Make : Parents::MustExist));
  AK_TRY(refuseKernelPlace(place, request.path));
  const mode_t mode = request.mode == 0 ? 0755 : request.mode;
  const bool made = ::mkdirat(place.directory.get(), place.name.c_str(), mode) == 0;
  if (!made && !(errno == EEXIST && request.parents)) {
    return failErrno(cat("make directory ", printable(request.path)));
  }
  const sys::OwnedFd directory =
      AK_TRY(sys::openAt(place.directory.get(), place.name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
  if (made && request.has_owner && ::fchown(directory.get(), request.uid, request.gid) != 0) {
    return failErrno("set owner");
  }
  if (made && ::fchmod(directory.get(), mode) != 0) {
    return failErrno("set mode");
  }
  return answer(port, wire::encode(AK_TRY(describe(directory.get()))));
}

// What is at the place may be replaced: nothing, a file or a link, as for a write.
Status refuseOtherThanFile(const Place& place, const std::string& path) {
  struct stat old{};
  if (::fstatat(place.directory.get(), place.name.c_str(), &old, AT_SYMLINK_NOFOLLOW) != 0) {
    return errno == ENOENT ? Status() : failErrno(printable(path));
  }
  return S_ISREG(old.st_mode) || S_ISLNK(old.st_mode)
             ? Status()
             : fail(ErrorCode::Conflict, cat(printable(path), " is not a file or a link"));
}

Result<std::unique_ptr<Stream>> makeLink(const wire::FileRequest& request, StreamPort& port) {
  const Place place =
      AK_TRY(openPlace(request.path, request.parents ? Parents::Make : Parents::MustExist));
  AK_TRY(refuseKernelPlace(place, request.path));
  AK_TRY(refuseOtherThanFile(place, request.path));
  const int directory = place.directory.get();
  const std::string temporary = cat(".ak-write-", sys::KernelRandom().hex(8));
  if (::symlinkat(request.target.c_str(), directory, temporary.c_str()) != 0) {
    return failErrno(cat("make link ", printable(request.path)));
  }
  if (::renameat(directory, temporary.c_str(), directory, place.name.c_str()) != 0) {
    const auto failed = failErrno(cat("make link ", printable(request.path)));
    ::unlinkat(directory, temporary.c_str(), 0);
    return failed;
  }
  const sys::OwnedFd link = AK_TRY(sys::openAt(directory, place.name, O_PATH | O_NOFOLLOW));
  return answer(port, wire::encode(AK_TRY(describe(link.get()))));
}

Result<std::unique_ptr<Stream>> removePath(const wire::FileRequest& request, StreamPort& port) {
  const Place place = AK_TRY(openPlace(request.path, Parents::MustExist));
  AK_TRY(refuseKernelPlace(place, request.path));
  const sys::OwnedFd node =
      AK_TRY(sys::openAt(place.directory.get(), place.name, O_PATH | O_NOFOLLOW));
  const wire::FileInfo info = AK_TRY(describe(node.get()));
  const bool directory = info.kind == wire::FileInfo::Kind::Directory;
  if (directory && request.recursive) {
    AK_TRY(sys::removeTree(place.directory.get(), place.name));
  } else if (::unlinkat(place.directory.get(), place.name.c_str(), directory ? AT_REMOVEDIR : 0) !=
             0) {
    return errno == ENOTEMPTY
               ? fail(ErrorCode::Conflict, cat(printable(request.path), " is not empty"),
                      "Ask for a recursive removal.")
               : failErrno(cat("remove ", printable(request.path)));
  }
  return answer(port, wire::encode(info));
}

}  // namespace

Result<std::unique_ptr<Stream>> openFileStream(std::string_view text, StreamPort& port) {
  wire::FileRequest request = AK_TRY(wire::decodeFileRequest(text));
  switch (request.kind) {
    case wire::FileRequest::Kind::Stat:
      return statPath(request, port);
    case wire::FileRequest::Kind::List:
      return listPath(request, port);
    case wire::FileRequest::Kind::Read:
      return readPath(request, port);
    case wire::FileRequest::Kind::Write:
      return FileWriter::open(std::move(request), port);
    case wire::FileRequest::Kind::MakeDirectory:
      return makeDirectory(request, port);
    case wire::FileRequest::Kind::Remove:
      return removePath(request, port);
    case wire::FileRequest::Kind::MakeLink:
      return makeLink(request, port);
  }
  return fail(ErrorCode::Unsupported, "unknown file request");
}

}  // namespace ak::guest
