#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/text.h"
#include "manager/manager.h"

namespace ak::api::testing {

// Detached commands of one sandbox "a", where only the API's translation is tested. They run until
// they are killed; what they print is in `output`.
class FakeJobs final : public manager::Jobs {
 public:
  std::map<std::string, model::JobRecord> records;
  std::string output = "first\ncaf\xc3\xa9\n";
  model::ExecRequest last_request;
  model::AttachRequest last_attach;
  model::TerminalSize last_window;
  manager::JobLogRequest last_log;
  int last_signal = 0;
  std::chrono::milliseconds last_grace{};

  net::Task<Result<manager::JobView>> start(manager::Caller,
                                            std::string sandbox,
                                            model::ExecRequest request) override {
    last_request = request;
    if (sandbox != "a") {
      co_return missing(sandbox);
    }
    model::JobRecord job;
    job.id = "0000000" + std::to_string(records.size());
    job.sandbox = "some-uuid";
    job.command = std::move(request.command);
    job.pid = 7;
    job.started_at = *parseTime("2026-01-02T03:04:05Z");
    records[job.id] = job;
    co_return manager::JobView{sandbox, job};
  }

  // Echoes what is typed until "exit" comes.
  net::Task<Result<manager::JobView>> attach(manager::Caller,
                                             std::string sandbox,
                                             model::AttachRequest request,
                                             manager::ExecSink& sink) override {
    using Kind = manager::ExecSink::Input::Kind;
    last_attach = request;
    if (sandbox != "a" || (!request.session.empty() && request.session != "0123abcd")) {
      co_return missing(sandbox);
    }
    manager::ExecSink::Started started;
    started.sandbox = "a";
    started.session = "0123abcd";
    const Status told = co_await sink.started(started);
    AK_CO_TRY(told);
    manager::JobView view{"a", {}};
    view.record.id = "0123abcd";
    for (;;) {
      const manager::ExecSink::Input input = co_await sink.nextInput();
      if (input.kind == Kind::Closed) {
        co_return fail(ErrorCode::Cancelled, "left");
      }
      if (input.kind == Kind::Resize) {
        last_window = input.window;
      }
      if (input.data == "exit") {
        model::finish(view.record, {.exit_code = 3});
        co_return view;
      }
      const Status shown = co_await sink.standardOutput(input.data);
      AK_CO_TRY(shown);
    }
  }

  net::Task<Result<std::vector<manager::JobView>>> list(std::string sandbox) override {
    if (sandbox != "a") {
      co_return missing(sandbox);
    }
    std::vector<manager::JobView> views;
    for (const auto& [id, job] : records) {
      views.push_back({"a", job});
    }
    co_return views;
  }

  net::Task<Result<manager::JobView>> get(std::string sandbox, std::string id) override {
    co_return find(sandbox, id);
  }

  net::Task<Result<manager::JobOutput>> logs(std::string sandbox,
                                             std::string id,
                                             manager::JobLogRequest request) override {
    last_log = request;
    const auto found = find(sandbox, id);
    AK_CO_TRY(found);
    const std::string data = request.channel == manager::JobChannel::Stdout ? output : "oops\xff";
    co_return manager::JobOutput{data, 3, request.offset + data.size()};
  }

  net::Task<Result<manager::JobView>> follow(std::string sandbox,
                                             std::string id,
                                             manager::JobLogRequest request,
                                             manager::JobSink sink) override {
    last_log = request;
    manager::JobView view = AK_CO_TRY(find(sandbox, id));
    for (std::size_t at = 0; at < output.size(); at += 3) {
      const Status taken = co_await sink(std::string_view(output).substr(at, 3));
      AK_CO_TRY(taken);
    }
    model::finish(view.record, {.exit_code = 3});
    co_return view;
  }

  net::Task<Result<manager::JobView>> signal(std::string sandbox,
                                             std::string id,
                                             int signal) override {
    last_signal = signal;
    co_return find(sandbox, id);
  }

  net::Task<Result<manager::JobView>> kill(std::string sandbox,
                                           std::string id,
                                           std::chrono::milliseconds grace) override {
    last_grace = grace;
    manager::JobView view = AK_CO_TRY(find(sandbox, id));
    model::finish(records[id], {.exit_code = 143, .signal = 15, .killed = true});
    co_return view;
  }

 private:
  static std::unexpected<Error> missing(const std::string& what) {
    return fail(ErrorCode::NotFound, cat("no '", what, "'"), "Look again.");
  }

  Result<manager::JobView> find(const std::string& sandbox, const std::string& id) const {
    const auto found = records.find(id);
    if (sandbox != "a" || found == records.end()) {
      return missing(id);
    }
    return manager::JobView{sandbox, found->second};
  }
};

}  // namespace ak::api::testing
