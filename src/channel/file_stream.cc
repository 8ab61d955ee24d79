#include "channel/file_stream.h"

#include "base/text.h"

namespace ak::channel {

namespace {

Error unexpectedChannel() {
  return Error::make(ErrorCode::Protocol, "the sandbox's agent sent file content elsewhere");
}

}  // namespace

net::Task<Result<std::optional<std::string>>> SessionFileReader::next() {
  if (over_) {
    co_return std::nullopt;
  }
  auto received = co_await stream_.receiveOrEnd(kCallLimit);
  auto item = AK_CO_TRY(std::move(received));
  if (!item || left_ == 0) {
    // Its end, or more than it had when it was opened: a file that grows without end is no reason
    // to read without end. Destroying the stream tells the agent to stop.
    over_ = true;
    if (!item) {
      stream_.close();
    }
    co_return std::nullopt;
  }
  if (item->reply || item->channel != wire::kStdout) {
    co_return std::unexpected(unexpectedChannel());
  }
  if (item->data.size() > left_) {
    item->data.resize(static_cast<std::size_t>(left_));
  }
  left_ -= item->data.size();
  read_ += item->data.size();
  hash_.update(item->data);
  co_return std::move(item->data);
}

net::Task<Status> SessionFileWriter::write(std::string_view data) {
  const Status sent = co_await stream_.sendWithin(wire::kStdin, data, kCallLimit);
  AK_CO_TRY(sent);
  written_ += data.size();
  hash_.update(data);
  co_return Status();
}

net::Task<Result<wire::FileInfo>> SessionFileWriter::commit() {
  // Refused meanwhile: the agent's reason, which receiving finds, is the better one.
  const Status ended = stream_.end(wire::kStdin);
  auto received = co_await stream_.receiveWithin(kCallLimit);
  if (!received) {
    co_return std::unexpected(std::move(received).error());
  }
  AK_CO_TRY(ended);
  if (!received->reply) {
    co_return std::unexpected(unexpectedChannel());
  }
  stream_.close();
  co_return wire::decodeFileInfo(received->data);
}

net::Task<Result<std::vector<wire::FileInfo>>> readListing(StreamHandle stream) {
  std::string listing;
  for (;;) {
    auto received = co_await stream.receiveOrEnd(kCallLimit);
    auto item = AK_CO_TRY(std::move(received));
    if (!item) {
      break;
    }
    if (item->reply || item->channel != wire::kStdout) {
      co_return std::unexpected(unexpectedChannel());
    }
    listing += item->data;
    if (listing.size() > wire::kMaxListingBytes) {
      co_return fail(ErrorCode::TooLarge, "the directory's names are too long to list");
    }
  }
  stream.close();
  co_return wire::decodeListing(listing);
}

}  // namespace ak::channel
