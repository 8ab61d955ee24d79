// GET /events: what happens to sandboxes, as it happens.
#include <boost/asio/this_coro.hpp>
#include <nlohmann/json.hpp>

#include "api/reply.h"
#include "api/routes.h"
#include "api/sinks.h"
#include "api/streaming.h"
#include "base/text.h"
#include "manager/event_feed.h"
#include "net/task_group.h"

namespace ak::api {

using manager::EventFeed;
using manager::SandboxEvent;
using net::Task;
using nlohmann::json;

namespace {

struct Filter {
  std::string sandbox;  // name or uuid; "" any
  manager::LabelFilter labels;

  bool passes(const SandboxEvent& event) const {
    return (sandbox.empty() || sandbox == event.sandbox || sandbox == event.uuid) &&
           model::matches(event.labels, labels);
  }
};

Filter filterOf(const net::HttpRequest& request) {
  Filter filter;
  for (const auto& [key, value] : request.query) {
    if (key == "sandbox") {
      filter.sandbox = value;
    } else if (key == "label") {
      if (auto label = model::parseLabel(value, ':')) {
        filter.labels.push_back(*std::move(label));
      }
    }
  }
  return filter;
}

// The shape that other versions of this API have, and the uuid.
json toJson(const SandboxEvent& event) {
  json metadata = json::object();
  for (const SandboxEvent::Detail& detail : event.details) {
    metadata[std::string(detail.key)] = detail.number ? json(*detail.number) : json(detail.text);
  }
  return {{"event", event.type}, {"timestamp", event.time}, {"sandbox", event.sandbox},
          {"uuid", event.uuid},  {"labels", event.labels},  {"metadata", std::move(metadata)}};
}

std::string idOf(const EventFeed& feed, std::uint64_t number) {
  return cat(feed.instance(), ".", number);
}

// Behind the event that the client saw last, else from now on. The numbers of another daemon say
// nothing here: all that is kept comes, and the client may know some of it.
std::uint64_t beginning(const net::HttpRequest& request, const EventFeed& feed) {
  const std::string* seen = request.header("last-event-id");
  if (seen == nullptr || seen->empty()) {
    return feed.newest();
  }
  const std::size_t dot = seen->find('.');
  if (dot == std::string::npos || seen->substr(0, dot) != feed.instance()) {
    return 0;
  }
  return parseNumber<std::uint64_t>(std::string_view(*seen).substr(dot + 1)).value_or(0);
}

// Gives what comes to the client until it is gone: one text for each event, one for each gap.
struct Writer {
  std::function<Task<Status>(const SandboxEvent&)> event;
  std::function<Task<Status>(std::uint64_t)> missed;
};

Task<Status> follow(EventFeed& feed, std::uint64_t seen, Filter filter, Writer writer) {
  for (;;) {
    const EventFeed::Batch batch = feed.since(seen);
    seen = feed.newest();
    if (batch.missed != 0) {
      const Status written = co_await writer.missed(batch.missed);
      AK_CO_TRY(written);
    }
    for (const SandboxEvent& event : batch.events) {
      if (filter.passes(event)) {
        const Status written = co_await writer.event(event);
        AK_CO_TRY(written);
      }
    }
    if (feed.newest() == seen) {
      co_await feed.changed();
    }
  }
}

// A comment first, so that a client knows that it is heard before anything happens.
Task<void> asEvents(Call& call, EventFeed& feed, std::uint64_t seen, Filter filter) {
  net::HttpExchange& exchange = call.exchange;
  exchange.beginStream("text/event-stream");
  (void)co_await exchange.write(": connected\n\n", net::Flush::Soon);
  net::TaskGroup beside(co_await boost::asio::this_coro::executor);
  beside.spawn(heartbeat(exchange, call.context.heartbeat));
  const Writer writer{
      [&](const SandboxEvent& event) {
        return exchange.write(cat("id: ", idOf(feed, event.number), "\nevent: ", event.type,
                                  "\ndata: ", dump(toJson(event)), "\n\n"),
                              net::Flush::Soon);
      },
      [&](std::uint64_t missed) {
        return exchange.write(cat(": lagged ", missed, " events\n\n"), net::Flush::Soon);
      }};
  (void)co_await follow(feed, seen, std::move(filter), writer);  // ends when the client is gone
}

// One object a line.
Task<void> asFrames(Call& call, EventFeed& feed, std::uint64_t seen, Filter filter) {
  call.exchange.upgrade(kProtocol);
  FrameSink sink(call.exchange);
  const Writer writer{[&](const SandboxEvent& event) -> Task<Status> {
                        json line = toJson(event);
                        line["id"] = idOf(feed, event.number);
                        co_return co_await sink.standardOutput(dump(line) + "\n");
                      },
                      [&](std::uint64_t missed) -> Task<Status> {
                        const json line = {{"lagged", missed}};
                        co_return co_await sink.standardOutput(dump(line) + "\n");
                      }};
  (void)co_await follow(feed, seen, std::move(filter), writer);
}

}  // namespace

Task<void> getEvents(Call& call) {
  EventFeed& feed = call.context.events;
  Filter filter = filterOf(call.request());
  const std::uint64_t seen = beginning(call.request(), feed);
  if (const Status valid = checkUpgrade(call.request()); !valid) {
    (void)co_await call.exchange.respond(failure(valid.error()));
  } else if (wantsUpgrade(call.request())) {
    co_await asFrames(call, feed, seen, std::move(filter));
  } else {
    co_await asEvents(call, feed, seen, std::move(filter));
  }
}

}  // namespace ak::api
