#pragma once

#include <functional>
#include <utility>

#include "manager/manager.h"

namespace ak::manager {

// Learns from a command's start what it was started in; passes everything on.
class WatchedSink final : public ExecSink {
 public:
  using Told = std::function<void(const Started&)>;

  WatchedSink(ExecSink& sink, Told told) : sink_(sink), told_(std::move(told)) {}

  net::Task<Status> started(const Started& started) override {
    told_(started);
    return sink_.started(started);
  }

  net::Task<Status> standardOutput(std::string_view data) override {
    return sink_.standardOutput(data);
  }

  net::Task<Status> standardError(std::string_view data) override {
    return sink_.standardError(data);
  }

  net::Task<Input> nextInput() override { return sink_.nextInput(); }

 private:
  ExecSink& sink_;
  Told told_;
};

}  // namespace ak::manager
