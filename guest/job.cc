#include "guest/job.h"

#include <fcntl.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "base/text.h"
#include "guest/pty.h"
#include "sys/file.h"

namespace ak::guest {

namespace {

// Of one stream in one turn of the loop.
constexpr std::size_t kBite = 64 * 1024;

// One for all jobs: there is one thread, and nothing keeps a view into it.
std::array<char, kBite> read_buffer;

}  // namespace

Result<std::unique_ptr<Job>> Job::start(const Execution::Context& context,
                                        const wire::SandboxRules& rules,
                                        wire::JobRequest request) {
  ExecPlan plan = AK_TRY(ExecPlan::make(std::move(request.exec), rules));
  std::unique_ptr<Job> job(new Job(context));
  AK_TRY(job->begin(plan));
  return job;
}

Status Job::begin(ExecPlan& plan) {
  shell_ = plan.shell();
  std::array<sys::OwnedFd, 3> child_ends;
  // All that can fail comes before the first process.
  AK_TRY(plan.request().terminal ? openTerminal(plan, child_ends) : openPipes(child_ends));
  AK_TRY(watchAll());
  execution_ = AK_TRY(Execution::start(
      context_, plan, {child_ends[0].get(), child_ends[1].get(), child_ends[2].get()}));
  pid_ = execution_->pid();
  execution_->observe(this);
  if (plan.request().timeout_ms != 0) {
    execution_->setTimeout(std::chrono::milliseconds(plan.request().timeout_ms));
  }
  return {};
}

Status Job::openPipes(std::array<sys::OwnedFd, 3>& child_ends) {
  child_ends[0] = AK_TRY(sys::openPath("/dev/null", O_RDONLY | O_NONBLOCK));
  for (std::size_t i = 0; i < outputs_.size(); ++i) {
    Pipe pipe = AK_TRY(makePipe());
    AK_TRY(setNonBlocking(pipe.read));
    child_ends[i + 1] = std::move(pipe.write);
    outputs_[i].fd = std::move(pipe.read);
  }
  return {};
}

Status Job::openTerminal(const ExecPlan& plan, std::array<sys::OwnedFd, 3>& child_ends) {
  Pty pty = AK_TRY(openPty(plan.request().window));
  child_ends[1] = AK_TRY(pty.slave.duplicate());
  child_ends[2] = AK_TRY(pty.slave.duplicate());
  child_ends[0] = std::move(pty.slave);
  input_.fd = AK_TRY(pty.master.duplicate());
  outputs_[0].fd = std::move(pty.master);
  return {};
}

Status Job::watchAll() {
  for (Output& output : outputs_) {
    output.job = this;
    output.open = output.fd.valid();
    if (output.open) {
      AK_TRY(context_.loop.watch(output.fd.get(), EPOLLIN, output));
    }
  }
  input_.job = this;
  return input_.fd.valid() ? context_.loop.watch(input_.fd.get(), EPOLLOUT, input_) : Status{};
}

Job::~Job() {
  closeTerminal();
  context_.loop.cancel(next_bite_);
  for (Output& output : outputs_) {
    close(output);
  }
  if (execution_ != nullptr) {
    execution_->observe(nullptr);
  }
}

void Job::Output::onEvents(std::uint32_t) {
  readable = true;
  job->read();
}

void Job::Input::onEvents(std::uint32_t) {
  for (JobTypist* typist : job->typists_) {
    typist->onRoom();
  }
}

Status Job::joinTypists(JobTypist& typist) {
  if (!input_.fd.valid()) {
    return fail(ErrorCode::Conflict, exited_ ? "the job has ended" : "the job has no terminal");
  }
  typists_.push_back(&typist);
  return {};
}

void Job::leaveTypists(const JobTypist& typist) {
  std::erase(typists_, &typist);
}

void Job::signalForeground(int number) {
  if (input_.fd.valid()) {
    execution_->signalGroup(foregroundGroup(input_.fd.get(), pid_), number);
  }
}

void Job::closeTerminal() {
  for (JobTypist* typist : std::exchange(typists_, {})) {
    typist->onTerminalGone();
  }
  context_.loop.forget(input_.fd.get());
  input_.fd.reset();
}

void Job::close(Output& output) {
  output.open = false;
  output.readable = false;
  context_.loop.forget(output.fd.get());
  output.fd.reset();
}

// After the end what is left is known to be there, whether or not the kernel has said so.
bool Job::wantsMore(const Output& output) const {
  return output.open && (output.readable || exited_) &&
         (reader_ == nullptr || output.ring.room() != 0 || output.left == 0);
}

void Job::read() {
  context_.loop.cancel(next_bite_);
  next_bite_ = 0;
  for (Output& output : outputs_) {
    readSome(output);
  }
  if (std::ranges::any_of(outputs_, [this](const Output& each) { return wantsMore(each); })) {
    next_bite_ = context_.loop.after(std::chrono::milliseconds(0), [this] { read(); });
  }
  if (reader_ != nullptr) {
    reader_->onProgress();
  }
}

void Job::readSome(Output& output) {
  for (std::size_t bite = kBite; bite != 0 && wantsMore(output);) {
    std::size_t wanted = std::min(bite, output.left);
    if (reader_ != nullptr) {
      wanted = std::min(wanted, output.ring.room());
    }
    const ssize_t got = wanted == 0 ? 0 : ::read(output.fd.get(), read_buffer.data(), wanted);
    if (got > 0) {
      const auto size = static_cast<std::size_t>(got);
      output.ring.append({read_buffer.data(), size});
      output.left -= exited_ ? size : 0;
      bite -= size;
      continue;
    }
    if (got < 0 && errno == EINTR) {
      continue;
    }
    if (got < 0 && errno == EAGAIN && !exited_) {
      output.readable = false;
      return;
    }
    // End of file, EIO of a terminal whose other side is gone, or all that there was at the end.
    close(output);
  }
}

Result<wire::JobOffsets> Job::attach(JobReader& reader, const wire::JobOffsets& from) {
  if (from.out > outputs_[0].ring.end() || from.err > outputs_[1].ring.end()) {
    return fail(ErrorCode::InvalidArgument,
                cat("the job has printed ", outputs_[0].ring.end(), " and ", outputs_[1].ring.end(),
                    " bytes, less than you have"));
  }
  if (reader_ != nullptr) {
    reader_->onLost(Error::make(ErrorCode::Conflict, "somebody else reads the job's output now"));
  }
  reader_ = &reader;
  acknowledge(from);
  return wire::JobOffsets{outputs_[0].ring.begin(), outputs_[1].ring.begin()};
}

void Job::detach(const JobReader& reader) {
  if (reader_ == &reader) {
    reader_ = nullptr;
    read();  // what waited for room drops the oldest from now on
  }
}

std::size_t Job::copy(std::uint8_t channel,
                      std::uint64_t offset,
                      char* to,
                      std::size_t size) const {
  return outputs_[channel - 1U].ring.copy(offset, to, size);
}

void Job::acknowledge(const wire::JobOffsets& kept) {
  outputs_[0].ring.drop(kept.out);
  outputs_[1].ring.drop(kept.err);
  const bool waits =
      std::ranges::any_of(outputs_, [this](const Output& each) { return wantsMore(each); });
  if (waits && next_bite_ == 0) {
    next_bite_ = context_.loop.after(std::chrono::milliseconds(0), [this] { read(); });
  }
}

void Job::onMainExit(const MainExit& exit) {
  exited_ = true;
  exit_ = exit;
  for (Output& output : outputs_) {
    if (output.open) {
      // What is in the pipe by now is kept; a background child may go on writing for ever.
      output.left = input_.fd.valid() ? kTerminalRest : bytesIn(output.fd).value_or(0);
    }
  }
  closeTerminal();
  read();
}

void Job::signal(int number) {
  execution_->signal(number);
}

void Job::terminate(std::chrono::milliseconds grace,
                    const void* waiter,
                    std::function<void()> done) {
  waiters_.push_back({waiter, std::move(done)});
  execution_->terminate(grace);
}

void Job::stopWaiting(const void* waiter) {
  std::erase_if(waiters_, [waiter](const Waiter& each) { return each.who == waiter; });
}

void Job::forget() {
  forgotten_ = true;
  execution_->observe(nullptr);
  if (reader_ != nullptr) {
    reader_->onLost(Error::make(ErrorCode::NotFound, "the job is forgotten"));
    reader_ = nullptr;
  }
  for (Output& output : outputs_) {
    output.ring.clear();
  }
}

bool Job::sweep() {
  if ((waiters_.empty() && !forgotten_) || !execution_->allGone()) {
    return false;
  }
  for (const Waiter& waiter : std::exchange(waiters_, {})) {
    waiter.done();
  }
  return forgotten_;
}

std::unique_ptr<Execution> Job::release() {
  closeTerminal();
  execution_->observe(nullptr);
  if (reader_ != nullptr) {
    reader_->onLost(Error::make(ErrorCode::Cancelled, "the sandbox has ended"));
    reader_ = nullptr;
  }
  return std::move(execution_);
}

}  // namespace ak::guest
