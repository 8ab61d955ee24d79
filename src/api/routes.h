#pragma once

#include "api/route.h"

// The handlers, one .cc per resource. docs/api.md says what each takes and answers.
namespace ak::api {

// status.cc
net::Task<Result<net::HttpResponse>> getHealth(Call& call);
net::Task<Result<net::HttpResponse>> getStatus(Call& call);
net::Task<Result<net::HttpResponse>> getDoctor(Call& call);
net::Task<Result<net::HttpResponse>> getBackends(Call& call);
net::Task<Result<net::HttpResponse>> stopDaemon(Call& call);

// metrics.cc
net::Task<Result<net::HttpResponse>> getMetrics(Call& call);
net::Task<Result<net::HttpResponse>> getStats(Call& call);

// settings.cc
net::Task<Result<net::HttpResponse>> getConfig(Call& call);
net::Task<Result<net::HttpResponse>> postTrust(Call& call);
net::Task<Result<net::HttpResponse>> deleteTrust(Call& call);

// audit.cc
net::Task<Result<net::HttpResponse>> getAudit(Call& call);
net::Task<Result<net::HttpResponse>> verifyAudit(Call& call);
net::Task<Result<net::HttpResponse>> getSandboxAudit(Call& call);

// events.cc
net::Task<void> getEvents(Call& call);

// batch.cc
net::Task<Result<net::HttpResponse>> postBatchRun(Call& call);

// run.cc
net::Task<void> postRun(Call& call);
net::Task<void> postRunStream(Call& call);
net::Task<void> postExec(Call& call);

// upkeep.cc
net::Task<Result<net::HttpResponse>> patchSandbox(Call& call);
net::Task<Result<net::HttpResponse>> extendSandbox(Call& call);
net::Task<Result<net::HttpResponse>> resizeSandbox(Call& call);
net::Task<Result<net::HttpResponse>> archiveSandbox(Call& call);
net::Task<Result<net::HttpResponse>> recoverSandbox(Call& call);
net::Task<Result<net::HttpResponse>> postGc(Call& call);
net::Task<Result<net::HttpResponse>> postPrune(Call& call);
net::Task<Result<net::HttpResponse>> restartSandbox(Call& call);
net::Task<Result<net::HttpResponse>> postReconcile(Call& call);

// state_import.cc
net::Task<Result<net::HttpResponse>> importState(Call& call);

// attach.cc
net::Task<void> postAttach(Call& call);

// jobs.cc
net::Task<Result<net::HttpResponse>> startJob(Call& call);
net::Task<Result<net::HttpResponse>> listJobs(Call& call);
net::Task<Result<net::HttpResponse>> getJob(Call& call);
net::Task<void> getJobLogs(Call& call);
net::Task<Result<net::HttpResponse>> signalJob(Call& call);
net::Task<Result<net::HttpResponse>> killJob(Call& call);

// logs.cc
net::Task<void> getLogs(Call& call);

// sandboxes.cc
net::Task<Result<net::HttpResponse>> listSandboxes(Call& call);
net::Task<Result<net::HttpResponse>> createSandbox(Call& call);
net::Task<Result<net::HttpResponse>> getSandbox(Call& call);
net::Task<Result<net::HttpResponse>> getSandboxState(Call& call);
net::Task<Result<net::HttpResponse>> getSandboxByUuid(Call& call);
net::Task<Result<net::HttpResponse>> startSandbox(Call& call);
net::Task<Result<net::HttpResponse>> stopSandbox(Call& call);
net::Task<Result<net::HttpResponse>> removeSandbox(Call& call);
net::Task<Result<net::HttpResponse>> verifySandbox(Call& call);

// snapshots.cc
net::Task<Result<net::HttpResponse>> listSnapshots(Call& call);
net::Task<Result<net::HttpResponse>> takeSnapshot(Call& call);
net::Task<Result<net::HttpResponse>> getSnapshot(Call& call);
net::Task<Result<net::HttpResponse>> removeSnapshot(Call& call);
net::Task<Result<net::HttpResponse>> restoreSnapshot(Call& call);
net::Task<Result<net::HttpResponse>> forkSandbox(Call& call);

// volumes.cc
net::Task<Result<net::HttpResponse>> listVolumes(Call& call);
net::Task<Result<net::HttpResponse>> createVolume(Call& call);
net::Task<Result<net::HttpResponse>> getVolume(Call& call);
net::Task<Result<net::HttpResponse>> removeVolume(Call& call);

// changes.cc
net::Task<Result<net::HttpResponse>> getChanges(Call& call);
net::Task<Result<net::HttpResponse>> getDiff(Call& call);
net::Task<Result<net::HttpResponse>> applyChanges(Call& call);
net::Task<Result<net::HttpResponse>> discardChanges(Call& call);

// files.cc, file_transfer.cc
net::Task<void> getFile(Call& call);
net::Task<void> putFile(Call& call);
net::Task<Result<net::HttpResponse>> deleteFile(Call& call);
net::Task<Result<net::HttpResponse>> postFiles(Call& call);

// images.cc
net::Task<Result<net::HttpResponse>> listImages(Call& call);
net::Task<Result<net::HttpResponse>> importImage(Call& call);
net::Task<Result<net::HttpResponse>> removeImage(Call& call);
net::Task<Result<net::HttpResponse>> pruneImages(Call& call);
net::Task<Result<net::HttpResponse>> imageUsage(Call& call);

}  // namespace ak::api
