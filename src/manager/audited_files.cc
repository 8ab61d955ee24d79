#include "manager/audited_files.h"

#include "manager/operation_record.h"

namespace ak::manager {

namespace {

using audit::Event;
using audit::Kind;

// One event per file, as long as that does not fill the log by one request.
constexpr std::size_t kMostOneByOne = 100;

OperationRecord::What operation(Kind kind,
                                std::string_view word,
                                const Result<SandboxView>& known,
                                std::pair<const std::string&, const std::string&> where) {
  OperationRecord::What what = OperationRecord::aboutSandbox(kind, word, where.first, known);
  what.path = where.second;
  return what;
}

Event& addContent(Event& event, const Transfer& moved) {
  event.number("bytes", static_cast<std::int64_t>(moved.digest.size));
  return moved.digest.sha256.empty() ? event : event.text("sha256", moved.digest.sha256);
}

}  // namespace

net::Task<Result<Transfer>> AuditedFiles::read(std::string sandbox,
                                               std::string path,
                                               FileSink& sink) {
  AK_CO_TRY(auditor_.ready());
  const Result<SandboxView> known = co_await inner_.get(sandbox);
  OperationRecord record(auditor_, caller_,
                         operation(Kind::FileRead, "file_read", known, {sandbox, path}));
  Result<Transfer> done = co_await inner_.files().read(std::move(sandbox), std::move(path), sink);
  if (done) {
    Event event = record.event();
    record.done(addContent(event, *done));
  } else {
    record.failed(done.error());
  }
  co_return done;
}

net::Task<Result<Transfer>> AuditedFiles::write(std::string sandbox,
                                                FileTarget target,
                                                FileSource source) {
  AK_CO_TRY(auditor_.ready());
  const Result<SandboxView> known = co_await inner_.get(sandbox);
  OperationRecord record(auditor_, caller_,
                         operation(Kind::FileWritten, "file_write", known, {sandbox, target.path}));
  Result<Transfer> done =
      co_await inner_.files().write(std::move(sandbox), std::move(target), std::move(source));
  if (done) {
    Event event = record.event();
    record.done(addContent(event, *done));
  } else {
    record.failed(done.error());
  }
  co_return done;
}

net::Task<Result<std::size_t>> AuditedFiles::writeAll(std::string sandbox,
                                                      std::vector<FileContent> files) {
  AK_CO_TRY(auditor_.ready());
  const Result<SandboxView> known = co_await inner_.get(sandbox);
  const std::string name = known ? known->record.name : sandbox;
  const std::string uuid = known ? known->record.uuid : "";
  OperationRecord record(auditor_, caller_, {Kind::FileWritten, "file_write", name, uuid, {}});
  std::vector<std::pair<std::string, std::int64_t>> written;
  for (const FileContent& file : files) {
    written.emplace_back(file.path, static_cast<std::int64_t>(file.content.size()));
  }
  Result<std::size_t> done = co_await inner_.files().writeAll(std::move(sandbox), std::move(files));
  if (!done) {
    record.failed(done.error());
    co_return done;
  }
  if (written.size() > kMostOneByOne) {
    std::vector<std::string> paths;
    for (auto& [path, size] : written) {
      paths.push_back(std::move(path));
    }
    record.done(record.event()
                    .texts("paths", paths)
                    .number("count", static_cast<std::int64_t>(paths.size())));
    co_return done;
  }
  record.nothing();
  for (const auto& [path, size] : written) {
    const OperationRecord::What what{Kind::FileWritten, "file_write", name, uuid, path};
    OperationRecord one(auditor_, caller_, what);
    one.done(one.event().number("bytes", size));
  }
  co_return done;
}

net::Task<Result<wire::FileInfo>> AuditedFiles::makeDirectory(std::string sandbox,
                                                              FileTarget target) {
  AK_CO_TRY(auditor_.ready());
  const Result<SandboxView> known = co_await inner_.get(sandbox);
  OperationRecord record(auditor_, caller_,
                         operation(Kind::FileWritten, "file_write", known, {sandbox, target.path}));
  Result<wire::FileInfo> done =
      co_await inner_.files().makeDirectory(std::move(sandbox), std::move(target));
  if (done) {
    record.done(record.event().text("entry", "directory"));
  } else {
    record.failed(done.error());
  }
  co_return done;
}

net::Task<Result<wire::FileInfo>> AuditedFiles::makeLink(std::string sandbox,
                                                         FileTarget target,
                                                         std::string text) {
  AK_CO_TRY(auditor_.ready());
  const Result<SandboxView> known = co_await inner_.get(sandbox);
  OperationRecord record(auditor_, caller_,
                         operation(Kind::FileWritten, "file_write", known, {sandbox, target.path}));
  Result<wire::FileInfo> done =
      co_await inner_.files().makeLink(std::move(sandbox), std::move(target), std::move(text));
  if (done) {
    record.done(record.event().text("entry", "link"));
  } else {
    record.failed(done.error());
  }
  co_return done;
}

net::Task<Result<wire::FileInfo>> AuditedFiles::remove(std::string sandbox,
                                                       std::string path,
                                                       Recursively recursively) {
  AK_CO_TRY(auditor_.ready());
  const Result<SandboxView> known = co_await inner_.get(sandbox);
  OperationRecord record(auditor_, caller_,
                         operation(Kind::FileRemoved, "file_remove", known, {sandbox, path}));
  Result<wire::FileInfo> done =
      co_await inner_.files().remove(std::move(sandbox), std::move(path), recursively);
  if (done) {
    Event event = record.event();
    record.done(recursively == Recursively::Yes ? event.flag("recursive", true) : event);
  } else {
    record.failed(done.error());
  }
  co_return done;
}

}  // namespace ak::manager
