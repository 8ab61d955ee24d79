#include "manager/files_use.h"

#include "base/text.h"
#include "policy/file_rules.h"

namespace ak::manager {

namespace {

using Kind = wire::FileRequest::Kind;

Result<wire::FileRequest> requestFor(Kind kind, std::string_view path) {
  wire::FileRequest request;
  request.kind = kind;
  request.path = AK_TRY(policy::sandboxFilePath(path));
  return request;
}

Result<wire::FileRequest> requestFor(Kind kind, const FileTarget& target) {
  AK_TRY(policy::checkFileMode(target.mode));
  wire::FileRequest request = AK_TRY(requestFor(kind, target.path));
  request.mode = target.mode;
  request.parents = target.parents == MissingParents::Make;
  return request;
}

}  // namespace

// The rule on paths comes before the sandbox: the same mistake has the same answer everywhere.
net::Task<Result<wire::FileInfo>> SandboxFiles::ask(std::string sandbox,
                                                    wire::FileRequest request) {
  const SandboxPtr found = AK_CO_TRY(table_.findRunning(sandbox));
  const InUse use(lifetimes_, found);
  const auto agent = found->agent;
  co_return co_await agent->file(std::move(request));
}

net::Task<Result<wire::FileInfo>> SandboxFiles::stat(std::string sandbox,
                                                     std::string path,
                                                     FinalLink last) {
  wire::FileRequest request = AK_CO_TRY(requestFor(Kind::Stat, path));
  request.follow = last == FinalLink::Follow;
  co_return co_await ask(std::move(sandbox), std::move(request));
}

net::Task<Result<std::vector<wire::FileInfo>>> SandboxFiles::list(std::string sandbox,
                                                                  std::string path) {
  std::string normal = AK_CO_TRY(policy::sandboxFilePath(path));
  const SandboxPtr found = AK_CO_TRY(table_.findRunning(sandbox));
  const InUse use(lifetimes_, found);
  const auto agent = found->agent;
  co_return co_await agent->list(std::move(normal));
}

net::Task<Result<Transfer>> SandboxFiles::read(std::string sandbox,
                                               std::string path,
                                               FileSink& sink) {
  wire::FileRequest request = AK_CO_TRY(requestFor(Kind::Read, path));
  const SandboxPtr found = AK_CO_TRY(table_.findRunning(sandbox));
  const InUse use(lifetimes_, found);
  const auto agent = found->agent;
  auto opened = co_await agent->openFile(std::move(request));
  const std::unique_ptr<channel::FileReader> file = AK_CO_TRY(std::move(opened));
  const Status wanted = co_await sink.opened(file->info());
  AK_CO_TRY(wanted);
  for (;;) {
    auto got = co_await file->next();
    const std::optional<std::string> piece = AK_CO_TRY(std::move(got));
    if (!piece) {
      co_return Transfer{file->info(), file->digest()};
    }
    const Status taken = co_await sink.data(*piece);
    AK_CO_TRY(taken);
  }
}

net::Task<Result<Transfer>> SandboxFiles::write(std::string sandbox,
                                                FileTarget target,
                                                FileSource source) {
  wire::FileRequest request = AK_CO_TRY(requestFor(Kind::Write, target));
  const SandboxPtr found = AK_CO_TRY(table_.findRunning(sandbox));
  const InUse use(lifetimes_, found);
  const auto agent = found->agent;
  auto created = co_await agent->createFile(std::move(request));
  const std::unique_ptr<channel::FileWriter> file = AK_CO_TRY(std::move(created));
  for (;;) {
    auto got = co_await source();
    const std::optional<std::string> piece = AK_CO_TRY(std::move(got));
    if (!piece) {
      break;
    }
    const Status written = co_await file->write(*piece);
    AK_CO_TRY(written);
  }
  auto committed = co_await file->commit();
  wire::FileInfo info = AK_CO_TRY(std::move(committed));
  co_return Transfer{std::move(info), file->digest()};
}

net::Task<Result<std::size_t>> SandboxFiles::writeAll(std::string sandbox,
                                                      std::vector<FileContent> files) {
  for (FileContent& file : files) {
    file.path = AK_CO_TRY(policy::sandboxFilePath(file.path));
  }
  const SandboxPtr found = AK_CO_TRY(table_.findRunning(sandbox));
  const InUse use(lifetimes_, found);
  const auto agent = found->agent;
  for (const FileContent& file : files) {
    wire::FileRequest request;
    request.path = file.path;
    request.parents = true;
    const auto written = co_await channel::writeFile(*agent, std::move(request), file.content);
    if (!written) {
      Error error = written.error();
      co_return std::unexpected(std::move(error).context(cat("write ", printable(file.path))));
    }
  }
  co_return files.size();
}

net::Task<Result<wire::FileInfo>> SandboxFiles::makeDirectory(std::string sandbox,
                                                              FileTarget target) {
  wire::FileRequest request = AK_CO_TRY(requestFor(Kind::MakeDirectory, target));
  co_return co_await ask(std::move(sandbox), std::move(request));
}

net::Task<Result<wire::FileInfo>> SandboxFiles::makeLink(std::string sandbox,
                                                         FileTarget target,
                                                         std::string text) {
  if (text.empty() || text.size() > 4095 || text.contains('\0')) {
    co_return fail(ErrorCode::InvalidArgument, "a link's text has 1 to 4095 bytes without NUL",
                   "Name what the link points to.");
  }
  wire::FileRequest request = AK_CO_TRY(requestFor(Kind::MakeLink, target));
  request.mode = 0;
  request.target = std::move(text);
  co_return co_await ask(std::move(sandbox), std::move(request));
}

net::Task<Result<wire::FileInfo>> SandboxFiles::remove(std::string sandbox,
                                                       std::string path,
                                                       Recursively recursively) {
  wire::FileRequest request = AK_CO_TRY(requestFor(Kind::Remove, path));
  request.recursive = recursively == Recursively::Yes;
  co_return co_await ask(std::move(sandbox), std::move(request));
}

}  // namespace ak::manager
