#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <vector>

#include "backend/backend.h"
#include "base/clock.h"
#include "image/image_store.h"
#include "manager/auditor.h"
#include "manager/doctor.h"
#include "manager/event_feed.h"
#include "manager/manager.h"
#include "manager/settings_desk.h"
#include "net/loop.h"
#include "observe/metrics.h"

namespace ak::api {

// What the routes work with. Everything referred to outlives the router.
struct Context {
  manager::Manager& unaudited;  // for the router, which gives every call a manager that records
  manager::Auditor& auditor;
  manager::Doctor& doctor;
  manager::SettingsDesk& settings;
  observe::Metrics& metrics;
  manager::EventFeed& events;
  image::ImageStore& images;  // blocking: on `workers` only
  net::WorkerPool& workers;
  const Clock& clock;
  std::vector<backend::Backend*> backends;
  // Begins an orderly end of the daemon; called once the answer to POST /daemon/stop is on its way.
  std::function<void()> stop_daemon;
  SteadyTime started_at{};
  std::string state_directory;      // whose disk GET /stats measures
  std::uint64_t sandbox_limit = 0;  // 0: none of its own
  // Between comments on a silent event stream, so that proxies and clients keep it open.
  std::chrono::milliseconds heartbeat{15'000};
};

}  // namespace ak::api
