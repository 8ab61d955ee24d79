#pragma once

#include <map>
#include <string>

#include "base/text.h"
#include "manager/files.h"

namespace ak::api::testing {

// Files of one sandbox "a" as a map of paths, where only the API's translation is tested.
class FakeFiles final : public manager::Files {
 public:
  std::map<std::string, std::string> contents;
  manager::FileTarget last_target;
  std::string last_text;
  manager::Recursively last_recursively = manager::Recursively::No;
  manager::FinalLink last_link = manager::FinalLink::Keep;
  bool cut = false;  // readings fail in the middle

  net::Task<Result<wire::FileInfo>> stat(std::string sandbox,
                                         std::string path,
                                         manager::FinalLink last) override {
    last_link = last;
    co_return find(sandbox, path);
  }

  net::Task<Result<std::vector<wire::FileInfo>>> list(std::string sandbox, std::string) override {
    std::vector<wire::FileInfo> entries;
    for (const auto& [path, content] : contents) {
      wire::FileInfo info = AK_CO_TRY(find(sandbox, path));
      info.name = path.substr(1);
      entries.push_back(std::move(info));
    }
    co_return entries;
  }

  net::Task<Result<manager::Transfer>> read(std::string sandbox,
                                            std::string path,
                                            manager::FileSink& sink) override {
    const wire::FileInfo info = AK_CO_TRY(find(sandbox, path));
    const Status wanted = co_await sink.opened(info);
    AK_CO_TRY(wanted);
    const std::string content = contents[path];
    for (std::size_t at = 0; at < content.size(); at += 1000) {
      const Status taken = co_await sink.data(std::string_view(content).substr(at, 1000));
      AK_CO_TRY(taken);
      if (cut) {
        co_return fail(ErrorCode::Unavailable, "the sandbox ended");
      }
    }
    co_return transfer(info, content);
  }

  net::Task<Result<manager::Transfer>> write(std::string sandbox,
                                             manager::FileTarget target,
                                             manager::FileSource source) override {
    last_target = target;
    if (sandbox != "a") {
      co_return missing(sandbox);
    }
    std::string content;
    for (;;) {
      auto piece = co_await source();
      const auto got = AK_CO_TRY(std::move(piece));
      if (!got) {
        break;
      }
      content += *got;
    }
    contents[target.path] = content;
    co_return transfer(*find(sandbox, target.path), content);
  }

  net::Task<Result<std::size_t>> writeAll(std::string sandbox,
                                          std::vector<manager::FileContent> files) override {
    if (sandbox != "a") {
      co_return missing(sandbox);
    }
    for (manager::FileContent& file : files) {
      contents[file.path] = std::move(file.content);
    }
    co_return files.size();
  }

  net::Task<Result<wire::FileInfo>> makeDirectory(std::string,
                                                  manager::FileTarget target) override {
    last_target = std::move(target);
    wire::FileInfo info;
    info.kind = wire::FileInfo::Kind::Directory;
    co_return info;
  }

  net::Task<Result<wire::FileInfo>> makeLink(std::string,
                                             manager::FileTarget target,
                                             std::string text) override {
    last_target = std::move(target);
    last_text = text;
    wire::FileInfo info;
    info.kind = wire::FileInfo::Kind::Symlink;
    info.link_target = std::move(text);
    co_return info;
  }

  net::Task<Result<wire::FileInfo>> remove(std::string sandbox,
                                           std::string path,
                                           manager::Recursively recursively) override {
    last_recursively = recursively;
    wire::FileInfo info = AK_CO_TRY(find(sandbox, path));
    contents.erase(path);
    co_return info;
  }

 private:
  static std::unexpected<Error> missing(const std::string& what) {
    return fail(ErrorCode::NotFound, cat("no '", what, "'"), "Look again.");
  }

  static manager::Transfer transfer(const wire::FileInfo& info, const std::string& content) {
    return {info, {content.size(), cat("digest of ", content.size())}};
  }

  Result<wire::FileInfo> find(const std::string& sandbox, const std::string& path) const {
    const auto found = contents.find(path);
    if (sandbox != "a" || found == contents.end()) {
      return missing(path);
    }
    wire::FileInfo info;
    info.kind = wire::FileInfo::Kind::Regular;
    info.size = found->second.size();
    info.mode = 0640;
    return info;
  }
};

}  // namespace ak::api::testing
