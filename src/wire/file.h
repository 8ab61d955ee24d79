#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

// Service::File. Open carries a FileRequest; paths are absolute in the sandbox. The answers:
//
//   Stat                  Reply{FileInfo}, Close
//   List                  Data on kStdout: a TLV of {1 FileInfo}*, cut anywhere; End, Close
//   Read                  Reply{FileInfo}, Data on kStdout, End, Close
//   Write                 the host sends Data on kStdin and End; then Reply{FileInfo}, Close
//   MakeDirectory         Reply{FileInfo}, Close
//   MakeLink              Reply{FileInfo}, Close
//   Remove                Reply{FileInfo of what was removed}, Close
//
// or Reset{error} at any point. A write becomes visible only as a whole, with its End: the old
// content stays if the host resets, the session ends or the disk is full.
namespace ak::wire {

struct FileInfo {
  enum class Kind : std::uint8_t { Regular = 1, Directory = 2, Symlink = 3, Other = 4 };
  Kind kind = Kind::Other;
  std::string name;  // in listings: the entry's name
  std::uint64_t size = 0;
  std::uint32_t mode = 0;  // permission bits, 07777
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
  std::int64_t modified_ns = 0;
  std::string link_target;  // Symlink only
  bool operator==(const FileInfo&) const = default;
};

struct FileRequest {
  enum class Kind : std::uint8_t {
    Stat = 1,  // a final symbolic link is described itself unless `follow`
    List = 2,
    Read = 3,
    Write = 4,
    MakeDirectory = 5,  // an existing directory is success with `parents`
    Remove = 6,         // missing is NotFound
    MakeLink = 7,       // symbolic; replaces a file or a link
  };
  Kind kind = Kind::Stat;
  std::string path;
  std::uint64_t offset = 0;  // Read: first byte
  std::uint64_t length = 0;  // Read: at most so many bytes; 0: to the end
  std::uint32_t mode =
      0;  // Write, MakeDirectory; 0: as the old file but for set-id bits, else 0644 or 0755
  bool has_owner = false;  // Write, MakeDirectory: uid and gid are meant; else as the old file
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
  bool parents = false;    // Write, MakeDirectory: make missing parents (0755)
  bool recursive = false;  // Remove: a directory with all below it
  bool follow = false;     // Stat: a final symbolic link stands for what it points to
  std::string target;      // MakeLink: its text, as it is; 1 to 4095 bytes
  bool operator==(const FileRequest&) const = default;
};

// More is TooLarge. Bytes too: 64 Ki links of 4 KiB would be a quarter of a gigabyte.
inline constexpr std::size_t kMaxListing = 64 * 1024;  // entries
inline constexpr std::size_t kMaxListingBytes = 32 * 1024 * 1024;

std::string encode(const FileRequest& request);
std::string encode(const FileInfo& info);
// One entry of a listing's byte stream.
std::string encodeListingEntry(const FileInfo& info);
Result<FileRequest> decodeFileRequest(std::string_view text);
Result<FileInfo> decodeFileInfo(std::string_view text);
// Every entry has a name, which is one component. A hostile guest may name one twice.
Result<std::vector<FileInfo>> decodeListing(std::string_view text);

}  // namespace ak::wire
