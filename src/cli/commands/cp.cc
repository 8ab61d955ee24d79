#include <array>

#include "base/text.h"
#include "cli/commands.h"
#include "cli/copy/copy.h"
#include "cli/follow.h"
#include "cli/values.h"

namespace ak::cli {

namespace {

constexpr std::array<OptionSpec, 2> kOptions = {{
    {"max-size", 0, Takes::Value, "SIZE",
     "Take at most so much out of a sandbox; 64gb if not given"},
    {"outside-links", 0, Takes::Nothing, "",
     "Also make links on this host that lead out of the copied tree"},
}};

constexpr std::array<std::string_view, 6> kExamples = {
    "agentkernel cp data.csv build:/workspace/",
    "agentkernel cp build:/workspace/report.html .",
    "agentkernel cp build:/var/log logs",
    "agentkernel cp src/. build:/workspace/src",
    "tar c . | agentkernel cp - build:/tmp/all.tar",
    "agentkernel cp build:/tmp/result.json - | jq .",
};

// "NAME:/path"; a host path with a colon is written with a slash before it: "./a:b".
struct Side {
  std::string sandbox;  // empty: this host
  std::string path;
};

Result<Side> sideOf(const std::string& word) {
  const std::size_t colon = word.find(':');
  if (colon == std::string::npos || colon == 0 || word.find('/') < colon) {
    return Side{{}, word};
  }
  Side side{word.substr(0, colon), word.substr(colon + 1)};
  if (!side.path.starts_with('/')) {
    return fail(ErrorCode::InvalidArgument,
                cat("'", printable(word), "' does not name an absolute path in the sandbox"),
                cat("Write ", printable(side.sandbox),
                    ":/path; for a file of this host with that "
                    "name, ./",
                    printable(word)));
  }
  return side;
}

Result<int> run(Context& context, const Arguments& arguments) {
  const Side source = AK_TRY(sideOf(arguments.positional()[0]));
  const Side destination = AK_TRY(sideOf(arguments.positional()[1]));
  if (source.sandbox.empty() == destination.sandbox.empty()) {
    return fail(ErrorCode::InvalidArgument, "one side is a sandbox's, the other this host's",
                "Write the sandbox's side as NAME:/path. Between two sandboxes: agentkernel cp "
                "A:/path - | agentkernel cp - B:/path");
  }
  const bool out = destination.sandbox.empty();
  RemoteFiles remote =
      AK_TRY(RemoteFiles::open(context, out ? source.sandbox : destination.sandbox));
  CopyJob job{.remote = remote, .output = context.output()};
  if (const auto most = arguments.value("max-size")) {
    job.most_bytes = AK_TRY(parseSize(*most));
  }
  if (arguments.has("outside-links")) {
    job.outside_links = CopyJob::OutsideLinks::Make;
  }
  const Status copied = out ? copyOut(job, source.path, destination.path)
                            : copyIn(job, source.path, destination.path);
  remote.progress().clear();
  if (remote.signalled() != 0) {
    return 128 + remote.signalled();
  }
  if (!copied && copied.error().code == ErrorCode::Cancelled) {
    return kNobodyReadsStatus;
  }
  AK_TRY(copied);
  if (job.left_out != 0) {
    context.output().note(cat(job.left_out, " of what is there was left out"));
    return 1;
  }
  context.output().hint(cat("copied ", readableBytes(remote.progress().totalBytes())));
  return 0;
}

}  // namespace

const CommandSpec kCopyCommand = {
    .name = "cp",
    .arguments = "SRC DST",
    .summary = "Copy files and directories into a running sandbox or out of it",
    .details =
        "One side is NAME:/path, the other a path of this host, or - for standard input or\n"
        "output. A directory is copied with all below it; into a directory that exists it goes\n"
        "under its own name, and of SRC/. only the contents. A file appears whole or not at all.\n"
        "Links are copied as links (SRC itself is followed), permission bits as the umask lets\n"
        "them, owners not. What is no file, directory or link is told and left out, and so are\n"
        "links that lead out of the tree, unless --outside-links; the status is then 1.\n"
        "What comes out was written by the sandbox: look before you run it.",
    .options = kOptions,
    .examples = kExamples,
    .least = 2,
    .most = 2,
    .completes = Completes::Files,
    .run = run,
};

}  // namespace ak::cli
