#pragma once

#include "manager/files.h"
#include "manager/lifetimes.h"
#include "manager/sandbox_table.h"

namespace ak::manager {

// Files over the agents of the sandboxes that run.
class SandboxFiles final : public Files {
 public:
  SandboxFiles(const SandboxTable& table, Lifetimes& lifetimes)
      : table_(table), lifetimes_(lifetimes) {}

  net::Task<Result<wire::FileInfo>> stat(std::string sandbox,
                                         std::string path,
                                         FinalLink last) override;
  net::Task<Result<std::vector<wire::FileInfo>>> list(std::string sandbox,
                                                      std::string path) override;
  net::Task<Result<Transfer>> read(std::string sandbox, std::string path, FileSink& sink) override;
  net::Task<Result<Transfer>> write(std::string sandbox,
                                    FileTarget target,
                                    FileSource source) override;
  net::Task<Result<std::size_t>> writeAll(std::string sandbox,
                                          std::vector<FileContent> files) override;
  net::Task<Result<wire::FileInfo>> makeDirectory(std::string sandbox, FileTarget target) override;
  net::Task<Result<wire::FileInfo>> makeLink(std::string sandbox,
                                             FileTarget target,
                                             std::string text) override;
  net::Task<Result<wire::FileInfo>> remove(std::string sandbox,
                                           std::string path,
                                           Recursively recursively) override;

 private:
  net::Task<Result<wire::FileInfo>> ask(std::string sandbox, wire::FileRequest request);

  const SandboxTable& table_;
  Lifetimes& lifetimes_;
};

}  // namespace ak::manager
