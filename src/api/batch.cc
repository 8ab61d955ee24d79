// POST /batch/run: several one-shot commands at once.
#include <boost/asio/this_coro.hpp>
#include <nlohmann/json.hpp>

#include "api/reply.h"
#include "api/routes.h"
#include "base/text.h"
#include "model/run_request_json.h"
#include "net/event.h"
#include "net/task_group.h"

namespace ak::api {

using net::HttpResponse;
using net::Task;
using nlohmann::json;

namespace {

constexpr std::size_t kMaxCommands = 64;
// All of them together; the same bound that one command's answer has.
constexpr std::size_t kMaxOutput = std::size_t{16} << 20U;

// Shared by the commands of one request, each of which may outlive the handler by one turn of the
// loop when the daemon ends.
struct Batch {
  explicit Batch(const net::Executor& executor) : ended(executor) {}

  std::vector<json> results;
  std::size_t output_size = 0;
  std::size_t open = 0;
  bool client_left = false;
  net::Event ended;  // a command has ended, or the client has left
};

// Collects the output of one command.
class BatchSink final : public manager::ExecSink {
 public:
  explicit BatchSink(Batch& batch) : batch_(batch) {}

  Task<Status> started(const Started&) override { co_return Status{}; }

  Task<Status> standardOutput(std::string_view data) override {
    if (data.size() > kMaxOutput - batch_.output_size) {
      overflowed_ = true;
      co_return fail(ErrorCode::TooLarge, "the commands printed more than 16 MiB together",
                     "Use POST /run/stream for output of any size.");
    }
    batch_.output_size += data.size();
    output_.append(data);
    co_return Status{};
  }

  Task<Status> standardError(std::string_view data) override { return standardOutput(data); }

  Task<Input> nextInput() override {
    while (!batch_.client_left) {
      co_await batch_.ended.wait();
    }
    co_return Input{};
  }

  // Both keys always, as clients expect it.
  json result(const Result<manager::RunResult>& run) const {
    json body = {{"output", nullptr}, {"error", nullptr}};
    if (overflowed_) {
      body["error"] = "the commands printed more than 16 MiB together; this one was ended";
    } else if (!run) {
      body["error"] = run.error().message;
      body["code"] = errorCodeInfo(run.error().code).name;
    } else {
      putText(body, "output", output_);
      body["exit_code"] = run->outcome.exit_code;
      if (run->outcome.exit_code != 0) {
        body["error"] = cat("command exited with code ", run->outcome.exit_code);
      }
    }
    return body;
  }

 private:
  Batch& batch_;
  std::string output_;
  bool overflowed_ = false;
};

// shared_ptr: the handler and all of its commands share the batch, see there.
Task<void> runOne(manager::Manager& manager,
                  manager::Caller caller,
                  model::RunRequest request,
                  std::shared_ptr<Batch> batch,
                  std::size_t index) {
  BatchSink sink(*batch);
  const auto run = co_await manager.run(caller, std::move(request), sink);
  batch->results[index] = sink.result(run);
  --batch->open;
  batch->ended.notifyAll();
}

Task<void> watchClient(net::HttpExchange& exchange, std::shared_ptr<Batch> batch) {
  co_await exchange.gone();
  batch->client_left = true;
  batch->ended.notifyAll();
}

Result<std::vector<model::RunRequest>> readCommands(const json& body) {
  const auto list = body.find("commands");
  if (list == body.end() || !list->is_array() || list->empty()) {
    return fail(ErrorCode::InvalidArgument, "'commands' must be a list that is not empty",
                R"(Send {"commands": [{"command": ["echo", "a"]}]}.)");
  }
  if (list->size() > kMaxCommands) {
    return fail(ErrorCode::TooLarge, cat("more than ", kMaxCommands, " commands in one request"),
                "Send them in several requests.");
  }
  std::vector<model::RunRequest> requests;
  for (const json& item : *list) {
    if (!item.is_object()) {
      return fail(ErrorCode::InvalidArgument, "Invalid JSON: a command must be an object");
    }
    model::RunRequest request = AK_TRY(model::runRequestFromJson(item));
    AK_TRY(model::validateCommand(request.command));
    AK_TRY(model::validateEnvironment(request.environment));
    if (request.keep || request.detach || request.terminal || request.stdin_open) {
      return fail(ErrorCode::InvalidArgument,
                  "'keep', 'detach', 'tty' and 'stdin' do not go with a batch", "Use POST /run.");
    }
    requests.push_back(std::move(request));
  }
  return requests;
}

}  // namespace

Task<Result<HttpResponse>> postBatchRun(Call& call) {
  const json body = AK_CO_TRY(parseBody(call.request().body));
  std::vector<model::RunRequest> requests = AK_CO_TRY(readCommands(body));
  const net::Executor executor = co_await boost::asio::this_coro::executor;
  const auto batch = std::make_shared<Batch>(executor);
  batch->results.resize(requests.size());
  batch->open = requests.size();
  net::TaskGroup commands(executor);
  net::TaskGroup watch(executor);
  for (std::size_t i = 0; i < requests.size(); ++i) {
    commands.spawn(runOne(call.manager, call.caller, std::move(requests[i]), batch, i));
  }
  watch.spawn(watchClient(call.exchange, batch));
  while (batch->open != 0) {
    co_await batch->ended.wait();
  }
  co_await commands.join();
  watch.cancel();
  co_await watch.join();
  co_return success({{"results", std::move(batch->results)}});
}

}  // namespace ak::api
