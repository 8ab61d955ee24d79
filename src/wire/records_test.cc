// Exec, job, file, relay, stats, control and error records.
#include <algorithm>
#include <optional>

#include <gtest/gtest.h>

#include "base/tlv.h"
#include "wire/control.h"
#include "wire/error.h"
#include "wire/exec.h"
#include "wire/file.h"
#include "wire/frame.h"
#include "wire/job.h"
#include "wire/relay.h"
#include "wire/stats.h"

namespace ak::wire {
namespace {

ExecRequest fullRequest() {
  ExecRequest request;
  request.argv = {"sh", "-c", "", "echo \xff"};
  request.environment = {"A=1", "EMPTY="};
  request.directory = "/work";
  request.user = "user:group";
  request.terminal = true;
  request.window = {50, 132};
  request.close_stdin = true;
  request.timeout_ms = 1000;
  request.last = true;
  request.limits = {{7, 1, UINT64_MAX}};
  return request;
}

FileRequest fullFileRequest() {
  FileRequest request;
  request.kind = FileRequest::Kind::Write;
  request.path = "/a/b";
  request.offset = 1;
  request.length = 2;
  request.mode = 0640;
  request.has_owner = true;
  request.uid = 0;
  request.gid = 5;
  request.parents = true;
  request.recursive = true;
  return request;
}

FileRequest linkRequest() {
  FileRequest request;
  request.kind = FileRequest::Kind::MakeLink;
  request.path = "/a/b";
  request.target = "../x";
  request.follow = true;
  return request;
}

FileInfo linkInfo() {
  FileInfo info;
  info.kind = FileInfo::Kind::Symlink;
  info.name = "name with\nnewline";
  info.size = 1ULL << 60U;
  info.mode = 07777;
  info.uid = 1;
  info.gid = 2;
  info.modified_ns = -5;
  info.link_target = "../x";
  return info;
}

// Whatever is cut off: never a crash, never the whole value.
template <typename Decode, typename Value>
void expectTruncationsDiffer(const std::string& text, Decode decode, const Value& whole) {
  for (std::size_t size = 0; size < text.size(); ++size) {
    const auto value = decode(std::string_view(text).substr(0, size));
    EXPECT_TRUE(!value || *value != whole) << size;
  }
}

TEST(ExecRecordsTest, RoundTrip) {
  EXPECT_EQ(*decodeExecRequest(encode(fullRequest())), fullRequest());
  const ExecStarted started{42};
  EXPECT_EQ(*decodeExecStarted(encode(started)), started);
  const ExecExit exit{0, 9, true, true, true};
  EXPECT_EQ(*decodeExecExit(encode(exit)), exit);
  const ExecControl control{ExecControl::Kind::Signal, {1, 2}, 15};
  EXPECT_EQ(*decodeExecControl(encode(control)), control);
}

TEST(ExecRecordsTest, TruncationsAreErrorsOrSmallerValues) {
  expectTruncationsDiffer(encode(fullRequest()), decodeExecRequest, fullRequest());
  const ExecExit exit{3, 0, false, true, true};
  expectTruncationsDiffer(encode(exit), decodeExecExit, exit);
}

TEST(ExecRecordsTest, RequestsAreValidated) {
  const auto codeOf = [](auto change) {
    ExecRequest request = fullRequest();
    change(request);
    const auto decoded = decodeExecRequest(encode(request));
    return decoded ? "fine" : errorCodeInfo(decoded.error().code).name;
  };
  EXPECT_EQ(codeOf([](ExecRequest& r) { r.argv.clear(); }), "invalid_argument");
  EXPECT_EQ(codeOf([](ExecRequest& r) { r.argv[0].clear(); }), "invalid_argument");
  EXPECT_EQ(codeOf([](ExecRequest& r) { r.argv[1] = std::string("a\0b", 3); }), "invalid_argument");
  EXPECT_EQ(codeOf([](ExecRequest& r) { r.argv.resize(1025, "x"); }), "too_large");
  EXPECT_EQ(codeOf([](ExecRequest& r) { r.environment = {"=x"}; }), "invalid_argument");
  EXPECT_EQ(codeOf([](ExecRequest& r) { r.environment.assign(4097, "A=1"); }), "too_large");
  EXPECT_EQ(codeOf([](ExecRequest& r) { r.directory = "relative"; }), "invalid_argument");
  EXPECT_EQ(codeOf([](ExecRequest& r) { r.directory = "/" + std::string(5000, 'x'); }),
            "invalid_argument");
  EXPECT_EQ(codeOf([](ExecRequest& r) { r.user = std::string(300, 'x'); }), "invalid_argument");
  EXPECT_EQ(codeOf([](ExecRequest& r) { r.limits.resize(33); }), "too_large");
}

TEST(ExecRecordsTest, ControlOfAnUnknownKindIsMalformed) {
  EXPECT_FALSE(decodeExecControl(""));
  EXPECT_FALSE(decodeExecControl(std::string(TlvWriter().number(1, 4).text())));
  EXPECT_FALSE(decodeExecControl(std::string(TlvWriter().number(1, 2).number(4, 65).text())));
}

TEST(ExecRecordsTest, UnknownFieldsOfANewerPeerAreSkipped) {
  const std::string text = encode(fullRequest()) + TlvWriter().bytes(99, "new").text();
  EXPECT_EQ(*decodeExecRequest(text), fullRequest());
}

TEST(FileRecordsTest, RoundTrip) {
  EXPECT_EQ(*decodeFileRequest(encode(fullFileRequest())), fullFileRequest());
  EXPECT_EQ(*decodeFileRequest(encode(linkRequest())), linkRequest());
  EXPECT_EQ(*decodeFileInfo(encode(linkInfo())), linkInfo());
  const auto listing =
      decodeListing(encodeListingEntry(linkInfo()) + encodeListingEntry(linkInfo()));
  ASSERT_TRUE(listing);
  EXPECT_EQ(*listing, (std::vector<FileInfo>{linkInfo(), linkInfo()}));
}

TEST(FileRecordsTest, TruncationsAreErrorsOrSmallerValues) {
  expectTruncationsDiffer(encode(fullFileRequest()), decodeFileRequest, fullFileRequest());
  expectTruncationsDiffer(encode(linkInfo()), decodeFileInfo, linkInfo());
}

TEST(FileRecordsTest, PathsAreAbsoluteAndBounded) {
  FileRequest request;
  for (const std::string& path :
       {std::string(), std::string("a"), std::string("/a\0b", 4), "/" + std::string(4095, 'x')}) {
    request.path = path;
    EXPECT_EQ(decodeFileRequest(encode(request)).error().code, ErrorCode::InvalidArgument);
  }
}

TEST(FileRecordsTest, OnlyALinkHasATargetAndItIsBounded) {
  for (const std::string& target :
       {std::string(), std::string("a\0b", 3), std::string(4096, 'x')}) {
    FileRequest request = linkRequest();
    request.target = target;
    EXPECT_FALSE(decodeFileRequest(encode(request))) << target.size();
  }
  FileRequest write = fullFileRequest();
  write.target = "x";
  EXPECT_FALSE(decodeFileRequest(encode(write)));
}

TEST(FileRecordsTest, AListingNamesItsEntries) {
  FileInfo nameless = linkInfo();
  nameless.name.clear();
  EXPECT_FALSE(decodeListing(encodeListingEntry(nameless)));
}

// A guest that lists "../../x" must not lead a copy on the host out of its directory.
TEST(FileRecordsTest, EntryNamesCannotLeaveTheirDirectory) {
  for (const std::string name : {"a/b", "..", ".", "/"}) {
    FileInfo info = linkInfo();
    info.name = name;
    EXPECT_FALSE(decodeFileInfo(encode(info))) << name;
  }
}

JobRequest startRequest() {
  JobRequest request;
  request.kind = JobRequest::Kind::Start;
  request.id = "0123abcd";
  request.exec = fullRequest();
  request.exec.terminal = false;
  request.exec.window = {};
  request.exec.last = false;
  return request;
}

JobRequest jobRequest(JobRequest::Kind kind) {
  JobRequest request;
  request.kind = kind;
  request.id = "0123abcd";
  return request;
}

TEST(JobRecordsTest, RoundTrip) {
  using enum JobRequest::Kind;
  EXPECT_EQ(*decodeJobRequest(encode(startRequest())), startRequest());
  EXPECT_EQ(*decodeJobRequest(encode(JobRequest())), JobRequest());
  JobRequest attach = jobRequest(Attach);
  attach.from = {kMaxJobOffset, 7};
  EXPECT_EQ(*decodeJobRequest(encode(attach)), attach);
  JobRequest signal = jobRequest(Signal);
  signal.signal = 64;
  EXPECT_EQ(*decodeJobRequest(encode(signal)), signal);
  JobRequest kill = jobRequest(Kill);
  kill.grace_ms = kMaxGraceMs;
  EXPECT_EQ(*decodeJobRequest(encode(kill)), kill);
  EXPECT_EQ(*decodeJobRequest(encode(jobRequest(Type))), jobRequest(Type));
  JobRequest session = startRequest();
  session.exec.terminal = true;
  session.exec.close_stdin = false;
  session.exec.login_shell = true;
  session.exec.window = {50, 132};
  EXPECT_EQ(*decodeJobRequest(encode(session)), session);
  const JobAttached attached{42, {1, 2}, "/bin/zsh"};
  EXPECT_EQ(*decodeJobAttached(encode(attached)), attached);
  const JobAck ack{{3, kMaxJobOffset}};
  EXPECT_EQ(*decodeJobAck(encode(ack)), ack);
  const std::vector<JobSummary> jobs = {{"00000000", 1, true}, {"ffffffff", 2, false}};
  EXPECT_EQ(*decodeJobList(encode(jobs)), jobs);
}

TEST(JobRecordsTest, TruncationsAreErrorsOrSmallerValues) {
  expectTruncationsDiffer(encode(startRequest()), decodeJobRequest, startRequest());
  const JobAttached attached{42, {100'000, 200'000}, ""};
  expectTruncationsDiffer(encode(attached), decodeJobAttached, attached);
}

TEST(JobRecordsTest, RequestsAreValidated) {
  const auto accepted = [](auto change) {
    JobRequest request = startRequest();
    change(request);
    return decodeJobRequest(encode(request)).has_value();
  };
  for (const char* id : {"", "0123abc", "0123abcde", "0123ABCD", "../../ab", "0123abcg"}) {
    EXPECT_FALSE(accepted([&](JobRequest& r) { r.id = id; })) << id;
  }
  EXPECT_FALSE(accepted([](JobRequest& r) { r.exec.argv.clear(); }));
  EXPECT_FALSE(accepted([](JobRequest& r) { r.exec.terminal = true; }));
  EXPECT_FALSE(accepted([](JobRequest& r) { r.exec.close_stdin = false; }));
  EXPECT_FALSE(accepted([](JobRequest& r) { r.exec.last = true; }));
  EXPECT_FALSE(accepted([](JobRequest& r) { r.signal = 15; }));
  EXPECT_FALSE(accepted([](JobRequest& r) { r = jobRequest(JobRequest::Kind::Signal); }));
  EXPECT_FALSE(accepted([](JobRequest& r) { r.from.err = kMaxJobOffset + 1; }));
  EXPECT_FALSE(accepted([](JobRequest& r) { r.grace_ms = kMaxGraceMs + 1; }));
  EXPECT_EQ(decodeJobRequest(TlvWriter().number(1, 77).text()).error().code,
            ErrorCode::Unsupported);
}

// An agent that says so would fill the books, or have sums wrap.
TEST(JobRecordsTest, AnswersAreBounded) {
  EXPECT_FALSE(decodeJobAttached(encode(JobAttached{1, {kMaxJobOffset + 1, 0}, ""})));
  EXPECT_FALSE(decodeJobAttached(encode(JobAttached{1, {}, std::string(5000, 'x')})));
  EXPECT_FALSE(decodeJobAttached(encode(JobAttached{1, {}, std::string("/bin\0sh", 7)})));
  EXPECT_FALSE(decodeJobAck(encode(JobAck{{0, UINT64_MAX}})));
  EXPECT_FALSE(decodeJobList(encode(std::vector<JobSummary>{{"../../ab", 1, true}})));
  const JobSummary job{"00000000", 1, true};
  EXPECT_FALSE(decodeJobList(encode(std::vector<JobSummary>{job, job})));
  std::vector<JobSummary> many;
  for (std::size_t i = 0; i <= kMaxJobs; ++i) {
    std::string id = "00000000" + std::to_string(i);
    many.push_back({id.substr(id.size() - 8), 1, false});
  }
  EXPECT_FALSE(decodeJobList(encode(many)));
  many.pop_back();
  EXPECT_TRUE(decodeJobList(encode(many)));
}

TEST(RelayRecordsTest, RequestsRoundTripAndAreValidated) {
  using enum RelayRequest::Protocol;
  for (const RelayRequest& request : {RelayRequest{Tcp, 1}, RelayRequest{Udp, 65'535}}) {
    EXPECT_EQ(*decodeRelayRequest(encode(request)), request);
    expectTruncationsDiffer(encode(request), decodeRelayRequest, request);
  }
  EXPECT_FALSE(decodeRelayRequest(encode(RelayRequest{Tcp, 0})));
  EXPECT_FALSE(decodeRelayRequest(TlvWriter().number(1, 1).number(2, 65'536).text()));
  EXPECT_EQ(decodeRelayRequest(TlvWriter().number(1, 9).number(2, 1).text()).error().code,
            ErrorCode::Unsupported);
}

// The datagrams that come out of the pieces; nothing when they are refused.
std::optional<std::vector<std::string>> datagramsOf(std::string_view bytes, std::size_t piece) {
  DatagramDecoder decoder;
  std::vector<std::string> all;
  for (; !bytes.empty(); bytes.remove_prefix(std::min(piece, bytes.size()))) {
    decoder.feed(bytes.substr(0, piece));
    for (;;) {
      const auto next = decoder.next();
      if (!next) {
        return std::nullopt;
      }
      if (!*next) {
        break;
      }
      all.emplace_back(**next);
    }
  }
  return all;
}

TEST(RelayRecordsTest, DatagramsKeepTheirBoundariesHoweverTheyAreCut) {
  const std::vector<std::string> sent = {"hello", "", std::string(kMaxDatagram, 'x'), "last"};
  std::string bytes;
  for (const std::string& datagram : sent) {
    encodeDatagram(bytes, datagram);
  }
  for (const std::size_t piece : {std::size_t{1}, std::size_t{3}, kChunk, bytes.size()}) {
    EXPECT_EQ(datagramsOf(bytes, piece), sent) << piece;
  }
  EXPECT_EQ(datagramsOf(bytes.substr(0, bytes.size() - 1), 7)->size(), sent.size() - 1);
}

TEST(RelayRecordsTest, ADatagramThatUdpCannotCarryIsRefused) {
  EXPECT_FALSE(datagramsOf("\xff\xff", 2));
  std::string bytes;
  encodeDatagram(bytes, std::string(kMaxDatagram + 1, 'x'));
  EXPECT_FALSE(datagramsOf(bytes, bytes.size()));
}

TEST(StatsRecordTest, RoundTrips) {
  const GuestStats stats{1, 2, 3, 4, 5, UINT64_MAX};
  EXPECT_EQ(*decodeGuestStats(encode(stats)), stats);
}

TEST(ControlRecordTest, RoundTripsAndNamesWhatItDoesNotKnow) {
  const ControlRequest request{ControlRequest::Kind::Shutdown, 500};
  EXPECT_EQ(*decodeControlRequest(encode(request)), request);
  ControlRequest deadline;
  deadline.kind = ControlRequest::Kind::Deadline;
  for (const std::optional<std::uint64_t> ms :
       {std::optional<std::uint64_t>(), {0}, {kMaxDeadlineMs}}) {
    deadline.deadline_ms = ms;
    EXPECT_EQ(*decodeControlRequest(encode(deadline)), deadline);
  }
  deadline.deadline_ms = kMaxDeadlineMs + 1;
  EXPECT_FALSE(decodeControlRequest(encode(deadline)));
  EXPECT_EQ(decodeControlRequest(TlvWriter().number(1, 77).text()).error().code,
            ErrorCode::Unsupported);
  EXPECT_EQ(decodeControlRequest("").error().code, ErrorCode::Protocol);
}

TEST(ErrorRecordTest, RoundTripsAndBoundsItsText) {
  const Error error = Error::make(ErrorCode::CommandNotFound, "no x", "install x");
  EXPECT_EQ(decodeError(encodeError(error)), error);
  const Error lengthy = Error::make(ErrorCode::Internal, std::string(100'000, 'x'));
  EXPECT_EQ(decodeError(encodeError(lengthy)).message.size(), kMaxErrorText);
  EXPECT_EQ(decodeError("\xff\xff").code, ErrorCode::Protocol);
}

}  // namespace
}  // namespace ak::wire
