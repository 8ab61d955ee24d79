#include "api/routes.h"

namespace ak::api {

const std::vector<Route>& allRoutes() {
  using enum Mutates;
  using net::OnDisconnect;
  static const std::vector<Route> kRoutes = {
      {"GET", "/backends", getBackends, No, 0, OnDisconnect::Cancel,
       "Every isolation backend: usable or why not, what it can do"},
      {"POST", "/batch/run", postBatchRun, Yes, kLargeBody, OnDisconnect::Finish,
       "Run several commands at once, each in a fresh sandbox"},
      {"GET", "/config", getConfig, No, 0, OnDisconnect::Finish,
       "Every setting in force and where it comes from"},
      {"POST", "/daemon/stop", stopDaemon, Yes, kSmallBody, OnDisconnect::Finish,
       "End the daemon in order; sandboxes live on"},
      {"GET", "/doctor", getDoctor, No, 0, OnDisconnect::Cancel,
       "Checks of this host and installation"},
      {"GET", "/health", getHealth, No, 0, OnDisconnect::Finish, "Liveness"},
      {"GET", "/images", listImages, No, 0, OnDisconnect::Finish, "Local images"},
      {"POST", "/images/import", importImage, Yes, kSmallBody, OnDisconnect::Finish,
       "Import a directory, tar, OCI layout or archive of this host"},
      {"POST", "/images/prune", pruneImages, Yes, kSmallBody, OnDisconnect::Finish,
       "Remove what no name and no sandbox needs"},
      {"GET", "/images/usage", imageUsage, No, 0, OnDisconnect::Finish, "Disk used by images"},
      {"DELETE", "/images/{id}", removeImage, Yes, kSmallBody, OnDisconnect::Finish,
       "Remove an image by name or digest"},
      {"GET", "/metrics", getMetrics, No, 0, OnDisconnect::Finish, "Prometheus text"},
      {"POST", "/run", postRun, Yes, kLargeBody, OnDisconnect::Finish,
       "Run one command in a fresh sandbox; output at the end, or an upgraded stream"},
      {"POST", "/run/stream", postRunStream, Yes, kLargeBody, OnDisconnect::Finish,
       "Run one command in a fresh sandbox; output as server-sent events"},
      {"GET", "/sandboxes", listSandboxes, No, 0, OnDisconnect::Finish, "All sandboxes"},
      {"POST", "/sandboxes", createSandbox, Yes, kLargeBody, OnDisconnect::Finish,
       "Create and start a named sandbox"},
      {"GET", "/sandboxes/by-uuid/{uuid}", getSandboxByUuid, No, 0, OnDisconnect::Finish,
       "One sandbox by its UUID"},
      {"DELETE", "/sandboxes/{name}", removeSandbox, Yes, kSmallBody, OnDisconnect::Finish,
       "End and forget a sandbox"},
      {"GET", "/sandboxes/{name}", getSandbox, No, 0, OnDisconnect::Finish, "One sandbox"},
      {"POST", "/sandboxes/{name}/apply", applyChanges, Yes, kLargeBody, OnDisconnect::Finish,
       "Copy what the guest wrote to the project"},
      {"GET", "/sandboxes/{name}/changes", getChanges, No, 0, OnDisconnect::Cancel,
       "Paths that the guest wrote in its workspace"},
      {"GET", "/sandboxes/{name}/diff", getDiff, No, 0, OnDisconnect::Cancel,
       "Unified diff of what the guest wrote"},
      {"POST", "/sandboxes/{name}/discard", discardChanges, Yes, kLargeBody, OnDisconnect::Finish,
       "Drop what the guest wrote"},
      {"POST", "/sandboxes/{name}/exec", postExec, Yes, kLargeBody, OnDisconnect::Finish,
       "Run a command in a running sandbox; output at the end, or an upgraded stream"},
      {"GET", "/sandboxes/{name}/logs", getLogs, No, 0, OnDisconnect::Cancel,
       "What a detached or kept command printed, or (follow=true) prints"},
      {"POST", "/sandboxes/{name}/start", startSandbox, Yes, kSmallBody, OnDisconnect::Finish,
       "Start a stopped sandbox"},
      {"POST", "/sandboxes/{name}/stop", stopSandbox, Yes, kSmallBody, OnDisconnect::Finish,
       "Stop a running sandbox"},
      {"GET", "/sandboxes/{name}/verify", verifySandbox, No, 0, OnDisconnect::Cancel,
       "Prove the isolation from inside"},
      {"GET", "/stats", getStats, No, 0, OnDisconnect::Cancel, "What the host and the daemon use"},
      {"GET", "/status", getStatus, No, 0, OnDisconnect::Finish, "Version, backend, pool, counts"},
      {"DELETE", "/trust", deleteTrust, Yes, kSmallBody, OnDisconnect::Finish,
       "Take a project's trust back"},
      {"POST", "/trust", postTrust, Yes, kLargeBody, OnDisconnect::Finish,
       "Trust a project file in its directory"},
  };
  return kRoutes;
}

}  // namespace ak::api
