#pragma once

#include "manager/auditor.h"
#include "manager/files.h"
#include "manager/manager.h"

namespace ak::manager {

// Files of sandboxes as one caller sees them: what is written, removed and taken out is recorded.
// Listings and stat are not.
class AuditedFiles final : public Files {
 public:
  AuditedFiles(Manager& inner, Auditor& auditor, Caller caller)
      : inner_(inner), auditor_(auditor), caller_(caller) {}

  net::Task<Result<wire::FileInfo>> stat(std::string sandbox,
                                         std::string path,
                                         FinalLink last) override {
    return inner_.files().stat(std::move(sandbox), std::move(path), last);
  }

  net::Task<Result<std::vector<wire::FileInfo>>> list(std::string sandbox,
                                                      std::string path) override {
    return inner_.files().list(std::move(sandbox), std::move(path));
  }

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
  Manager& inner_;
  Auditor& auditor_;
  const Caller caller_;
};

}  // namespace ak::manager
