#pragma once

#include <cstdio>
#include <string>
#include <string_view>

#include "base/text.h"

namespace ak::image::testing {

// Writes archives byte by byte, so that tests can write what no tool would.
class TarWriter {
 public:
  struct Member {
    std::string name;
    char type = '0';
    std::string content = {};
    std::string link = {};
    unsigned mode = 0644;
    unsigned uid = 0;
    unsigned gid = 0;
    unsigned major = 0;
    unsigned minor = 0;
  };

  TarWriter& add(const Member& member) {
    std::string header(512, '\0');
    put(header, 0, member.name.substr(0, 100));
    number(header, 100, 8, member.mode);
    number(header, 108, 8, member.uid);
    number(header, 116, 8, member.gid);
    number(header, 124, 12, member.content.size());
    number(header, 136, 12, 1'600'000'000);
    header[156] = member.type;
    put(header, 157, member.link.substr(0, 100));
    put(header, 257, std::string_view("ustar\00000", 8));
    number(header, 329, 8, member.major);
    number(header, 337, 8, member.minor);
    seal(header);
    bytes_ += header;
    bytes_ += member.content;
    bytes_.resize((bytes_.size() + 511) / 512 * 512);
    return *this;
  }

  TarWriter& file(std::string name, std::string content) {
    return add({.name = std::move(name), .content = std::move(content)});
  }

  TarWriter& directory(std::string name, unsigned mode = 0755) {
    return add({.name = std::move(name), .type = '5', .mode = mode});
  }

  TarWriter& symlink(std::string name, std::string target) {
    return add({.name = std::move(name), .type = '2', .link = std::move(target)});
  }

  TarWriter& hardLink(std::string name, std::string target) {
    return add({.name = std::move(name), .type = '1', .link = std::move(target)});
  }

  // A pax header for the next member.
  TarWriter& pax(std::string_view key, std::string_view value) {
    const std::size_t rest = key.size() + value.size() + 3;
    std::size_t length = rest + 1;
    while (length != rest + std::to_string(length).size()) {
      length = rest + std::to_string(length).size();
    }
    return add({.name = "pax", .type = 'x', .content = cat(length, " ", key, "=", value, "\n")});
  }

  TarWriter& gnuLong(char type, std::string_view name) {
    return add({.name = "././@LongLink", .type = type, .content = std::string(name) + '\0'});
  }

  TarWriter& raw(std::string_view bytes) {
    bytes_ += bytes;
    return *this;
  }

  std::string finish() const { return bytes_ + std::string(1024, '\0'); }

  const std::string& unfinished() const { return bytes_; }

  static void seal(std::string& header) {
    header.replace(148, 8, "        ");
    unsigned sum = 0;
    for (const char c : header) {
      sum += static_cast<unsigned char>(c);
    }
    number(header, 148, 7, sum);
  }

  static void number(std::string& header, std::size_t at, int size, std::uint64_t value) {
    char text[16];
    std::snprintf(text, sizeof text, "%0*llo", size - 1, static_cast<unsigned long long>(value));
    header.replace(at, static_cast<std::size_t>(size), std::string(text) + '\0');
  }

 private:
  static void put(std::string& header, std::size_t at, std::string_view text) {
    header.replace(at, text.size(), text);
  }

  std::string bytes_;
};

}  // namespace ak::image::testing
