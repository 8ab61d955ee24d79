#pragma once

#include <array>
#include <memory>
#include <string>

#include "guest/execution.h"
#include "guest/stream.h"
#include "wire/exec.h"

namespace ak::guest {

// Takes over what has no stream any more, until its last process is gone.
class ExecutionKeeper {
 public:
  virtual ~ExecutionKeeper() = default;
  virtual void keep(std::unique_ptr<Execution> execution) = 0;
  // An exec that had the sandbox for itself is over, and the host knows it or is gone.
  virtual void lastExecOver() = 0;
};

// Service::Exec (wire/exec.h): one command and its pipes or terminal.
class ExecStream final : public Stream, public ExecutionObserver {
 public:
  static Result<std::unique_ptr<Stream>> open(const Execution::Context& context,
                                              const wire::SandboxRules& rules,
                                              std::string_view request,
                                              StreamPort& port,
                                              ExecutionKeeper& keeper);
  ~ExecStream() override;

  Piece produce(char* buffer, std::size_t size) override;
  void onData(std::uint8_t channel, std::string_view bytes) override;
  void onEnd(std::uint8_t channel) override;
  void onControl(std::string_view payload) override;
  void onMainExit(const MainExit& exit) override;

 private:
  // The agent's end of stdout or stderr.
  class Output final : public EventHandler {
   public:
    void onEvents(std::uint32_t) override;
    ExecStream* stream = nullptr;
    sys::OwnedFd fd;
    std::uint8_t channel = 0;
    bool readable = false;
    bool open = false;
    std::size_t left = SIZE_MAX;  // after the main process' end: what may still be read
  };

  class Input final : public EventHandler {
   public:
    void onEvents(std::uint32_t) override;
    ExecStream* stream = nullptr;
    sys::OwnedFd fd;
    std::string waiting;  // at most the credit window
    bool ended = false;
  };

  ExecStream(const Execution::Context& context, StreamPort& port, ExecutionKeeper& keeper)
      : context_(context), port_(port), keeper_(keeper) {}

  Status start(ExecPlan& plan);
  Status watchAll();
  Status openPipes(ExecPlan& plan, std::array<sys::OwnedFd, 3>& child_ends);
  Status openTerminal(ExecPlan& plan, std::array<sys::OwnedFd, 3>& child_ends);
  std::size_t readOutput(Output& output, char* buffer, std::size_t size);
  void closeOutput(Output& output);
  void writeInput();
  void closeInput();
  void finishIfDrained();

  Execution::Context context_;
  StreamPort& port_;
  ExecutionKeeper& keeper_;
  std::unique_ptr<Execution> execution_;
  std::array<Output, 2> outputs_;
  Input input_;
  bool terminal_ = false;
  bool last_ = false;
  bool exited_ = false;
  bool done_ = false;
  MainExit exit_;
  std::size_t turn_ = 0;  // which output is read first
};

}  // namespace ak::guest
